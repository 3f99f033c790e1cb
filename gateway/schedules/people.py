"""Edge: the patients of a tick as rows, and how a tick ends: what is done is done once, whoever goes on with the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update

from gateway.schedules.population import Person
from gateway.schedules.tables import patients, ticks
from gateway.schedules.ticks import BOTH, LONGEST, Claim, Ended, check, end, lapsed, pause, place
from writeback.ledger.inserting import insert_once


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A patient that is to be scored, as of when, and how often that was tried."""

    patient: str
    encounter: str | None
    as_of: float
    tries: int


def save_people(connection: Connection, now: float, *, held: Claim, people: Sequence[Person]) -> None:
    """A portion of the population. Raises Fenced."""
    check(connection, now, held=held)
    for each in people:
        insert_once(connection, patients, {
            "schedule": held.schedule, "at": held.at, "patient": each.patient[:80], "encounter": each.encounter,
            "state": "waiting" if each.named else "failed", "reason": "" if each.named else "no_patient", "as_of": None,
            "next_at": 0.0, "tries": 0,
        })  # fmt: skip


def forget_people(connection: Connection, now: float, *, held: Claim) -> None:
    """A population that was not read to its end is read anew. Raises Fenced."""
    check(connection, now, held=held)
    connection.execute(delete(patients).where(*place(patients, held)))


def note_population(connection: Connection, now: float, *, held: Claim, number: int) -> None:
    """The population is whole. Raises Fenced."""
    check(connection, now, held=held)
    connection.execute(update(ticks).where(*place(ticks, held)).values(population=number, tries=0))


def take_turns(connection: Connection, now: float, *, held: Claim, as_of: float, most: int) -> list[Turn]:
    """The next patients that are due; one that was never read is read as of ``as_of``. Raises Fenced."""
    check(connection, now, held=held)
    due = or_(patients.c.next_at <= now, patients.c.next_at > now + LONGEST)
    wanted = select(patients).where(*place(patients, held), patients.c.state == "waiting", due)
    rows = connection.execute(wanted.order_by(patients.c.patient).limit(most)).all()
    new = [row.patient for row in rows if row.as_of is None]
    if new:
        mine = and_(*place(patients, held), patients.c.patient.in_(new))
        connection.execute(update(patients).where(mine).values(as_of=as_of))
    return [
        Turn(
            patient=row.patient, encounter=row.encounter, tries=row.tries, as_of=as_of if row.as_of is None else row.as_of
        )
        for row in rows
    ]  # fmt: skip


def finish_patient(connection: Connection, now: float, *, held: Claim, turn: Turn, problem: str) -> None:
    """A patient is done, or is tried again while the tick's grace lasts. Raises Fenced."""
    row = check(connection, now, held=held)
    wait = pause(turn.tries)
    values: dict[str, Any] = {"state": "done", "reason": ""}
    if problem:
        over = now + wait > row.until
        values = {
            "state": "failed" if over else "waiting",
            "reason": problem,
            "tries": turn.tries + 1,
            "next_at": now + wait,
        }
    mine = and_(*place(patients, held), patients.c.patient == turn.patient)
    connection.execute(update(patients).where(mine).values(**values))


def put_off(connection: Connection, now: float, *, held: Claim, reason: str) -> list[Ended]:
    """The tick cannot be gone on with: again in a while, or, when its grace ends before, it is over. Raises Fenced."""
    row = check(connection, now, held=held)
    wait = pause(row.tries)
    values = {
        "state": "waiting",
        "owner": "",
        "reason": reason,
        "tries": row.tries + 1,
        "next_at": now + wait,
        "lease": now,
    }
    connection.execute(update(ticks).where(*place(ticks, held)).values(**values))
    return [_give_up(connection, now, row, reason)] if now + wait > row.until else []


def conclude(connection: Connection, now: float, *, held: Claim) -> list[Ended]:
    """Ends the tick once no patient waits. Raises Fenced."""
    check(connection, now, held=held)
    return [] if _counts(connection, held).get("waiting") else [_close(connection, now, _sum(connection, held))]


def _counts(connection: Connection, held: Claim | Ended) -> dict[str, int]:
    counted = select(patients.c.state, func.count()).where(*place(patients, held)).group_by(patients.c.state)
    return {row[0]: int(row[1]) for row in connection.execute(counted)}


def _sum(connection: Connection, held: Claim | Ended) -> Ended:
    counts = _counts(connection, held)
    done, failed = counts.get("done", 0), counts.get("failed", 0)
    state = "done" if not failed else "partial" if done else "missed"
    wanted = select(patients.c.reason).where(*place(patients, held), patients.c.state == "failed")
    reason = connection.scalar(wanted.group_by(patients.c.reason).order_by(func.count().desc()).limit(1)) or ""
    return Ended(schedule=held.schedule, at=held.at, state=state, reason=reason, done=done, failed=failed)


def sweep(connection: Connection, now: float, *, names: Iterable[str]) -> list[Ended]:
    """Open ticks that nobody holds and whose grace is over: never begun, or left in the middle longer ago than that."""
    over = and_(ticks.c.until < now, ticks.c.lease + ticks.c.grace < now)
    free = or_(ticks.c.state == "waiting", lapsed(now))
    wanted = select(ticks).where(ticks.c.schedule.in_(list(names)), ticks.c.state.in_(BOTH), over, free)
    return [
        _give_up(connection, now, row, row.reason or "late")
        for row in connection.execute(wanted.with_for_update(skip_locked=True)).all()
    ]


def _give_up(connection: Connection, now: float, row: Row[Any], reason: str) -> Ended:
    given = Ended(schedule=row.schedule, at=row.at, state="missed", reason=reason)
    waiting = and_(*place(patients, given), patients.c.state == "waiting")
    connection.execute(update(patients).where(waiting).values(state="failed", reason=reason))
    return _close(connection, now, given if row.population is None else _sum(connection, given))


def _close(connection: Connection, now: float, ended: Ended) -> Ended:
    """Who is done is told by the outputs; who was left out stays."""
    connection.execute(delete(patients).where(*place(patients, ended), patients.c.state == "done"))
    return end(connection, now, ended)
