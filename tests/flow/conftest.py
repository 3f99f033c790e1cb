"""An EHR that is not to be trusted and a browser that launches from it, wired in process to the app face's routes.

The EHR stands behind the transport seam and remembers every request: what was sent, and to whom.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette

from auth.client import tables as client_tables
from auth.client.registry import RegisteredEhr, save_ehr
from gateway import tables
from gateway.ehrs.fetch import Reach
from gateway.keyring import Keyring, generate, parse
from gateway.people import sessions
from gateway.routes import entrance, launches
from gateway.storage.database import Sqlite, open_sqlite
from gateway.storage.works import Work
from tests.flow import adversarial_ehr, adversary
from tests.flow.browsing import visit
from tests.flow.outputs_world import Running, running

T = TypeVar("T")
APP = "http://localhost:8700"
FHIR = "https://ehr.example/r4"
KEYS = parse(generate())
EHR_KEY = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256"})
NOW = 1_700_000_000.0
EHR = RegisteredEhr(name="spec", issuer=FHIR, client_id="gateway")


@dataclass
class AdversarialEhr:
    """An EHR that can be told to misbehave. ``seen`` holds every request that reached any host."""

    configuration: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[httpx2.Request], httpx2.Response]] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    nonce: str = ""
    seen: list[httpx2.Request] = field(default_factory=list)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        path = request.url.path
        if path in self.answers:
            return self.answers[path](request)
        known = {
            "/r4/.well-known/smart-configuration": self._configuration,
            "/token": self._tokens,
            "/jwks": lambda: {"keys": [EHR_KEY.as_dict(private=False)]},
        }
        return httpx2.Response(200, json=known[path]()) if path in known else httpx2.Response(404)

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": "https://ehr.example", "jwks_uri": "https://ehr.example/jwks",
            "authorization_endpoint": "https://ehr.example/authorize", "token_endpoint": "https://ehr.example/token",
            "grant_types_supported": ["authorization_code"], "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-ehr", "sso-openid-connect"],
            "authorization_response_iss_parameter_supported": True, **self.configuration,
        }  # fmt: skip

    def _tokens(self) -> dict[str, Any]:
        claims = {
            "iss": "https://ehr.example", "sub": "s1", "aud": "gateway", "exp": int(NOW) + 300, "iat": int(NOW),
            "nonce": self.nonce, "fhirUser": "Practitioner/d1", **self.claims,
        }  # fmt: skip
        sign = self.sign or (lambda said: jwt.encode({"alg": "RS256", "kid": "k1"}, said, EHR_KEY))
        return {
            "access_token": "secret-at", "refresh_token": "secret-rt", "token_type": "Bearer", "expires_in": 300,
            "scope": "launch openid fhirUser offline_access patient/*.rs", "patient": "p1", "id_token": sign(claims),
            **self.tokens,
        }  # fmt: skip


@dataclass
class Gateway:
    """The seams the routes need, on a database in memory."""

    reach: Reach
    database: Sqlite
    keyring: Keyring = KEYS
    base_url: str = APP
    launched: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def clock(self) -> float:
        return NOW

    async def run(self, work: Work[T], /) -> T:
        return await self.database.run(work)

    async def on_launch(self, launch_id: str) -> None:
        self.launched.append(launch_id)

    def on_logout(self, launches: Sequence[str]) -> None:
        self.left += launches


@dataclass
class Browser:
    """A person's browser: keeps cookies, follows nothing by itself, signs in at the EHR when told to."""

    ehr: AdversarialEhr
    gateway: Gateway
    client: httpx2.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx2.Response:
        return await visit(self.client, self.cookies, path)

    async def begin(self, query: str | None = None) -> dict[str, str]:
        """Launches, and returns what the EHR is asked to authorize."""
        response = await self.get(f"/app/launch?{query or urlencode({'iss': FHIR, 'launch': 'xyz'})}")
        assert response.status_code == 303, response.text
        asked = dict(parse_qsl(urlsplit(response.headers["location"]).query))
        self.ehr.nonce = asked.get("nonce", "")
        return asked

    async def finish(self, asked: dict[str, str], **changed: str | None) -> httpx2.Response:
        """Comes back from the EHR; ``changed`` are parameters it sends otherwise, or not at all."""
        answer = {"code": "c1", "state": asked["state"], "iss": "https://ehr.example", **changed}
        sent = urlencode({name: value for name, value in answer.items() if value is not None})
        return await self.get(f"{urlsplit(asked['redirect_uri']).path}?{sent}")

    async def session(self) -> sessions.Session | None:
        """What the browser's cookies open: the newest session in front."""
        names = ("chartgate_session", "__Host-chartgate-session-")
        shown = [value for name, value in self.cookies.items() if name.startswith(names)]
        return await self.gateway.run(lambda c, now: sessions.find_shown(c, now, cookies=shown))


async def _story(act: Callable[[Browser], Awaitable[None]], ehr: AdversarialEhr) -> None:
    database = open_sqlite(":memory:", metadata=(tables.metadata, client_tables.metadata), clock=lambda: NOW)
    reach = Reach(clock=lambda: NOW, transport=lambda _: httpx2.MockTransport(ehr.handle))
    gateway = Gateway(reach=reach, database=database)
    await gateway.run(lambda c, now: save_ehr(c, now, ehr=EHR, cipher=KEYS.cipher))
    application = Starlette(routes=[*launches.routes(gateway), *entrance.routes(gateway)])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url=APP) as client:
        try:
            await act(Browser(ehr=ehr, gateway=gateway, client=client))
        finally:
            await reach.aclose()
            database.close()


@pytest.fixture
def drive() -> Callable[..., None]:
    """``drive(act, **knobs)`` runs the coroutine function ``act(browser)`` against a fresh gateway that is registered
    with one EHR; the knobs are members of AdversarialEhr."""

    def run(act: Callable[[Browser], Awaitable[None]], **knobs: Any) -> None:
        asyncio.run(_story(act, AdversarialEhr(**knobs)))

    return run


@pytest.fixture(scope="module")
def adversarial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, adversary.World]]:
    """The world of adversary.py and the loop that it lives in."""
    with asyncio.Runner() as runner:
        opening = adversary.opened(tmp_path_factory.mktemp("adversary"))
        yield runner, runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def run(
    adversarial: tuple[asyncio.Runner, adversary.World], caplog: pytest.LogCaptureFixture
) -> Callable[..., None]:  # fmt: skip
    """``run(act, **members)`` drives ``act(visit)`` at a further EHR on a socket. Whatever happened, no request went
    elsewhere, no bearer to another place than the FHIR base, and no secret and no patient stands in the log."""
    runner, world = adversarial

    def driven(act: Callable[[adversary.Visit], Awaitable[None]], **members: Any) -> None:
        async def story() -> None:
            visit = await world.ehr(**members)
            await act(visit)
            assert world.elsewhere == []
            for method, path, headers, _ in visit.ehr.asked:
                bearer = headers.get("authorization", "").startswith("Bearer")
                assert not bearer or path.startswith("/r4/"), f"{method} {path}"
                assert not any(secret in path for secret in adversarial_ehr.SECRETS)

        with caplog.at_level(logging.DEBUG):
            runner.run(story())
        assert not [word for word in (*adversarial_ehr.SECRETS, "Bearer", "/p1", "=p1") if word in caplog.text]

    return driven


@pytest.fixture(scope="session")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A sandbox in a process of its own, as an EHR for gateways in production."""
    with running(tmp_path_factory.mktemp("ehr")) as made:
        yield made
