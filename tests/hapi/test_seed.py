"""The synthetic charts on a real HAPI: complete, valid in its eyes, and never twice."""

import asyncio
import time
from typing import Any

import pytest

from r4 import codec
from sandbox.seed import load, upstream
from sandbox.seed.ward import HOUR, STAYS, ward_day
from tests import web

pytestmark = pytest.mark.hapi


def total(base: str, query: str) -> int:
    answer = web.get(f"{base}/{query}&_summary=count", timeout=60)
    return int(answer.json()["total"])


def seed(base: str, anchor: float) -> int:
    return asyncio.run(upstream.seed(base, anchor=anchor, progress=lambda _: None))


def test_a_second_load_sends_nothing_and_doubles_nobody(hapi_seeded: str) -> None:
    assert seed(hapi_seeded, time.time()) == 0
    bryant = "f6336e67-2d11-3bab-603a-825e2cb5c72a"
    synthea = f"https://github.com/synthetichealth/synthea|{bryant}"
    assert total(hapi_seeded, f"Patient?identifier={synthea}") == 1


def test_everything_packed_is_there(hapi_seeded: str) -> None:
    packed = [item.type for item in load.packed()]
    for type in ("Patient", "Encounter", "Condition", "MedicationRequest"):
        found = total(hapi_seeded, f"{type}?_profile:missing=false")
        assert found >= packed.count(type)


def test_a_days_later_load_replaces_the_ward_day(hapi_seeded: str) -> None:
    anchor = time.time() + 24 * HOUR
    day = ward_day(anchor)
    assert seed(hapi_seeded, anchor) == len(day) + 1  # the ward itself
    assert total(hapi_seeded, "Encounter?status=in-progress&_id=" + ",".join(
        item["id"] for item in day if item["resourceType"] == "Encounter")) == len(STAYS)  # fmt: skip
    assert seed(hapi_seeded, time.time()) == len(day) + 1  # and back, for the tests that follow


def problems(base: str, resource: dict[str, Any]) -> list[str]:
    """What HAPI's own validator calls an error, without what needs a terminology server."""
    answer = web.post(
        f"{base}/{resource['resourceType']}/$validate",
        content=codec.format(resource),
        headers={"Content-Type": "application/fhir+json"},
        timeout=120,
    )
    return [
        issue["diagnostics"]
        for issue in answer.json()["issue"]
        if issue["severity"] in ("error", "fatal") and "profile" not in issue["diagnostics"].lower()
    ]


def test_hapi_finds_the_ward_day_valid(hapi_seeded: str) -> None:
    day = ward_day(time.time())
    samples = {item["code"]["coding"][0]["code"]: item for item in day if "code" in item}
    assert [problem for item in [day[0], *samples.values()] for problem in problems(hapi_seeded, item)] == []


def test_hapi_finds_fault_with_a_broken_copy(hapi_seeded: str) -> None:
    broken = {name: value for name, value in ward_day(time.time())[-1].items() if name != "status"}
    assert problems(hapi_seeded, broken) != []
