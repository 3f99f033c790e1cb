"""Whatever is sent to the FHIR face, it answers in its own words: never a 5xx, never another patient's record."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables
from sandbox.seed import load
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
TOKEN = "p" * 43
TYPES = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "Practitioner",
    "Group",
    "Provenance",
    "Bundle",
    "Nope",
    "$x",
    "",
)
WORDS = st.one_of(
    st.text(max_size=12), st.sampled_from(["..", "%2e%2e", "%2F", ";a=b", "_history", "_search", "$everything", "metadata", "1", "\x00"])
)  # fmt: skip
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["resourceType", "id", "subject", "reference", "status", "code", "entry", "request", "url", "method", "type", "meta"]
    ), inner, max_size=4)), max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def face() -> Iterator[tuple[SandboxEhr, str, str]]:
    """A seeded EHR, and a token of one of its patients that may do everything to that patient's record."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    patients = [each["id"] for each in load.resources() if each["resourceType"] == "Patient"]

    def fill(connection: Connection, now: float) -> None:
        loading.load(connection, now, load.resources(), rules_of(ehr))
        words = scopes.parse("patient/*.cruds")
        context = grants.Context(patient=patients[0])
        grants.save_grant(connection, now, id="g", client_id="c", scopes=words, context=context)
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes="patient/*.cruds", life=36000)

    database.run_now(fill)
    yield ehr, patients[0], patients[1]
    database.close()


def ask(ehr: SandboxEhr, method: str, path: str, **options: Any) -> httpx2.Response:
    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        async with httpx2.AsyncClient(transport=transport) as client:
            headers = {
                "authorization": f"Bearer {TOKEN}",
                "content-type": "application/fhir+json",
                **options.pop("headers", {}),
            }
            return await client.request(method, f"{BASE}/{path}", headers=headers, **options)

    return asyncio.run(send())


RELAXED = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RELAXED
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]),
    type=st.sampled_from(TYPES), rest=st.lists(WORDS, max_size=3), body=VALUES,
    query=st.lists(st.tuples(st.sampled_from(["_id", "code", "date", "patient", "_has:x", "name:exact", "_sort", "_count"]), WORDS), max_size=3),
)  # fmt: skip
def test_no_request_is_answered_with_a_server_error(
    face: tuple[SandboxEhr, str, str], method: str, type: str, rest: list[str], body: Any, query: list[tuple[str, str]]
) -> None:
    path = "/".join([type, *rest]).encode("utf-8", "replace").decode().lstrip("/")
    try:
        answer = ask(face[0], method, path, params=query, content=json.dumps(body).encode())
    except httpx2.InvalidURL:
        return
    assert answer.status_code in range(200, 500) or answer.status_code == 501
    if answer.status_code >= 400 and answer.content:
        assert answer.json()["resourceType"] == "OperationOutcome"


@RELAXED
@given(
    type=st.sampled_from(["Patient", "Observation", "Condition", "Encounter", "MedicationRequest", "DiagnosticReport", "CarePlan", "Group"]),
    query=st.lists(
        st.tuples(
            st.sampled_from(["patient", "subject", "_id", "_include", "_revinclude", "_sort", "_count", "encounter", "date"]),
            st.sampled_from(["Patient/{other}", "{other}", "Encounter:patient", "Observation:subject", "Condition:encounter", "50", "date", "ge2000"]),
        ), max_size=3,
    ),
)  # fmt: skip
def test_no_search_shows_another_patients_record(
    face: tuple[SandboxEhr, str, str], type: str, query: list[tuple[str, str]]
) -> None:
    ehr, own, other = face
    said = [(name, value.format(other=other)) for name, value in query]
    answer = ask(ehr, "GET", type, params=said)
    for entry in answer.json().get("entry", ()):
        resource = entry["resource"]
        subject = (resource.get("subject") or resource.get("patient") or {}).get("reference")
        assert subject in (None, f"Patient/{own}")
        assert resource["resourceType"] != "Patient" or resource["id"] == own


def test_a_transaction_is_all_or_nothing_and_guarded(face: tuple[SandboxEhr, str, str]) -> None:
    ehr, own, other = face

    def entry(patient: str, full_url: str) -> dict[str, Any]:
        body = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "t"},
            "subject": {"reference": f"Patient/{patient}"},
        }
        return {"fullUrl": full_url, "resource": body, "request": {"method": "POST", "url": "Observation"}}

    def send(*entries: dict[str, Any]) -> httpx2.Response:
        return ask(ehr, "POST", "", json={"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})

    def count() -> int:
        return int(ask(ehr, "GET", "Observation", params={"_summary": "count"}).json()["total"])

    first, second = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "urn:uuid:71ebe359-bfdc-4613-8bf2-c5e300945f0a"
    before = count()
    assert send(entry(own, first), entry(other, second)).status_code == 403
    invalid = entry(own, second)
    invalid["resource"]["status"] = "bogus"
    assert send(entry(own, first), invalid).status_code == 422
    assert count() == before
    member = entry(own, second)
    member["resource"]["hasMember"] = [{"reference": first}]
    answer = send(member, entry(own, first))
    assert answer.status_code == 200
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["201", "201"]
    assert count() == before + 2


def test_a_foreign_target_is_answered_byte_for_byte_as_an_absent_one(face: tuple[SandboxEhr, str, str]) -> None:
    ehr, own, other = face
    foreign = ask(ehr, "GET", "Patient").json()
    assert foreign["total"] == 1
    encounter = next(
        each["id"] for each in load.resources()
        if each["resourceType"] == "Encounter" and each["subject"]["reference"] == f"Patient/{other}"
    )  # fmt: skip

    def write(id: str) -> bytes:
        body = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "t"},
            "subject": {"reference": f"Patient/{own}"},
        }
        return ask(ehr, "POST", "Observation", json={**body, "encounter": {"reference": f"Encounter/{id}"}}).content

    assert write(encounter) == write("there-is-none")
    assert b"reference-exists" in write(encounter)
    read = [ask(ehr, "GET", f"Encounter/{id}") for id in (encounter, "there-is-none")]
    assert read[0].content == read[1].content
    assert read[0].status_code == read[1].status_code == 404
