"""Two sites in one installation, each with an EHR, a key, a clinician, outputs, deliveries, alerts, labels and decisions."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from sqlalchemy import Connection

from auth.client.ehr import RegisteredEhr
from auth.client.registry import save_ehr
from fidelity.document import document
from fidelity.profile import Profile
from gateway import health, kept_reports
from gateway.ehrs.senders import EhrUnknown
from gateway.feeds import kept_profiles
from gateway.people import sessions
from gateway.people.apikeys import SCOPES
from gateway.routes import operations
from gateway.sites import history
from gateway.sites.declaration import Site
from gateway.sites.folder import Declared
from monitoring import samples
from monitoring.grounding.merging import Sample
from tests.flow.delivery_world import APP, ChartEhr, OneEhr, World, hurry, opened
from tests.flow.test_deliveries_api import minute_ago, refusing
from tests.property.isolation_oracle import Rows, ids_in, marks, rows_of

SITES = ("northfield", "southbrook")
READS = (
    "/api/outputs", "/api/deliveries", "/api/alerts", "/api/silences", "/api/actions", "/api/monitors", "/api/fidelity",
    "/metrics", "/health/ready",
)  # fmt: skip


@dataclass
class Ehrs(OneEhr):
    """Several EHRs by name, in the place of the gateway's senders."""

    by_name: dict[str, ChartEhr] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        return tuple(self.by_name)

    def _one(self, ehr: str) -> ChartEhr:
        if ehr not in self.by_name:
            raise EhrUnknown("no such EHR")
        return self.by_name[ehr]

    def base(self, ehr: str) -> str:
        return self._one(ehr).base

    def rules(self, ehr: str) -> Any:
        return self._one(ehr).rules

    def sender(self, ehr: str, principal: str) -> ChartEhr:
        return self._one(ehr)

    async def capabilities(self, ehr: str) -> Any:
        return self._one(ehr).capabilities


@dataclass
class Sites:
    """``keys``, ``people`` and ``staff`` are headers by site: of a key, of a clinician, and of who signed in with every role and
    is bound to it. ``open`` and ``operator`` are those of a key and of staff that are bound to nothing."""

    world: World
    operating: httpx2.AsyncClient
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    staff: dict[str, dict[str, str]] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    operator: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, headers: dict[str, str], **options: Any) -> httpx2.Response:
        client = self.operating if path.startswith(("/metrics", "/health")) else self.world.client
        return await client.request(method, path, headers=headers, **options)

    async def rows(self, site: str) -> Rows:
        return await self.world.gateway.run(lambda c, now: rows_of(c, site))

    async def reads(self, site: str) -> dict[str, str]:
        """Everything that the site's key can read, as text."""
        return {path: (await self.ask("GET", path, self.keys[site])).text for path in READS}

    async def known(self, site: str) -> frozenset[str]:
        """By what the site's things are known."""
        mine, others = await self.rows(site), [await self.rows(each) for each in SITES if each != site]
        return marks(mine, others[0], site)

    async def ids(self) -> list[str]:
        return [id for site in SITES for id in ids_in(await self.rows(site))]


@contextlib.asynccontextmanager
async def sites(folder: Path) -> AsyncIterator[Sites]:
    ehrs = Ehrs(ehr=ChartEhr(), by_name={site: ChartEhr(base=f"https://{site}.example/r4") for site in SITES})
    async with opened(folder, senders=ehrs) as world:
        watch = health.Watch(world.gateway, served=lambda: None)
        transport = httpx2.ASGITransport(operations.app(world.gateway, watch))
        async with httpx2.AsyncClient(transport=transport, base_url=APP) as operating:
            made = Sites(world=world, operating=operating)
            made.open, made.operator = await world.key(*SCOPES), await world.session(_signed_in())
            world.gateway.declared = tuple(map(_declared, SITES))
            await world.gateway.run(partial(history.record_all, sites=[each.site for each in world.gateway.declared]))
            for site in SITES:
                await world.gateway.run(lambda c, now, site=site: _register(c, now, site, world))
                await _fill(made, site, ehrs.by_name[site])
            await watch.look(time.monotonic())
            await world.gateway.evaluator.round()
            await world.gateway.alerts.round()
            yield made


def _register(connection: Connection, now: float, site: str, world: World) -> None:
    """With an address where nobody answers, which its health says."""
    ehr = RegisteredEhr(
        name=site, issuer=f"https://127.0.0.1:9/{site}", client_id=f"client-of-{site}", networks=("127.0.0.0/8",)
    )  # fmt: skip
    save_ehr(connection, now, ehr=ehr, cipher=world.gateway.keyring.cipher)


async def _fill(made: Sites, site: str, ehr: ChartEhr) -> None:
    """One output that arrives, with a label, and one that the EHR refuses, with an alert; a silence and a decision."""
    world, own = made.world, f"only-at-{site}"
    made.keys[site] = key = await world.key(*SCOPES, ehrs=(site,))
    ehr.keep({"resourceType": "Patient", "id": own})
    about = {"ehr": site, "patient": f"Patient/{own}", "as_of": minute_ago(), "inference_id": f"inference-{site}"}
    first = await world.submit({**key, "idempotency-key": f"idempotent-{site}"}, **about)
    await _turn(world, site)
    ehr.fault = refusing
    await world.submit(key, ehr=site, as_of=minute_ago())
    await _turn(world, site)
    ehr.fault = lambda method, path: None
    wrong = await world.client.post("/api/outputs", json=world.body(ehr=site, value=0.9), headers=key)
    assert wrong.status_code == 422  # refused, recorded, and an alert
    label = {"output": first["id"], "label": True, "observed_at": minute_ago()}
    silence = {"ehr": site, "until": _in_an_hour(), "why": f"silenced-by-{site}"}
    action = {"ehr": site, "model": "echo", "version": "2.0.0", "action": "shadow", "why": f"decided-by-{site}"}
    for path, body in (("labels", label), ("silences", silence), ("actions", action)):
        answer = await world.client.post(f"/api/{path}", json=body, headers=key)
        assert answer.status_code == 201, answer.text
    made.people[site] = await world.clinician(ehr=site, patient=own, launch_id=f"launch-of-{site}")
    made.staff[site] = await world.session(_signed_in(site))
    await world.gateway.run(lambda c, now: _keep(c, now, site, str(first["id"])))


def _signed_in(*ehrs: str) -> sessions.Session:
    roles = frozenset(("engineer", "informatics", "clinician"))
    return sessions.of_staff(now=time.time(), person=f"staff-of-{'-'.join(ehrs)}", roles=roles, ehrs=frozenset(ehrs))


def _declared(site: str) -> Declared:
    owners = {"model": f"owner-at-{site}", "engineering": "On call", "clinical_informatics": "Officer"}
    document = {
        "site": {"id": site, "title": f"titled-by-{site}"}, "ehr": [{"name": site}],
        "model": [{"id": "echo", "version": "1.0.0", "policy": "shadow", "owners": owners}],
    }  # fmt: skip
    ehr = RegisteredEhr(name=site, issuer=f"https://{site}.example/r4", client_id=f"client-of-{site}")
    return Declared(folder=Path("nowhere"), site=Site.model_validate(document), ehrs=(ehr,))


def _keep(connection: Connection, now: float, site: str, output: str) -> None:
    """A sentence that waits for a person, a conformance report and a profile."""
    found = [
        Sample(span=(0, 1), rules="supported", checker=f"checker-of-{site}", version="1", verdict="supported", weight=1)
    ]
    samples.save_samples(connection, now, output=output, found=found, new_id=lambda: uuid4().hex)
    base = f"https://{site}.example/r4"
    said = {"target": base, "checks": [], "summary": {"pass": 1}, "started": f"begun-at-{site}"}
    page = kept_reports.packed(f"<p>report-of-{site}".encode())
    kept_reports.keep(connection, now, {"document": kept_reports.summary(said), "by": f"run-by-{site}", "page": page})
    kept_profiles.keep(
        connection, now, {"feed": site, "document": {**document(Profile()), "made_at": f"profiled-at-{site}"}}
    )


async def _turn(world: World, site: str) -> None:
    for _ in range(6):
        await world.gateway.worker.turn(site)
        await world.gateway.run(hurry)


def _in_an_hour() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


async def trespasses(
    made: Sites, victim: str, requests: list[tuple[str, str, dict[str, str], dict[str, Any]]]
) -> set[str]:
    """What of the victim these requests of others have shown, changed, or made its own reads say otherwise: empty when the
    sites are apart."""
    read = await made.reads(victim)  # first: what it reads counts what is not counted yet
    before, known = await made.rows(victim), await made.known(victim)
    found = set()
    for method, path, headers, options in requests:
        answer = await made.ask(method, path, headers, **options)
        assert answer.status_code in (503, *range(200, 500)), path
        said = json.dumps([path, options])
        shown = answer.text + json.dumps(dict(answer.headers))
        found |= {f"{method} {path} shows {word}" for word in known if word in shown and word not in said}
    again, after = await made.reads(victim), await made.rows(victim)
    found |= {f"{name} has changed" for name in before if before[name] != after[name]}
    return found | {f"{path} says otherwise" for path in read if read[path] != again[path]}
