"""Edge: the gateway's running parts put together: models, tokens, senders, the delivery worker, the monitors."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from os import urandom
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from auth.client.flow import Means
from auth.client.registry import list_ehrs
from gateway.alerting.loop import Alerts
from gateway.alerting.sending import Mail, mail_of
from gateway.ehrs.fetch import Reach
from gateway.ehrs.file import FILE
from gateway.ehrs.senders import Senders
from gateway.feeds.editions import of_installation
from gateway.installation import Installation
from gateway.keyring import Keyring
from gateway.launches import scoring
from gateway.launches.turns import Turns
from gateway.model_folders import seen
from gateway.model_folders.models import Model, load_all
from gateway.monitors import memory, observing, signed
from gateway.monitors.evaluating import Evaluator
from gateway.monitors.journalling import Journalling
from gateway.monitors.outcomes import Outcomes
from gateway.outputs import claim_checkers
from gateway.outputs.changes import events_of
from gateway.outputs.recalling import Recalls
from gateway.people import apikeys
from gateway.processes import telemetry
from gateway.processes.telemetry import OFF, Telemetry
from gateway.routes.launches import means_of
from gateway.schedules import measuring
from gateway.schedules.running import Scheduler
from gateway.sites import history, latest, metrics
from gateway.sites.declaration import Site
from gateway.sites.deployment import Deployments
from gateway.sites.folder import Declared, read_sites
from gateway.storage import holding
from gateway.storage.purging import Purger
from gateway.storage.works import Repeatable
from monitoring import evaluations, journal
from monitoring.evaluations import Place
from monitoring.events import Event
from monitoring.exposition import EVERYWHERE, Bounds, Exposition
from monitoring.reference import Reference
from monitoring.thresholds import Thresholds
from vocabulary.output import Output
from writeback.afterwards.reconciling import Reconciler
from writeback.changes import Change
from writeback.labels import Names
from writeback.terms import EVERYTHING, ReadBack
from writeback.worker import Worker

T = TypeVar("T")
logger = logging.getLogger("chartgate.gateway")

LEARN = 5.0
"""Seconds between two looks of a replica at which EHRs are registered."""
DRAIN = 8.0
"""Seconds that what is under way has at the end; what takes longer is left as a kill would leave it."""


class Gateway:
    """What the routes of the app face work with. ``base_url`` is the app face; ``models`` are by id and version; ``pauses``
    are the seconds between tries to read a launch's chart, ``patience`` those that a busy EHR is waited for in all; ``shared``
    says that other processes work on the same database."""

    signs_in = False
    """Whether staff sign in at an OpenID provider, at ``/sign-in``."""

    def __init__(
        self, installation: Installation, *, models: Mapping[tuple[str, str], Model], base_url: str,
        clock: Callable[[], float], totals: Mapping[object, int], senders: Senders | None = None,
        reach: Reach | None = None, read_back: ReadBack = EVERYTHING, sites: Mapping[str, Site] | None = None,
        declared: Sequence[Declared] = (), mail: Mail | None = None, checkers: claim_checkers.Checkers | None = None,
        shared: bool = False, telemetry: Telemetry = OFF,
    ) -> None:  # fmt: skip
        self.telemetry = telemetry
        self.installation, self.models, self.base_url = installation, models, base_url
        self.deployments = Deployments(models=models, sites=sites or {})
        self.declared, self.clock = declared, clock
        self.editions = of_installation(installation.directory)
        self.reach = reach or Reach(clock=clock)
        self.pauses: Sequence[float] = scoring.PAUSES
        self.patience = scoring.PATIENCE
        self.senders = senders or Senders(means=self.means, clock=clock, read_back=read_back)
        self.checkers, self.recent_keys = checkers or claim_checkers.Checkers(), apikeys.Recent()
        self.exposition = Exposition(totals)  # type: ignore[arg-type]
        telemetry.measure(self.exposition)
        self.shared = shared
        self._journalling, self._working = Journalling(self._write_events), False
        self._namespace = self.keyring.namespace  # the one thing there that never changes
        self._assemble(mail)

    def _assemble(self, mail: Mail | None) -> None:
        """The parts that go on by themselves. What those that deliver do in the database, and nowhere else, may be done again."""
        delivering: dict[str, Any] = {
            "run": lambda work: self.run(Repeatable(work)), "senders": self.senders.sender, "ehrs": self.senders.names,
            "namespace": self._namespace, "observe": self._observe,
        }  # fmt: skip
        self.worker = Worker(**delivering, terms=self.senders.terms, around=self.telemetry.delivery)
        self.reconciler = Reconciler(**delivering, terms=self.senders.terms)
        self.recalls, self.owner = Recalls(self), self.worker.boot
        self.on_logout = self.senders.forget_launches
        self.turns = Turns(self, owner=self.owner if self.shared else None)
        self.alerts = Alerts(self, mail=mail)
        self.thresholds, self.signed_versions = signed.load_thresholds(self.installation), dict[str, int]()
        self.evaluator = Evaluator(
            run=self.run, plan=self._plan, holder=self.new_id(), after=self.alerts.hear,
            oldest=memory.limits(self.models, self.declared).labelled,
        )  # fmt: skip
        self.outcomes = Outcomes(self)
        self.scheduler = Scheduler(self)
        self._parts = (
            self.worker, self.recalls, self.reconciler, self.turns, self.evaluator, self.outcomes, self.alerts, Purger(self),
            self.scheduler,
        )  # fmt: skip

    @property
    def keyring(self) -> Keyring:
        return self.installation.keyring

    @property
    def means(self) -> Means:
        return means_of(self)

    async def run(self, work: Callable[[Connection, float], T], /) -> T:
        """The storage seam of the gateway's database."""
        return await self.installation.database.run(work)

    def names(self, ehr: str) -> Names:
        """In whose name resources are written to this EHR."""
        return Names(ehr=ehr, namespace=self._namespace)

    def model(self, output: Output) -> Model | None:
        """The model of an output as its EHR's site has it; None where it is not deployed there."""
        return self.deployments.at(output.ehr).get((output.model, output.version))

    def new_id(self) -> str:
        """An id of 32 hex digits: twelve of the time in milliseconds, so that an index grows at its end, and 80 random bits."""
        return f"{int(self.clock() * 1000):012x}{urandom(10).hex()}"

    async def metrics(self, bounds: Bounds = EVERYWHERE) -> bytes:
        """What ``/metrics`` answers within ``bounds``, written on a thread that lets the event loop through again and again."""
        packed = await self.run(lambda connection, now: evaluations.find_packed(connection, now))
        written = await asyncio.to_thread(self.exposition.text, packed, bounds)
        held = b"" if bounds else await self.run(holding.gauges)
        return written + measuring.text(self.scheduler, self.clock(), bounds) + held

    def reference(self, model: Model) -> Reference:
        """The profile that live data of the model is held against."""
        return observing.reference(model)

    def _plan(self, place: Place) -> object:
        """How a model is watched; None when it is not installed here."""
        model = self.models.get(place[:2])
        return None if model is None else observing.plan_of(model, place[2], self.thresholds_at(place[2]))

    def thresholds_at(self, ehr: str) -> Thresholds:
        """Those that were signed for the EHR's site, on top of the installation's."""
        return signed.at(self.thresholds, self.declared, ehr, self.signed_versions)

    async def learn_ehrs(self) -> None:
        """Looks up which EHRs the gateway is registered with now."""
        cipher = self.keyring.cipher
        found = await self.run(lambda connection, now: list_ehrs(connection, now, cipher=cipher))
        self.senders.know({ehr.name: ehr for ehr in found})

    async def on_launch(self, launch_id: str) -> None:
        """A launch is saved, with its job: its models run, also if the process ends before they did."""
        await self.turns.begin(launch_id)

    def tell(self, changes: Sequence[Change]) -> None:
        """Counts changes whose signals are durable already."""
        self.exposition.tell(events_of(changes))

    @property
    def at_work(self) -> bool:
        """Whether the deliverer runs, and is not about to end."""
        return self._working

    async def ready(self) -> bool:
        """Whether the database answers and the deliverer runs."""
        try:
            await self.run(lambda connection, now: connection.execute(text("SELECT 1")).scalar())
        except Exception as failure:
            logger.warning("not ready: %s", type(failure).__name__)
            return False
        return self._working

    async def idle(self) -> None:
        """Returns when the models of every launch so far have run."""
        await self.turns.idle()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Delivers, and finishes what an earlier process left, while the block runs."""
        await self.learn_ehrs()
        await self.turns.take_up()
        await self.alerts.look()
        async with self._serving([part.serve() for part in self._parts]):
            yield

    @contextlib.asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Delivers, and nothing else, while the block runs: what a ``worker`` does beside others of its kind."""
        await self.learn_ehrs()
        async with self._serving([self.worker.serve(), self.reconciler.serve()]):
            yield

    def stop(self) -> None:
        """Begins nothing more: not ready any longer, and what is under way comes to its end."""
        self._working = False
        for part in self._parts:
            part.stop()

    @contextlib.asynccontextmanager
    async def _serving(self, loops: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """The loops while the block runs; among other processes, EHRs that are registered meanwhile are served as well."""
        serving = [asyncio.ensure_future(loop) for loop in loops]
        learning = asyncio.create_task(self._keep_learning()) if self.shared else None
        self._working = True
        try:
            yield
        finally:
            self.stop()
            if learning is not None:
                learning.cancel()
            await self.turns.cancel()
            _, late = await asyncio.wait(serving, timeout=DRAIN)
            for task in late:
                logger.warning("what is under way takes too long to end: it is left as it is")
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=bool(late))
            await self._journalling.close()

    async def _keep_learning(self) -> None:
        while True:
            await asyncio.sleep(LEARN)
            try:
                await self.learn_ehrs()
            except Exception as failure:
                logger.warning("the registered EHRs could not be read: %s", type(failure).__name__)

    async def aclose(self) -> None:
        await asyncio.to_thread(self.telemetry.close)
        await self.checkers.aclose()
        await self.senders.aclose()
        await self.reach.aclose()

    def _observe(self, changes: Sequence[Change]) -> None:
        """The worker's changes: counted at once, written to the journal with the next group."""
        if changes:
            self._journalling.add(events_of(changes), now=self._working)
            self.exposition.tell(events_of(changes))

    async def _write_events(self, events: Sequence[Event]) -> None:
        await self.run(lambda connection, now: journal.record(connection, now, events, new_id=self.new_id))


@contextlib.asynccontextmanager
async def open_gateway(
    installation: Installation, *, models: Sequence[Path], base_url: str, clock: Callable[[], float],
    only: str | None = None, senders: Senders | None = None, reach: Reach | None = None, read_back: ReadBack = EVERYTHING,
    rehearsed: Mapping[str, Site] | None = None, shared: bool = False, config: Path | None = None,
) -> AsyncIterator[Gateway]:  # fmt: skip
    """The gateway of an installation; ``only`` leaves but the models of that id; ``rehearsed`` are sites played at EHRs of
    other names. Of several processes on one database (``shared``) each counts what it did itself, so that their sum is
    right. Raises ModelError, ManifestError for a model folder that cannot be used, SiteRefused for a site."""
    found = load_all(models)
    sites = read_sites(installation.directory, {model.key: model.manifest for model in found})
    metrics.hold(sites)
    at = {ehr.name: declared.site for declared in sites for ehr in declared.ehrs} | dict(rehearsed or {})
    loaded = {model.key: model for model in found if only in (None, model.manifest.id)}
    for model in loaded.values():
        observing.reference(model)  # a reference that cannot be used stops the start
    totals = {} if shared else await installation.database.run(journal.find_totals)
    gateway = Gateway(
        installation, models=loaded, base_url=base_url, clock=clock, totals=totals, senders=senders,  # type: ignore[arg-type]
        reach=reach, read_back=read_back, sites=at, declared=sites, mail=mail_of(os.environ),
        checkers=claim_checkers.load(config or installation.directory / FILE), shared=shared, telemetry=telemetry.of(os.environ),
    )  # fmt: skip
    await gateway.run(partial(latest.hold, installed=gateway.thresholds, declared=sites))
    await gateway.run(partial(history.record_all, sites=[declared.site for declared in sites]))
    await gateway.run(partial(seen.record_all, keys=loaded))
    try:
        yield gateway
    finally:
        await gateway.aclose()
