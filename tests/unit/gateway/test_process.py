"""Ids that the sandbox gives."""

import time
import uuid

from gateway.processes.process import new_id


def test_an_id_says_when_it_was_given_and_is_otherwise_left_to_chance() -> None:
    before = int(time.time() * 1000)
    ids = [uuid.UUID(new_id()) for _ in range(2000)]
    after = int(time.time() * 1000)
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    assert all(before <= each.int >> 80 <= after for each in ids)
    assert len({each.int & (1 << 74) - 1 for each in ids}) == len(ids)
