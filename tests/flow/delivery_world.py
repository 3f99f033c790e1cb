"""The whole app face on a database of its own, with an EHR behind the sender seam that keeps versions, answers searches
and can be told to misbehave; ``World.settle`` is the worker and the recalls, turn by turn, without waiting."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

import httpx2
from sqlalchemy import Connection

from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.installation import METADATA, Installation
from gateway.keyring import KeyFile, generate, parse
from gateway.people import apikeys, sessions
from gateway.storage.database import Database, open_sqlite
from r4 import codec
from writeback import tables
from writeback.capabilities import Capabilities, TypeCapability
from writeback.ledger import outputs
from writeback.rules import SPECIFICATION, WriteRules
from writeback.speaking.answers import Answer
from writeback.terms import Terms

APP = "http://localhost:8700"
KEYS = parse(generate())
PATIENT = "Patient/p1"
TYPES = ("Observation", "RiskAssessment", "DocumentReference", "DetectedIssue", "Device", "Provenance")
OFFERED = TypeCapability(
    interactions=frozenset({"create", "update", "read", "search-type"}), update_create=True, conditional_create=True,
    searches=frozenset({"identifier", "_tag", "device", "performer", "author"}),
)  # fmt: skip
EVERYTHING = Capabilities(types=dict.fromkeys(TYPES, OFFERED))
CREATE_ONLY = Capabilities(
    types=dict.fromkeys(
        TYPES, replace(OFFERED, interactions=frozenset({"create", "read", "search-type"}), update_create=False)
    )
)
MODEL = """
[model]
id = "{id}"
version = "{version}"
title = "A model without features"
entry = "model:predict"
[output]
kind = "risk"
codes = [{{ system = "urn:chartgate:assessment", code = "echo" }}]
range = [0.0, 0.5]
unit = "fraction"
horizon = "P1Y"
[writeback]
policy = "{policy}"
valid_for = "P1D"
"""


@dataclass
class ChartEhr:
    """``kept`` holds every version of each resource. ``fault`` is asked before a request is served and may answer
    instead; ``after`` may raise when a write was processed."""

    capabilities: Capabilities = EVERYTHING
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    fault: Callable[[str, str], Answer | None] = lambda method, path: None
    after: Callable[[str, str], None] = lambda method, path: None
    page: int = 50
    rules: WriteRules = SPECIFICATION
    base: str = "https://ehr.example/r4"

    def __post_init__(self) -> None:
        for id in ("p1", "p2"):
            self.keep({"resourceType": "Patient", "id": id})

    def keep(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Keeps a further version."""
        versions = self.kept.setdefault(f"{resource['resourceType']}/{resource['id']}", [])
        versions.append({**resource, "meta": {**resource.get("meta", {}), "versionId": str(len(versions) + 1)}})
        return versions[-1]

    def all(self, type: str) -> list[dict[str, Any]]:
        """The current versions of a type."""
        return [versions[-1] for name, versions in self.kept.items() if name.startswith(f"{type}/")]

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if (answer := self.fault(method, path)) is not None:
            return answer
        if method == "GET":
            return self._search(path) if "?" in path else self._read(path)
        self.writes.append(f"{method} {path.partition('/')[0]}")
        resource = codec.parse(body or b"")
        id = path.partition("/")[2] or uuid4().hex
        current = self.kept.get(f"{resource['resourceType']}/{id}", [])
        expected = (headers or {}).get("if-match")
        if expected is not None and (not current or expected != f'W/"{current[-1]["meta"]["versionId"]}"'):
            return Answer(status=412)
        made = self.keep({**resource, "id": id})
        self.after(method, path)
        place = f"{resource['resourceType']}/{id}/_history/{made['meta']['versionId']}"
        return Answer(status=200 if current else 201, headers={"location": place})

    def _read(self, path: str) -> Answer:
        versions = self.kept.get(path)
        return Answer(status=404) if versions is None else Answer(status=200, body=codec.format(versions[-1]))

    def _search(self, path: str) -> Answer:
        type, _, query = path.partition("?")
        asked = dict(parse_qsl(query))
        start = int(asked.pop("start", "0"))
        value = unquote(next(iter(asked.values()), "")).rpartition("|")[2]
        found = [each for each in self.all(type) if f'"{value}"' in codec.format(each).decode()]
        part = found[start : start + self.page]
        link = [{"relation": "next", "url": f"{self.base}/{type}?{query}&start={start + self.page}"}]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in part]}
        if len(found) > start + self.page:
            bundle["link"] = [*link]
        return Answer(status=200, body=codec.format(bundle))


@dataclass
class OneEhr:
    """In the place of the gateway's senders: one EHR, whoever speaks. ``spoke`` are the principals, in order."""

    ehr: ChartEhr
    spoke: list[str] = field(default_factory=list)

    def know(self, ehrs: Any) -> None: ...

    def forget_launches(self, launches: Any) -> None: ...
    def software(self) -> dict[str, str]:
        return {}

    def names(self) -> tuple[str, ...]:
        return ("spec",)

    def base(self, ehr: str) -> str:
        return self.ehr.base

    def rules(self, ehr: str) -> WriteRules:
        return self.ehr.rules

    def sender(self, ehr: str, principal: str) -> ChartEhr:
        self.spoke.append(principal)
        return self.ehr

    def backend_scopes(self, ehr: str) -> str:
        return "system/*.cruds"

    async def backend_grant(self, ehr: str) -> str:
        return self.backend_scopes(ehr)

    async def reader(self, ehr: str, principal: str) -> ChartEhr:
        return self.sender(ehr, principal)

    async def capabilities(self, ehr: str) -> Capabilities:
        return self.ehr.capabilities

    async def terms(self, ehr: str) -> Terms:
        return Terms()

    async def aclose(self) -> None: ...


@dataclass
class World:
    gateway: Gateway
    ehr: ChartEhr
    client: httpx2.AsyncClient
    senders: OneEhr
    application: Any = None

    async def key(self, *scopes: str, ehrs: tuple[str, ...] = (), models: tuple[str, ...] = ()) -> dict[str, str]:
        """Headers with a new key."""
        id = uuid4().hex[:16]
        presented = apikeys.format_key(id, (uuid4().hex + uuid4().hex)[:43])
        made = apikeys.new_key(id=id, name="test", scopes=scopes, ehrs=ehrs, models=models)
        await self.gateway.run(lambda c, now: apikeys.add_key(c, now, key=made, presented=presented))
        return {"authorization": f"Bearer {presented}"}

    async def session(self, made: sessions.Session) -> dict[str, str]:
        """Headers of a browser with this session, on a page of this site."""
        secret = uuid4().hex
        await self.gateway.run(lambda c, now: sessions.save_session(c, now, session=made, secret=secret))
        return {"cookie": f"{sessions.COOKIE}={secret}", "origin": APP}

    async def clinician(self, **changes: Any) -> dict[str, str]:
        """A practitioner, launched with the patient."""
        given = {"launch_id": "l1", "ehr": "spec", "patient": "p1", "fhir_user": "Practitioner/d1", **changes}
        return await self.session(sessions.of_launch(now=time.time(), **given))

    async def staff(self) -> dict[str, str]:
        return await self.session(sessions.of_link(now=time.time()))

    def body(self, **changes: Any) -> dict[str, Any]:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "model": "echo", "version": "1.0.0", "ehr": "spec", "patient": PATIENT, "kind": "risk", "value": 0.25,
            "unit": "fraction", "as_of": stamp, "inference_id": uuid4().hex, **changes,
        }  # fmt: skip

    async def submit(self, key: dict[str, str], **changes: Any) -> dict[str, Any]:
        """An output that is accepted."""
        answer = await self.client.post("/api/outputs", json=self.body(**changes), headers=key)
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def turn(self) -> int:
        return await self.gateway.worker.turn("spec")

    async def settle(self, *, rounds: int = 12) -> None:
        """Time passes until nothing moves: the worker's turns and the recalls' rounds."""
        for _ in range(rounds):
            for id in await self.gateway.run(lambda c, now: recalls(c)):
                await self.gateway.recalls.advance(id)
            claimed = await self.turn()
            await self.gateway.run(hurry)
            if not claimed and not await self.gateway.run(lambda c, now: recalls(c)):
                return

    async def state(self, id: str) -> str:
        shown = await self.gateway.run(lambda c, now: outputs.show_output(c, now, id))
        assert shown is not None
        return str(shown["state"])


def recalls(connection: Connection) -> list[str]:
    from writeback.recall import running

    return running(connection, 0.0)


def hurry(connection: Connection, now: float) -> None:
    """What waits for its next try is due, and no EHR is left in peace."""
    connection.execute(tables.deliveries.update().where(tables.deliveries.c.next_at > 0).values(next_at=now - 1))
    connection.execute(tables.targets.update().values(paused_until=0.0))


@contextlib.asynccontextmanager
async def opened(
    folder: Path,
    *,
    policy: str = "automatic",
    database: Database | None = None,
    ehr: ChartEhr | None = None,
    base_url: str = APP,
    senders: Any = None,
    rehearsed: Any = None,
    versions: Sequence[str] = ("1.0.0", "2.0.0"),
) -> AsyncIterator[World]:
    """A gateway with the model ``echo`` of these versions."""
    for version in versions:
        place = folder / "models" / f"echo-{version}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.toml").write_text(MODEL.format(id="echo", version=version, policy=policy))
        (place / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    made = database or open_sqlite(":memory:", metadata=METADATA)
    ehr = ehr or ChartEhr()
    senders = senders or OneEhr(ehr=ehr)
    installation = Installation(directory=folder, keys=KeyFile(None, KEYS), database=made)
    async with open_gateway(
        installation,
        models=[folder / "models"],
        base_url=base_url,
        clock=time.time,
        only="echo",
        senders=senders,  # type: ignore[arg-type]
        rehearsed=rehearsed,
    ) as gateway:
        application = app_face.application(gateway)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url=APP) as client:
            try:
                yield World(gateway=gateway, ehr=ehr, client=client, senders=senders, application=application)
            finally:
                if database is None:
                    made.close()


def drive(act: Callable[[World], Awaitable[None]], folder: Path, **options: Any) -> None:
    """Does something in a world of its own."""

    async def run() -> None:
        async with opened(folder, **options) as world:
            await act(world)

    asyncio.run(run())
