"""The two sides: the EHR face before the embedded store, and the same face before a real HAPI, with the same records."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4 import codec
from sandbox import loading, tables
from sandbox.upstream import opened
from tests.contract.differential.records import ORDER, TAGS, WRITTEN
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
TOKEN = "d" * 43
SCOPES = "system/*.cruds"
BUNDLE = 50
AT_ONCE = 8
"""Requests that HAPI answers at a time."""


class Side:
    """One EHR behind its face, asked with a token that may do everything."""

    def __init__(self, name: str, client: httpx2.AsyncClient) -> None:
        self.name, self._client, self._gate = name, client, asyncio.Semaphore(AT_ONCE)

    async def ask(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> httpx2.Response:
        """``url`` is a path below the base, or a link that the server gave."""
        whole = url if url.startswith("http") else f"{BASE}/{url}" if url else BASE
        async with self._gate:
            return await self._client.request(
                method, whole, headers={"authorization": f"Bearer {TOKEN}", **headers}, content=body
            )


@asynccontextmanager
async def embedded(records: Iterable[dict[str, Any]]) -> AsyncIterator[Side]:
    """The embedded store, in memory, with these records."""
    async with _side("embedded") as (side, ehr):
        ehr.database.run_now(lambda connection, now: loading.load(connection, now, records, rules_of(ehr)))
        yield side


@asynccontextmanager
async def hapi(url: str, records: list[dict[str, Any]], run: str) -> AsyncIterator[Side]:
    """HAPI at ``url``, where these records are put first, and taken away at the end with all that was written: others share it."""
    await _put(url, records)
    try:
        async with _side("hapi") as (side, ehr), opened(upstream=url, base=BASE, new_id=ehr.new_id) as upstream:
            ehr.upstream = upstream
            yield side
    finally:
        await _clear(url, run)


@asynccontextmanager
async def _side(name: str) -> AsyncIterator[tuple[Side, SandboxEhr]]:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip

    def grant(connection: Any, now: float) -> None:
        said = scopes.parse(SCOPES)
        grants.save_grant(connection, now, id="g", client_id="c", scopes=said, context=grants.Context())
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes=SCOPES, life=36000)

    database.run_now(grant)
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport) as client:
        yield Side(name, client), ehr
    ehr.audit.close()
    database.close()


async def _put(url: str, records: list[dict[str, Any]]) -> None:
    """The records below the guard, a transaction of some at a time: what is referred to comes first."""
    async with httpx2.AsyncClient(timeout=120, trust_env=False) as client:
        for start in range(0, len(records), BUNDLE):
            entries = [
                {"resource": body, "request": {"method": "PUT", "url": f"{body['resourceType']}/{body['id']}"}}
                for body in records[start : start + BUNDLE]
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            headers = {"content-type": "application/fhir+json", "prefer": "return=minimal"}
            answer = await client.post(url, content=codec.format(bundle), headers=headers)
            assert answer.status_code == 200, answer.text


async def _clear(url: str, run: str) -> None:
    """Everything with a tag of the run, in one transaction, so that nothing holds on to anything."""
    tags = quote(f"{TAGS}|{run},{TAGS}|{WRITTEN}{run}")
    entries = [{"request": {"method": "DELETE", "url": f"{type}?_tag={tags}"}} for type in ORDER]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    async with httpx2.AsyncClient(timeout=120, trust_env=False) as client:
        headers = {"content-type": "application/fhir+json", "prefer": "return=minimal"}
        answer = await client.post(url, content=codec.format(bundle), headers=headers)
        assert answer.status_code == 200, answer.text
