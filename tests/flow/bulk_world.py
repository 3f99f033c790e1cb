"""A sandbox EHR with four patients, a group of them, and clients that export."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables
from sandbox.upstream import opened
from tests.keys import KEYS

ASYNC = {"prefer": "respond-async", "accept": "application/fhir+json"}
ALL = "system/*.rs"
BEARERS = {
    "all": (ALL, "one"), "other": (ALL, "two"), "vitals": ("system/Patient.rs system/Group.rs system/Observation.rs?category=vital-signs", "one"),
    "again": (ALL, "one"), "read": ("system/*.r", "one"), "user": ("user/*.rs", "one"), "patient": ("patient/*.rs", "one"),
}  # fmt: skip


def observation(id: str, patient: str, category: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "code": {"text": "t"},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "subject": {"reference": f"Patient/{patient}"}, "performer": [{"reference": f"Practitioner/d{patient[-1]}"}],
    }  # fmt: skip


RECORDS: list[dict[str, Any]] = [
    *({"resourceType": "Practitioner", "id": f"d{n}"} for n in range(1, 5)),
    *({"resourceType": "Patient", "id": f"p{n}", "gender": "female", "birthDate": "1970-01-01"} for n in range(1, 5)),
    *(observation(f"v{n}", f"p{n}", "vital-signs") for n in range(1, 5)),
    *(observation(f"l{n}", f"p{n}", "laboratory") for n in range(1, 5)),
    {"resourceType": "Group", "id": "g", "type": "person", "actual": True,
     "member": [{"entity": {"reference": "Patient/p1"}}, {"entity": {"reference": "Patient/p2"}},
                {"entity": {"reference": "Patient/p3"}, "inactive": True}]},
]  # fmt: skip


@dataclass
class World:
    """One EHR and a client of it, with a token for each of BEARERS."""

    ehr: SandboxEhr
    http: httpx2.AsyncClient

    async def send(self, method: str, place: str, who: str | None = "all", **options: Any) -> httpx2.Response:
        url = place if "://" in place else f"{self.ehr.fhir}/{place}"
        headers = {**({"authorization": f"Bearer {who * 10}"} if who else {}), **options.pop("headers", {})}
        return await self.http.request(method, url, headers=headers, **options)

    async def begin(self, place: str, who: str = "all", **options: Any) -> str:
        answer = await self.send("GET", place, who, headers={**ASYNC, **options.pop("headers", {})}, **options)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["content-location"])

    async def ended(self, where: str, who: str = "all") -> dict[str, Any]:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            answer = await self.send("GET", where, who)
            if answer.status_code == 200:
                return dict(answer.json())
            assert answer.status_code in (202, 429), answer.text
            await asyncio.sleep(0.06)
        raise AssertionError("the export did not end")

    async def exported(self, place: str, who: str = "all", **options: Any) -> dict[str, set[str]]:
        """The ids of each type."""
        manifest = await self.ended(await self.begin(place, who, **options), who)
        found: dict[str, set[str]] = {}
        for part in manifest["output"]:
            for resource in await self.lines(part["url"], who):
                assert resource["resourceType"] == part["type"]
                found.setdefault(part["type"], set()).add(resource["id"])
        return found

    async def lines(self, url: str, who: str = "all") -> list[dict[str, Any]]:
        answer = await self.send("GET", url, who)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]


def drive(act: Callable[[World], Awaitable[None]], upstream: str | None = None) -> None:
    async def story() -> None:
        database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
        ehr = SandboxEhr(
            name="spec", base="http://127.0.0.1:8700/ehr/spec", database=database, keys=KEYS,
            new_id=lambda: uuid.uuid4().hex, new_secret=lambda: uuid.uuid4().hex, clock=time.time,
        )  # fmt: skip
        database.run_now(lambda connection, now: _fill(connection, now, ehr))
        async with AsyncExitStack() as stack:
            if upstream is not None:
                ehr.upstream = await stack.enter_async_context(
                    opened(upstream=upstream, base=ehr.fhir, new_id=ehr.new_id)
                )
            transport = httpx2.ASGITransport(ehr_face.application([ehr]))
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport))
            await act(World(ehr, http))
        ehr.audit.close()
        database.close()

    asyncio.run(story())


def _fill(connection: Connection, now: float, ehr: SandboxEhr) -> None:
    loading.load(connection, now, RECORDS, rules_of(ehr))
    for name, (words, client) in BEARERS.items():
        patient = "p1" if name == "patient" else None
        context = grants.Context(patient=patient, user="Practitioner/d1" if name == "user" else None)
        grants.save_grant(connection, now, id=name, client_id=client, scopes=scopes.parse(words), context=context)
        grants.save_access(connection, now, token=name * 10, grant=name, scopes=words, life=3600)
