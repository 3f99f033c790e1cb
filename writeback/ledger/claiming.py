"""Edge: the outbox's SQL, second part: rows are claimed under a lease.

Two lanes: rows whose time has come (retries, and what waited for another delivery), and rows never tried. Of the latter
the newest have a share of their own, so that what was accepted just now is not stuck behind the backlog of an outage.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import orjson
from msgspec import structs
from sqlalchemy import (
    Connection,
    Integer,
    Row,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    update,
)

from writeback.changes import Change
from writeback.ledger.among import among
from writeback.ledger.overtaking import overtake
from writeback.ledger.settling import Settled, settle
from writeback.ledger.targets import Target, find_target, keep_target, lock_target
from writeback.pacing import Size, allowance, book
from writeback.settings import PACE, Pace
from writeback.speaking.claims import START, TOO_MANY, Claimed, Cursor
from writeback.speaking.rendering import Need
from writeback.tables import FRESH, LATER, bodies, deliveries
from writeback.terms import SINGLY, Terms, cost

CLOCK_STEP = 2 * 3600.0
"""Seconds beyond the longest wait: a time so far ahead was set before the clock was put back, and counts as come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """Rows now leased to the caller, and what else changed on the way (rows that had become too old, or were overtaken). ``size``
    is how many entries a Bundle for this EHR has now; ``wait`` the seconds until its rate limit lets more go, 0 when it does;
    ``cursor`` is where the next claim begins."""

    rows: tuple[Claimed, ...] = ()
    changes: tuple[Change, ...] = ()
    size: int = Size().now
    wait: float = 0.0
    cursor: Cursor = START


_NEEDED = select(deliveries.c.key, deliveries.c.state, deliveries.c.location, deliveries.c.kept_version).where(
    among(deliveries.c.key, "keys")
)
_TAKEN = (
    "id", "key", "ehr", "resource_type", "fhir_id", "strategy", "quarantine", "principal", "attempt", "doubtful",
    "output", "model", "version", "valid_until", "since", "losses", "needs", "next_at", "status", "cause", "role",
)  # fmt: skip
_BODY = select(bodies.c.body).where(bodies.c.delivery == deliveries.c.id).correlate(deliveries).scalar_subquery()
"""Statements made once: putting one together costs more than running it."""

OVERLAP, LAG = 256, 1.0
"""Ids, and seconds, that a look begins before its cursor."""

Candidates = Literal["later", "newest", "oldest"]
CYCLE: tuple[Candidates, ...] = ("later", "newest", "later", "oldest")


def claim_due(
    connection: Connection, now: float, *, ehr: str, owner: str, limit: int, pace: Pace = PACE, terms: Terms = SINGLY,
    turn: int = 0, cursor: Cursor = START,
) -> Claims:  # fmt: skip
    """Leases up to ``limit`` rows of one EHR: half of them those whose time has come, the rest those never tried, newest
    and oldest alike. ``turn`` counts what was claimed before, so that small claims are fair as well, and ``cursor`` is where to
    begin. None while the EHR is left in peace, one at a time until it has answered again, and no more than its rate limit
    lets go."""
    limited = terms.per_minute is not None
    target = (lock_target(connection, ehr) if limited else find_target(connection, ehr)) or Target()
    if now < target.paused_until <= now + CLOCK_STEP:
        return Claims(size=target.size.now, cursor=cursor)
    room = min(limit, 1) if target.failures >= pace.trip else limit
    asked = _Asked(ehr=ehr, owner=owner, turn=turn, pace=pace, cursor=cursor)
    if terms.per_minute is None:
        found, wait = _fill(connection, now, asked, room=room), 0.0
    else:
        found, wait = _within(connection, now, asked, room=room, target=target, terms=terms, limit=terms.per_minute)
    taken = _claimed(connection, found, owner)
    old = {row.id for row in taken if row.valid_until is not None and row.valid_until < now}
    late = {row.id for row in taken if row.id in old and not row.doubtful and row.type != "Provenance"}
    overdue = [Settled(row=row, state="expired", values={"cause": "overdue"}) for row in taken if row.id in late]
    changes = settle(connection, now, overdue) if overdue else ()
    gone, more = overtake(connection, now, [row for row in taken if row.id not in late])
    kept = [structs.replace(row, late=True) if row.id in old else row for row in taken if row.id not in late | gone]
    beside = {row.id for row in found if row.role in BESIDE}
    if terms.transaction and beside:
        kept = _united(connection, now, asked, kept, beside)
    return Claims(
        rows=tuple(kept), changes=(*changes, *more), size=target.size.now, wait=wait, cursor=asked.cursor
    )  # fmt: skip


def waits(connection: Connection, now: float, *, ehr: str, cursor: Cursor = START) -> bool:
    """Whether anything of an EHR is due: one cheap question, for a worker that has found nothing before."""
    asked = {"target": ehr, "now": now, "ahead": now + CLOCK_STEP + PACE.retry.longest}
    return bool(connection.execute(_WAITS, asked | _beginnings(cursor)).scalar())


@dataclass(kw_only=True, slots=True)
class _Asked:
    """Who claims, of which EHR; ``turn`` counts what was claimed before, and ``cursor`` moves on with what is taken."""

    ehr: str
    owner: str
    turn: int
    pace: Pace
    cursor: Cursor

    def moved(self, now: float, candidates: Candidates, taken: Sequence[Any], *, room: int) -> None:
        """What these rows, fewer than ``room`` where there were no more, mean for the next look."""
        at = self.cursor
        if candidates == "later":
            self.cursor = structs.replace(at, due=max([at.due, *(row.next_at for row in taken if row.next_at <= now)]))
            return
        newest = max([at.newest, *(row.id for row in taken)])
        oldest = at.oldest
        if candidates == "oldest":
            oldest = newest if len(taken) < room else max(row.id for row in taken)
        self.cursor = structs.replace(at, newest=newest, oldest=oldest)


def _within(
    connection: Connection, now: float, asked: _Asked, *, room: int, target: Target, terms: Terms, limit: int
) -> tuple[list[Row[Any]], float]:  # fmt: skip
    """As many rows as the limit has requests for now, and the seconds until it has some for another."""
    most = cost(doubtful=True, terms=terms)
    free = allowance(now, target.booked, per_minute=limit, needed=most)
    taken = _fill(connection, now, asked, room=min(room, free.requests // most))
    if taken:
        booked = book(
            now,
            target.booked,
            per_minute=limit,
            requests=sum(cost(doubtful=row.doubtful, terms=terms) for row in taken),
        )
        keep_target(connection, asked.ehr, target, replace(target, booked=booked))
    return taken, 0.0 if free.requests >= most else free.wait


def _fill(connection: Connection, now: float, asked: _Asked, *, room: int) -> list[Row[Any]]:
    """Takes what is due from each lane in its share, and more from one where another has too little."""
    places = [CYCLE[(asked.turn + place) % len(CYCLE)] for place in range(room)]

    def take(candidates: Candidates, most: int) -> list[Row[Any]]:
        return _take(connection, now, asked, candidates, room=most)

    due = take("later", places.count("later"))
    taken = due + take("newest", places.count("newest"))
    taken += take("oldest", room - len(taken))
    if len(due) == places.count("later"):
        taken += take("later", room - len(taken))
    return taken


_MINE = deliveries.c.ehr == bindparam("target")
_OLDEST, _NEWEST = (deliveries.c.id > bindparam(f"after_{name}", type_=Integer) for name in ("oldest", "newest"))
_LATER = (
    LATER,
    deliveries.c.next_at >= bindparam("after_due"),
    or_(deliveries.c.next_at <= bindparam("now"), deliveries.c.next_at > bindparam("ahead")),
)
_WAITS = select(or_(exists().where(_MINE, FRESH, _OLDEST), exists().where(_MINE, *_LATER)))
_LEASE = (
    update(deliveries)
    .where(among(deliveries.c.id, "ids"))
    .values(
        state=literal_column("'leased'"), owner=bindparam("holder"), lease_until=bindparam("until"),
        attempt=deliveries.c.attempt + literal_column("1"),
    )
)  # fmt: skip


@cache
def _due(candidates: Candidates) -> Any:
    """Rows never tried, or rows whose time has come, with what they send; on PostgreSQL those that no other worker is just
    taking, locked. Made once."""
    at, id = deliveries.c.next_at, deliveries.c.id
    due = select(*(deliveries.c[name] for name in _TAKEN), _BODY.label("body")).where(_MINE)
    if candidates == "later":
        due = due.where(*_LATER).order_by(at)
    elif candidates == "newest":
        due = due.where(FRESH, _NEWEST).order_by(id.desc())
    else:
        due = due.where(FRESH, _OLDEST).order_by(id)
    return due.limit(bindparam("room", type_=Integer)).with_for_update(skip_locked=True, of=deliveries)


def _beginnings(cursor: Cursor) -> dict[str, Any]:
    """Where looks begin: a little before the cursor, for transactions end in another order than they began."""
    return {
        "after_oldest": cursor.oldest - OVERLAP, "after_newest": cursor.newest - OVERLAP, "after_due": cursor.due - LAG
    }  # fmt: skip


def _take(connection: Connection, now: float, asked: _Asked, candidates: Candidates, *, room: int) -> list[Row[Any]]:
    if room <= 0:
        return []
    ahead = now + CLOCK_STEP + asked.pace.retry.longest
    where = {"target": asked.ehr, "room": room, "now": now, "ahead": ahead, **_beginnings(asked.cursor)}
    rows = connection.execute(_due(candidates), {name: where[name] for name in _GIVEN[candidates]}).all()
    asked.moved(now, candidates, rows, room=room)
    if rows:
        leased = {"ids": tuple(row.id for row in rows), "holder": asked.owner, "until": now + asked.pace.lease}
        connection.execute(_LEASE, leased)
    return sorted(rows, key=lambda row: row.id)


_GIVEN: Mapping[Candidates, tuple[str, ...]] = {
    "later": ("target", "room", "now", "ahead", "after_due"),
    "newest": ("target", "room", "after_newest"),
    "oldest": ("target", "room", "after_oldest"),
}


def _claimed(connection: Connection, rows: Sequence[Row[Any]], owner: str) -> list[Claimed]:
    """The rows with what became of the deliveries that they refer to."""
    needs = [_words(row.needs) for row in rows]
    wanted = {key for keys in needs for key in keys}
    known = {
        row.key: Need(state=row.state, location=row.location, version=row.kept_version)
        for row in (connection.execute(_NEEDED, {"keys": tuple(wanted)}) if wanted else ())
    }
    return [
        Claimed(
            id=row.id, key=row.key, ehr=row.ehr, type=row.resource_type, fhir_id=row.fhir_id, body=row.body,
            strategy=row.strategy, quarantine=row.quarantine, principal=row.principal, attempt=row.attempt + 1,
            owner=owner, doubtful=row.doubtful, output=row.output, model=row.model, version=row.version,
            valid_until=row.valid_until, since=row.since, told=_told(row), planned_losses=_words(row.losses),
            needs={key: known.get(key, UNKNOWN) for key in keys},
        )
        for row, keys in zip(rows, needs, strict=True)
    ]  # fmt: skip


BESIDE = ("result", "flag")
"""Roles of resources that an output has beside its primary one."""
_OTHERS: Any = (
    select(*(deliveries.c[name] for name in _TAKEN), deliveries.c.blockers, _BODY.label("body"))
    .where(among(deliveries.c.output, "outputs"), deliveries.c.role.in_(("primary", "report", *BESIDE)))
    .where(deliveries.c.state == literal_column("'ready'"), deliveries.c.attempt == literal_column("0"))
    .order_by(deliveries.c.id)
    .with_for_update(skip_locked=True, of=deliveries)
)
"""In the order in which they refer to one another. Not the Provenance: it names the version of what it is of."""


def _united(
    connection: Connection, now: float, asked: _Asked, kept: Sequence[Claimed], beside: set[int]
) -> list[Claimed]:
    """Claims as well what waits for nothing but these, of the same output, all of it for the first time: they go together."""
    fresh = {row.output for row in kept if row.id in beside and row.attempt == 1 and not row.doubtful}
    keys = {row.key: row.output for row in kept if row.output in fresh and row.attempt == 1 and not row.doubtful}
    others: list[Row[Any]] = []
    for row in connection.execute(_OTHERS, {"outputs": tuple(fresh)}) if fresh else ():
        if row.blockers == len(keys.keys() & set(_words(row.needs))):
            others.append(row)
            keys[row.key] = row.output
    if others:
        leased = {"ids": tuple(row.id for row in others), "holder": asked.owner, "until": now + asked.pace.lease}
        connection.execute(_LEASE, leased)
    several = {output for output, number in Counter(keys.values()).items() if number > 1}
    whole = [*kept, *_claimed(connection, others, asked.owner)]
    return [structs.replace(row, united=True) if row.key in keys and row.output in several else row for row in whole]


UNKNOWN = Need(state="dead")


def _told(row: Row[Any]) -> int | None:
    """A batch that came too often was not looked at."""
    return None if row.cause == TOO_MANY else row.status


def _words(text: str) -> tuple[str, ...]:
    """What ``outbox.listed`` wrote: paths, delivery keys."""
    return () if text == "[]" else tuple(orjson.loads(text))  # not FHIR: a list of words
