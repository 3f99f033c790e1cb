"""Edge: a SMART client that can also do each step wrongly: registration, launch, authorization, tokens."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from conformance.evidence import Evidence, Exchange
from conformance.probe import Probe
from conformance.signing import Signer, new_signer, pkce

REDIRECT = "http://localhost:8999/conformance/callback"
LAUNCH = "http://localhost:8999/conformance/launch"
SCOPES = "launch openid fhirUser offline_access patient/*.rs"
WRITING = "launch patient/*.rs patient/Observation.cruds"
BATTERY = "launch openid fhirUser offline_access launch/patient patient/*.cruds user/*.cruds system/*.cruds"


@dataclass(kw_only=True)
class App:
    """A registered client: ``id`` and how it authenticates, and the server's endpoints."""

    probe: Probe
    endpoints: Mapping[str, Any]
    id: str
    signer: Signer | None = None
    secret: str | None = None
    redirect_uri: str = REDIRECT
    now: Any = field(default=time.time)

    async def prepare(self, launcher: str, **options: Any) -> str:
        """A ``launch`` of the sandbox's launcher with automatic sign-in. Raises LookupError when there is none."""
        made = await self.probe.send("POST", launcher, json={"client_id": self.id, "automatic": True, **options},
                                     headers={"accept": "application/json", "content-type": "application/json"})  # fmt: skip
        launch = made.table.get("launch")
        if not isinstance(launch, str):
            raise LookupError("the launcher prepared no launch")
        return launch

    async def authorize(
        self,
        *,
        launch: str,
        challenge: str,
        scope: str = SCOPES,
        changes: Mapping[str, str | None] | None = None,
        **instead: str,
    ) -> Exchange:
        """The authorization request; ``changes`` replace parameters, None leaves one out."""
        said: dict[str, str | None] = {
            "response_type": "code", "client_id": self.id, "redirect_uri": self.redirect_uri, "scope": scope,
            "state": secrets.token_urlsafe(16), "aud": self.probe.base, "launch": launch, "code_challenge": challenge,
            "code_challenge_method": "S256", "nonce": secrets.token_urlsafe(16), **instead, **(changes or {}),
        }  # fmt: skip
        query = urlencode({name: value for name, value in said.items() if value is not None})
        return await self.probe.send("GET", f"{self.endpoints['authorization_endpoint']}?{query}")

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

    async def sign_in(self, launcher: str, *, scope: str = SCOPES, **options: Any) -> Exchange:
        """A whole launch, to the token answer. Raises LookupError when it stops before."""
        verifier, challenge = pkce()
        launch = await self.prepare(launcher, **options)
        answer = await self.authorize(launch=launch, challenge=challenge, scope=scope)
        code = answer.redirected.get("code")
        if code is None:
            raise LookupError("the authorization request gave no code")
        return await self.redeem(code, verifier)


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
