"""Edge: the versions of a resource, of a type or of everything, the newest first, page by page (R4 §3.1.0.11).

A page goes on below the number of the change that the page before ended at, so that writes meanwhile move nothing.
"""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import Connection

from r4.interaction import Answer, Interaction
from r4.moments import moment_range
from r4.outcome import outcome
from sandbox.answering import etag, parsed
from sandbox.comparing import SearchError
from sandbox.cursors import Place, read, write
from sandbox.driver import execute
from sandbox.search import DEFAULT_COUNT, LONGEST_PAGE
from vocabulary.instant import format_instant


class Span(NamedTuple):
    """What a history is asked for: ``since`` and ``at`` in Unix seconds, ``at`` from the first to the last moment;
    ``cursor`` is that of a further page."""

    size: int
    since: float | None = None
    at: tuple[float, float] | None = None
    cursor: str | None = None


class Version(NamedTuple):
    """A row of the resources or of the earlier versions."""

    number: int
    type: str
    id: str
    version: int
    deleted: bool
    updated: float
    body: bytes


def span_of(query: tuple[tuple[str, str], ...]) -> Span:
    """The parameters of a history. Raises SearchError."""
    said = dict(query)
    if len(said) != len(query) or set(said) - {"_count", "_since", "_at", "_cursor"}:
        raise SearchError("query", "may hold _count, _since and _at, each once")
    count = said.get("_count", str(DEFAULT_COUNT))
    if not (count.isascii() and count.isdigit() and len(count) < 10 and int(count)):
        raise SearchError("_count", "must be a whole number above zero")
    since, at = (_moment(name, said.get(name)) for name in ("_since", "_at"))
    return Span(min(int(count), LONGEST_PAGE), since[0] if since else None, at, said.get("_cursor"))


def _moment(name: str, said: str | None) -> tuple[float, float] | None:
    found = moment_range(said.replace(" ", "+")) if said is not None else None
    if said is not None and found is None:
        raise SearchError(name, "must be an instant or a date")
    return found


def history(connection: Connection, interaction: Interaction, *, base: str) -> Answer:
    """One page. A history without id is that of the type, without type that of the system."""
    try:
        span = span_of(interaction.query)
        place = read(span.cursor, keys=1) if span.cursor is not None else None
    except SearchError as wrong:
        return Answer(status=wrong.status, resource=outcome([wrong.issue]))
    rows = _rows(connection, interaction, span, place)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "history"}
    more = len(rows) > span.size
    if interaction.id is not None and place is None and span.since is None and span.at is None and not more:
        bundle["total"] = len(rows)
    if more:
        where = "/".join(part for part in (base, interaction.type, interaction.id, "_history") if part is not None)
        last = rows[span.size - 1]
        next = write(Place(0, None, (last.updated,), last.number))
        bundle["link"] = [{"relation": "next", "url": f"{where}?{urlencode([('_cursor', next)])}"}]
    entries = [_version(row, base) for row in rows[: span.size]]
    return Answer(status=200, resource={**bundle, **({"entry": entries} if entries else {})})


def _rows(connection: Connection, interaction: Interaction, span: Span, place: Place | None) -> list[Version]:
    """One more than the page holds, the newest first, merged from the current and the earlier versions."""
    where, values = _where(interaction, span, place)
    of_type = interaction.type is not None and interaction.id is None
    parts = [("fhir_resources", where), ("fhir_versions", where)]
    if of_type:  # what lives and what is gone have an index each
        parts[:1] = [("fhir_resources", f"{where} AND x.deleted = {gone}") for gone in (0, 1)]
    order = "x.updated DESC, x.number DESC" if of_type else "x.number DESC"
    found: list[Version] = []
    for table, here in parts:
        sql = f"SELECT x.number, x.type, x.id, x.version, x.deleted, x.updated, x.body FROM {table} x"
        some = execute(connection, f"{sql} WHERE {here} ORDER BY {order}", values)
        found += list(islice(_since(some, span), span.size + 1))
    newest = (lambda row: (row.updated, row.number)) if of_type else (lambda row: (row.number, 0.0))
    return sorted(found, key=newest, reverse=True)[: span.size + 1]


def _since(rows: Iterable[Any], span: Span) -> Iterator[Version]:
    """Rows that are not older than asked; where they come by number, a day is allowed for clocks that were set back."""
    for row in map(Version._make, rows):
        if span.since is not None and row.updated < span.since:
            if row.updated < span.since - DAY:
                return
            continue
        yield row


def _where(interaction: Interaction, span: Span, place: Place | None) -> tuple[str, tuple[Any, ...]]:
    conditions: list[tuple[str, tuple[Any, ...]]] = [("1", ())]
    if interaction.type is not None:
        conditions.append(("x.type = ?", (interaction.type,)))
    if interaction.id is not None:
        conditions.append(("x.id = ?", (interaction.id,)))
    if place is not None and interaction.type is not None and interaction.id is None:
        conditions.append(("(x.updated, x.number) < (?, ?)", (place.keys[0], place.number)))
    elif place is not None:
        conditions.append(("x.number < ?", (place.number,)))
    if span.at is not None:
        conditions.append((f"x.updated < ? AND {_CURRENT_AT}", (span.at[1], span.at[0], span.at[0])))
    return " AND ".join(sql for sql, _ in conditions), tuple(value for _, values in conditions for value in values)


_CURRENT_AT = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM {table} y WHERE y.type = x.type AND y.id = x.id AND y.version = x.version + 1 "
    "AND y.updated <= ?)"
    for table in ("fhir_resources", "fhir_versions")
)
"""``_at``: versions that were current at some time of the span (R4 §3.1.0.11)."""
DAY = 86400.0


def _version(row: Version, base: str) -> dict[str, Any]:
    method = "DELETE" if row.deleted else "POST" if row.version == 1 else "PUT"
    url = row.type if method == "POST" else f"{row.type}/{row.id}"
    entry: dict[str, Any] = {"fullUrl": f"{base}/{row.type}/{row.id}"}
    if not row.deleted:
        entry["resource"] = parsed(row.body)
    status = {"DELETE": "204", "POST": "201", "PUT": "200"}[method]
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {"status": status, "etag": etag(row.version), "lastModified": format_instant(row.updated)}
    return entry
