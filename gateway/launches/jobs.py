"""Edge: one job per launch: its chart is to be read and its models run. A row, so that a kill forgets none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from gateway.tables import jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """``state`` is ``waiting`` or ``done``; ``problems`` are sentences for the person who launched."""

    launch: str
    state: str
    problems: tuple[str, ...]


def add_job(connection: Connection, now: float, launch: str) -> None:
    """A launch's models are to run."""
    connection.execute(insert(jobs).values(launch=launch, state="waiting", results="[]", since=now))


def find_job(connection: Connection, now: float, launch: str) -> Job | None:
    """The job of a launch, or None."""
    row = connection.execute(select(jobs).where(jobs.c.launch == launch)).one_or_none()
    return None if row is None else Job(launch=row.launch, state=row.state, problems=tuple(json.loads(row.results)))


def waiting_jobs(connection: Connection, now: float) -> list[str]:
    """The launches whose models are still to run, oldest first."""
    rows = connection.execute(select(jobs.c.launch).where(jobs.c.state == "waiting").order_by(jobs.c.since))
    return [row.launch for row in rows]


def finish_job(connection: Connection, now: float, launch: str, problems: Sequence[str]) -> None:
    """The models of a launch have run; ``problems`` are kept for its page."""
    connection.execute(
        update(jobs).where(jobs.c.launch == launch).values(state="done", results=json.dumps(list(problems)))
    )
