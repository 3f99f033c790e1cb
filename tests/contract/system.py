"""An EHR before either store, asked through its face with a token that may do everything."""

import asyncio
import json
import time
import uuid
from contextlib import AsyncExitStack
from typing import Any

import httpx2
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Sqlite
from sandbox import loading
from sandbox.seed import load
from sandbox.upstream import opened
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
TOKEN, OF_PATIENT = "c" * 43, "d" * 43
"""A token of the system, and one of the record of Patient/cap-patient."""


class Server:
    """An EHR, with the seed unless it is left out, asked with a token that may do everything. It stands before the
    embedded store, or before the FHIR server at ``upstream``."""

    _grants = (
        (TOKEN, "system/*.cruds", grants.Context()),
        (OF_PATIENT, "patient/*.cruds", grants.Context(patient="cap-patient")),
    )

    def __init__(self, database: Sqlite, *, seeded: bool = True, upstream: str | None = None) -> None:
        ehr = SandboxEhr(
            name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
            new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time, references="free",
        )  # fmt: skip
        self.database, self._loop = database, asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        if upstream is not None:
            behind = opened(upstream=upstream, base=BASE, new_id=ehr.new_id, references="free")
            ehr.upstream = self._loop.run_until_complete(self._stack.enter_async_context(behind))
        transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        self._client = httpx2.AsyncClient(transport=transport, base_url=f"{BASE}/")
        database.run_now(lambda connection, now: self._fill(connection, now, ehr, seeded))

    def _fill(self, connection: Connection, now: float, ehr: SandboxEhr, seeded: bool) -> None:
        loading.load(connection, now, load.resources() if seeded else (), rules_of(ehr))
        for token, words, context in self._grants:
            grants.save_grant(connection, now, id=token, client_id="c", scopes=scopes.parse(words), context=context)
            grants.save_access(connection, now, token=token, grant=token, scopes=words, life=36000)

    def ask(self, *requests: tuple[str, str, Any], token: str = TOKEN, **headers: str) -> list[httpx2.Response]:
        """One after the other: method, path and body."""

        async def send() -> list[httpx2.Response]:
            found = []
            for method, path, body in requests:
                kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
                armed = {"authorization": f"Bearer {token}", "content-type": kind, **headers}
                content = json.dumps(body).encode() if body is not None else None
                found.append(await self._client.request(method, path, headers=armed, content=content))
            return found

        return self._loop.run_until_complete(send())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._stack.aclose())
        self._loop.close()
        self.database.close()

    def one(self, method: str, path: str, body: Any = None, *, token: str = TOKEN, **headers: str) -> httpx2.Response:
        return self.ask((method, path, body), token=token, **headers)[0]
