"""Edge: what a search or a history finds, page by page, as a Bundle (R4 §3.1.1 search, §3.1.0.11 history)."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Row, Select, func, select

from r4.interaction import Answer, Interaction
from r4.outcome import outcome
from sandbox.answering import parsed
from sandbox.comparing import SearchError
from sandbox.search import Search, compile, cursor
from sandbox.tables import resources, terms

INCLUDES_LIMIT = 1000
"""Included resources on one page: the page says so when there would be more."""


def matches(
    connection: Connection, type: str, query: tuple[tuple[str, str], ...], *, base: str, limit: int
) -> list[Row[Any]] | Answer:
    """The rows that a condition of a conditional write matches. A condition that is not understood matches nothing it
    could be trusted with: it is refused."""
    try:
        wanted = compile(type, query, base=base)
    except SearchError as wrong:
        return Answer(status=412, resource=outcome([wrong.issue]))
    return list(connection.execute(select(resources).where(wanted.condition).limit(limit)))


def search(connection: Connection, interaction: Interaction, *, base: str) -> Answer:
    """One page of a search, with what it includes."""
    try:
        wanted = compile(str(interaction.type), interaction.query, base=base)
        rows, place = _page(connection, wanted)
    except SearchError as wrong:
        return Answer(status=wrong.status, resource=outcome([wrong.issue]))
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if wanted.total or wanted.only_count:
        whole = wanted.after is None and place is None and not wanted.only_count
        bundle["total"] = len(rows) if whole else _total(connection, wanted)
    bundle["link"] = _links(wanted, place, base)
    entries = [_entry(row, base, "match") for row in rows]
    entries += [_entry(row, base, "include") for row in _included(connection, wanted, rows)]
    return Answer(status=200, resource={**bundle, **({"entry": entries} if entries else {})})


def _total(connection: Connection, wanted: Search) -> int:
    return int(connection.scalar(select(func.count()).select_from(resources).where(wanted.condition)) or 0)


def _page(connection: Connection, wanted: Search) -> tuple[Sequence[Row[Any]], str | None]:
    """The rows of this page, and the place of the next."""
    if wanted.only_count:
        return [], None
    if wanted.order:
        return _sorted_page(connection, wanted)
    query = select(resources).where(wanted.condition).order_by(resources.c.number)
    if wanted.after is not None:
        query = query.where(resources.c.number > _number(wanted.after))
    rows = connection.execute(query.limit(wanted.count + 1)).all()
    more = len(rows) > wanted.count
    return rows[: wanted.count], str(rows[wanted.count - 1].number) if more else None


def _sorted_page(connection: Connection, wanted: Search) -> tuple[Sequence[Row[Any]], str | None]:
    skip = _number(wanted.after) if wanted.after is not None else 0
    query = _ordered(select(resources).where(wanted.condition), wanted)
    rows = connection.execute(query.offset(skip).limit(wanted.count + 1)).all()
    return rows[: wanted.count], str(skip + wanted.count) if len(rows) > wanted.count else None


def _number(place: str) -> int:
    if not place.isdigit() or len(place) > 15:
        raise SearchError("_cursor", "is none of this server's")
    return int(place)


def _ordered(query: Select[Any], wanted: Search) -> Select[Any]:
    """Ordered by the least value of each parameter (the greatest when descending); what has none comes last."""
    for name, descending in wanted.order:
        if name == "_lastUpdated":
            key: Any = resources.c.updated
        elif name == "_id":
            key = resources.c.id
        else:
            pick = func.max if descending else func.min
            here = (terms.c.number == resources.c.number, terms.c.type == wanted.type, terms.c.name == name)
            key = select(pick(func.coalesce(terms.c.low, terms.c.value))).where(*here).scalar_subquery()
        query = query.order_by(key.is_(None), key.desc() if descending else key.asc())
    return query.order_by(resources.c.number)


def _links(wanted: Search, place: str | None, base: str) -> list[dict[str, str]]:
    said = [pair for pair in wanted.said if pair[0] != "_cursor"]
    here = f"{base}/{wanted.type}?"
    links = [{"relation": "self", "url": here + urlencode(wanted.said)}]
    if place is not None:
        links.append({"relation": "next", "url": here + urlencode([*said, ("_cursor", cursor(place))])})
    return links


def _entry(row: Row[Any], base: str, mode: str) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/{row.type}/{row.id}",
        "resource": parsed(row.body),
        "search": {"mode": mode},
    }


def _included(connection: Connection, wanted: Search, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """What the page's matches refer to, or are referred to by, each once."""
    shown = {(row.type, row.id) for row in rows}
    found: dict[tuple[str, str], Row[Any]] = {}
    for type, name, target in wanted.includes:
        numbers = [row.number for row in rows if row.type == type]
        values = connection.scalars(
            select(terms.c.value).where(terms.c.number.in_(numbers), terms.c.name == name).limit(INCLUDES_LIMIT)
        )
        for row in _named(connection, {str(value) for value in values}):
            if target in (None, row.type):
                found[row.type, row.id] = row
    for type, name, _ in wanted.revincludes:
        names = [f"{row.type}/{row.id}" for row in rows]
        here = (terms.c.type == type, terms.c.name == name, terms.c.value.in_(names))
        query = select(resources).join(terms, terms.c.number == resources.c.number).where(*here)
        for row in connection.execute(query.limit(INCLUDES_LIMIT)):
            found[row.type, row.id] = row
    return [row for key, row in found.items() if key not in shown][:INCLUDES_LIMIT]


def _named(connection: Connection, references: Iterable[str]) -> list[Row[Any]]:
    by_type: dict[str, list[str]] = {}
    for reference in references:
        type, _, id = reference.partition("/")
        by_type.setdefault(type, []).append(id)
    return [
        row
        for type, ids in by_type.items()
        for row in connection.execute(
            select(resources).where(resources.c.type == type, resources.c.id.in_(ids), resources.c.deleted.is_(False))
        )
    ]
