"""An EHR on a socket that does as it is told, well or badly, an address elsewhere that nobody should ever ask, and the whole
gateway with a model that reads and writes, registered with as many of these EHRs as there are cases."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import RSAKey

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import find_launch
from gateway import app_face, jobs, sessions
from gateway.app import Gateway, open_gateway
from gateway.database import open_sqlite
from gateway.fetch import Reach
from gateway.installation import METADATA, Installation
from gateway.keyring import KeyFile, generate, parse
from gateway.server import Server, bind

APP = "http://localhost:8700"
KEYS = parse(generate())
EHR_KEY, NEXT_KEY = (RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256"}) for kid in ("k1", "k2"))
SECRETS = ("secret-access", "secret-refresh", "secret-code", "secret-user")
"""What this EHR gives away, or is given; none may stand in a log or go elsewhere."""
SECONDS = 0.4
"""How long the gateway waits for a whole answer of this EHR's authorization server."""
MODEL = """
[model]
id = "echo"
version = "1.0.0"
title = "A model with one feature"
entry = "model:predict"
[[feature]]
name = "pulse"
kind = "observation"
codes = [{ system = "http://loinc.org", code = "8867-4" }]
unit = "/min"
lookback = "P1D"
required = true
limits = [0, 300]
[output]
kind = "risk"
codes = [{ system = "urn:chartgate:assessment", code = "echo" }]
range = [0.0, 0.5]
unit = "fraction"
horizon = "P1Y"
[writeback]
policy = "automatic"
valid_for = "P1D"
"""


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
            return Answer(status=201, headers={"location": f"{self.url}{plain}/_history/1", "etag": 'W/"1"'})
        made = {
            "/r4/.well-known/smart-configuration": self._configuration, "/token": self._tokens,
            "/jwks": lambda: {"keys": self.keys}, "/r4/metadata": self._metadata,
            "/r4/Patient/p1": lambda: {"resourceType": "Patient", "id": "p1", "birthDate": "1950-01-01"},
            "/r4/Observation": self._observations, "/r4/Observation/o1": pulse,
        }  # fmt: skip
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


@dataclass
class Clock:
    """This machine's clock, put ahead."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class World:
    """``elsewhere`` holds every request that went where none should."""

    gateway: Gateway
    browser: httpx2.AsyncClient
    origin: str
    other: str
    clock: Clock
    elsewhere: list[str] = field(default_factory=list)
    ehrs: dict[str, Ehr] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    async def ehr(self, *, declared: dict[str, Any] | None = None, **members: Any) -> "Visit":
        """A further EHR, that the gateway is registered with."""
        name = f"case{next(self.numbers)}"
        ehr = self.ehrs[name] = Ehr(url=f"{self.origin}/{name}", elsewhere=self.other, **members)
        made = {
            "name": name,
            "issuer": ehr.fhir,
            "client_id": "gateway",
            "networks": ("127.0.0.0/8",),
            **(declared or {}),
        }
        registered = RegisteredEhr(**made)
        await self.gateway.run(lambda c, now: save_ehr(c, now, ehr=registered, cipher=KEYS.cipher))
        await self.gateway.learn_ehrs()
        return Visit(world=self, ehr=ehr, name=name)


@dataclass
class Visit:
    """A person who launches from one EHR."""

    world: World
    ehr: Ehr
    name: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> httpx2.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await self.world.browser.get(path, headers={"cookie": cookie} if cookie else {})
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return response

    async def begin(self) -> httpx2.Response:
        response = await self.get(f"/app/launch?{urlencode({'iss': self.ehr.fhir, 'launch': 'xyz'})}")
        self.asked = dict(parse_qsl(urlsplit(response.headers.get("location", "")).query))
        self.ehr.nonce = self.asked.get("nonce", "")
        return response

    async def finish(self, **changed: str | None) -> httpx2.Response:
        """Back from the EHR; ``changed`` are parameters that it sends otherwise, or not at all."""
        answer = {"code": "secret-code", "state": self.asked["state"], "iss": self.ehr.url, **changed}
        sent = urlencode({name: value for name, value in answer.items() if value is not None})
        return await self.get(f"/app/callback/{self.name}?{sent}")

    async def launch(self, **changed: str | None) -> httpx2.Response:
        """From the EHR's button to the page, or to where it stopped; the models have run then."""
        response = await self.begin()
        if response.status_code == 303:
            response = await self.finish(**changed)
        await self.world.gateway.idle()
        return response

    async def session(self) -> sessions.Session | None:
        shown = [value for name, value in self.cookies.items() if name.startswith(sessions.LAUNCHED)]
        return await self.world.gateway.run(lambda c, now: sessions.find_shown(c, now, cookies=shown))

    async def scopes(self) -> str:
        id = str((await self.session()).launch_id)  # type: ignore[union-attr]
        launch = await self.world.gateway.run(lambda c, now: find_launch(c, now, id=id, cipher=KEYS.cipher))
        return str(launch and launch.scopes)

    async def problems(self) -> tuple[str, ...]:
        """What the person who launched is told."""
        id = str((await self.session()).launch_id)  # type: ignore[union-attr]
        job = await self.world.gateway.run(lambda c, now: jobs.find_job(c, now, id))
        assert job is not None
        assert job.state == "done"
        return job.problems


async def _serve(world: Callable[[], World], elsewhere: bool, scope: Any, receive: Any, send: Any) -> None:
    path = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    if elsewhere:
        world().elsewhere.append(f"{scope['method']} {path} {headers}")
        answer = Answer(status=200, body=b"{}")
    else:
        name, _, below = path[1:].partition("/")
        ehr = world().ehrs[name]
        ehr.asked.append((scope["method"], f"/{below}", headers, body))
        answer = ehr.answer(scope["method"], f"/{below}")
    said = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": said})
    if answer.parts is not None:
        gone = asyncio.ensure_future(receive())  # the next message says that whoever asked has left
        async for part in answer.parts():
            if gone.done():
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})


def _site(world: Callable[[], World], *, elsewhere: bool) -> tuple[Server, str]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await _serve(world, elsewhere, scope, receive, send)

    listening = bind(0)
    return Server(application, [listening]), f"http://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    """The world, while the block runs."""
    (folder / "models" / "echo").mkdir(parents=True)
    (folder / "models" / "echo" / "model.toml").write_text(MODEL)
    (folder / "models" / "echo" / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    made: list[World] = []
    here, origin = _site(lambda: made[0], elsewhere=False)
    there, other = _site(lambda: made[0], elsewhere=True)
    clock = Clock()
    installation = Installation(
        directory=folder, keys=KeyFile(None, KEYS), database=open_sqlite(":memory:", metadata=METADATA, clock=clock)
    )
    reach = Reach(clock=clock, seconds=SECONDS)
    opening = open_gateway(
        installation, models=[folder / "models"], base_url=APP, clock=clock, only="echo", reach=reach
    )
    async with here.running(), there.running(), opening as gateway:
        gateway.pauses = ()
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app_face.application(gateway)), base_url=APP)
        async with client:
            made.append(World(gateway=gateway, browser=client, origin=origin, other=other, clock=clock))
            yield made[0]
    installation.close()


Act = Callable[[World], Awaitable[None]]
