"""Edge: what is not kept longer than it has a use, and the record of its going (docs/how-to/run-in-production.md).

Page by page, each in a transaction of its own: a purge holds nothing up and may stop anywhere. Of several processes the one
that holds the lease does it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Connection, Double, Integer, String, Table, delete, insert, select, tuple_

from auth.client.tables import launches, pending
from gateway.monitors import memory
from gateway.people.links import links
from gateway.people.sessions import sessions
from gateway.processes.rounds import Rounds
from gateway.schedules.tables import ENDED, patients, ticks
from gateway.sites.declaration import Retention, spans
from gateway.storage.leases import take_lease
from gateway.tables import banners, jobs, metadata
from monitoring.pruning import prune
from monitoring.tables import journal
from vocabulary.instant import format_instant, shift
from writeback.tables import AWAITING, MOVING, bodies, deliveries, outputs

if TYPE_CHECKING:
    from gateway.app import Gateway

EVERY, FIRST = 3600.0, 60.0
"""Seconds between two purges, and before the first."""
PAGE, TICKS = 500, 50
LEASE = "purge"
SETTLED = ("delivered", "superseded", "expired", "retracted")
"""Deliveries whose bodies nobody sends again; those of dead letters may be."""
logger = logging.getLogger("chartgate.purge")

purges = Table(
    "gateway_purges",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("rows", Integer, nullable=False),
)
"""What went, and when: never what was in it."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Until when (Unix seconds) the rows of an EHR are kept: ``sites`` by the EHR's name, otherwise ``rest``. A row older than
    that may go."""

    sites: Mapping[str, float]
    rest: float

    def lapsed(self, ehr: str | None, at: float) -> bool:
        return at < self.sites.get(ehr or "", self.rest)

    @property
    def newest(self) -> float:
        """Rows from here on are kept whoever's they are."""
        return max([self.rest, *self.sites.values()])


def site_key(site: str) -> str:
    """What a site's own limit is found by, beside those of EHRs."""
    return f"site {site}"


def keeping(member: str, now: float, retentions: Mapping[str, Retention]) -> Keeping:
    """The limits of one member of ``[retention]``, for EHRs by name; elsewhere its default."""

    def back(retention: Retention) -> float:
        return shift(now, spans(retention)[member], sign=-1)

    return Keeping({ehr: back(each) for ehr, each in retentions.items()}, back(Retention()))


Page = tuple[int, Any]
"""How many rows went, and where to go on; None at the end."""


def _by_age(table: Table, at: str, key: str) -> Callable[[Connection, Keeping, Any], Page]:
    """Rows of a table that are older than they are kept, by their own time."""

    def page(connection: Connection, kept: Keeping, after: Any) -> Page:
        old = select(table).where(table.c[at] < kept.newest, table.c[key] > after).order_by(table.c[key]).limit(PAGE)
        rows = connection.execute(old).mappings().all()
        gone = [row[key] for row in rows if kept.lapsed(row.get("ehr"), row[at])]
        connection.execute(delete(table).where(table.c[key].in_(gone)))
        return len(gone), rows[-1][key] if len(rows) == PAGE else None

    return page


def _launches(connection: Connection, kept: Keeping, after: Any) -> Page:
    """Launches with their tokens, banner and job, unless something of theirs is still to be decided or sent."""
    principal = "launch:" + launches.c.id
    busy = (
        select(outputs.c.id).where(AWAITING, outputs.c.principal == principal).exists(),
        select(deliveries.c.id).where(MOVING, deliveries.c.principal == principal).exists(),
    )
    old = select(launches.c.id, launches.c.ehr, launches.c.since).where(
        launches.c.since < kept.newest, launches.c.id > after
    )
    rows = connection.execute(old.where(*(~each for each in busy)).order_by(launches.c.id).limit(PAGE)).all()
    gone = [row.id for row in rows if kept.lapsed(row.ehr, row.since)]
    for table, column in ((banners, banners.c.launch), (jobs, jobs.c.launch), (launches, launches.c.id)):
        connection.execute(delete(table).where(column.in_(gone)))
    return len(gone), rows[-1].id if len(rows) == PAGE else None


def _in_order(connection: Connection, kept: Keeping, after: Any) -> Page:
    """The journal, whose rows are in the order of their time: the walk ends at the first that everybody keeps."""
    walk = select(journal.c.id, journal.c.ehr, journal.c.at).where(journal.c.id > (after or 0)).order_by(journal.c.id)
    rows = connection.execute(walk.limit(PAGE)).all()
    gone = [row.id for row in rows if kept.lapsed(row.ehr, row.at)]
    connection.execute(delete(journal).where(journal.c.id.in_(gone)))
    return len(gone), rows[-1].id if len(rows) == PAGE and rows[-1].at < kept.newest else None


def _bodies(connection: Connection, kept: Keeping, after: Any) -> Page:
    """What settled deliveries have sent, in the order in which they were accepted."""
    columns = (deliveries.c.id, deliveries.c.ehr, deliveries.c.state, deliveries.c.since, deliveries.c.changed)
    walk = select(*columns).join(bodies, bodies.c.delivery == deliveries.c.id).where(deliveries.c.id > (after or 0))
    rows = connection.execute(walk.order_by(deliveries.c.id).limit(PAGE)).all()
    gone = [row.id for row in rows if row.state in SETTLED and kept.lapsed(row.ehr, row.changed)]
    connection.execute(delete(bodies).where(bodies.c.delivery.in_(gone)))
    return len(gone), rows[-1].id if len(rows) == PAGE and rows[-1].since < kept.newest else None


def _ticks(of: Table) -> Callable[[Connection, Keeping, Any], Page]:
    """Ticks that have ended (``of`` their table), or the patients that they left out, tick by tick."""

    def page(connection: Connection, kept: Keeping, after: Any) -> Page:
        place = tuple_(of.c.schedule, of.c.at)
        old = (
            select(of.c.schedule, of.c.at)
            .distinct()
            .where(of.c.at < kept.newest, place > tuple_(*(after or ("", 0.0))))
        )
        ended = ticks.c.state.in_(ENDED)
        same = (ticks.c.schedule == of.c.schedule, ticks.c.at == of.c.at)
        whole = ended if of is ticks else select(ticks.c.at).where(ended, *same).exists()
        rows = connection.execute(old.where(whole).order_by(of.c.schedule, of.c.at).limit(TICKS)).all()
        gone = 0
        for row in rows:
            if kept.lapsed(site_key(row.schedule.partition("/")[0]), row.at):
                mine = delete(of).where(of.c.schedule == row.schedule, of.c.at == row.at)
                gone += connection.execute(mine).rowcount
        return gone, tuple(rows[-1]) if len(rows) == TICKS else None

    return page


KINDS: Mapping[str, tuple[str, Callable[[Connection, Keeping, Any], Page]]] = {
    "sessions": ("sessions", _by_age(sessions, "expires", "hash")),
    "one-time links": ("sessions", _by_age(links, "expires", "hash")),
    "launches begun": ("sessions", _by_age(pending, "expires", "state_hash")),
    "launches": ("launches", _launches),
    "bodies sent": ("launches", _bodies),
    "journal": ("journal", _in_order),
    "patients that ticks left out": ("launches", _ticks(patients)),  # before their ticks, by which they are found
    "ticks": ("journal", _ticks(ticks)),
}
"""What goes, by which member of ``[retention]``, and how."""
MONITORS = "monitors' journal"
"""What goes of the monitors' journal: ``monitoring.pruning``."""


async def purge(gateway: "Gateway") -> dict[str, int]:
    """One purge of everything: rows by kind."""
    retentions = {ehr: declared.site.retention for declared in gateway.declared for ehr in declared.site.ehrs}
    retentions |= {site_key(declared.id): declared.site.retention for declared in gateway.declared}
    gone = {kind: await _purge(gateway, kind, _kept(*KINDS[kind], retentions), "") for kind in KINDS}
    limits = memory.limits(gateway.models, gateway.declared)

    def folded(connection: Connection, now: float, after: Any) -> Page:
        return prune(connection, now, limits=limits, after=after)

    return {**gone, MONITORS: await _purge(gateway, MONITORS, folded, (-1.0, 0))}


Walk = Callable[..., Page]
"""Connection, now, and as ``after`` where to go on → a page."""


def _kept(member: str, page: Callable[[Connection, Keeping, Any], Page], retentions: Mapping[str, Retention]) -> Walk:
    return lambda connection, now, after: page(connection, keeping(member, now, retentions), after)


async def _purge(gateway: "Gateway", kind: str, walk: Walk, after: Any) -> int:
    total = 0
    while after is not None:

        def work(connection: Connection, now: float, after: Any = after) -> Page:
            return walk(connection, now, after)

        gone, after = await gateway.run(work)
        total += gone
    if total:
        await gateway.run(
            lambda connection, now: connection.execute(insert(purges).values(at=now, kind=kind, rows=total))
        )
        logger.info("purged %d of: %s", total, kind)
    return total


def list_purges(connection: Connection, now: float, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest purges."""
    rows = connection.execute(select(purges).order_by(purges.c.id.desc()).limit(PAGE))
    return [{"at": format_instant(row.at), "kind": row.kind, "rows": row.rows} for row in rows]


class Purger(Rounds):
    """The loop of one process: once an hour, unless another process does."""

    pause, name = EVERY, "purges"

    def __init__(self, gateway: "Gateway") -> None:
        super().__init__()
        self._gateway = gateway

    async def serve(self) -> None:
        """The first purge is not the first thing that a process does."""
        await self.rest(FIRST)
        await super().serve()

    async def round(self) -> None:
        """Takes the lease, and purges."""
        take = partial(take_lease, name=LEASE, owner=self._gateway.owner, seconds=EVERY - FIRST)
        if await self._gateway.run(take):
            await purge(self._gateway)
