"""Edge: what two versions of a model said of the same patient at the same time, read page by page out of the outputs."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, and_, literal, select, tuple_

from monitoring.tables import labels
from writeback.tables import outputs

T = TypeVar("T")
AT_ONCE = 100
"""Outputs looked at in one work: two milliseconds where each has its pair."""
MOST = 100_000
"""Pairs that are compared; there may be more, and then it is said."""


class Run(Protocol):
    """The storage seam, ``database.run``."""

    def __call__(self, work: Callable[[Connection, float], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """``one`` and ``other`` are versions; no ``ehrs`` means every EHR; times are Unix seconds."""

    model: str
    one: str
    other: str
    since: float
    until: float
    ehrs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One pair as it is stored: states, bodies, and whether its outcome is known (two labels may contradict each other)."""

    states: tuple[str, str]
    bodies: tuple[bytes, bytes]
    events: tuple[bool | None, bool | None]


@dataclass(kw_only=True)
class Collected:
    """``pairs`` by EHR, patient and time; ``states`` of all outputs of either version; ``cut`` when there were more."""

    pairs: dict[tuple[str, str, float], Found] = field(default_factory=dict)
    states: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    cut: bool = False


_ONE, _OTHER = outputs.alias("one"), outputs.alias("other")
_FIRST, _SECOND = labels.alias("first"), labels.alias("second")


async def collect(run: Run, wanted: Wanted, *, at_once: int = AT_ONCE) -> Collected:
    """Every pair, the newest under its name where a refusal was corrected."""
    found, after = Collected(), (wanted.since, "")
    while True:
        page = await run(partial(_page, wanted=wanted, after=after, at_once=at_once))
        for key, pair in page.pairs:
            if key not in found.pairs or "refused" in found.pairs[key].states:
                found.pairs[key] = pair
        for counted, states in zip(found.states, page.states, strict=True):
            counted.update(states)
        found.cut = page.following is not None and len(found.pairs) >= MOST
        if page.following is None or found.cut:
            return found
        after = page.following


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """The pairs of some outputs, the states of those of either version, and the place after them; None at the end."""

    pairs: list[tuple[tuple[str, str, float], Found]]
    states: tuple[list[str], list[str]]
    following: tuple[float, str] | None


def _page(connection: Connection, now: float, *, wanted: Wanted, after: tuple[float, str], at_once: int) -> _Page:
    """The next outputs, whosesoever they are: a work of bounded length however seldom the two versions speak."""
    o = outputs.c
    rows = connection.execute(
        select(o.id, o.since, o.model, o.version, o.ehr, o.state)
        .where(o.since >= after[0], tuple_(o.since, o.id) > tuple_(*map(literal, after)), o.since <= wanted.until)
        .order_by(o.since, o.id).limit(at_once)
    ).all()  # fmt: skip
    own = [row for row in rows if row.model == wanted.model and (not wanted.ehrs or row.ehr in wanted.ehrs)]
    ids = [row.id for row in own if row.version == wanted.one]
    return _Page(
        pairs=[_read(row) for row in connection.execute(_paired(ids, wanted, now))] if ids else [],
        states=(
            [row.state for row in own if row.version == wanted.one],
            [row.state for row in own if row.version == wanted.other],
        ),
        following=(rows[-1].since, rows[-1].id) if len(rows) == at_once else None,
    )


def _paired(ids: list[str], wanted: Wanted, now: float) -> Any:
    same = and_(
        _OTHER.c.ehr == _ONE.c.ehr, _OTHER.c.patient == _ONE.c.patient, _OTHER.c.model == _ONE.c.model,
        _OTHER.c.as_of == _ONE.c.as_of, _OTHER.c.version == wanted.other,
    )  # fmt: skip
    known = (
        _ONE.join(_OTHER, same)
        .outerjoin(_FIRST, and_(_FIRST.c.output == _ONE.c.id, _FIRST.c.mature <= now))
        .outerjoin(_SECOND, and_(_SECOND.c.output == _OTHER.c.id, _SECOND.c.mature <= now))
    )
    return (
        select(
            _ONE.c.ehr, _ONE.c.patient, _ONE.c.as_of, _ONE.c.state, _ONE.c.body, _OTHER.c.state.label("other_state"),
            _OTHER.c.body.label("other_body"), _FIRST.c.event.label("first"), _SECOND.c.event.label("second"),
        )
        .select_from(known).where(_ONE.c.id.in_(ids)).order_by(_ONE.c.since, _OTHER.c.since)
    )  # fmt: skip


def _read(row: Any) -> tuple[tuple[str, str, float], Found]:
    return (row.ehr, row.patient, row.as_of), Found(
        states=(row.state, row.other_state), bodies=(bytes(row.body), bytes(row.other_body)),
        events=(row.first, row.second),
    )  # fmt: skip
