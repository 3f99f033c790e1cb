"""Nine sandbox EHRs, one of each persona, before the embedded store or all before one HAPI, and bodies they take."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from copy import deepcopy
from typing import Any

import httpx2

from auth import scopes as scope_words
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4.interaction import Interaction
from sandbox import tables
from sandbox.personas import PERSONAS
from sandbox.personas import tables as persona_tables
from sandbox.personas.athena import HDID
from sandbox.upstream import opened

ALL = "user/*.cruds system/*.cruds"
NUMBERS = itertools.count()


class World:
    """``ehrs`` by persona; their time is the time, ``ahead`` by so many seconds; ``stopped``: the instant it stands at."""

    def __init__(self, upstream: str | None) -> None:
        self.loop, self.stack, self.run, self.ahead = (
            asyncio.new_event_loop(),
            AsyncExitStack(),
            uuid.uuid4().hex[:8],
            0.0,
        )
        self.stopped: float | None = None
        self.behind = upstream is not None
        key = SigningKeys.generate()
        self.ehrs = {name: self._ehr(name, key) for name in PERSONAS}
        if upstream is not None:
            for ehr in self.ehrs.values():
                behind = opened(upstream=upstream, base=ehr.fhir, new_id=ehr.new_id)
                ehr.upstream = self.loop.run_until_complete(self.stack.enter_async_context(behind))
        for ehr in [self.ehrs["spec"]] if upstream is not None else self.ehrs.values():
            self._furnish(ehr)
        self.app = ehr_face.application(list(self.ehrs.values()))
        self.tokens = {name: self.token(name) for name in self.ehrs}

    def _ehr(self, name: str, key: SigningKeys) -> SandboxEhr:
        metadata = [auth_tables.metadata, tables.metadata, persona_tables.metadata]
        return SandboxEhr(
            name=name, base=f"http://127.0.0.1:8700/ehr/{name}", database=open_sqlite(":memory:", metadata=metadata),
            keys=key, new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex,
            clock=self.now, persona=PERSONAS[name],
        )  # fmt: skip

    def now(self) -> float:
        return (time.time() if self.stopped is None else self.stopped) + self.ahead

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """No time passes but what is added to ``ahead``: a window of a minute outlasts requests to a slow server."""
        self.stopped = time.time()
        yield
        self.stopped = None

    def close(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()
        for ehr in self.ehrs.values():
            ehr.audit.close()
            ehr.database.close()

    def id(self, name: str) -> str:
        return f"{name}-{self.run}"

    def _furnish(self, ehr: SandboxEhr) -> None:
        ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        visits = {"open": ("in-progress", "p1", "2020"), "ended": ("finished", "p1", "2020"),
                  "future": ("planned", "p1", "2999"), "other": ("in-progress", "p2", "2020")}  # fmt: skip
        made = [{"resourceType": "Patient", "id": self.id(name)} for name in ("p1", "p2")]
        made += [{"resourceType": "Practitioner", "id": self.id(name)} for name in ("doctor", "nurse")]
        made += [
            {"resourceType": "Encounter", "id": self.id(name), "status": status, "class": ambulatory,
             "subject": {"reference": f"Patient/{self.id(whose)}"}, "period": {"start": f"{year}-01-01T00:00:00Z"}}
            for name, (status, whose, year) in visits.items()
        ]  # fmt: skip
        for body in made:
            update = Interaction(action="update", type=body["resourceType"], id=body["id"], body=body)
            assert self.loop.run_until_complete(below.perform(ehr, update)).status in (200, 201)

    def token(self, persona: str, words: str = ALL, *, user: str | None = "doctor", patient: str | None = None) -> str:
        name = f"{next(NUMBERS)}-{uuid.uuid4().hex}"
        context = grants.Context(
            user=f"Practitioner/{self.id(user)}" if user else None, patient=self.id(patient) if patient else None
        )

        def save(connection: Any, now: float) -> None:
            said = scope_words.parse(words)
            grants.save_grant(connection, now, id=name, client_id="c", scopes=said, context=context)
            grants.save_access(connection, now, token=name, grant=name, scopes=words, life=3600)

        self.ehrs[persona].database.run_now(save)
        return name

    def ask(
        self, persona: str, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx2.Response:  # fmt: skip
        """A stranger's request; header names with ``_`` for ``-``."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        said = {"content-type": "application/fhir+json", **said}
        return self.send(persona, method, path, said, None if body is None else json.dumps(body).encode(), token=token)

    def send(
        self, persona: str, method: str, path: str, headers: Mapping[str, str], content: bytes | None, *,
        token: str | None = None,
    ) -> httpx2.Response:  # fmt: skip
        """A request as it is, with a bearer."""
        said = {"authorization": f"Bearer {token or self.tokens[persona]}", **headers}

        async def send() -> httpx2.Response:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app)) as client:
                url = path if path.startswith("http") else f"{self.ehrs[persona].fhir}/{path}".rstrip("/")
                return await client.request(method, url, headers=said, content=content)

        return self.loop.run_until_complete(send())

    def create(self, persona: str, type: str, body: Any = None) -> str:
        """A new resource of what this persona takes; its id."""
        made = self.ask(persona, "POST", type, body or self.body(persona, type))
        assert made.status_code in (200, 201), made.text
        location = made.headers.get("location") or made.headers["content-location"]
        return location.partition("/_history")[0].rpartition("/")[2]

    def body(self, persona: str, type: str) -> dict[str, Any]:
        """A body of the type that this persona takes."""
        return {"resourceType": type, **deepcopy(self._bodies(persona)[type])}

    def _bodies(self, persona: str) -> dict[str, dict[str, Any]]:
        doctor, subject = {"reference": f"Practitioner/{self.id('doctor')}"}, {"reference": f"Patient/{self.id('p1')}"}
        visit = {"reference": f"Encounter/{self.id('open')}"}
        number = next(NUMBERS)
        at = f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        function = {
            "url": "urn:event-performerFunction",
            "valueCodeableConcept": {"coding": [{"system": "urn:f", "code": "LA"}]},
        }
        return {
            "Observation": {
                "status": "final", "category": [coded("vital-signs")], "subject": subject, "encounter": visit,
                "code": coded("8867-4", HDID if persona == "athena" else "http://loinc.org"), "effectiveDateTime": at,
                "valueQuantity": {"value": 70}, "performer": [{**doctor, "extension": [function]}],
            },
            "DocumentReference": {
                "status": "current", "docStatus": "final", "type": coded("11506-3"), "subject": subject,
                "author": [doctor], "context": {"encounter": [visit], "period": {"start": at, "end": at}},
                "content": [{"attachment": {"contentType": "text/rtf" if persona == "athena" else "text/plain", "data": "eA=="}}],
            },
            "Condition": {
                "subject": subject, "code": {"text": "t"},
                "clinicalStatus": coded("active", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
                "verificationStatus": coded("provisional", "http://terminology.hl7.org/CodeSystem/condition-ver-status"),
            },
            "DiagnosticReport": {"status": "final", "code": {"text": "t"}, "subject": subject, "category": [coded("LP29708-2")]},
            "Provenance": {"target": [subject], "recorded": at, "agent": [{"who": doctor}]},
            "Communication": {"status": "completed", "subject": subject, "sender": doctor},
            "QuestionnaireResponse": {"status": "completed", "subject": subject},
        }  # fmt: skip


def coded(code: str, system: str = "http://loinc.org") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with the value at the path, in the first item of each list."""
    place: Any = body
    *above, last = path.split(".")
    for name in above:
        place = place.setdefault(name, {})
        place = place[0] if isinstance(place, list) else place
    place[last] = value
    return body
