"""Edge: the terms of what was stored lately are written behind it, those of many resources at once.

Every term stands at a place of its own in an index, so that the terms of one resource change more pages than all else that
is written of it. A change therefore stores the resource alone; its terms are made before anything looks at terms, and at
every ``BEHIND``-th change at the latest, in that change's own transaction. How far they are made stands in the settings:
that is written with them, so nothing is lost or made twice, however a process ends.
"""

from sqlalchemy import Connection

from r4 import codec
from sandbox.driver import add_all, execute
from sandbox.indexing import index, rows
from sandbox.tables import terms

BEHIND = 64
"""Changes whose terms may wait: so many are made within a few milliseconds."""

_STATE = (
    "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'fhir_resources'), coalesce("
    "(SELECT CAST(value AS INTEGER) FROM fhir_settings WHERE name = 'indexed'), (SELECT max(number) FROM fhir_terms), 0)"
)
"""The last change, and up to which the terms are made: a store of an earlier Chartgate made them with each change."""
AT_ONCE = 500
"""Resources whose terms are held in memory."""
_WAITING = "SELECT number, date, body FROM fhir_resources WHERE number > ? AND deleted = 0 ORDER BY number LIMIT ?"
_DONE = "INSERT OR REPLACE INTO fhir_settings (name, value) VALUES ('indexed', ?)"


def catch_up(connection: Connection, *, base: str, needed: int | None = None) -> None:
    """Makes the terms that wait; nothing where those up to the change ``needed`` are made. ``base`` is the FHIR base."""
    last, done = execute(connection, _STATE).fetchone()
    if last is None or done >= (last if needed is None else needed):
        return
    waiting = execute(connection, _WAITING, (done, AT_ONCE)).fetchall()
    while waiting:
        made = [
            row for number, date, body in waiting for row in rows(number, index(codec.reread(body), base=base), date)
        ]
        add_all(connection, terms, made)
        waiting = execute(connection, _WAITING, (waiting[-1][0], AT_ONCE)).fetchall() if len(waiting) == AT_ONCE else []
    done_up_to(connection, last)


def done_up_to(connection: Connection, number: int) -> None:
    """Notes that the terms of every change up to this one are made."""
    execute(connection, _DONE, (str(number),))


def served_at(connection: Connection, now: float, *, base: str) -> None:
    """The store is served under this base from now on. What waits was written under the one before: an address of its own
    names the same resource still."""
    former = execute(connection, "SELECT value FROM fhir_settings WHERE name = 'base'").fetchone()
    if former is not None and former[0] != base:
        catch_up(connection, base=former[0])
    execute(connection, "INSERT OR REPLACE INTO fhir_settings (name, value) VALUES ('base', ?)", (base,))
