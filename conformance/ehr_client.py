"""Edge: what a test does at a sandbox EHR beside its own app: clients, launches, tokens and faults, each in one call."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from conformance.signing import Signer, new_signer, pkce

SCOPE = "launch openid fhirUser offline_access launch/patient patient/*.cruds user/*.cruds system/*.cruds"
REDIRECT = "http://localhost:8999/callback"
LAUNCH = "http://localhost:8999/launch"
SECONDS = 60.0


class Unexpected(AssertionError):
    """The EHR answered otherwise than this step needs; names the step, the status and the error code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A registered SMART client, able to authenticate by ``private_key_jwt``."""

    id: str
    redirect_uri: str
    signer: Signer


@dataclass(frozen=True, kw_only=True, slots=True)
class Faults:
    """The switches of a sandbox EHR; names may carry a value and a count, ``reset-at-byte:40*2``."""

    address: str
    operator: str | None = None

    def available(self) -> list[str]:
        """The names of what can be switched on."""
        return list(self._ask("GET")["available"])

    def active(self) -> list[str]:
        """The names of what is on."""
        return list(self._ask("GET")["active"])

    def switch(self, *names: str) -> None:
        """These are on and no others; without names all are off."""
        self._ask("PUT", json={"active": list(names)})

    def restore(self, *names: str) -> None:
        """As ``switch``, after a test: an EHR that went away, or has no switches, is left alone."""
        with contextlib.suppress(Unexpected, httpx2.TransportError):
            if self.active() != list(names):
                self.switch(*names)

    @contextlib.contextmanager
    def on(self, *names: str) -> Iterator[None]:
        """These are on while the block runs, beside those that were."""
        before = self.active()
        self.switch(*before, *(name for name in names if name not in before))
        try:
            yield
        finally:
            self.switch(*before)

    def _ask(self, method: str, **options: Any) -> dict[str, Any]:
        return _told(method, self.address, "switching faults", operator=self.operator, **options)


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxEhr:
    """A running sandbox EHR. ``fhir`` is its FHIR base, ``app`` the face of the gateway that runs beside it; ``operator``
    the secret that launches and registration want where a server of somebody else's stands behind it."""

    name: str
    fhir: str
    app: str
    operator: str | None = None

    @property
    def issuer(self) -> str:
        """The authorization server, ``…/ehr/{name}``."""
        return self.fhir.removesuffix("/fhir")

    @property
    def launch_url(self) -> str:
        """The launcher."""
        return f"{self.issuer}/launch"

    @property
    def faults(self) -> Faults:
        """What it does wrongly, if told to."""
        return Faults(address=f"{self.issuer}/faults", operator=self.operator)

    def listed(self) -> dict[str, Any]:
        """``patients``, ``users``, ``encounters`` and ``clients`` of the launcher."""
        return _told("GET", self.launch_url, "the launcher", operator=self.operator)

    def patient(self, place: int = 0) -> str:
        """The id of a patient."""
        return str(self.listed()["patients"][place]["id"])

    def register(self, **metadata: Any) -> Client:
        """Registers a client (RFC 7591); ``metadata`` replaces members: ``scope``, ``redirect_uris``, …"""
        signer = new_signer()
        body = {
            "client_name": "A test", "redirect_uris": [REDIRECT], "initiate_login_uri": LAUNCH, "scope": SCOPE,
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": signer.jwks, **metadata,
        }  # fmt: skip
        made = _told("POST", f"{self.issuer}/auth/register", "registration", operator=self.operator, json=body)
        return Client(id=made["client_id"], redirect_uri=(made.get("redirect_uris") or [REDIRECT])[0], signer=signer)

    def prepare(self, client_id: str, *, patient: str | None = None, **context: Any) -> dict[str, Any]:
        """A launch with automatic sign-in: ``launch``, ``iss`` and ``url``, the address at which your app is opened.
        ``context``: ``user``, ``encounter``, ``scopes``, ``faults``, …"""
        body = {"client_id": client_id, "patient": patient, "automatic": True, **context}
        said = {name: value for name, value in body.items() if value is not None}
        return _told("POST", self.launch_url, "preparing a launch", operator=self.operator, json=said)

    def launch(
        self, client: Client, *, patient: str | None = None, scope: str = SCOPE, **context: Any
    ) -> dict[str, Any]:
        """A whole EHR launch; the token response: ``access_token``, ``patient``, …"""
        made, (verifier, challenge) = self.prepare(client.id, patient=patient, **context), pkce()
        asked = {
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect_uri, "scope": scope,
            "state": "chartgate", "aud": self.fhir, "launch": made["launch"], "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        address = f"{self.issuer}/auth/authorize?{urlencode(asked)}"
        answer = httpx2.get(address, follow_redirects=False, timeout=SECONDS, trust_env=False)
        said = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
        if "code" not in said:
            raise Unexpected(f"authorization: {answer.status_code} {said.get('error', '')}".strip())
        form = {"grant_type": "authorization_code", "code": said["code"], "redirect_uri": client.redirect_uri}
        return self._token(client, {**form, "code_verifier": verifier})

    def backend_token(self, client: Client | None = None, *, scope: str = "system/*.rs") -> str:
        """An access token of backend services, of a client of its own when none is given."""
        form = {"grant_type": "client_credentials", "scope": scope}
        return str(self._token(client or self.register(), form)["access_token"])

    def _token(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        address = f"{self.issuer}/auth/token"
        proof = client.signer.proof(client.id, address, now=time.time())
        return _told("POST", address, "the token", data={**form, **proof})


def _told(method: str, address: str, step: str, *, operator: str | None = None, **options: Any) -> dict[str, Any]:
    """The JSON of a success. Raises Unexpected."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {operator}"} if operator else {})}
    answer = httpx2.request(method, address, headers=headers, timeout=SECONDS, trust_env=False, **options)
    try:
        said = answer.json() if answer.content else {}
    except ValueError:
        said = {}
    table: dict[str, Any] = said if isinstance(said, dict) else {}
    if not answer.is_success:
        raise Unexpected(
            f"{step}: {answer.status_code} {table.get('error', '')} {table.get('error_description', '')}".strip()
        )
    return table
