"""An EHR that does as it is told, well or badly, as values: what it answers to which request."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

EHR_KEY, NEXT_KEY = (RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256"}) for kid in ("k1", "k2"))
SECRETS = ("secret-access", "secret-refresh", "secret-code", "secret-user")
"""What this EHR gives away, or is given; none may stand in a log or go elsewhere."""
SECONDS = 2.0
"""How long the gateway waits for a whole answer of this EHR's authorization server."""


@dataclass
class Answer:
    """An HTTP answer. ``body`` may go on for ever, and ``parts`` say how."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Callable[[], AsyncIterator[bytes]] | None = None


def told(document: Any, status: int = 200, **headers: str) -> Answer:
    named = {
        "content-type": "application/fhir+json",
        **{name.replace("_", "-"): said for name, said in headers.items()},
    }
    return Answer(status=status, headers=named, body=json.dumps(document).encode())


async def slowly() -> AsyncIterator[bytes]:
    """A byte now and then: a timeout between two bytes would never end it."""
    for _ in range(40):
        yield b" "
        await asyncio.sleep(SECONDS / 8)


async def endlessly() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)


def pulse() -> dict[str, Any]:
    """What the model reads."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "effectiveDateTime": stamp,
        "meta": {"versionId": "1"},
        "valueQuantity": {"value": 70, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }  # fmt: skip


@dataclass
class Ehr:
    """One EHR at ``url``. Each member changes what it says; ``answers`` replace whole answers, by the path below it.
    ``asked`` are the requests that came, as (method, path with query, headers, body)."""

    url: str
    elsewhere: str
    configuration: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, EHR_KEY)
    keys: list[Any] = field(default_factory=lambda: [EHR_KEY.as_dict(private=False)])
    observations: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[["Ehr"], Answer]] = field(default_factory=dict)
    nonce: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)

    @property
    def fhir(self) -> str:
        return f"{self.url}/r4"

    def paths(self, *methods: str) -> list[str]:
        return [path for method, path, _, _ in self.asked if not methods or method in methods]

    def answer(self, method: str, path: str) -> Answer:
        plain = path.partition("?")[0]
        if plain in self.answers:
            return self.answers[plain](self)
        if method in ("PUT", "POST") and plain.startswith("/r4/"):
            self.kept[plain] = self.asked[-1][3]
            return Answer(status=201, headers={"location": f"{self.url}{plain}/_history/1", "etag": 'W/"1"'})
        made = {
            "/r4/.well-known/smart-configuration": self._configuration, "/token": self._tokens,
            "/jwks": lambda: {"keys": self.keys}, "/r4/metadata": self._metadata,
            "/r4/Patient/p1": lambda: {"resourceType": "Patient", "id": "p1", "birthDate": "1950-01-01"},
            "/r4/Observation": self._observations, "/r4/Observation/o1": pulse,
        }  # fmt: skip
        if plain in self.kept:
            return Answer(status=200, body=self.kept[plain])
        return told(made[plain]()) if plain in made else Answer(status=404)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url, "jwks_uri": f"{self.url}/jwks", "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"], "capabilities": ["launch-ehr", "sso-openid-connect"],
            "authorization_response_iss_parameter_supported": True, **self.configuration,
        }  # fmt: skip

    def _tokens(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "secret-user", "aud": "gateway", "exp": now + 300, "iat": now, "nonce": self.nonce,
            "fhirUser": "Practitioner/d1", **self.claims,
        }  # fmt: skip
        said = {
            "access_token": "secret-access", "refresh_token": "secret-refresh", "token_type": "Bearer", "expires_in": 300,
            "scope": "launch openid fhirUser offline_access patient/*.cruds", "patient": "p1",
            "id_token": self.sign(claims), **self.tokens,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def _metadata(self) -> dict[str, Any]:
        offers = [{"code": code} for code in ("create", "update", "read", "search-type")]
        return {
            "resourceType": "CapabilityStatement", "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "resource": [
                {"type": type, "interaction": offers, "updateCreate": True}
                for type in ("RiskAssessment", "Device", "DocumentReference", "Provenance", "Observation", "Patient")
            ]}],
        }  # fmt: skip

    def _observations(self) -> dict[str, Any]:
        entry = [{"fullUrl": f"{self.fhir}/Observation/o1", "resource": pulse(), "search": {"mode": "match"}}]
        return {"resourceType": "Bundle", "type": "searchset", "entry": entry, **self.observations}
