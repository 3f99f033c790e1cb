"""One EHR with the records of two patients, before either store, as tests of the face ask it."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import httpx2

from auth import scopes as scope_words
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4.interaction import Interaction
from sandbox import tables
from sandbox.upstream import opened
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
NUMBERS = itertools.count()
ALL = "patient/*.cruds"
READ = "patient/Observation.rs patient/Patient.r"


class World:
    """One EHR with the records of two patients. Ids carry a word of this run, for a HAPI is shared."""

    def __init__(self, ehr: SandboxEhr, loop: asyncio.AbstractEventLoop) -> None:
        self.ehr, self.loop, self.run = ehr, loop, uuid.uuid4().hex[:8]

    def id(self, name: str) -> str:
        return f"{name}-{self.run}"

    def observation(self, name: str, patient: str, category: str = "laboratory", **more: Any) -> dict[str, Any]:
        concept = {"coding": [{"system": CATEGORY, "code": category}]}
        return {
            "resourceType": "Observation", "id": self.id(name), "status": "final", "category": [concept],
            "code": {"text": "t"}, "subject": {"reference": f"Patient/{self.id(patient)}"}, **more,
        }  # fmt: skip

    def put(self, body: dict[str, Any]) -> None:
        """Below the guard."""
        update = Interaction(action="update", type=body["resourceType"], id=body["id"], body=body)
        answer = self.loop.run_until_complete(below.perform(self.ehr, update))
        assert answer.status in (200, 201), answer.resource

    def remove(self, type: str, name: str) -> None:
        gone = Interaction(action="delete", type=type, id=self.id(name))
        assert self.loop.run_until_complete(below.perform(self.ehr, gone)).status == 204

    def stored(self, type: str, name: str) -> dict[str, Any] | None:
        return self.loop.run_until_complete(below.read(self.ehr, f"{type}/{self.id(name)}"))

    def token(self, words: str = ALL, *, patient: str | None = "p1", user: str | None = None) -> str:
        name = f"{next(NUMBERS)}-{uuid.uuid4().hex}"
        context = grants.Context(patient=self.id(patient) if patient else None, user=user)

        def save(connection: Any, now: float) -> None:
            said = scope_words.parse(words)
            grants.save_grant(connection, now, id=name, client_id="c", scopes=said, context=context)
            grants.save_access(connection, now, token=name, grant=name, scopes=words, life=3600)

        self.ehr.database.run_now(save)
        return name

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """A stranger's request; ``token`` one of everything on p1 unless given."""
        bearer = token or self.token()
        headers = {
            "authorization": f"Bearer {bearer}",
            "content-type": "application/fhir+json",
            **options.pop("headers", {}),
        }
        if isinstance(options.get("json"), dict | list):
            options["content"] = json.dumps(options.pop("json")).encode()

        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=ehr_face.application([self.ehr]))
            async with httpx2.AsyncClient(transport=transport) as client:
                url = path if path.startswith("http") else f"{BASE}/{path}"
                return await client.request(method, url, headers=headers, **options)

        return self.loop.run_until_complete(send())

    def ids(self, answer: httpx2.Response) -> set[str]:
        """The names of a Bundle's resources, without this run's word."""
        assert answer.status_code == 200, answer.text
        return {each["resource"]["id"].removesuffix(f"-{self.run}") for each in answer.json().get("entry", ())}


@contextmanager
def running(upstream: str | None) -> Iterator[World]:
    """A furnished world: before the embedded store, or before the FHIR server at this base."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    if upstream is not None:
        behind = opened(upstream=upstream, base=BASE, new_id=ehr.new_id)
        ehr.upstream = loop.run_until_complete(stack.enter_async_context(behind))
    made = World(ehr, loop)
    try:
        furnish(made)
        yield made
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()
        database.close()


def furnish(world: World) -> None:
    def plain(type: str, name: str, **members: Any) -> None:
        world.put({"resourceType": type, "id": world.id(name), **members})

    def subject(patient: str) -> dict[str, str]:
        return {"reference": f"Patient/{world.id(patient)}"}

    for patient in ("p1", "p2"):
        plain("Patient", patient, gender="female")
    for number in ("1", "2"):
        kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        plain("Encounter", f"e{number}", status="finished", subject=subject(f"p{number}"), **{"class": kind})
        world.put(
            world.observation(
                f"o{number}", f"p{number}", identifier=[{"system": "urn:t", "value": f"{world.run}-{number}"}]
            )
        )
        world.put(world.observation(f"v{number}", f"p{number}", "vital-signs"))
    world.put(world.observation("moved", "p2"))
    world.put(world.observation("moved", "p1"))
    world.put(world.observation("gone2", "p2"))
    world.remove("Observation", "gone2")
    world.put(world.observation("mixed", "p1", hasMember=[{"reference": f"Observation/{world.id('o2')}"}]))
    plain("Device", "free", deviceName=[{"name": "m", "type": "model-name"}])
    plain("Device", "taken", patient=subject("p2"))
    plain("Practitioner", "doctor", active=True)
    recorded, agent = "2026-01-02T03:04:05Z", [{"who": {"display": "x"}}]
    for name, targets in (("prov1", ["o1"]), ("prov12", ["o1", "o2"])):
        pointed = [{"reference": f"Observation/{world.id(target)}"} for target in targets]
        plain("Provenance", name, target=pointed, recorded=recorded, agent=agent)
    plain("Binary", "bin2", contentType="text/plain", data="eA==", securityContext=subject("p2"))
    plain("Binary", "bin1", contentType="text/plain", data="eA==", securityContext=subject("p1"))
    plain("Binary", "bin0", contentType="text/plain", data="eA==")


def same(first: httpx2.Response, second: httpx2.Response) -> bool:
    """Status, bytes and headers."""
    one, other = (dict(each.headers) for each in (first, second))
    return (first.status_code, first.content, one) == (second.status_code, second.content, other)


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}, **more}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def link(answer: httpx2.Response) -> str:
    return next(each["url"] for each in answer.json()["link"] if each["relation"] == "next")
