"""Edge: schedules and their ticks as the command line and the pages show them: see ``gateway.verbs``."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select

from gateway.schedules import planning, ticks
from gateway.schedules.tables import schedules
from gateway.schedules.tables import ticks as table
from gateway.sites.declaration import Schedule
from vocabulary.instant import format_instant

Arguments = Mapping[str, Any]
MOST = 500
"""Ticks that are listed at once."""
UNKNOWN = "no schedule of that name is in force: `chartgate schedules list` shows them, as SITE/ID"


def list_schedules(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """``[{"schedule", "ehr", "models", "patients", "cron", "time_zone", "catch_up", "grace", "next": […], "last": tick or None,
    "counts": {state: n}}]``; ``site`` leaves that one's."""
    site = arguments.get("site")
    rows = [row for row in ticks.find_declared(connection, now) if site in (None, row.name.partition("/")[0])]
    return [_shown(connection, now, row) for row in rows]


def _shown(connection: Connection, now: float, row: Row[Any]) -> dict[str, Any]:
    document = json.loads(row.document)  # not FHIR: a schedule's declaration
    planned = planning.of_declaration(row.name.partition("/")[0], Schedule.model_validate(document), "UTC")
    members = ("ehr", "models", "patients", "cron", "time_zone", "catch_up", "grace")
    counted = select(table.c.state, func.count()).where(table.c.schedule == row.name).group_by(table.c.state)
    last = _newest(connection, now, row.name, 1)
    return {
        "schedule": row.name, **{name: document[name] for name in members},
        "next": [format_instant(at) for at in planning.upcoming(planned, now)], "last": last[0] if last else None,
        "counts": {each[0]: each[1] for each in connection.execute(counted)},
    }  # fmt: skip


def list_ticks(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """The newest ticks of a schedule, of before as well: ``[{"tick", "why", "state", "reason", "patients", "done", "failed",
    "began", "ended", "runs"}]``; ``missed`` leaves those that did not end well. Raises ValueError."""
    name, limit = str(arguments["schedule"]), min(int(arguments.get("limit") or 20), MOST)
    found = _newest(connection, now, name, limit, missed=bool(arguments.get("missed")))
    if not found and connection.execute(select(schedules.c.name).where(schedules.c.name == name)).first() is None:
        raise ValueError(UNKNOWN)
    return found


def _newest(connection: Connection, now: float, name: str, limit: int, *, missed: bool = False) -> list[dict[str, Any]]:
    wanted = select(table).where(table.c.schedule == name).order_by(table.c.at.desc()).limit(limit)
    wanted = wanted.where(table.c.state.in_(("missed", "partial"))) if missed else wanted
    return [
        {
            "tick": format_instant(row.at), "why": row.why, "state": row.state, "reason": row.reason or None,
            "patients": row.population, "done": row.done, "failed": row.failed, "runs": row.epoch,
            "began": None if row.began is None else format_instant(row.began),
            "ended": None if row.ended is None else format_instant(row.ended),
        }
        for row in connection.execute(wanted)
    ]  # fmt: skip


def run(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """A tick for now, which a ``serve`` process takes up: ``{"schedule", "tick"}``. Raises ValueError."""
    name = str(arguments["schedule"])
    row = connection.execute(select(schedules).where(schedules.c.name == name)).one_or_none()
    if row is None:
        raise ValueError(UNKNOWN)
    declared = Schedule.model_validate(json.loads(row.document))  # not FHIR: a schedule's declaration
    at = ticks.ask(connection, now, name=name, grace=planning.of_declaration("", declared, "UTC").grace)
    if at is None:
        raise ValueError("this very second has a tick already: try again")
    return {"schedule": name, "tick": format_instant(at)}


VERBS = {"schedules.list": list_schedules, "schedules.history": list_ticks, "schedules.run": run}
