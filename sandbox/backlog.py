"""Edge: the terms of what was stored lately are written behind it, those of many resources at once.

Every term stands at a place of its own in an index, so that the terms of one resource change more pages than all else that
is written of it; those of thousands change each page once. A change therefore stores the resource alone. At every
``BEHIND``-th change the terms of what waits are made and kept aside in memory; they are put into their table before anything
looks at terms, and at every ``ASIDE``-th change at the latest, in that change's own transaction. The gateway does it earlier, a
parameter at a time (``parts``, ``put``, ``put_all``), so that nobody waits for the whole. How far they are there stands in the
settings: what has to be put there again stands there already, so nothing is lost or there twice, however a process ends.
"""

# ruff: noqa: S608 -- every text of SQL here is ours

from sqlalchemy import Connection

from r4 import codec
from sandbox.driver import add_all, execute
from sandbox.indexing import index, rows

BEHIND = 64
"""Changes whose terms may wait to be made: so many are made within a few milliseconds."""
DUE = 4096
"""Changes after which it is time to put their terms into the table."""
ASIDE = 4 * DUE
"""Changes whose terms are kept in memory at most."""

_STATE = (
    "SELECT (SELECT max(number) FROM fhir_resources), coalesce("
    "(SELECT CAST(value AS INTEGER) FROM fhir_settings WHERE name = 'indexed'), (SELECT max(number) FROM fhir_terms), 0)"
)
"""The last change, and up to which the terms are in their table: a store of an earlier Chartgate put them there with each
change."""
AT_ONCE = 500
"""Resources whose terms are held by Python."""
_WAITING = "SELECT number, date, body FROM fhir_resources WHERE number > ? AND deleted = 0 ORDER BY number LIMIT ?"
_DONE = "INSERT OR REPLACE INTO fhir_settings (name, value) VALUES ('indexed', ?)"
_MAKE_ASIDE = "CREATE TEMP TABLE IF NOT EXISTS fhir_aside AS SELECT * FROM fhir_terms LIMIT 0"
_LAST_ASIDE = "SELECT number FROM temp.fhir_aside ORDER BY rowid DESC LIMIT 1"
_FROM_ASIDE = "INSERT OR IGNORE INTO fhir_terms SELECT * FROM temp.fhir_aside"
_PART = "WHERE parameter = ? AND number <= ?"


def follow(connection: Connection, number: int, *, base: str) -> None:
    """After the change ``number``: makes the terms that wait, when it is time for that. ``base`` is the FHIR base."""
    if number % ASIDE == 0:
        catch_up(connection, base=base)
    elif number % BEHIND == 0:
        _make(connection, "temp.fhir_aside", _made(connection), base)


def catch_up(connection: Connection, *, base: str, needed: int | None = None) -> None:
    """Puts all terms that wait into their table; nothing where those up to the change ``needed`` are there."""
    last, done = execute(connection, _STATE).fetchone()
    if last is None or done >= (last if needed is None else needed):
        return
    made = _made(connection)
    if made > done:
        execute(connection, f"{_FROM_ASIDE} ORDER BY parameter, value, low, date")
        execute(connection, "DELETE FROM temp.fhir_aside")
    _make(connection, "fhir_terms", made, base)
    done_up_to(connection, last)


def parts(connection: Connection) -> tuple[int, tuple[int, ...]]:
    """The last change whose terms are aside, and the parameters that they are of."""
    made = _made(connection)
    done_up_to(connection, execute(connection, _STATE).fetchone()[1])  # said before a part of more is there
    return made, tuple(each for (each,) in execute(connection, "SELECT DISTINCT parameter FROM temp.fhir_aside"))


def put(connection: Connection, parameter: int, number: int) -> None:
    """Puts the terms of one parameter into their table, those of the changes up to this one."""
    execute(connection, f"{_FROM_ASIDE} {_PART}", (parameter, number))
    execute(connection, f"DELETE FROM temp.fhir_aside {_PART}", (parameter, number))


def put_all(connection: Connection, number: int) -> None:
    """Notes that every part is there, up to this change."""
    if execute(connection, _STATE).fetchone()[1] < number:
        done_up_to(connection, number)


def _made(connection: Connection) -> int:
    """The change up to which terms are made."""
    execute(connection, _MAKE_ASIDE)
    last = execute(connection, _LAST_ASIDE).fetchone()
    return int(last[0] if last is not None else execute(connection, _STATE).fetchone()[1])


def _make(connection: Connection, into: str, after: int, base: str) -> None:
    """Makes the terms of all changes after this one."""
    waiting = execute(connection, _WAITING, (after, AT_ONCE)).fetchall()
    while waiting:
        made = [
            row for number, date, body in waiting for row in rows(number, index(codec.reread(body), base=base), date)
        ]
        add_all(connection, into, made)
        waiting = execute(connection, _WAITING, (waiting[-1][0], AT_ONCE)).fetchall() if len(waiting) == AT_ONCE else []


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
