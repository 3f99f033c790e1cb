"""The audit log in front of a real HAPI: its AuditEvents are valid there too, and accesses are kept as on the embedded store."""

import asyncio
import logging
import time
import uuid
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.sandbox_ehrs.audit_verb import list_audit
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4 import codec
from sandbox import tables
from sandbox.audit import Event, event
from sandbox.audit_codes import KINDS
from sandbox.upstream import opened
from tests import web
from tests.flow.test_nothing_leaks import shown
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec"
TOKEN = "t" * 43
FAMILY = "Mustermann-Geheim"

pytestmark = pytest.mark.hapi


def samples() -> list[dict[str, Any]]:
    """One success and one refusal of every kind. HAPI has no copy of BALP's profiles, so they are not named: what they ask
    for is tested in tests/unit/sandbox/test_audit.py."""
    full = Event(
        "read", 1_700_000_000.125, 200, None, "app", "Practitioner/d1", "p1", "g1", "Observation", "o1", "3", "code&_count",
        "rq-1", "127.0.0.1",
    )  # fmt: skip
    made = [
        event(full._replace(what=what, status=status, reason=reason), id=f"spec-{what}-{status}", base=f"{BASE}/fhir", site="spec")
        for what in KINDS
        for status, reason in ((200, None), (403, "forbidden"))
    ]  # fmt: skip
    return [{name: value for name, value in each.items() if name != "meta"} for each in made]


def errors(hapi: str, resource: dict[str, Any]) -> list[str]:
    headers = {"content-type": "application/fhir+json"}
    answer = web.post(f"{hapi}/AuditEvent/$validate", content=codec.format(resource), headers=headers, timeout=60)
    return [each["diagnostics"] for each in answer.json()["issue"] if each["severity"] in ("error", "fatal")]


@pytest.mark.parametrize("resource", samples(), ids=lambda resource: resource["id"])
def test_hapi_finds_no_error_in_an_audit_event(hapi: str, resource: dict[str, Any]) -> None:
    assert errors(hapi, resource) == []


def test_hapi_would_notice_one(hapi: str) -> None:
    assert errors(hapi, {**samples()[0], "outcome": "7"})


async def driven(hapi: str, mine: str, other: str) -> list[dict[str, Any]]:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE, database=database, keys=KEYS, new_id=lambda: str(uuid.uuid4()),
        new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip

    def fill(connection: Connection, now: float) -> None:
        context = grants.Context(patient=mine)
        words = scopes.parse("patient/*.cruds")
        grants.save_grant(connection, now, id="g", client_id="c", scopes=words, context=context)
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes="patient/*.cruds", life=3600)

    database.run_now(fill)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/fhir+json"}
    note = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "w"},
        "subject": {"reference": f"Patient/{mine}"},
    }
    async with opened(upstream=hapi, base=ehr.fhir, new_id=ehr.new_id) as ehr.upstream:
        transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        async with httpx2.AsyncClient(transport=transport, headers=headers, timeout=60) as client:
            for path in (f"Patient/{mine}", f"Patient/{other}", f"Observation?code={FAMILY}"):
                await client.get(f"{ehr.fhir}/{path}")
            await client.post(f"{ehr.fhir}/Observation", json=note)
    ehr.audit.close()
    rows: list[dict[str, Any]] = database.run_now(lambda c, now: list_audit(c, now, {"limit": 100}))["rows"]
    database.close()
    return rows[::-1]


def test_accesses_in_front_of_hapi_are_kept_and_nothing_is_logged(hapi: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    mine, other = f"a-{uuid.uuid4()}", f"b-{uuid.uuid4()}"
    for id in (mine, other):
        person = {"resourceType": "Patient", "id": id, "name": [{"family": FAMILY}]}
        assert web.put(f"{hapi}/Patient/{id}", json=person, timeout=60).status_code == 201
    rows = asyncio.run(driven(hapi, mine, other))
    assert [(row["what"], row["status"], row["patient"]) for row in rows] == [
        ("read", 200, mine), ("read", 404, other), ("search", 200, mine), ("create", 201, mine),
    ]  # fmt: skip
    assert rows[-1]["id"]
    assert not [value for value in (TOKEN, FAMILY, mine, other) if value in shown(caplog.records)]
