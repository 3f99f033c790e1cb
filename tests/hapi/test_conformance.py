"""The suite on our EHR face before a real HAPI, and on that HAPI without us: there it says what is truly missing."""

import asyncio
import time
import uuid
from collections.abc import Iterable

import httpx2
import pytest

from auth.server import tables as auth_tables
from conformance import run
from conformance.probe import Wire
from conformance.run import Report
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import tables
from sandbox.upstream import opened
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
DEVIATIONS = {
    "an_exponent_keeps_its_precision": "HAPI 8.10 keeps 1e2 as 100: what it stored is all that a face before it can read"
}
"""What fails in front of HAPI, and why."""
UNGUARDED = {"no_token_is_401", "a_garbage_token_is_401"}
VERSIONLESS = {"a_stale_delete_is_refused"}
TAKEN = {
    f"{name}_is_refused"
    for name in (
        "required_code", "missing_element", "missing_status", "unknown_element", "impossible_date", "time_without_zone",
        "two_values", "text_for_a_number", "text_for_an_object", "one_for_many", "many_for_one", "empty_object", "null",
        "empty_text", "absent_reason_beside_a_value", "equal_keys", "lone_surrogate", "no_utf8",
    )
}  # fmt: skip
"""Bodies that a HAPI with the starter's flags takes, or refuses without naming the element."""

PATIENT = {"wire": Wire(seconds=120.0), "deadline": 1800.0}
"""How fast HAPI is beside other tests is not what is judged."""
pytestmark = pytest.mark.hapi


async def face(hapi: str) -> Report:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS, new_id=lambda: str(uuid.uuid4()),
        new_secret=lambda: uuid.uuid4().hex, clock=time.time, allow_loopback_jwks=True,
    )  # fmt: skip
    async with opened(upstream=hapi, base=BASE, new_id=ehr.new_id) as upstream:
        ehr.upstream = upstream
        served = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        found = await run(BASE, writes=True, listen="127.0.0.1:0", transport=served, **PATIENT)
    database.close()
    return found


def failing(found: Report) -> set[str]:
    return {item.id for item in found.checks if item.result in ("fail", "error")}


def whys(found: Report) -> set[str]:
    return {item.why for item in found.checks if item.result == "skip"}


def of(found: Report, suites: Iterable[str]) -> set[str]:
    return {item.id for item in found.checks if item.suite in suites and item.result in ("fail", "error")}


def test_in_front_of_hapi_the_listed_deviations_fail_and_nothing_else(hapi_seeded: str) -> None:
    found = asyncio.run(face(hapi_seeded))
    assert failing(found) == set(DEVIATIONS)
    assert whys(found) <= {"not offered", "slow"}
    assert found.left == ()


def test_hapi_without_us_has_no_sign_in_no_versions_on_delete_and_takes_what_r4_forbids(hapi_seeded: str) -> None:
    found = asyncio.run(run(hapi_seeded, suites=["smart", "access", "writeback"], writes=True, **PATIENT))
    assert "discovery_is_served" in of(found, ["smart"])
    assert of(found, ["access"]) == UNGUARDED
    assert of(found, ["writeback"]) == VERSIONLESS | TAKEN | set(DEVIATIONS)
    assert found.left == ()


@pytest.mark.campaign
def test_hapi_without_us_answers_the_searches_of_us_core(hapi_seeded: str) -> None:
    found = asyncio.run(run(hapi_seeded, suites=["api", "bulk"], writes=True))
    assert failing(found) == set()
    assert whys(found) == {"not offered"}
