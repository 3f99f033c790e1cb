"""Edge: what a search finds, page by page, as a Bundle (R4 §3.1.1), and what the condition of a write matches."""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from sandbox.answering import parsed
from sandbox.backlog import catch_up
from sandbox.comparing import Known, SearchError
from sandbox.driver import execute
from sandbox.indexing import key
from sandbox.paging import Found, page
from sandbox.planning import FEW
from sandbox.search import Search, compile

INCLUDES_LIMIT = 1000
"""Included resources on one page: the page says so when there would be more."""
UNITS_LIMIT = 200
"""Units that one parameter is looked for in."""


def known(connection: Connection, now: float, *, base: str) -> Known:
    """What comparisons need to know of this store, whose terms are there from now on."""
    catch_up(connection, base=base)
    return Known(base=base, now=now, units=partial(_units, connection))


def _units(connection: Connection, parameter: int) -> list[str]:
    """The units that values of a parameter are stored in, each found by a step of the index."""
    found: list[str] = []
    step = "SELECT min(value) FROM fhir_terms WHERE parameter = ? AND value > ? AND low IS NOT NULL"
    while len(found) < UNITS_LIMIT:
        last = found[-1] if found else None
        row = execute(connection, step, (parameter, last)) if found else execute(
            connection, "SELECT min(value) FROM fhir_terms WHERE parameter = ? AND low IS NOT NULL", (parameter,)
        )  # fmt: skip
        value = row.fetchone()[0]
        if value is None:
            break
        found.append(value)
    return found


def matches(
    connection: Connection, now: float, type: str, query: tuple[tuple[str, str], ...], *, base: str, limit: int
) -> list[Found] | Answer:
    """The resources that a condition of a conditional write matches. A condition that is not understood matches nothing it
    could be trusted with: it is refused."""
    try:
        wanted = compile(type, query, known(connection, now, base=base))
    except SearchError as wrong:
        return Answer(status=412, resource=outcome([wrong.issue]))
    return page(connection, replace(wanted, count=limit, total="none")).rows


def search(connection: Connection, now: float, interaction: Interaction, *, base: str, few: int = FEW) -> Answer:
    """One page of a search, with what it includes; ``few`` is that of ``planning``."""
    try:
        wanted = compile(str(interaction.type), interaction.query, known(connection, now, base=base))
        found = page(connection, wanted, few=few)
    except SearchError as wrong:
        return Answer(status=wrong.status, resource=outcome([wrong.issue]))
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if found.total is not None:
        bundle["total"] = found.total
    bundle["link"] = _links(wanted, found.next, base)
    entries = [_entry(row, base, "match") for row in found.rows]
    if wanted.includes or wanted.revincludes:
        included, whole = _included(connection, wanted, found.rows)
        entries += [_entry(row, base, "include") for row in included]
        entries += [] if whole else [CUT_OFF]
    return Answer(status=200, resource={**bundle, **({"entry": entries} if entries else {})})


def _links(wanted: Search, next: str | None, base: str) -> list[dict[str, str]]:
    said = [pair for pair in wanted.said if pair[0] != "_cursor"]
    here = f"{base}/{wanted.type}?"
    links = [{"relation": "self", "url": here + urlencode(wanted.said)}]
    if next is not None:
        links.append({"relation": "next", "url": here + urlencode([*said, ("_cursor", next)])})
    return links


def _entry(row: Found, base: str, mode: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/{row.type}/{row.id}",
        "resource": parsed(row.body),
        "search": {"mode": mode},
    }


CUT_OFF = {
    "resource": outcome(
        [Issue("incomplete", "Not all that is included is here: ask for fewer matches.", severity="warning")]
    ),
    "search": {"mode": "outcome"},
}


def _included(connection: Connection, wanted: Search, rows: Sequence[Found]) -> tuple[list[Found], bool]:
    """What the page's matches refer to, or are referred to by, each once; and whether that is all of it."""
    whole, more = True, INCLUDES_LIMIT + 1
    shown = {(row.type, row.id) for row in rows}
    found: dict[tuple[str, str], Found] = {}
    for type, name, target in wanted.includes:
        numbers = [row.number for row in rows if row.type == type]
        sql = f"SELECT value FROM fhir_terms WHERE parameter = ? AND low IS NULL AND number IN ({_places(numbers)})"
        values = execute(connection, sql, (key(type, name), *numbers)).fetchmany(more)
        whole &= len(values) < more
        for row in _named(connection, dict.fromkeys(str(value) for (value,) in values)):
            if target in (None, row.type):
                found[row.type, row.id] = row
    for type, name, _ in wanted.revincludes:
        names = [f"{row.type}/{row.id}" for row in rows]
        sql = (
            f"SELECT {_COLUMNS} FROM fhir_terms t CROSS JOIN fhir_resources r ON r.number = t.number "
            f"WHERE t.parameter = ? AND t.low IS NULL AND t.value IN ({_places(names)})"
        )
        referring = execute(connection, sql, (key(type, name), *names)).fetchmany(more)
        whole &= len(referring) < more
        for each in referring:
            row = Found._make(each)
            found[row.type, row.id] = row
    others = [row for name, row in found.items() if name not in shown]
    return others[:INCLUDES_LIMIT], whole and len(others) < more


_COLUMNS = "r.number, r.type, r.id, r.version, r.updated, r.body"


def _places(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _named(connection: Connection, references: Iterable[str]) -> list[Found]:
    by_type: dict[str, list[str]] = {}
    for reference in references:
        type, _, id = reference.partition("/")
        by_type.setdefault(type, []).append(id)
    found: list[Found] = []
    for type, ids in by_type.items():
        where = f"r.type = ? AND r.id IN ({_places(ids)}) AND r.deleted = 0"
        rows = execute(connection, f"SELECT {_COLUMNS} FROM fhir_resources r WHERE {where}", (type, *ids))
        found += map(Found._make, rows)
    return found
