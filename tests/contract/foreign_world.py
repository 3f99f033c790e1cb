"""A small FHIR server with SMART sign-in that is not ours: right by the specifications, and otherwise in all that they leave open."""

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from conformance import run
from conformance.evidence import Exchange
from conformance.run import Report
from conformance.signing import challenge_of

BASE = "https://ehr.example/r4"
NO_STORE = {"cache-control": "No-Store", "pragma": "no-cache", "content-type": "application/json;charset=UTF-8"}
PEOPLE = ("alpha-patient", "beta-patient")
CLIENT = {
    "client_id": "registered", "client_secret": "a-secret-that-is-long-enough", "redirect_uri": "https://app.example/callback",
}  # fmt: skip
SECRET = f"{CLIENT['client_id']}:{CLIENT['client_secret']}".encode()
Answer = Callable[["Foreign", httpx2.Request], httpx2.Response | None]


@dataclass
class Foreign:
    """``configuration`` replaces members of the smart-configuration (None leaves one out), ``first`` may answer in its place.
    It knows scopes of SMART 1, a client with a secret, and no refresh tokens; somebody is always signed in."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    first: Answer = lambda server, request: None
    scopes: Callable[[str], str] = lambda asked: " ".join(
        word
        for word in asked.split()
        if re.fullmatch(r"patient/(\*|Patient|Observation)\.read|launch/patient|openid", word)
    )
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    asked: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        found = self.first(self, request)
        if found is not None:
            return found
        path = request.url.path.removeprefix("/r4").strip("/")
        named = {
            "metadata": self.metadata, ".well-known/smart-configuration": self.smart, "auth/authorize": self.authorize,
            "auth/token": self.token,
        }  # fmt: skip
        return named[path](request) if path in named else self.fhir(request, path)

    def metadata(self, request: httpx2.Request) -> httpx2.Response:
        rows = [{"type": type, "interaction": [{"code": "read"}, {"code": "search-type"}],
                 "searchParam": [{"name": "patient", "type": "reference"}]} for type in ("Patient", "Observation")]  # fmt: skip
        smart = {"service": [{"coding": [{"system": "urn:x", "code": "SMART-on-FHIR"}]}]}
        body = {
            "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "date": "2026-01-01",
            "fhirVersion": "4.0.1", "format": ["application/fhir+json"],
            "rest": [{"mode": "client"}, {"mode": "server", "security": smart, "resource": rows}],
        }  # fmt: skip
        return httpx2.Response(200, json=body)

    def smart(self, request: httpx2.Request) -> httpx2.Response:
        made = {
            "authorization_endpoint": f"{BASE}/auth/authorize", "token_endpoint": f"{BASE}/auth/token",
            "grant_types_supported": ["authorization_code"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"], "response_types_supported": ["code"],
            "scopes_supported": ["launch/patient", "patient/*.read"],
            "capabilities": ["client-confidential-symmetric", "launch-standalone", "context-standalone-patient",
                             "permission-patient", "permission-v1"],
            **self.configuration,
        }  # fmt: skip
        body = {name: value for name, value in made.items() if value is not None}
        return httpx2.Response(200, content=json.dumps(body).encode(), headers={"content-type": "Application/JSON"})

    def authorize(self, request: httpx2.Request) -> httpx2.Response:
        pairs = parse_qsl(request.content.decode() or urlsplit(str(request.url)).query, keep_blank_values=True)
        asked = dict(pairs) if len(dict(pairs)) == len(pairs) else {**dict(pairs), "aud": "twice"}
        if asked.get("client_id") != CLIENT["client_id"] or asked.get("redirect_uri") != CLIENT["redirect_uri"]:
            return httpx2.Response(400, text="no", headers={"x-frame-options": "deny"})
        error = self.refusal(asked)
        code = secrets.token_urlsafe(24)
        self.codes[code] = asked
        said = {"error": error} if error else {"code": code}
        place = f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked.get('state', '')})}"
        return httpx2.Response(302, headers={"location": place, "cache-control": "no-store"})

    def refusal(self, asked: Mapping[str, str]) -> str | None:
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        wrong = (
            asked.get("aud") != BASE
            or asked.get("code_challenge_method") != "S256"
            or len(asked.get("code_challenge", "")) != 43
        )
        return "invalid_request" if wrong or not asked.get("state") or not asked.get("scope") else None

    def token(self, request: httpx2.Request) -> httpx2.Response:
        form = dict(parse_qsl(request.content.decode()))
        if request.headers.get("authorization") != f"Basic {b64encode(SECRET).decode()}":
            return refused(401, "invalid_client")
        if form.get("grant_type") != "authorization_code":
            return refused(400, "unsupported_grant_type")
        asked = self.codes.pop(form.get("code", ""), {})
        self.tokens.pop(self.given.pop(form.get("code", ""), ""), None)
        fits = challenge_of(form.get("code_verifier", "")) == asked.get("code_challenge")
        if not fits or form.get("redirect_uri") != asked["redirect_uri"]:
            return refused(400, "invalid_grant")
        token = self.given[form["code"]] = secrets.token_urlsafe(24)
        self.tokens[token] = scope = self.scopes(asked["scope"])
        body = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scope, "patient": PEOPLE[0]}
        return httpx2.Response(200, content=json.dumps(body).encode(), headers=NO_STORE)

    def fhir(self, request: httpx2.Request, path: str) -> httpx2.Response:
        scope = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if scope is None:
            told = {"www-authenticate": 'Basic realm="staff", Bearer realm="fhir"'}
            return httpx2.Response(401, headers=told, json=outcome("who are you"))
        type, _, id = path.partition("/")
        if request.method != "GET" and not path.endswith("_search"):
            return httpx2.Response(405, json=outcome(f"{request.method} is not served"))
        if "patient/*." not in scope and f"patient/{type}." not in scope:
            return httpx2.Response(403, json=outcome("not in scope"))
        if type == "Patient" and id and id != "_search":
            there = id == PEOPLE[0]
            said = {"resourceType": "Patient", "id": id} if there else outcome(f"Patient/{id} is not known")
            return httpx2.Response(200 if there else 404, json=said)
        return httpx2.Response(200, json=self.found(request, type))

    def found(self, request: httpx2.Request, type: str) -> dict[str, Any]:
        """A searchset with an outcome beside what was found, and references that are absolute."""
        asked = dict(parse_qsl(request.content.decode() or request.url.query.decode()))
        own = asked.get("patient", PEOPLE[0]).endswith(PEOPLE[0]) and PEOPLE[0] in asked.get("_id", PEOPLE[0])
        made = [
            {"resourceType": type, "id": f"{type.lower()}-{number}", "subject": {"reference": f"{BASE}/Patient/{PEOPLE[0]}"}}
            for number in range(3)
        ]  # fmt: skip
        kept = [{"resourceType": "Patient", "id": PEOPLE[0]}] if type == "Patient" else made
        entries = [{"fullUrl": f"{BASE}/{type}/{each['id']}", "resource": each} for each in (kept if own else [])]
        told = {"resource": outcome("nothing else was looked at"), "search": {"mode": "outcome"}}
        return {"resourceType": "Bundle", "type": "searchset", "entry": [*entries, told],
                "link": [{"relation": "self", "url": "?x=1"}]}  # fmt: skip


def refused(status: int, error: str) -> httpx2.Response:
    """An error of the token endpoint."""
    said = json.dumps({"error": error, "error_description": "no"}).encode()
    return httpx2.Response(status, content=said, headers=NO_STORE)


def outcome(text: str) -> dict[str, Any]:
    """A word of the server's own."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "processing", "diagnostics": text}],
    }


async def nobody(address: str, redirect_uri: str) -> Exchange:
    """A door that is never needed: this server signs somebody in by itself."""
    raise AssertionError(address)


async def look(server: Foreign, **options: Any) -> Report:
    """The report on it, with the client that is registered there."""
    given = {"client": CLIENT, "door": nobody, "patients": PEOPLE, "suites": ("smart", "access"), **options}
    return await run(BASE, transport=httpx2.MockTransport(server), **given)
