"""Which ticks that have come are to be run, and which were missed. Pure: the clock's readings are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.schedules import cron
from gateway.sites.declaration import Schedule, Site
from vocabulary.instant import parse_span

LISTED = 100
"""Missed ticks of one absence that are listed, the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A schedule as it is run. ``name`` is ``site/id``, ``grace`` in seconds; ``at_once`` is how many of the ticks that have come
    since the last look are run, ``however_late`` whether also after their grace."""

    name: str
    declared: Schedule
    cron: cron.Cron
    zone: ZoneInfo
    grace: float
    at_once: int
    however_late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class New:
    """A tick that is to be made. ``missed`` says that it is not to be run; ``until`` is when its grace ends."""

    at: float
    why: str
    missed: bool
    until: float


def planned(site: Site) -> list[Planned]:
    """The schedules of a site."""
    return [of_declaration(site.site.id, each, site.site.timezone) for each in site.schedule]


def of_declaration(site: str, declared: Schedule, timezone: str) -> Planned:
    """One schedule; ``timezone`` is the site's, where it has none of its own."""
    return Planned(
        name=f"{site}/{declared.id}", declared=declared, cron=cron.parse(declared.cron),
        zone=ZoneInfo(declared.time_zone or timezone), grace=float(parse_span(declared.grace).seconds),
        at_once=(declared.most or 1), however_late=declared.catch_up != "none",
    )  # fmt: skip


def come(schedule: Planned, *, after: float, now: float) -> list[New]:
    """The ticks in ``(after, now]``, in order: of several the last ones are run, as many as ``catch_up`` says."""
    found = cron.newest_ticks(schedule.cron, schedule.zone, after=after, until=now, most=LISTED)
    return [_new(schedule, at, now, last=number) for number, at in enumerate(reversed(found))][::-1]


def _new(schedule: Planned, at: float, now: float, *, last: int) -> New:
    late = now > at + schedule.grace
    missed = last >= schedule.at_once or (late and not schedule.however_late)
    return New(
        at=at, why="caught_up" if late or last else "due", missed=missed, until=(now if late else at) + schedule.grace
    )  # fmt: skip


def upcoming(schedule: Planned, now: float, number: int = 3) -> Sequence[float]:
    """The next ticks."""
    found, at = [], now
    for _ in range(number):
        at = cron.next_tick(schedule.cron, schedule.zone, at)
        found.append(at)
    return found
