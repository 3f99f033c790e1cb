"""Edge: recalls go on, whoever began them: this looks for what they concern, in the ledger and at the EHRs.

The EHR's own answers come through the outbox: an edit is a delivery like any other, sent by the backend client.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection

from auth.client.errors import ClientError
from gateway.ehrs.counted import counted
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import Unavailable
from gateway.launches.searchset import ForeignLink, Page, read_page
from gateway.outputs.changes import events_of
from gateway.processes.rounds import Rounds
from monitoring import journal
from vocabulary.write import Write
from writeback import keys, recall
from writeback.afterwards import recall_steps
from writeback.afterwards.recall_steps import Found
from writeback.afterwards.trail import Target, change
from writeback.amending import WITHDRAWN, Amendment, Edit, unfit
from writeback.amending import standing as stand_of
from writeback.capabilities import Capabilities
from writeback.changes import Change
from writeback.ledger.targets import take_place
from writeback.projection import choose
from writeback.recall import Item, Recall
from writeback.speaking.answers import Answer

if TYPE_CHECKING:
    from gateway.app import Gateway

T = TypeVar("T")
logger = logging.getLogger("chartgate.recall")

POLL, IDLE = 0.5, 4.0
"""Seconds between two rounds while a recall stands, and between two looks for one that another process has begun."""
BY_DEVICE: Mapping[str, str] = {
    "Observation": "device", "RiskAssessment": "performer", "DocumentReference": "author", "DetectedIssue": "author",
    "Flag": "author",
}  # fmt: skip
"""The search parameter of R4 that finds what a Device has made, by type."""
REPORT, REPORTED_BY = "DiagnosticReport", "result"
"""R4's DiagnosticReport names no Device: it is found by the Observations that it groups."""
JSON = {"accept": "application/fhir+json"}
MOST_PAGES = 10_000
BUSY = (429, 503)


class Recalls(Rounds):
    """The loop of one process. Several may run side by side: every step is a transaction of its own."""

    pause, longest, name = POLL, IDLE, "recalls"

    def __init__(self, gateway: "Gateway") -> None:
        super().__init__()
        self._gateway = gateway
        self._looked: set[tuple[str, int, str]] = set()

    async def round(self) -> int:
        """Takes every recall further; how many there are."""
        found = await self._gateway.run(recall.running)
        for id in found:
            await self.advance(id)
        return len(found)

    async def advance(self, id: str) -> None:
        """One round: as far as it goes without waiting for an EHR's answer to an edit."""
        standing = await self._gateway.run(lambda c, now: recall.find_recall(c, now, id))
        if standing is None:
            return
        while await self._step(lambda c, now: recall_steps.collect(c, now, recall=standing)):
            if self.stopping.is_set():
                return
        known = await self._search_all(standing)
        await self._resolve(standing, known)
        await self._look(standing, known)
        while await self._step(lambda c, now: recall_steps.conclude(c, now, recall=standing)):
            pass
        ehrs = self._gateway.senders.names()
        await self._step(lambda c, now: recall_steps.finish(c, now, recall=standing, ehrs=ehrs))

    async def _step(self, work: "Callable[[Connection, float], tuple[T, Sequence[Change]]]") -> T:
        """A step whose changes are counted with it; what it came to."""

        def done(connection: Connection, now: float) -> tuple[T, Sequence[Change]]:
            came_to, changes = work(connection, now)
            journal.record(connection, now, events_of(changes), new_id=self._gateway.new_id)
            return came_to, changes

        came_to, changes = await self._gateway.run(done)
        self._gateway.tell(changes)
        return came_to

    async def _search_all(self, standing: Recall) -> dict[str, Capabilities | None]:
        """What each EHR says it takes (None: not now), and what it has of this version besides."""
        known: dict[str, Capabilities | None] = {}
        for ehr in self._gateway.senders.names():
            try:
                known[ehr] = capabilities = await self._gateway.senders.capabilities(ehr)
                if ehr not in standing.ehrs:
                    await self._search(standing, ehr, capabilities)
            except (Unavailable, ClientError, OSError) as failure:
                logger.info("an EHR could not be searched for a recall: %s", type(failure).__name__)
                known.setdefault(ehr, None)
        return known

    async def _search(self, standing: Recall, ehr: str, capabilities: Capabilities) -> None:
        """Everything there that the version's Device has made; where no Device is taken there is nothing to search by.
        Raises Unavailable, OSError."""
        run = self._gateway.run
        await self._step(lambda c, now: (None, recall_steps.list_shared(c, now, recall=standing, ehr=ehr)))
        namespace = self._gateway.keyring.namespace
        key = keys.shared_key(ehr=ehr, model=standing.model, version=standing.version, role=keys.DEVICE)
        word = "cannot"
        written = choose(capabilities.of("Device"), "Device", self._gateway.senders.rules(ehr)) is not None
        if written and "identifier" in capabilities.of("Device").searches:
            query = keys.search_of("Device", namespace=namespace, key=key).replace("|", "%7C")
            places = [type for type in BY_DEVICE if BY_DEVICE[type] in capabilities.of(type).searches]
            whole = [place in places or not _made(capabilities, place) for place in BY_DEVICE]
            whole.append(REPORTED_BY in capabilities.of(REPORT).searches or not _made(capabilities, REPORT))
            async for devices in searched(self._gateway, ehr, f"Device?{query}"):
                whole.append(not devices.partial)
                for device in named(devices):
                    for type in places:
                        search = f"{BY_DEVICE[type]}={quote('Device/' + device['id'])}"
                        whole.append(await self._adopt(standing, ehr, type, search, capabilities))
            word = "searched" if all(whole) else "cannot"
        await run(lambda c, now: recall_steps.note_ehr(c, now, recall=standing, ehr=ehr, word=word))

    async def _adopt(self, standing: Recall, ehr: str, type: str, search: str, offered: Capabilities) -> bool:
        """Takes what a search finds into the recall, and the reports over Observations that nobody here knew. Whether the
        EHR's answer was all of it. A report is ours by its mark alone: one of somebody else may name our Observation."""
        namespace, whole = self._gateway.keyring.namespace, True
        async for found in searched(self._gateway, ehr, f"{type}?{search}"):
            whole = whole and not found.partial
            there = {
                f"{type}/{each['id']}": next(iter(keys.marked(each, namespace)), None)
                for each in named(found)
                if each.get("resourceType") == type and each.get("status") != WITHDRAWN
            }
            ours = {place: key for place, key in there.items() if key is not None or type != REPORT}
            new = await self._gateway.run(
                lambda c, now, ours=ours: recall_steps.adopt(c, now, recall=standing, ehr=ehr, found=ours)  # type: ignore[misc]
            )
            if type == "Observation" and REPORTED_BY in offered.of(REPORT).searches:
                for place in new:
                    reports = await self._adopt(standing, ehr, REPORT, f"{REPORTED_BY}={quote(place)}", offered)
                    whole = whole and reports
        return whole

    async def _resolve(self, standing: Recall, known: Mapping[str, Capabilities | None]) -> None:
        away = frozenset(ehr for ehr, capabilities in known.items() if capabilities is None)
        after: int | None = 0
        while after is not None and not self.stopping.is_set():

            def work(c: Connection, now: float, after: int = after) -> tuple[int | None, Sequence[Change]]:
                def decide(found: Found) -> Write | str | None:
                    return self._decide(standing, found, known, now)

                return recall_steps.resolve(c, now, recall=standing, after=after, decide=decide, away=away)

            after = await self._step(work)
        self._gateway.worker.wake()

    async def _look(self, standing: Recall, known: Mapping[str, Capabilities | None]) -> None:
        """Whoever asks for a recall again has worked on its worklist: what was done at the EHRs by hand is looked up, and what
        an EHR had refused is sent once more, once each time."""
        for ehr, offered in known.items():
            place = (standing.id, standing.runs, ehr)
            if standing.runs > 1 and offered is not None and place not in self._looked:
                await self._look_there(standing, ehr, offered, others=known.keys() - {ehr})
                self._looked.add(place)

    async def _look_there(self, standing: Recall, ehr: str, offered: Capabilities, others: Collection[str]) -> None:
        """At one EHR, until it wants to be left in peace."""
        after, page = 0, recall.PAGE
        while page == recall.PAGE:
            left = await self._gateway.run(
                lambda c, now, after=after: recall.list_items(  # type: ignore[misc]
                    c, now, standing.id, states=["worklist"], after=after, without=others
                )
            )
            for item in left:
                readable = item.ehr == ehr and "read" in offered.of(item.type).interactions
                if self.stopping.is_set() or (readable and not await self._look_at(item)):
                    return
            after, page = (left[-1].id if left else 0), len(left)

    async def _look_at(self, item: Item) -> bool:
        """False when the EHR has no time."""
        answer = await self._read(item)
        if answer is not None and answer.status in BUSY:
            return False
        seen = None if answer is None else _seen(item, answer)
        if seen is not None:
            await self._step(lambda c, now: recall_steps.note_seen(c, now, item=item, state=seen))
        elif item.edit is not None:
            await self._step(lambda c, now: recall_steps.try_again(c, now, item=item))
            self._gateway.worker.wake(item.ehr)
        return True

    async def _read(self, item: Item) -> Answer | None:
        """A read within the EHR's rate limit; None where there was no answer."""
        if item.location is None:
            return None
        try:
            sender, per_minute = self._gateway.senders.sender(item.ehr, "backend"), self._per_minute(item.ehr)
            if per_minute is not None:
                await self.rest(
                    await self._gateway.run(lambda c, now: take_place(c, now, ehr=item.ehr, per_minute=per_minute))
                )
            return await sender.send("GET", item.location, headers=JSON)
        except (EhrUnknown, ClientError, OSError):
            return None

    def _per_minute(self, ehr: str) -> int | None:
        return self._gateway.senders.rules(ehr).requests_per_minute

    def _decide(
        self, standing: Recall, found: Found, known: Mapping[str, Capabilities | None], now: float
    ) -> Write | str | None:
        ehr = found.item.ehr
        if ehr not in known:
            return "ehr_unknown"
        capabilities = known[ehr]
        if capabilities is None:
            return None
        type = found.item.type
        to: Amendment = "inactive" if type == "Device" else WITHDRAWN
        rules = self._gateway.senders.rules(ehr)
        problem = unfit(type, to, capabilities, rules)
        if problem is not None:
            return problem
        why = f"The model version was recalled: {standing.reason}"
        wanted = Edit(to=to, key=found.item.key, patient=found.patient, note=why, at=now)
        target = Target(location=found.location, cause=f"recall:{standing.id}", why=why, version=found.version)
        return change(
            target, wanted, names=self._gateway.names(ehr), capabilities=capabilities, now=now, rules=rules
        )  # fmt: skip


def _seen(item: Item, answer: Answer) -> Literal["retracted", "gone"] | None:
    """What somebody has made of a resource at its EHR; None while it stands, or cannot be read."""
    if answer.status in (404, 410):
        return "gone"
    resource = answer.resource() if answer.status == 200 else None
    done = (WITHDRAWN, "inactive") if item.type == "Device" else (WITHDRAWN,)
    return "retracted" if resource is not None and stand_of(resource) in done else None


def _made(capabilities: Capabilities, type: str) -> bool:
    return bool({"create", "update"} & capabilities.of(type).interactions)


def named(page: Page) -> list[dict[str, Any]]:
    """The matches that have an id."""
    return [each for each in page.matches if isinstance(each.get("id"), str)]


async def pages(gateway: "Gateway", ehr: str, path: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The resources of a search, page by page. Raises as ``searched``."""
    async for page in searched(gateway, ehr, path):
        yield named(page)


async def searched(gateway: "Gateway", ehr: str, path: str) -> AsyncIterator[Page]:
    """A search page by page. Raises Unavailable when one is not answered, or leads elsewhere."""
    try:
        sender = counted(gateway.run, gateway.senders, ehr, gateway.senders.sender(ehr, "backend"))
        base = gateway.senders.base(ehr)
    except EhrUnknown as failure:
        raise Unavailable("the EHR is not registered any more") from failure
    following: str | None = path
    for _ in range(MOST_PAGES):
        if following is None:
            return
        answer = await sender.send("GET", following, headers=JSON)
        bundle = answer.resource() if answer.status == 200 else None
        if bundle is None or bundle["resourceType"] != "Bundle":
            raise Unavailable("the EHR did not answer a search")
        try:
            page = read_page(bundle, base)
        except ForeignLink as failure:
            raise Unavailable("a further page leads away from the EHR") from failure
        assert page is not None  # it is a Bundle
        yield page
        following = page.next
    raise Unavailable("the EHR's pages do not end")
