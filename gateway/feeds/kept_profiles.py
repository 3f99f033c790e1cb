"""Edge: published profiles that are kept with an installation, one a feed and day: what ``/fidelity`` shows code by code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from fidelity.document import FORMAT
from gateway.tables import profiles

MOST = 2 * 1024 * 1024
"""Bytes of a document, at most."""
KEPT = 90
"""Profiles kept of one feed; the oldest goes."""


def keep(connection: Connection, now: float, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Keeps ``document`` as the profile of ``feed`` today. Raises ValueError for what is no profile, or too large."""
    feed, document = str(arguments["feed"])[:64], arguments["document"]
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("this is no profile: `chartgate fidelity profile` makes one")
    body = orjson.dumps(document)
    if len(body) > MOST:
        raise ValueError("the profile is larger than what is kept: profile a part of the feed")
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    connection.execute(delete(profiles).where(profiles.c.feed == feed, profiles.c.day == day))
    connection.execute(insert(profiles).values(feed=feed, day=day, body=body))
    days = list(
        connection.scalars(select(profiles.c.day).where(profiles.c.feed == feed).order_by(profiles.c.day.desc()))
    )
    for old in days[KEPT:]:
        connection.execute(delete(profiles).where(profiles.c.feed == feed, profiles.c.day == old))
    return {"feed": feed, "day": day}


def listed(connection: Connection, now: float) -> dict[str, list[str]]:
    """The days of each feed, the newest first."""
    made: dict[str, list[str]] = {}
    for feed, day in connection.execute(
        select(profiles.c.feed, profiles.c.day).order_by(profiles.c.feed, profiles.c.day.desc())
    ):
        made.setdefault(feed, []).append(day)
    return made


def find(connection: Connection, now: float, *, feed: str, day: str) -> dict[str, Any] | None:
    """One document."""
    body = connection.scalar(select(profiles.c.body).where(profiles.c.feed == feed, profiles.c.day == day))
    return dict(orjson.loads(body)) if body is not None else None  # not FHIR: a profile
