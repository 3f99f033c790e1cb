"""One sandbox EHR over HTTP, with clients of every kind: what the tests of its authorization server drive.

The application is the whole EHR face, wired in process. The clock is the test's own.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from auth import assertions, rotation
from auth.keys import SigningKeys
from auth.pkce import challenge
from auth.rotation import KeyRing, TimedKey
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import app_state, loading
from sandbox import tables as store_tables

SITE = "http://127.0.0.1:8700"
BASE = f"{SITE}/ehr/spec"
FHIR = f"{BASE}/fhir"
APP = "https://app.example"
BACK = f"{APP}/callback"
VERIFIER = "v" * 43
START = 1_800_000_000.0
KEYS, OTHER_KEYS = SigningKeys.generate(), SigningKeys.generate()
RING = KeyRing((TimedKey(START, rotation.new_key()),))
SCOPE = "launch openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"
RECORDS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "One"}]},
    {"resourceType": "Patient", "id": "p2", "name": [{"family": "Two"}]},
    {"resourceType": "Practitioner", "id": "d1", "name": [{"text": "Dr. Dee"}]},
    {"resourceType": "RelatedPerson", "id": "r1", "patient": {"reference": "Patient/p1"}},
    {
        "resourceType": "Encounter", "id": "e1", "status": "in-progress", "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"},
    },
    *(
        {
            "resourceType": "Observation", "id": f"{name}-p{n}", "status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            "subject": {"reference": f"Patient/p{n}"},
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": name}]}],
        }
        for n in (1, 2) for name in ("laboratory", "vital-signs")
    ),
]  # fmt: skip


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Registered:
    """A client as its developer knows it."""

    id: str
    method: str
    secret: str | None
    access: str
    address: str
    redirect_uri: str = BACK


@dataclass
class World:
    """The EHR and who talks to it."""

    clock: Clock
    ehr: SandboxEhr
    http: httpx2.AsyncClient
    numbers: "count[int]" = field(default_factory=count)

    async def register(self, method: str = "none", **metadata: Any) -> Registered:
        """Registers a client as RFC 7591 has it; private_key_jwt brings KEYS inline unless told otherwise."""
        body: dict[str, Any] = {
            "client_name": "An app", "redirect_uris": [BACK], "initiate_login_uri": f"{APP}/launch",
            "token_endpoint_auth_method": method, "grant_types": ["authorization_code", "refresh_token"],
        }  # fmt: skip
        if method == "private_key_jwt" and "jwks_uri" not in metadata:
            body["jwks"] = KEYS.jwks("RS384", "ES384")
        answer = await self.http.post(f"{BASE}/auth/register", json={**body, **metadata})
        assert answer.status_code == 201, answer.text
        said = answer.json()
        back = (metadata.get("redirect_uris") or [BACK])[0]
        return Registered(
            said["client_id"], method, said.get("client_secret"), said["registration_access_token"],
            said["registration_client_uri"], back,
        )  # fmt: skip

    async def backend(self, scope: str = "system/*.rs", **metadata: Any) -> Registered:
        return await self.register(
            "private_key_jwt",
            **{"grant_types": ["client_credentials"], "redirect_uris": [], "scope": scope, **metadata},
        )

    async def code(
        self, client: Registered, *, scope: str = SCOPE, launch: Mapping[str, Any] = {}, **asked: str
    ) -> str:
        """A code by automatic sign-in for an EHR launch of patient p1 by practitioner d1, unless told otherwise."""
        answer = await self.authorize(client, scope=scope, launch=launch, **asked)
        said = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        assert "code" in said, said
        return said["code"]

    async def authorize(
        self, client: Registered, *, scope: str = SCOPE, launch: Mapping[str, Any] = {}, **asked: str
    ) -> httpx2.Response:
        body = {"client_id": client.id, "patient": "p1", "user": "Practitioner/d1", "automatic": True, **launch}
        prepared = await self.http.post(f"{BASE}/launch", json={k: v for k, v in body.items() if v is not None})
        assert prepared.status_code == 200, prepared.text
        query = {
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect_uri, "scope": scope,
            "state": "st", "aud": FHIR, "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256",
            "launch": prepared.json()["launch"], **asked,
        }  # fmt: skip
        return await self.http.get(f"{BASE}/auth/authorize?{urlencode(query)}")

    async def token(self, client: Registered, **parameters: str) -> httpx2.Response:
        """A token request, the client authenticated as it is registered."""
        headers, form = self.credentials(client)
        return await self.http.post(f"{BASE}/auth/token", data={**form, **parameters}, headers=headers)

    def credentials(self, client: Registered) -> tuple[dict[str, str], dict[str, str]]:
        if client.method == "client_secret_basic":
            pair = b64encode(f"{client.id}:{client.secret}".encode()).decode()
            return {"authorization": f"Basic {pair}"}, {}
        if client.method == "client_secret_post":
            return {}, {"client_id": client.id, "client_secret": str(client.secret)}
        if client.method == "private_key_jwt":
            return {}, assertion_form(self.assertion(client))
        return {}, {"client_id": client.id}

    def assertion(self, client: Registered, *, algorithm: Any = "ES384") -> str:
        return assertions.build(
            client.id, f"{BASE}/auth/token", KEYS.key(algorithm), now=self.clock(), jti=token_urlsafe(16)
        )

    async def redeem(self, client: Registered, code: str, **changed: str) -> httpx2.Response:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": VERIFIER,
        }
        return await self.token(client, **{**said, **changed})

    async def signed_in(self, client: Registered, **options: Any) -> dict[str, Any]:
        """The token response of a launch."""
        answer = await self.redeem(client, await self.code(client, **options))
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def refresh(self, client: Registered, token: str, **parameters: str) -> httpx2.Response:
        return await self.token(client, grant_type="refresh_token", refresh_token=token, **parameters)

    async def backend_token(self, client: Registered, scope: str = "system/*.rs") -> dict[str, Any]:
        answer = await self.token(client, grant_type="client_credentials", scope=scope)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def introspect(self, client: Registered, token: str, **more: str) -> httpx2.Response:
        headers, form = self.credentials(client)
        return await self.http.post(f"{BASE}/auth/introspect", data={**form, "token": token, **more}, headers=headers)

    async def introspect_as(self, bearer: str, token: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {bearer}"}
        return await self.http.post(f"{BASE}/auth/introspect", data={"token": token}, headers=headers)

    async def revoke(self, client: Registered, token: str, **more: str) -> httpx2.Response:
        headers, form = self.credentials(client)
        return await self.http.post(f"{BASE}/auth/revoke", data={**form, "token": token, **more}, headers=headers)

    async def fhir(self, token: str | None, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        return await self.http.request(method, f"{FHIR}/{path}", headers=headers, **options)

    async def works(self, token: str) -> bool:
        """Whether the access token still reads its patient."""
        answer = await self.fhir(token, "GET", "Patient/p1")
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200


def assertion_form(assertion: str) -> dict[str, str]:
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": assertion,
    }  # fmt: skip


async def _story(act: Callable[[World], Awaitable[None]], **members: Any) -> None:
    clock, ids = Clock(), count()
    metadata = (auth_tables.metadata, store_tables.metadata)
    assert app_state.states.metadata is store_tables.metadata
    database = open_sqlite(":memory:", metadata=metadata, clock=clock)
    made: dict[str, Any] = {
        "name": "spec", "base": BASE, "database": database, "keys": RING, "new_id": lambda: f"id-{next(ids)}",
        "new_secret": lambda: token_urlsafe(32), "clock": clock,
    }  # fmt: skip
    ehr = SandboxEhr(**{**made, **members})
    await database.run(lambda connection, now: loading.load(connection, now, RECORDS, rules_of(ehr)))
    transport = httpx2.ASGITransport(ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport) as http:
        try:
            await act(World(clock=clock, ehr=ehr, http=http))
        finally:
            ehr.audit.close()
            database.close()


def drive(act: Callable[[World], Awaitable[None]], **members: Any) -> None:
    """Runs the story against a fresh EHR; ``members`` are those of SandboxEhr that differ."""
    asyncio.run(_story(act, **members))
