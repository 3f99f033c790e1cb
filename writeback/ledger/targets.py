"""Edge: what is remembered of an EHR as a target, for all workers alike: failures in a row and the pause they earn, how
large a Bundle it takes, how much of its rate limit is used up. One row each; all of it columns (docs/decisions/0003)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from writeback.ledger.clock_steps import PUT_BACK
from writeback.ledger.inserting import insert_once
from writeback.pacing import Size, allowance, book, reserve, resized
from writeback.retry import parse_retry_after
from writeback.settings import Pace, pause
from writeback.speaking.claims import Attempted
from writeback.tables import targets

_HEALTH = select(targets).where(targets.c.ehr == bindparam("target"))
_LOCKED = _HEALTH.with_for_update()
FIRST = Size()
TRUSTED = 7200.0
"""Seconds ahead: a pause beyond this was set before the clock was put back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """``failures`` in a row; nobody sends before ``paused_until``; ``booked`` is the rate limit's column."""

    failures: int = 0
    paused_until: float = 0.0
    size: Size = FIRST
    booked: float = 0.0


def find_target(connection: Connection, ehr: str) -> Target | None:
    """The row of an EHR, or None while nothing has happened."""
    return _target(connection.execute(_HEALTH, {"target": ehr}).one_or_none())


def lock_target(connection: Connection, ehr: str) -> Target | None:
    """The row of an EHR, made when there is none, and kept from other workers until the commit."""
    locked = _target(connection.execute(_LOCKED, {"target": ehr}).one_or_none())
    if locked is None:
        insert_once(connection, targets, {"ehr": ehr, **_columns(Target())})
        locked = _target(connection.execute(_LOCKED, {"target": ehr}).one_or_none())
    return locked


def _target(row: Any) -> Target | None:
    if row is None:
        return None
    return Target(
        failures=row.failures, paused_until=row.paused_until, booked=row.booked,
        size=Size(now=row.batch_size, most=row.batch_most),
    )  # fmt: skip


def keep_target(connection: Connection, ehr: str, before: Target | None, after: Target) -> None:
    """Writes what changed; makes the row when there is none."""
    if before is None and insert_once(connection, targets, {"ehr": ehr, **_columns(after)}):
        return
    was = _columns(before) if before else {}
    changed = {name: value for name, value in _columns(after).items() if was.get(name) != value}
    if changed:
        connection.execute(
            _update(tuple(sorted(changed))), {"target": ehr, **{f"new_{name}": changed[name] for name in changed}}
        )


def _columns(target: Target) -> dict[str, Any]:
    return {
        "failures": target.failures, "paused_until": target.paused_until, "booked": target.booked,
        "batch_size": target.size.now, "batch_most": target.size.most,
    }  # fmt: skip


@cache
def _update(names: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(targets).where(targets.c.ehr == bindparam("target")).values(values)


def permit(connection: Connection, now: float, *, ehr: str, per_minute: int, requests: int) -> int:
    """How many of so many requests beside deliveries the EHR's limit lets go now; they are booked."""
    target = lock_target(connection, ehr) or Target()
    free = min(requests, allowance(now, target.booked, per_minute=per_minute).requests)
    if free:
        booked = book(now, target.booked, per_minute=per_minute, requests=free)
        keep_target(connection, ehr, target, replace(target, booked=booked))
    return free


def take_place(connection: Connection, now: float, *, ehr: str, per_minute: int) -> float:
    """The next place in the EHR's limit is taken by one request; the seconds until it may go."""
    target = lock_target(connection, ehr) or Target()
    booked, wait = reserve(now, target.booked, per_minute=per_minute)
    keep_target(connection, ehr, target, replace(target, booked=booked))
    return wait


def seek_place(connection: Connection, now: float, *, ehr: str, per_minute: int, most: float) -> float:
    """The seconds until the next place in the EHR's limit; it is taken where they are no more than ``most``."""
    target = lock_target(connection, ehr) or Target()
    booked, wait = reserve(now, target.booked, per_minute=per_minute)
    if wait <= most:
        keep_target(connection, ehr, target, replace(target, booked=booked))
    return wait


def note_health(connection: Connection, now: float, attempts: Sequence[Attempted], pace: Pace) -> None:
    """Counts an EHR's failures in a row and leaves it in peace for a while, for every worker. One that answers is
    healthy again; its ``Retry-After`` is meant for everybody. A Bundle is one request, so that its failure counts once; what
    became of it decides the size of the next."""
    for ehr in sorted({attempt.delivery.ehr for attempt in attempts}):
        mine = [attempt for attempt in attempts if attempt.delivery.ehr == ehr]
        before = find_target(connection, ehr)
        after = _after(now, before or Target(), mine, pace)
        if after != (before or Target()):
            keep_target(connection, ehr, before, after)


def _after(now: float, before: Target, mine: Sequence[Attempted], pace: Pace) -> Target:
    endings = [attempt.ending for attempt in mine]
    well = any(ending.healthy for ending in endings)
    ill = len({attempt.bundle or attempt.delivery.id for attempt in mine if attempt.ending.healthy is False})
    bundles = dict.fromkeys(attempt.bundle for attempt in mine if attempt.bundle is not None)
    wishes = [parse_retry_after(ending.retry_after, now) or 0.0 for ending in endings if ending.retry_after]
    failures = 0 if well else before.failures + ill
    until = before.paused_until
    if failures != before.failures or wishes:
        asked = now + max([pause(failures, pace) if ill else 0.0, *wishes])
        put_back = any(attempt.delivery.since > now + PUT_BACK for attempt in mine)  # since they were accepted
        until = max(asked, until) if until < now + TRUSTED and not put_back else asked
    return Target(
        failures=failures, paused_until=until, booked=before.booked, size=resized(before.size, bundles),
    )  # fmt: skip
