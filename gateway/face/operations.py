"""Named operations: the two that are served, and by a table the refusal of every other."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from msgspec import structs

from auth.access.compartment import narrowing
from auth.access.decide import allowing, fhir_scopes, level, operating
from auth.access.levels import OPERATIONS
from auth.server.grants import Grant
from gateway.face.guarding import ABSENT, FORBIDDEN, UNSERVED, Means, Scopes, Serving, raw, within
from gateway.face.pages import CURSOR, cursor_of, here, next_link, resume
from gateway.face.searching import check_search, recheck_search
from gateway.face.validating import validated
from r4.criteria import OTHERS
from r4.interaction import Answer, Interaction
from r4.moments import moment_range
from r4.references import named, parse
from r4.served import SERVED
from sandbox.answering import refusal
from sandbox.bulk import ASSOCIATED
from sandbox.indexing import DATES

ALONE = refusal(400, "not-supported", "An export stands in no batch: it is asynchronous.")
NONE = refusal(404, "not-supported", "This server has no such operation.")
EVERYTHING_COUNT, EVERYTHING_LONGEST = 100, 500
LINKED = 200
"""Resources that support the records of one page, at most."""
SEARCHES = 12
"""Searches that one page of ``$everything`` makes at most: no work of the store lasts long."""


def serve_operation(i: Interaction, grant: Grant, means: Means) -> Serving:
    """An operation, or by the table why not."""
    row = OPERATIONS.get(str(i.operation))
    if row is None:
        return NONE
    if not any(level(scope, grant) in row.levels for scope in fhir_scopes(grant)):
        return FORBIDDEN
    place = "system" if i.type is None else "type" if i.id is None else "instance"
    if not row.served or place not in row.places:
        return NONE
    if i.operation == "$export":
        return ALONE
    if i.type not in SERVED:
        return UNSERVED
    if i.operation == "$validate":
        return validated(i) if operating(grant, "$validate", i.type) else FORBIDDEN
    scopes = allowing(grant, "read", i.type)
    return (yield from _everything(i, scopes, grant, means)) if scopes else FORBIDDEN


def _everything(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Serving:
    """``Patient/{id}/$everything``: a search of each granted type in the compartment, one after the other."""
    if i.type != "Patient":
        return NONE
    current = yield raw("Patient", str(i.id))
    if current.status != 200 or not (yield from within(scopes, current.resource, grant, means)):
        return ABSENT if current.status < 500 else current
    said_so = _unposted(i)
    resumed = said_so if isinstance(said_so, Answer) else resume(said_so, grant, means)
    if isinstance(resumed, Answer):
        return resumed
    asked, cursor = resumed
    said = dict(asked.query)
    count = said.get("_count", str(EVERYTHING_COUNT))
    if not (count.isascii() and count.isdigit() and int(count[:9]) > 0 and len(count) < 10):
        return refusal(400, "value", "must be a whole number above zero", element="_count")
    types, span = _types(said.get("_type"), grant, str(i.id)), _span(said)
    if isinstance(types, Answer):
        return types
    if isinstance(span, Answer):
        return span
    start = cursor.partition("|") if cursor is not None else ("0", "", "")
    linked = ASSOCIATED & ({*said["_type"].split(",")} if "_type" in said else ASSOCIATED)
    page = _Page(types, int(start[0]), start[2], min(int(count), EVERYTHING_LONGEST), span, linked)
    wanted = cursor is None and "Patient" in said.get("_type", "Patient").split(",")
    own = [_entry(current.resource, "match", means)] if wanted and _changed_since(current.resource, span) else []
    return (yield from _fill(asked, page, own, grant, means))


def _unposted(i: Interaction) -> Interaction | Answer:
    """The operation with its parameters in the address, as a GET would have them (R4 §3.2.0.1); types are a list there."""
    if i.body is None:
        return i
    listed = i.body.get("parameter", [])
    if i.body.get("resourceType") != "Parameters" or i.query or not isinstance(listed, list):
        return POSTED
    said: dict[str, str] = {}
    for each in listed:
        name = each.get("name") if isinstance(each, dict) else None
        values = (
            [value for member, value in each.items() if member.startswith("value")] if isinstance(name, str) else []
        )
        if name not in OTHERS["$everything"] or len(values) != 1 or not isinstance(values[0], str | int):
            return POSTED
        said[name] = f"{said[name]},{values[0]}" if name in said else str(values[0])
    return structs.replace(i, body=None, query=tuple(said.items()))


POSTED = refusal(
    400, "not-supported", "must be Parameters that the operation has, with nothing in the address", element="Parameters"
)


class _Span(NamedTuple):
    """What is wanted of a record: care from ``start`` to ``end``, dates; changed ``since``, Unix seconds and as said."""

    start: str | None
    end: str | None
    since: tuple[float, str] | None


def _span(said: Mapping[str, str]) -> _Span | Answer:
    for name in ("start", "end", "_since"):
        if name in said and moment_range(said[name].replace(" ", "+")) is None:
            return refusal(400, "value", "must be a date" if name != "_since" else "must be an instant", element=name)
    since = said["_since"].replace(" ", "+") if "_since" in said else None
    moment = moment_range(since) if since is not None else None
    return _Span(said.get("start"), said.get("end"), (moment[0], since) if moment and since is not None else None)


def _changed_since(resource: Any, span: _Span) -> bool:
    moment = moment_range(str((resource.get("meta") or {}).get("lastUpdated", "")))
    return span.since is None or moment is None or moment[1] > span.since[0]


def _within(type: str, span: _Span) -> tuple[tuple[str, str], ...]:
    """The parameters that keep a search within the span. A type that has no date of care is always in it (R4
    patient-operation-everything)."""
    date = DATES.get(type)
    pairs = [(date, f"ge{span.start}")] if date and span.start else []
    pairs += [(date, f"le{span.end}")] if date and span.end else []
    return (*pairs, *([("_lastUpdated", f"ge{span.since[1]}")] if span.since else []))


@dataclass(frozen=True, slots=True)
class _Page:
    types: list[str]
    at: int
    cursor: str
    count: int
    span: _Span
    linked: frozenset[str]


def _entry(resource: Any, mode: str, means: Means) -> dict[str, Any]:
    url = f"{means.base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _types(wanted: str | None, grant: Grant, patient: str) -> list[str] | Answer:
    """The types to search besides the Patient: in the compartment, granted, and asked for."""
    asked = set(wanted.split(",")) if wanted is not None else SERVED
    if not asked <= SERVED:
        return refusal(400, "value", "must hold types that this server has", element="_type")
    inside = [name for name in sorted(asked) if name != "Patient" and narrowing(name, patient)]
    return [name for name in inside if operating(grant, "$everything", name)]


def _fill(i: Interaction, page: _Page, entries: list[Any], grant: Grant, means: Means) -> Serving:
    """A page: searches until it is full, and the place where the next goes on."""
    reading = replace(grant, scopes=tuple(scope for scope in fhir_scopes(grant) if scope.actions >= {"r", "s"}))
    at, cursor = page.at, page.cursor
    for _ in range(SEARCHES):
        if at >= len(page.types) or len(entries) >= page.count:
            break
        answer = yield from _part(i, page, at, cursor, page.count - len(entries), reading, means)
        if answer.status != 200:
            return answer
        found = answer.resource or {}
        entries += found.get("entry") or []
        cursor = cursor_of(found)
        at += not cursor
    entries += yield from _linked(page, entries, reading, means)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    bundle["link"] = [{"relation": "self", "url": here(i, means)}]
    if at < len(page.types):
        bundle["link"].append(next_link(i, f"{at}|{cursor}", grant, means))
    return Answer(status=200, resource={**bundle, **({"entry": entries} if entries else {})})


def _linked(
    page: _Page, entries: list[Any], grant: Grant, means: Means
) -> Generator[Interaction, Answer, list[dict[str, Any]]]:
    """What supports the page's records: linked practitioners, places, organizations, medications (R4
    patient-operation-everything), as far as the grant reaches them; on each page that refers to them."""
    said = dict.fromkeys(each for entry in entries for each in named(entry["resource"]))
    places = (parse(each, base=means.base) for each in said)
    shown = {f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in entries}
    wanted = {at.local: at for at in places if at is not None and at.type in page.linked and at.local not in shown}
    found = []
    for place in islice(wanted.values(), LINKED):
        answer = yield raw(place.type, place.id)
        scopes = operating(grant, "$everything", place.type)
        fits = answer.status == 200 and _changed_since(answer.resource, page.span)
        if fits and scopes and (yield from within(scopes, answer.resource, grant, means)):
            found.append(_entry(answer.resource, "include", means))
    return found


def _part(i: Interaction, page: _Page, at: int, cursor: str, count: int, grant: Grant, means: Means) -> Serving:
    type = page.types[at]
    pairs = (*(narrowing(type, str(i.id)) or ()), *_within(type, page.span))
    search = Interaction(action="search", type=type, query=(*pairs, ("_count", str(count)), ("_total", "none")))
    checked = check_search(search, grant, means)
    if isinstance(checked, Answer):
        return Answer(status=200, resource={"resourceType": "Bundle"}) if checked is FORBIDDEN else checked
    wanted = structs.replace(checked, query=(*checked.query, (CURSOR, cursor))) if cursor else checked
    answer = yield wanted
    return (yield from recheck_search(wanted, answer, grant, means))
