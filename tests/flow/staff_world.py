"""An OpenID provider that is played, honestly or not, and a gateway at which staff sign in by it."""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.ehrs.fetch import Reach
from gateway.installation import open_installation
from gateway.launches.launch_limits import LaunchLimits
from gateway.people.identity_provider import read_provider

ISSUER, APP = "https://id.example.org/realm", "https://gateway.example.org"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
DECLARED = f"""
[oidc]
issuer = "{ISSUER}"
client_id = "chartgate"
secret_file = "secret"
method = "client_secret_basic"
[oidc.roles]
engineer = ["chartgate-engineers"]
informatics = ["chartgate-informatics"]
"""


@dataclass
class Provider:
    """``claims`` and ``configuration`` change what it says; ``key`` signs; ``posted`` is what the token endpoint was sent."""

    claims: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: KEY)
    nonce: str = ""
    challenge: str = ""
    posted: list[Mapping[str, str]] = field(default_factory=list)
    looks: int = 0
    """How often its configuration was asked for."""

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path.endswith("/openid-configuration"):
            self.looks += 1
            ends = {name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return httpx2.Response(200, json={"issuer": ISSUER, **ends, **self.configuration})
        if path.endswith("/jwks_uri"):
            return httpx2.Response(200, json={"keys": [KEY.as_dict(private=False)]})
        form = dict(parse_qsl(request.content.decode()))
        self.posted.append({**form, "authorization": request.headers.get("authorization", "")})
        made = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if made != self.challenge:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        now = int(time.time())
        said = {
            "iss": ISSUER, "aud": "chartgate", "sub": "u-17", "nonce": self.nonce, "iat": now, "exp": now + 300,
            "groups": ["chartgate-engineers", "others"], **self.claims,
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, {k: v for k, v in said.items() if v is not None}, self.key)
        return httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "id_token": token})


@dataclass
class World:
    gateway: Gateway
    client: httpx2.AsyncClient
    provider: Provider

    async def begin(self) -> dict[str, str]:
        """What the browser is sent to the provider with."""
        answer = await self.client.get("/sign-in")
        assert answer.status_code == 303, answer.text
        address = urlsplit(answer.headers["location"])
        asked = dict(parse_qsl(address.query))
        self.provider.nonce, self.provider.challenge = asked["nonce"], asked["code_challenge"]
        return asked

    async def come_back(self, **changes: str) -> httpx2.Response:
        asked = await self.begin()
        return await self.client.get("/sign-in/callback", params={"code": "c", "state": asked["state"], **changes})


BOUND = """
[oidc.ehrs]
lakeside = ["lakeside-staff"]
riverside = ["riverside-staff"]
"""


def drive(
    act: Callable[[World], Awaitable[None]],
    place: Path,
    provider: Provider | None = None,
    limits: LaunchLimits | None = None,
    declaration: str = DECLARED,
) -> None:
    made = provider or Provider()

    async def story() -> None:
        (place / "secret").touch(0o600)
        (place / "secret").write_text("s3cret")
        (place / "chartgate.toml").write_text(declaration)
        installation = open_installation(place / "data")
        reach = Reach(clock=time.time, transport=lambda ehr: httpx2.MockTransport(made.handle))
        try:
            async with open_gateway(
                installation, models=(), base_url=APP, clock=time.time, only="none", reach=reach
            ) as gateway:
                declared = read_provider(place / "chartgate.toml")
                face = app_face.application(gateway, production=True, provider=declared, limits=limits)
                transport = httpx2.ASGITransport(app=face)
                async with httpx2.AsyncClient(transport=transport, base_url=APP) as client:
                    await act(World(gateway, client, made))
        finally:
            installation.close()

    asyncio.run(story())
