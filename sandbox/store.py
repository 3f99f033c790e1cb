"""Edge: an embedded FHIR store: one interaction against the tables, without any question of who may do it.

Bodies are kept as the exact bytes that are answered. Errors are answers with an OperationOutcome, never exceptions.
"""
# ruff: noqa: S608 -- every text of SQL here is ours; what a client says is only ever bound

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from r4 import codec
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import named, parse, walk
from r4.served import SERVED
from r4.validate import validate
from sandbox import backlog, capabilities, finding
from sandbox.answering import etag, found, http_date, parsed, refusal, unplain
from sandbox.driver import execute, positional
from sandbox.history import history
from sandbox.indexing import date_of
from sandbox.paging import Found, last_change
from sandbox.tables import moved, resources, versions
from vocabulary.instant import format_instant

NUMERIC = re.compile(r"[0-9]+")


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of its EHR: ``base`` is the FHIR base, ``new_id`` the source of ids that servers give."""

    base: str
    new_id: Callable[[], str]
    references: Literal["check", "free"] = "check"


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
    date: float = 0.0


_COLUMNS = "number, type, id, version, deleted, updated, body"
_CURRENT = f"SELECT {_COLUMNS}, date FROM fhir_resources WHERE type = ? AND id = ?"
_STANDS = "SELECT version, deleted FROM fhir_resources WHERE type = ? AND id = ?"
_EARLIER = f"SELECT {_COLUMNS} FROM fhir_versions WHERE type = ? AND id = ? AND version = ?"


def _current(connection: Connection, type: str | None, id: str | None) -> Stored | None:
    row = execute(connection, _CURRENT, (type, id)).fetchone()
    return None if row is None else Stored(*row)


def _earlier(connection: Connection, type: str | None, id: str | None, version: str) -> Stored | None:
    if not NUMERIC.fullmatch(version) or len(version) > 9:
        return None
    row = execute(connection, _EARLIER, (type, id, int(version))).fetchone()
    return None if row is None else Stored(*row)


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
    row = _current(connection, interaction.type, interaction.id)
    if row is not None and str(row.version) != version:
        row = _earlier(connection, interaction.type, interaction.id, version)
    if row is None or str(row.version) != version:
        return refusal(404, "not-found", "There is no such version.")
    gone = refusal(410, "deleted", "This version is a deletion.", headers={"etag": etag(row.version)})
    return gone if row.deleted else found(row)


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
            connection, now, str(interaction.type), interaction.if_none_exist, base=rules.base, limit=2
        )
        if isinstance(matched, Answer):
            return matched
        if len(matched) > 1:
            return refusal(
                412, "multiple-matches", "More than one resource matches If-None-Exist.", element="If-None-Exist"
            )
        if matched:
            return _returned(matched[0], interaction, 200, rules)
    row, stored = _write(connection, now, body, id=rules.new_id(), version=1, rules=rules)
    return _returned(row, interaction, 201, rules, stored)


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
            told = "An id of digits only is for the server to give."
            return refusal(422, "business-rule", told, element=f"{interaction.type}.id")
        made, stored = _write(connection, now, body, id=id, version=1, rules=rules)
        return _returned(made, interaction, 201, rules, stored)
    if not row.deleted and _content(codec.parse(row.body)) == _content(body):
        return _returned(row, interaction, 200, rules)
    _keep(connection, row)
    made, stored = _write(connection, now, body, id=id, version=row.version + 1, rules=rules, former=row)
    return _returned(made, interaction, 201 if row.deleted else 200, rules, stored)


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
    _keep(connection, row)
    _put(connection, now, Stored(0, row.type, row.id, row.version + 1, True, now, b""), row, base=rules.base)
    return Answer(status=204, headers={"etag": etag(row.version + 1)})


def _keep(connection: Connection, row: Stored) -> None:
    """The current version becomes an earlier one."""
    execute(connection, _ADD_VERSION, row[:7])


def _put(connection: Connection, now: float, row: Stored, former: Stored | None, *, base: str) -> None:
    """The current version, under a new number. Pages that were begun before still find it by its former one, whose terms
    have to be there for that. Those of the new one follow."""
    given = None  # the next one
    if former is not None:
        backlog.catch_up(connection, base=base, needed=former.number)
        given = last_change(connection) + 1  # though the last goes
        execute(connection, "DELETE FROM fhir_resources WHERE number = ?", (former.number,))
    number = int(execute(connection, _ADD, (given, *row[1:])).lastrowid or 0)
    if former is not None:
        if not former.deleted:
            said = (former.number, number, *former[1:4], former.updated, former.date, now)
            execute(connection, _ADD_MOVED, said)
        _sweep(connection, now)
    backlog.follow(connection, number, base=base)


def _sweep(connection: Connection, now: float) -> None:
    """Forgets some of the former numbers that no page asks for any more, and their terms."""
    some = "SELECT number FROM fhir_moved WHERE at < ? ORDER BY at LIMIT ?"
    for (number,) in execute(connection, some, (now - PAGES_LIFE, SWEPT)).fetchall():
        execute(connection, "DELETE FROM fhir_terms WHERE number = ?", (number,))
        execute(connection, "DELETE FROM fhir_moved WHERE number = ?", (number,))


PAGES_LIFE = 1200.0
"""Seconds that pages begun before a change find what it changed: links to further pages end before."""
SWEPT = 4
"""Former numbers that one change forgets at most: more than one, so that they become fewer."""


def _refused(connection: Connection, body: Mapping[str, Any], interaction: Interaction, rules: Rules) -> Answer | None:
    """Why this cannot be stored: not R4, of another type than the address, or pointing at nothing."""
    if body.get("resourceType") != interaction.type:
        return refusal(400, "value", f"must be {interaction.type}", element="resourceType")
    checked = [] if interaction.valid else validate(body)
    issues = [issue for issue in checked if issue.severity in ("error", "fatal")]
    if not issues and rules.references == "check" and not interaction.settled:
        said = {*named(body)} - interaction.beside
        issues = [*unplain(body, base=rules.base, said=said)] or [*_missing(connection, body, said, rules.base)]
    return Answer(status=422, resource=outcome(issues)) if issues else None


def _missing(connection: Connection, body: Mapping[str, Any], said: set[str], base: str) -> Iterable[Issue]:
    """References within this server that lead nowhere."""
    own = body.get("resourceType"), body.get("id")
    lost = {*islice((each for each in said if _leads_nowhere(connection, each, own, base)), LOST)}
    for path, reference in walk(body) if lost else ():
        if reference["reference"] in lost:
            yield Issue("not-found", "must be a resource that this server has", f"{path}.reference", "reference-exists")


LOST = 20
"""References that lead nowhere and are told of one body, at most: looking for more of them is work for nothing."""


def _leads_nowhere(connection: Connection, said: str, own: tuple[Any, Any], base: str) -> bool:
    local = parse(said, base=base)
    if local is None or (local.type, local.id) == own:
        return False
    row = execute(connection, _STANDS, (local.type, local.id)).fetchone()
    if row is None or row[1]:
        return True
    version = local.version
    return version not in (None, str(row[0])) and _earlier(connection, local.type, local.id, str(version)) is None


def _write(
    connection: Connection, now: float, body: Mapping[str, Any], *, id: str, version: int, rules: Rules,
    former: Stored | None = None,
) -> tuple[Stored, dict[str, Any]]:  # fmt: skip
    stored = stamped(body, id=id, version=version, now=now)
    date = date_of(stored, base=rules.base)
    row = Stored(0, stored["resourceType"], id, version, False, now, codec.format(stored), date)
    _put(connection, now, row, former, base=rules.base)
    return row, stored


_ADD, _ADD_VERSION, _ADD_MOVED = map(positional, (resources, versions, moved))
assert tuple(resources.c.keys()) == Stored._fields
assert tuple(versions.c.keys()) == Stored._fields[:7]


def stamped(body: Mapping[str, Any], *, id: str, version: int, now: float) -> dict[str, Any]:
    """The resource with what the server knows: id, version, time. Members in the order in which R4 lists them first."""
    meta = body.get("meta") if isinstance(body.get("meta"), dict) else {}
    said = {"versionId": str(version), "lastUpdated": format_instant(now)}
    rest = {name: value for name, value in body.items() if name not in ("resourceType", "id", "meta")}
    return {"resourceType": body["resourceType"], "id": id, "meta": {**(meta or {}), **said}, **rest}


def _returned(row: Stored | Found, interaction: Interaction, status: int, rules: Rules, stored: Any = None) -> Answer:
    """The answer to a write, as the client prefers it; ``stored`` is the body as a resource where that is at hand."""
    headers = {
        "etag": etag(row.version), "last-modified": http_date(row.updated),
        "location": f"{rules.base}/{row.type}/{row.id}/_history/{row.version}",
    }  # fmt: skip
    if interaction.prefer == "minimal":
        return Answer(status=status, headers=headers)
    if interaction.prefer == "OperationOutcome":
        issue = Issue("informational", "Stored.", severity="information")
        return Answer(status=status, resource=outcome([issue]), headers=headers)
    return Answer(status=status, encoded=row.body, resource=stored or parsed(row.body), headers=headers)


def _search(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    return finding.search(connection, now, interaction, base=rules.base)


def _capabilities(connection: Connection, now: float, interaction: Interaction, rules: Rules) -> Answer:
    return Answer(status=200, resource=capabilities.statement(base=rules.base, date=format_instant(now)))


PERFORMERS: Mapping[str, Performer] = {
    "read": _read, "vread": _vread, "history": _history, "create": _create, "update": _update, "delete": _delete,
    "search": _search, "capabilities": _capabilities,
}  # fmt: skip
