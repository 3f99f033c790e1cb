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


@pytest.mark.parametrize(
    ("sent", "kept", "same"),
    [
        ("Device/d1", "Device/d1", True), ("Device/d1", "https://ehr.example/r4/Device/d1", True),
        ("Device/d1", "Device/d1/_history/3", True), ("Device/d1", "https://ehr.example/r4/Device/d1/_history/3", True),
        ("Device/d1/_history/2", "Device/d1/_history/3", False), ("Device/d1/_history/2", "Device/d1", False),
        ("Device/d1", "Device/d2/_history/3", False), ("Device/d1", "Device/xd1", False),
    ],
)  # fmt: skip
def test_a_reference_is_kept_when_it_points_at_the_same_resource(sent: str, kept: str, same: bool) -> None:
    """A server may say from its root, and in which version, what is referred to."""
    found = compare(*({"resourceType": "Observation", "device": {"reference": each}} for each in (sent, kept)))
    assert found == (() if same else ("Observation.device.reference",))
