"""A sandbox EHR in memory with its whole face, a registered client, and what its audit log says."""

import asyncio
import secrets
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.audit_verb import list_audit
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec"
FHIR = f"{BASE}/fhir"
CALLBACK = "https://app.example/callback"
SCOPE = "openid fhirUser launch offline_access patient/*.cruds"
NAME = "Mustermann-Geheim"
PEOPLE = (
    {"resourceType": "Patient", "id": "p1", "name": [{"family": NAME}], "birthDate": "1961-02-03"},
    {"resourceType": "Patient", "id": "p2", "name": [{"family": "Otherwise"}]},
    {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Doctor"}]},
    {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "w"},
        "subject": {"reference": "Patient/p1"},
    },
    {
        "resourceType": "Observation",
        "id": "o2",
        "status": "final",
        "code": {"text": "w"},
        "subject": {"reference": "Patient/p2"},
    },
)


@dataclass
class Audited:
    """``http`` speaks to the EHR's face; ``secrets`` collects every token, code, secret and assertion that was seen."""

    ehr: SandboxEhr
    http: httpx2.AsyncClient
    secrets: list[str] = field(default_factory=list)
    client: str = ""
    bearer: str = ""

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A FHIR request with the bearer, and an X-Request-Id."""
        headers = {"authorization": f"Bearer {self.bearer}", "x-request-id": "rq-7", **options.pop("headers", {})}
        return await self.http.request(method, f"{FHIR}/{path}", headers=headers, **options)

    async def register(self, scope: str = SCOPE) -> str:
        asked = {
            "client_name": "App", "redirect_uris": [CALLBACK], "initiate_login_uri": "https://app.example/launch",
            "scope": scope, "token_endpoint_auth_method": "none",
        }  # fmt: skip
        answer = await self.http.post(f"{BASE}/auth/register", json=asked)
        assert answer.status_code == 201, answer.text
        self.secrets.append(answer.json()["registration_access_token"])
        self.client = answer.json()["client_id"]
        return self.client

    async def launch(self, patient: str = "p1", scope: str = SCOPE) -> dict[str, Any]:
        """From the launcher to tokens; the bearer is the new one."""
        made = {"client_id": self.client, "patient": patient, "user": "Practitioner/d1", "automatic": True}
        launch = (await self.http.post(f"{BASE}/launch", json=made)).json()["launch"]
        verifier = secrets.token_urlsafe(48)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "response_type": "code", "client_id": self.client, "redirect_uri": CALLBACK, "scope": scope, "state": "s" * 24,
            "aud": FHIR, "launch": launch, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        answer = await self.http.get(f"{BASE}/auth/authorize", params=parameters)
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier,
            "client_id": self.client,
        }  # fmt: skip
        tokens: dict[str, Any] = (await self.http.post(f"{BASE}/auth/token", data=form)).json()
        self.bearer = tokens["access_token"]
        self.secrets += [
            launch,
            verifier,
            code,
            *(tokens[each] for each in ("access_token", "refresh_token", "id_token")),
        ]
        return tokens

    def rows(self, **arguments: Any) -> list[dict[str, Any]]:
        """The audit log, oldest first, once everything that waits is written; without the rows of this reading."""
        self.ehr.audit.close()
        found = self.ehr.database.run_now(lambda c, now: list_audit(c, now, {"limit": 100, **arguments}))["rows"]
        return [row for row in reversed(found) if row["what"] != "audit"]


@contextmanager
def opened() -> Iterator[SandboxEhr]:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE, database=database, keys=KEYS, new_id=lambda: str(uuid.uuid4()),
        new_secret=lambda: secrets.token_urlsafe(32), clock=time.time,
    )  # fmt: skip
    database.run_now(lambda connection, now: loading.load(connection, now, PEOPLE, rules_of(ehr)))
    try:
        yield ehr
    finally:
        ehr.audit.close()
        database.close()


def drive(act: Callable[[Audited], Awaitable[None]]) -> None:
    """Runs ``act`` against a fresh EHR."""

    async def story(ehr: SandboxEhr) -> None:
        transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        async with httpx2.AsyncClient(transport=transport) as client:
            await act(Audited(ehr=ehr, http=client))

    with opened() as ehr:
        asyncio.run(story(ehr))
