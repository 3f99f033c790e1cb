"""What was kept to the byte is not compared; anything else is, by what it says."""

from decimal import Decimal

import pytest

from r4 import codec
from writeback.receipt import as_sent, compare

SENT = b'{"resourceType":"Observation","id":"a","meta":{"tag":[{"code":"k"}]},"valueQuantity":{"value":1.50}}'


def kept(old: str = "", new: str = "") -> dict[str, object]:
    text = SENT.decode().replace('"meta":{', '"meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z",')
    found: dict[str, object] = codec.parse(text.replace(old, new).encode())
    return found


def test_what_the_server_adds_to_meta_is_no_difference() -> None:
    assert as_sent(SENT, kept())
    assert compare(codec.parse(SENT), kept()) == ()


@pytest.mark.parametrize(("old", "new"), [("1.50", "1.5"), ('"k"', '"l"'), ('"id":"a"', '"id":"b"')])
def test_any_other_difference_is_looked_at(old: str, new: str) -> None:
    assert not as_sent(SENT, kept(old, new))
    assert Decimal("1.50") == Decimal("1.5"), "equal as numbers, which is why bytes are looked at"
