"""Edge: marks on the time line: changes of models, EHRs, declarations and code sets that series and alerts are read against."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from monitoring.alerting.tables import markers

CONTEXT = 14 * 86400.0
"""Seconds before an alert in which a change may have to do with it."""
MOST = 5
"""Changes that an alert tells of, the newest ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """A change that a series is read against."""

    at: float
    what: str
    model: str = ""
    ehr: str = ""
    by: str = ""


def mark(connection: Connection, now: float, marker: Marker) -> None:
    """Keeps it, once: the same change is not marked twice."""
    same = (markers.c.model == marker.model, markers.c.ehr == marker.ehr, markers.c.what == marker.what)
    if connection.execute(select(markers.c.id).where(*same).limit(1)).first() is None:
        values = {
            "at": marker.at,
            "model": marker.model,
            "ehr": marker.ehr,
            "what": marker.what[:200],
            "by": marker.by[:200],
        }
        connection.execute(insert(markers).values(**values))


def find_markers(connection: Connection, now: float, *, since: float, model: str = "", ehr: str = "") -> list[Marker]:
    """Those of this model and EHR, and of all, from the beginning."""
    wanted = (markers.c.at >= since, markers.c.model.in_(("", model)), markers.c.ehr.in_(("", ehr)))
    return [
        Marker(at=row.at, what=row.what, model=row.model, ehr=row.ehr, by=row.by)
        for row in connection.execute(select(markers).where(*wanted).order_by(markers.c.at))
    ]


def mark_version(
    connection: Connection,
    now: float,
    *,
    subject: str,
    version: str,
    model: str = "",
    ehr: str = "",
    by: str = "gateway",
) -> bool:
    """Marks that ``subject`` is at another version than was marked last; going back to an earlier one is a change too. Whether
    there was anything to mark."""
    what = f"{subject} {version}"[:200]
    of_it = (markers.c.model == model, markers.c.ehr == ehr, markers.c.what.startswith(f"{subject} ", autoescape=True))
    newest = select(markers.c.what).where(*of_it).order_by(markers.c.id.desc()).limit(1)
    if connection.scalar(newest) == what:
        return False
    connection.execute(insert(markers).values(at=now, model=model, ehr=ehr, what=what, by=by[:200]))
    return True


def find_context(connection: Connection, now: float, *, at: float, model: str, ehr: str) -> Sequence[Marker]:
    """The newest changes in the two weeks before a time."""
    found = find_markers(connection, now, since=at - CONTEXT, model=model, ehr=ehr)
    return [each for each in found if each.at <= at][-MOST:]
