"""The adversarial EHR on a socket, an address elsewhere that nobody should ever ask, and the whole
gateway with a model that reads and writes, registered with as many EHRs as there are cases."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import find_launch
from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.ehrs.fetch import Reach
from gateway.installation import METADATA, Installation
from gateway.keyring import KeyFile, generate, parse
from gateway.launches import jobs
from gateway.people import sessions
from gateway.processes.server import Server, bind
from gateway.storage.database import open_sqlite
from tests.flow.adversarial_ehr import SECONDS, Answer, Ehr
from tests.flow.browsing import visit

APP = "http://localhost:8700"
KEYS = parse(generate())
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
        return await visit(self.world.browser, self.cookies, path)

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
        gateway.pauses, gateway.patience = (), 0.0
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app_face.application(gateway)), base_url=APP)
        async with client:
            made.append(World(gateway=gateway, browser=client, origin=origin, other=other, clock=clock))
            yield made[0]
    installation.close()


Act = Callable[[World], Awaitable[None]]
