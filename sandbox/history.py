"""Edge: the versions of a resource, of a type or of everything, the newest first, page by page (R4 §3.1.0.11)."""

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, Row, literal_column, select, union_all

from r4.interaction import Answer, Interaction
from r4.moments import moment_range
from r4.outcome import outcome
from sandbox.answering import etag, parsed
from sandbox.comparing import SearchError
from sandbox.search import DEFAULT_COUNT, LONGEST_PAGE, cursor, place_of
from sandbox.tables import resources, versions
from vocabulary.instant import format_instant


def span_of(query: tuple[tuple[str, str], ...]) -> tuple[int, float | None, int]:
    """``_count``, ``_since`` as Unix seconds, and how many versions the pages before showed. Raises SearchError."""
    said = dict(query)
    if len(said) != len(query) or set(said) - {"_count", "_since", "_cursor"}:
        raise SearchError("query", "may hold _count and _since, each once")
    count = said.get("_count", str(DEFAULT_COUNT))
    if not (count.isascii() and count.isdigit() and len(count) < 10 and int(count)):
        raise SearchError("_count", "must be a whole number above zero")
    since = moment_range(said["_since"].replace(" ", "+")) if "_since" in said else None
    if "_since" in said and since is None:
        raise SearchError("_since", "must be an instant")
    return min(int(count), LONGEST_PAGE), since[0] if since else None, _skipped(said.get("_cursor"))


def _skipped(text: str | None) -> int:
    place = place_of(text) if text is not None else "0"
    return int(place) if place.isdigit() and len(place) < 10 else 0


def history(connection: Connection, interaction: Interaction, *, base: str) -> Answer:
    """One page. A history without id is that of the type, without type that of the system."""
    try:
        count, since, skip = span_of(interaction.query)
    except SearchError as wrong:
        return Answer(status=wrong.status, resource=outcome([wrong.issue]))
    rows = _rows(connection, interaction, since, skip, count + 1)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "history"}
    if interaction.id is not None and not skip and since is None and len(rows) <= count:
        bundle["total"] = len(rows)
    if len(rows) > count:
        where = "/".join(part for part in (base, interaction.type, interaction.id, "_history") if part is not None)
        place = urlencode([("_cursor", cursor(str(skip + count)))])
        bundle["link"] = [{"relation": "next", "url": f"{where}?{place}"}]
    entries = [_version(row, base) for row in rows[:count]]
    return Answer(status=200, resource={**bundle, **({"entry": entries} if entries else {})})


def _rows(
    connection: Connection, interaction: Interaction, since: float | None, skip: int, limit: int
) -> list[Row[Any]]:  # fmt: skip
    parts = []
    for table in (resources, versions):
        part = select(*(table.c[name] for name in ("type", "id", "version", "deleted", "updated", "body")))
        if interaction.type is not None:
            part = part.where(table.c.type == interaction.type)
        if interaction.id is not None:
            part = part.where(table.c.id == interaction.id)
        parts.append(part.where(table.c.updated >= since) if since is not None else part)
    newest: list[Any] = [literal_column("version").desc()]
    if interaction.id is None:
        newest = [literal_column("updated").desc(), literal_column("type"), literal_column("id"), *newest]
    return list(connection.execute(union_all(*parts).order_by(*newest).offset(skip).limit(limit)))


def _version(row: Any, base: str) -> dict[str, Any]:
    method = "DELETE" if row.deleted else "POST" if row.version == 1 else "PUT"
    url = row.type if method == "POST" else f"{row.type}/{row.id}"
    entry: dict[str, Any] = {"fullUrl": f"{base}/{row.type}/{row.id}"}
    if not row.deleted:
        entry["resource"] = parsed(row.body)
    status = {"DELETE": "204", "POST": "201", "PUT": "200"}[method]
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {"status": status, "etag": etag(row.version), "lastModified": format_instant(row.updated)}
    return entry
