"""Edge: an embedded FHIR store: one interaction against the tables, without any question of who may do it.

Bodies are kept as the exact bytes that are answered. Errors are answers with an OperationOutcome, never exceptions.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, Table, bindparam, delete, insert, select
from sqlalchemy.dialects import sqlite

from r4 import codec
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import parse, walk
from r4.served import SERVED
from r4.validate import validate
from sandbox import capabilities, finding
from sandbox.answering import etag, found, http_date, refusal, unplain
from sandbox.history import history
from sandbox.indexing import Term, index
from sandbox.tables import resources, terms, versions
from vocabulary.instant import format_instant

NUMERIC = re.compile(r"[0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the store knows of its EHR: ``base`` is the FHIR base, ``new_id`` the source of ids that servers give."""

    base: str
    new_id: Callable[[], str]
    references: Literal["check", "free"] = "check"


_CURRENT = select(resources).where(resources.c.type == bindparam("type"), resources.c.id == bindparam("id"))
_EARLIER = select(versions).where(
    versions.c.type == bindparam("type"), versions.c.id == bindparam("id"), versions.c.version == bindparam("version")
)
_ADD = insert(resources).returning(resources)
_KEEP = insert(versions)
_FORGET = delete(resources).where(resources.c.number == bindparam("number"))
_FORGET_TERMS = delete(terms).where(terms.c.number == bindparam("number"))

Performer = Callable[[Connection, float, Interaction, Rules], Answer]


def perform(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    """One interaction. Batch and transaction are taken apart before they come here."""
    performer = PERFORMERS.get(interaction.action)
    if performer is None:
        return refusal(501, "not-supported", "This interaction is not served.")
    if interaction.type is not None and interaction.type not in SERVED:
        return refusal(404, "not-supported", "This server does not hold resources of this type.")
    return performer(connection, now, interaction, rules)


class Stored(NamedTuple):
    """A row of ``resources``."""

    number: int
    type: str
    id: str
    version: int
    deleted: bool
    updated: float
    body: bytes


_CURRENT_TEXT = str(_CURRENT.compile(dialect=sqlite.dialect()))


def _current(connection: Connection, type: str | None, id: str | None) -> Stored | None:
    """The driver is asked directly: this stands in every read, and in every judgement of a write."""
    row = connection.connection.cursor().execute(_CURRENT_TEXT, (type, id)).fetchone()
    return None if row is None else Stored._make(row)


def _read(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    row = _current(connection, interaction.type, interaction.id)
    if row is None:
        return refusal(404, "not-found", "There is no such resource.")
    if row.deleted:
        return refusal(410, "deleted", "The resource was deleted.", headers={"etag": etag(row.version)})
    if interaction.if_none_match in ("*", str(row.version)):
        return Answer(status=304, headers={"etag": etag(row.version)})
    return found(row)


def _vread(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    version = interaction.version or ""
    row: Stored | Row[Any] | None = _current(connection, interaction.type, interaction.id)
    if row is not None and str(row.version) != version and NUMERIC.fullmatch(version) and len(version) < 10:
        named = {"type": interaction.type, "id": interaction.id, "version": int(version)}
        row = connection.execute(_EARLIER, named).one_or_none()
    if row is None or str(row.version) != version:
        return refusal(404, "not-found", "There is no such version.")
    return refusal(410, "deleted", "This version is a deletion.") if row.deleted else found(row)


def _history(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    if interaction.id is not None and _current(connection, interaction.type, interaction.id) is None:
        return refusal(404, "not-found", "There is no such resource.")
    return history(connection, interaction, base=rules.base)


def _create(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    body = interaction.body or {}
    if (wrong := _refused(connection, body, interaction, rules)) is not None:
        return wrong
    if interaction.if_none_exist is not None:
        matched = finding.matches(
            connection, str(interaction.type), interaction.if_none_exist, base=rules.base, limit=2
        )
        if isinstance(matched, Answer):
            return matched
        if len(matched) > 1:
            return refusal(
                412, "multiple-matches", "More than one resource matches If-None-Exist.", element="If-None-Exist"
            )
        if matched:
            return _returned(matched[0], interaction, 200, rules)
    row = _write(connection, now, body, id=rules.new_id(), version=1, rules=rules)
    return _returned(row, interaction, 201, rules)


def _update(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    body, id = interaction.body or {}, str(interaction.id)
    if body.get("id") != id:
        return refusal(400, "value", "must be the id of the address", element=f"{interaction.type}.id")
    if (wrong := _refused(connection, body, interaction, rules)) is not None:
        return wrong
    row = _current(connection, interaction.type, id)
    if interaction.if_match is not None and (
        row is None or row.deleted or interaction.if_match not in ("*", str(row.version))
    ):
        return refusal(412, "conflict", "is not the current version", element="If-Match")
    if row is None:
        if NUMERIC.fullmatch(id):
            return refusal(
                422,
                "business-rule",
                "An id of digits only is for the server to give.",
                element=f"{interaction.type}.id",
            )
        return _returned(_write(connection, now, body, id=id, version=1, rules=rules), interaction, 201, rules)
    if not row.deleted and _content(codec.parse(row.body)) == _content(body):
        return _returned(row, interaction, 200, rules)
    _retire(connection, row)
    made = _write(connection, now, body, id=id, version=row.version + 1, rules=rules)
    return _returned(made, interaction, 201 if row.deleted else 200, rules)


def _content(resource: Mapping[str, Any]) -> bytes:
    """What a resource says, without what the server adds; the bytes, because 1.0 and 1.00 are not the same."""
    meta = {
        name: value for name, value in (resource.get("meta") or {}).items() if name not in ("versionId", "lastUpdated")
    }
    said = {name: value for name, value in resource.items() if name != "meta"}
    return codec.format({**dict(sorted(said.items())), "meta": meta})


def _delete(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    row = _current(connection, interaction.type, interaction.id)
    if row is None or row.deleted:
        return Answer(status=204)
    if interaction.if_match not in (None, "*", str(row.version)):
        return refusal(412, "conflict", "is not the current version", element="If-Match")
    _retire(connection, row)
    connection.execute(
        insert(resources).values(
            type=row.type, id=row.id, version=row.version + 1, deleted=True, updated=now, body=b""
        )
    )  # fmt: skip
    return Answer(status=204, headers={"etag": etag(row.version + 1)})


def _retire(connection: Connection, row: Stored) -> None:
    """The current version becomes an earlier one, and is not found any more."""
    kept = {name: getattr(row, name) for name in ("type", "id", "version", "deleted", "updated", "body")}
    connection.execute(_KEEP, kept)
    connection.execute(_FORGET_TERMS, {"number": row.number})
    connection.execute(_FORGET, {"number": row.number})


def _refused(connection: Connection, body: Mapping[str, Any], interaction: Interaction, rules: Rules) -> Answer | None:
    """Why this cannot be stored: not R4, of another type than the address, or pointing at nothing."""
    if body.get("resourceType") != interaction.type:
        return refusal(400, "value", f"must be {interaction.type}", element="resourceType")
    issues = [issue for issue in validate(body) if issue.severity in ("error", "fatal")]
    if not issues and rules.references == "check":
        issues = list(unplain(body, base=rules.base)) or list(_missing(connection, body, rules.base))
    return Answer(status=422, resource=outcome(issues)) if issues else None


def _missing(connection: Connection, body: Mapping[str, Any], base: str) -> Iterable[Issue]:
    """References within this server that lead nowhere."""
    for path, reference in walk(body):
        said = reference["reference"]
        local = parse(said, base=base)
        if local is None:
            continue
        if local.type == body.get("resourceType") and local.id == body.get("id"):
            continue
        row = _current(connection, local.type, local.id)
        if row is None or row.deleted or not _has_version(connection, row, local.version):
            yield Issue("not-found", "must be a resource that this server has", f"{path}.reference", "reference-exists")


def _has_version(connection: Connection, row: Stored, version: str | None) -> bool:
    if version is None or version == str(row.version):
        return True
    if not NUMERIC.fullmatch(version) or len(version) > 9:
        return False
    named = {"type": row.type, "id": row.id, "version": int(version)}
    return connection.execute(_EARLIER, named).one_or_none() is not None


def _write(
    connection: Connection, now: float, body: Mapping[str, Any], *, id: str, version: int, rules: Rules
) -> Row[Any]:  # fmt: skip
    stored = stamped(body, id=id, version=version, now=now)
    values = {
        "type": stored["resourceType"], "id": id, "version": version, "deleted": False, "updated": now,
        "body": codec.format(stored),
    }  # fmt: skip
    row = connection.execute(_ADD, values).one()
    add_terms(connection, [(row.number, row.type, *term) for term in index(stored, base=rules.base)])
    return row


def add_terms(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Whole rows of ``terms``, given to the driver as they are: naming and checking the parameters of each, as
    SQLAlchemy does, costs more than storing them."""
    if rows:
        connection.exec_driver_sql(_ADD_TERM, list(rows))


def positional(table: Table) -> str:
    """The insert of a whole row, as the sqlite driver takes it; all names are those of our own tables."""
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608


_ADD_TERM = positional(terms)
assert tuple(terms.c.keys()) == ("number", "type", *Term._fields)


def stamped(body: Mapping[str, Any], *, id: str, version: int, now: float) -> dict[str, Any]:
    """The resource with what the server knows: id, version, time. Members in the order in which R4 lists them first."""
    meta = body.get("meta") if isinstance(body.get("meta"), dict) else {}
    said = {"versionId": str(version), "lastUpdated": format_instant(now)}
    rest = {name: value for name, value in body.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": body["resourceType"], "id": id, "meta": {**(meta or {}), **said}, **rest}


def _returned(row: Stored | Row[Any], interaction: Interaction, status: int, rules: Rules) -> Answer:
    """The answer to a write, as the client prefers it."""
    headers = {
        "etag": etag(row.version), "last-modified": http_date(row.updated),
        "location": f"{rules.base}/{row.type}/{row.id}/_history/{row.version}",
    }  # fmt: skip
    if interaction.prefer == "minimal":
        return Answer(status=status, headers=headers)
    if interaction.prefer == "OperationOutcome":
        issue = Issue("informational", "Stored.", severity="information")
        return Answer(status=status, resource=outcome([issue]), headers=headers)
    return Answer(status=status, encoded=row.body, resource=codec.parse(row.body), headers=headers)


def _search(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    return finding.search(connection, interaction, base=rules.base)


def _capabilities(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    return Answer(status=200, resource=capabilities.statement(base=rules.base, date=format_instant(now)))


PERFORMERS: Mapping[str, Performer] = {
    "read": _read, "vread": _vread, "history": _history, "create": _create, "update": _update, "delete": _delete,
    "search": _search, "capabilities": _capabilities,
}  # fmt: skip
