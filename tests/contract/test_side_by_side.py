"""One suite, both databases: a version in shadow beside the one that writes makes nothing old, and is not made old by it."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from gateway.database import Database
from tests.contract.outbox_world import accept, submission
from tests.unit.writeback.examples import manifest, output
from vocabulary.output import Output
from writeback.outputs import Accepted

NOW = time.time()


def said(version: str, name: str, at: float, **changes: Any) -> Output:
    return output("risk", version=version, inference_id=name, as_of=NOW - at, **changes)


def state(database: Database, made: Output, policy: str) -> str:
    found = asyncio.run(accept(database, submission(made, manifest=replace(manifest("risk"), policy=policy))))  # type: ignore[arg-type]
    assert isinstance(found, Accepted)
    return found.state


@pytest.mark.parametrize("newer", ["shadow", "abstained"])
def test_a_newer_output_of_a_version_in_shadow_does_not_keep_the_live_one_from_the_chart(
    database: Database, newer: str
) -> None:
    changes = {"abstained": "the age is not known", "value": None} if newer == "abstained" else {}
    assert state(database, said("2.0.0", "b", 10, **changes), "shadow") == newer
    assert state(database, said("1.0.0", "a", 20), "automatic") == "pending"


def test_a_newer_written_output_of_another_version_does(database: Database) -> None:
    assert state(database, said("1.0.0", "a", 10), "automatic") == "pending"
    assert state(database, said("2.0.0", "b", 20), "automatic") == "superseded"


def test_what_is_in_shadow_is_old_only_beside_its_own_version(database: Database) -> None:
    assert state(database, said("1.0.0", "a", 10), "automatic") == "pending"
    assert state(database, said("2.0.0", "b", 20), "shadow") == "shadow"
    assert state(database, said("2.0.0", "c", 30), "shadow") == "superseded"
