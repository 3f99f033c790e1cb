"""Edge: a SMART client that can also do each step wrongly: registration, launch, authorization, tokens."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from conformance.evidence import Evidence, Exchange, Missing
from conformance.probe import Probe
from conformance.signing import Signer, new_signer, pkce

REDIRECT = "http://localhost:8999/conformance/callback"
LAUNCH = "http://localhost:8999/conformance/launch"
SCOPES = "launch openid fhirUser offline_access patient/*.rs"
WRITING = "launch patient/*.rs patient/Observation.cruds"
BATTERY = "launch openid fhirUser offline_access launch/patient patient/*.cruds user/*.cruds system/*.cruds"

Door = Callable[[str, str], Awaitable[Exchange]]
"""Signs somebody in at a login page: ``(address, redirect_uri)`` → the answer that leads to the redirect address, or the
page on which it ended."""


@dataclass(kw_only=True)
class App:
    """A registered client: ``id`` and how it authenticates, the server's endpoints, and how somebody is signed in: by the
    sandbox's ``launcher``, or through a ``door``."""

    probe: Probe
    endpoints: Mapping[str, Any]
    id: str
    signer: Signer | None = None
    secret: str | None = None
    redirect_uri: str = REDIRECT
    now: Any = field(default=time.time)
    launcher: str | None = None
    door: Door | None = None

    async def enter(self, *, challenge: str, standalone: bool = False, **context: Any) -> dict[str, str | None]:
        """The changes to an authorization request with which somebody is signed in, by whatever way there is. Raises
        LookupError when there is none."""
        if self.launcher is None:
            if self.door is None:
                raise Missing("a way to sign in: --login FILE names the steps of the login page, --paste asks a person")
            return {"launch": None}
        if standalone:
            await self._prepare(self.launcher, standalone=True, code_challenge=challenge, **context)
            return {"launch": None}
        return {"launch": await self.prepare(self.launcher, **context)}

    async def prepare(self, launcher: str, **options: Any) -> str:
        """A ``launch`` of the sandbox's launcher with automatic sign-in. Raises LookupError when there is none."""
        launch = (await self._prepare(launcher, **options)).table.get("launch")
        if not isinstance(launch, str):
            raise LookupError("the launcher prepared no launch")
        return launch

    async def _prepare(self, launcher: str, **options: Any) -> Exchange:
        return await self.probe.send("POST", launcher, json={"client_id": self.id, "automatic": True, **options},
                                     headers={"accept": "application/json", "content-type": "application/json"})  # fmt: skip

    async def authorize(
        self,
        *,
        launch: str | None = None,
        challenge: str,
        scope: str = SCOPES,
        changes: Mapping[str, str | None] | None = None,
        **instead: str,
    ) -> Exchange:
        """The authorization request; ``changes`` replace parameters, None leaves one out. Where it ends on a page and there
        is a door, somebody is signed in there."""
        said: dict[str, str | None] = {
            "response_type": "code", "client_id": self.id, "redirect_uri": self.redirect_uri, "scope": scope,
            "state": secrets.token_urlsafe(16), "aud": self.probe.base, "launch": launch, "code_challenge": challenge,
            "code_challenge_method": "S256", "nonce": secrets.token_urlsafe(16), **instead, **(changes or {}),
        }  # fmt: skip
        if self.launcher is None and said["launch"] is None and said["scope"] is not None:
            said["scope"] = alone(said["scope"])
        query = urlencode({name: value for name, value in said.items() if value is not None})
        address = f"{self.endpoints['authorization_endpoint']}?{query}"
        answer = await self.probe.send("GET", address)
        if self.door is None or _settled(answer, self.redirect_uri):
            return answer
        answer = await self.door(address, said["redirect_uri"] or self.redirect_uri)
        self.probe.note(answer)
        return answer

    async def redeem(self, code: str, verifier: str, **changes: str) -> Exchange:
        """The token request for a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
                "code_verifier": verifier}  # fmt: skip
        return await self.post({**form, **changes})

    async def post(self, form: Mapping[str, str], *, proof: Mapping[str, str] | None = None) -> Exchange:
        """A token request with the client's authentication, or the given one."""
        return await self.ask("token_endpoint", form, proof=proof)

    async def ask(self, endpoint: str, form: Mapping[str, str], *, proof: Mapping[str, str] | None = None) -> Exchange:
        """A form to one of the server's endpoints."""
        if proof is None:
            proof = self.proof()
        return await self.probe.send("POST", str(self.endpoints[endpoint]), form={**form, **proof},
                                     headers={"accept": "application/json"})  # fmt: skip

    def proof(self, **changes: Any) -> Mapping[str, str]:
        """How the client authenticates at the token endpoint."""
        if self.signer is not None:
            audience = str(self.endpoints["token_endpoint"])
            return self.signer.proof(self.id, audience, now=self.now(), **changes)
        if self.secret is not None:
            return {"client_id": self.id, "client_secret": self.secret}
        return {"client_id": self.id}

    async def sign_in(self, launcher: str | None = None, *, scope: str = SCOPES, **context: Any) -> Exchange:
        """A whole launch, to the token answer. Raises LookupError when it stops before."""
        self.launcher = self.launcher or launcher
        verifier, challenge = pkce()
        changes = await self.enter(challenge=challenge, **context)
        answer = await self.authorize(challenge=challenge, scope=scope, changes=changes)
        code = answer.redirected.get("code")
        if code is None:
            raise LookupError("the authorization request gave no code")
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


async def register(probe: Probe, endpoints: Mapping[str, Any], evidence: Evidence) -> App | None:
    """An asymmetric client by dynamic registration (RFC 7591), where that is advertised."""
    address = endpoints.get("registration_endpoint")
    if not isinstance(address, str):
        return None
    signer = new_signer()
    body = {
        "client_name": "Conformance", "redirect_uris": [REDIRECT], "initiate_login_uri": LAUNCH,
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"], "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt", "jwks": signer.jwks, "scope": BATTERY,
    }  # fmt: skip
    plain = {"content-type": "application/json", "accept": "application/json"}
    made = await probe.send("POST", address, json=body, headers=plain)
    evidence["registration"] = made
    evidence["bad registration"] = await probe.send(
        "POST", address, json={**body, "redirect_uris": ["javascript:alert(1)"]}, headers=plain
    )
    id = made.table.get("client_id")
    return App(probe=probe, endpoints=endpoints, id=id, signer=signer) if isinstance(id, str) else None
