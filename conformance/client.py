"""Edge: a SMART client that can also do each step wrongly: registration, launch, authorization, tokens."""

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from conformance.evidence import Evidence, Exchange, Missing, NotOffered, split
from conformance.probe import Probe
from conformance.scope_words import of_fhir, older, only_older
from conformance.signing import Signer, new_signer, pkce

REDIRECT = "http://localhost:8999/conformance/callback"
LAUNCH = "http://localhost:8999/conformance/launch"
FURTHER = "https://app.conformance.example/callback"
"""A second one, at no loopback, where the port is part of what is compared (RFC 9700 §2.1)."""
SCOPES = "launch openid fhirUser offline_access patient/*.rs"
WRITING = "launch patient/*.rs patient/Observation.cruds"
BATTERY = (
    "launch openid fhirUser offline_access online_access launch/patient launch/encounter patient/*.cruds user/*.cruds"
    " system/*.cruds"
)
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
Door = Callable[[str, str], Awaitable[Exchange]]
"""Signs somebody in at a login page: ``(address, redirect_uri)`` → the answer that leads to the redirect address, or the
page on which it ended."""
JSON = {"content-type": "application/json", "accept": "application/json"}
HTML = {"accept": "text/html"}


@dataclass(kw_only=True)
class App:
    """A registered client: ``id`` and how it authenticates, the server's endpoints, and how somebody is signed in: by the
    sandbox's ``launcher``, or through a ``door``. ``kept`` is what its registration answered, ``asked`` the scope that
    was asked for in it."""

    probe: Probe
    endpoints: Mapping[str, Any]
    id: str
    signer: Signer | None = None
    secret: str | None = None
    redirect_uri: str = REDIRECT
    now: Any = field(default=time.time)
    launcher: str | None = None
    door: Door | None = None
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)
    asked: str | None = BATTERY

    @property
    def origin(self) -> Mapping[str, str]:
        """The header of a page of this app; empty for an app that is no page."""
        place = split(self.redirect_uri)
        return {"origin": f"{place.scheme}://{place.netloc}"} if place.scheme in ("http", "https") else {}

    def spelled(self, scope: str) -> str:
        """The scopes as this server knows them: where it knows those of SMART 1 alone, in these, as far as they go."""
        return older(scope) if only_older(self.endpoints) else scope

    async def enter(self, *, challenge: str, standalone: bool = False, **context: Any) -> dict[str, str | None]:
        """The changes to an authorization request with which somebody is signed in, by whatever way there is. Raises
        LookupError when there is none."""
        if self.launcher is None:
            if self.door is None:
                raise Missing("a way to sign in: --login FILE names the steps of the login page, --paste asks a person")
            return {"launch": None}
        if standalone:
            await self.prepare_standalone(self.launcher, challenge, **context)
            return {"launch": None}
        return {"launch": await self.prepare(self.launcher, **context)}

    async def prepare(self, launcher: str, **options: Any) -> str:
        """A ``launch`` of the sandbox's launcher with automatic sign-in. Raises LookupError when there is none."""
        made = await self._prepared(launcher, options)
        launch = made.table.get("launch")
        if not isinstance(launch, str):
            raise Missing("a launch: the launcher prepared none")
        return launch

    async def prepare_standalone(self, launcher: str, challenge: str, **options: Any) -> None:
        """The standalone request with this challenge is answered without a person. Raises LookupError."""
        made = await self._prepared(launcher, {**options, "standalone": True, "code_challenge": challenge})
        if made.status != 200:
            raise Missing("a standalone launch: the launcher prepared none")

    async def _prepared(self, launcher: str, options: Mapping[str, Any]) -> Exchange:
        said = {"client_id": self.id, "automatic": True, **options}
        body = {name: value for name, value in said.items() if value is not None}
        return await self.probe.send("POST", launcher, json=body, headers=JSON)

    async def authorize(
        self, *, challenge: str, launch: str | None = None, scope: str = SCOPES,
        changes: Mapping[str, str | None] | None = None, method: str = "GET", further: str = "", **instead: str,
    ) -> Exchange:  # fmt: skip
        """The authorization request; ``changes`` replace parameters, None leaves one out; ``further`` is written behind
        the query as it is. Where it ends on a page and there is a door, somebody is signed in there."""
        said: dict[str, str | None] = {
            "response_type": "code", "client_id": self.id, "redirect_uri": self.redirect_uri, "scope": scope,
            "state": secrets.token_urlsafe(16), "aud": self.probe.base, "launch": launch, "code_challenge": challenge,
            "code_challenge_method": "S256", "nonce": secrets.token_urlsafe(16), **instead, **(changes or {}),
        }  # fmt: skip
        if said["scope"] is not None:
            standalone = self.launcher is None and said["launch"] is None
            said["scope"] = self.spelled(alone(said["scope"]) if standalone else said["scope"])
        form = {name: value for name, value in said.items() if value is not None}
        address = str(self.endpoints["authorization_endpoint"])
        if method == "POST":
            return await self.probe.send("POST", address, form=form, headers=HTML)
        address = f"{address}{'&' if '?' in address else '?'}{urlencode(form)}{further}"
        answer = await self.probe.send("GET", address, headers=HTML)
        if self.door is None or _settled(answer, self.redirect_uri):
            return answer
        answer = await self.door(address, said["redirect_uri"] or self.redirect_uri)
        self.probe.note(answer)
        return answer

    async def redeem(self, code: str, verifier: str, **changes: str) -> Exchange:
        """The token request for a code."""
        return await self.post({**self.exchange(code, verifier), **changes})

    def exchange(self, code: str, verifier: str) -> dict[str, str]:
        """The form that redeems a code."""
        return {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip

    async def post(
        self, form: Mapping[str, str], *, proof: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:  # fmt: skip
        """A token request with the client's authentication, or the given one."""
        return await self.ask("token_endpoint", form, proof=proof, headers=headers)

    async def ask(
        self, endpoint: str, form: Mapping[str, str], *, proof: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:  # fmt: skip
        """A form to one of the server's endpoints, as a page of the app would send it. ``proof`` takes the place of the
        client's own authentication."""
        own = self.basic() if proof is None else {}
        armed = {"accept": "application/json", **self.origin, **own, **(headers or {})}
        shown = self.proof() if proof is None else proof
        asked = {name: self.spelled(value) if name == "scope" else value for name, value in form.items()}
        return await self.probe.send("POST", str(self.endpoints[endpoint]), form={**asked, **shown}, headers=armed)

    def proof(self, **changes: Any) -> Mapping[str, str]:
        """What the form says of who the client is."""
        if self.signer is not None:
            audience = str(self.endpoints["token_endpoint"])
            return self.signer.proof(self.id, audience, now=self.now(), **changes)
        return {} if self.secret is not None else {"client_id": self.id}

    def basic(self, secret: str | None = None) -> Mapping[str, str]:
        """The header of a client with a secret (SMART App Launch 2.2 client-confidential-symmetric)."""
        known = secret or self.secret
        if known is None:
            return {}
        pair = f"{quote_plus(self.id)}:{quote_plus(known)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def code(
        self, launcher: str | None = None, *, scope: str = SCOPES, standalone: bool = False, **context: Any
    ) -> tuple[str, str]:
        """A fresh ``(code, verifier)``. Raises LookupError when there is none."""
        self.launcher = self.launcher or launcher
        verifier, challenge = pkce()
        changes = await self.enter(challenge=challenge, standalone=standalone, **context)
        answer = await self.authorize(challenge=challenge, scope=scope, changes=changes)
        code = answer.redirected.get("code")
        if code is None:
            raise Missing(f"a code: the authorization request was answered {answer.status} without one")
        return code, verifier

    async def sign_in(self, launcher: str | None = None, *, scope: str = SCOPES, **context: Any) -> Exchange:
        """A whole launch, to the token answer. Raises LookupError when it stops before."""
        code, verifier = await self.code(launcher, scope=scope, **context)
        return await self.redeem(code, verifier)


def alone(scope: str) -> str:
    """The same scopes for a standalone launch: it asks for the patient that an EHR launch brings."""
    words = scope.split()
    if "launch" not in words:
        return scope
    return " ".join(dict.fromkeys("launch/patient" if word == "launch" else word for word in words))


def _settled(answer: Exchange, redirect_uri: str) -> bool:
    """Whether the request has ended without anybody signing in: at the app, or in an error."""
    return answer.status >= 400 or answer.headers.get("location", "").startswith(redirect_uri)


def metadata(*, method: str = "private_key_jwt", signer: Signer | None = None, **changes: Any) -> dict[str, Any]:
    """What a client registers (RFC 7591 §2); ``changes`` replace members, None leaves one out."""
    body = {
        "client_name": "Conformance", "redirect_uris": [REDIRECT, FURTHER], "initiate_login_uri": LAUNCH,
        "grant_types": list(GRANTS if method == "private_key_jwt" else GRANTS[:2]), "response_types": ["code"],
        "token_endpoint_auth_method": method, "jwks": signer.jwks if signer else None, "scope": BATTERY, **changes,
    }  # fmt: skip
    return {name: value for name, value in body.items() if value is not None}


async def enroll(
    probe: Probe, endpoints: Mapping[str, Any], body: Mapping[str, Any], signer: Signer | None = None
) -> tuple[Exchange, App | None]:
    """The answer to a registration, and the client that it made. Raises LookupError where none is advertised."""
    address = endpoints.get("registration_endpoint")
    if not isinstance(address, str):
        raise NotOffered("dynamic registration")
    body = _fitting(body, endpoints)
    made = await probe.send("POST", address, json=body, headers=JSON)
    id, secret = made.table.get("client_id"), made.table.get("client_secret")
    if not isinstance(id, str):
        return made, None
    proves = str(body.get("token_endpoint_auth_method", "")).startswith("client_secret") and isinstance(secret, str)
    app = App(
        probe=probe, endpoints=endpoints, id=id, signer=signer, secret=secret if proves else None,
        redirect_uri=str((body.get("redirect_uris") or [REDIRECT])[0]), kept=made.table, asked=body.get("scope"),
    )  # fmt: skip
    return made, app


async def register(probe: Probe, endpoints: Mapping[str, Any], evidence: Evidence) -> App | None:
    """A client by dynamic registration (RFC 7591), where that is advertised: an asymmetric one where the server knows these.
    A server may refuse scopes that it does not have: it is asked for those that it lists then, and at last for none."""
    if not isinstance(endpoints.get("registration_endpoint"), str):
        return None
    known = listed(endpoints, "token_endpoint_auth_methods_supported") or METHODS
    method = next((each for each in METHODS if each in known), METHODS[0])
    signer = new_signer() if method == "private_key_jwt" else None
    scopes = " ".join(
        word for word in listed(endpoints, "scopes_supported") if word in BATTERY.split() or of_fhir(word)
    )
    for scope in dict.fromkeys((BATTERY, scopes or None, None)):
        body = metadata(method=method, signer=signer, scope=scope)
        evidence["registration"], app = await enroll(probe, endpoints, body, signer)
        if app is not None:
            return app
    return None


METHODS = ("private_key_jwt", "client_secret_basic", "none")
"""How a client authenticates, what SMART prefers first."""


def listed(endpoints: Mapping[str, Any], name: str) -> list[str]:
    """The words of a list in the SMART configuration; none where it is no list."""
    found = endpoints.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _fitting(body: Mapping[str, Any], endpoints: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same without grant types of ours that the server does not list."""
    offered, asked = listed(endpoints, "grant_types_supported"), body.get("grant_types")
    if not offered or not isinstance(asked, list):
        return body
    kept = [each for each in asked if each in offered or each not in GRANTS]
    return {**body, "grant_types": kept or asked}
