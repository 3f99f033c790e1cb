"""What was granted decides what is attempted: a letter of a scope for each interaction, and no two scopes added up."""

import asyncio
from collections.abc import Mapping

import pytest

from gateway.launches.granted import GrantedReader, narrowed, permits
from writeback.capabilities import Capabilities, TypeCapability
from writeback.speaking.answers import Answer

EVERYTHING = frozenset({"create", "read", "update", "search-type", "vread"})


@pytest.mark.parametrize(
    ("granted", "type", "letter"),
    [
        ("patient/Observation.rs", "Observation", "s"), ("patient/*.r", "Patient", "r"), ("user/*.cruds", "Patient", "u"),
        ("launch patient/Observation.read", "Observation", "s"), ("system/Observation.write", "Observation", "u"),
        ("patient/Observation.rs?category=laboratory", "Observation", "s"),
    ],
)  # fmt: skip
def test_a_scope_with_the_letter_permits(granted: str, type: str, letter: str) -> None:
    assert permits(granted, type, letter)


@pytest.mark.parametrize(
    ("granted", "type", "letter"),
    [
        ("", "Patient", "r"), ("launch openid", "Patient", "r"), ("patient/Observation.r", "Observation", "s"),
        ("patient/Observation.rs", "Condition", "r"), ("patient/Observation.sr", "Observation", "s"),
        ("patient/Observation.read", "Observation", "c"), ("patient/Observations.rs", "Observation", "r"),
    ],
)  # fmt: skip
def test_what_no_scope_says_is_not_permitted(granted: str, type: str, letter: str) -> None:
    assert not permits(granted, type, letter)


def test_what_the_ehr_offers_is_cut_to_what_was_granted() -> None:
    offered = TypeCapability(interactions=EVERYTHING, update_create=True, searches=frozenset({"identifier"}))
    found = narrowed(Capabilities(types={"Observation": offered, "Flag": offered}), "patient/Observation.cr")
    assert found.of("Observation").interactions == {"create", "read", "vread"}
    assert found.of("Flag").interactions == {"vread"}
    assert found.of("Observation").searches == {"identifier"}


class Asked:
    """A reader that remembers."""

    def __init__(self) -> None:
        self.base, self.paths = "https://ehr.example/r4", []  # type: ignore[var-annotated]

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        self.paths.append(path)
        return Answer(status=200)


def test_only_what_was_granted_is_asked_for() -> None:
    asked = Asked()
    reader = GrantedReader(asked, "patient/Patient.r patient/Observation.s")
    wanted = {
        "Patient/p1": 200,
        "Observation?patient=p1": 200,
        "Patient?_id=p1": 403,
        "Observation/o1": 403,
        "Flag?x=/y": 403,
    }
    answers = {path: asyncio.run(reader.send("GET", path)).status for path in wanted}
    assert answers == wanted
    assert asked.paths == ["Patient/p1", "Observation?patient=p1"]
