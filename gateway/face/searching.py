"""Searches: narrowed to what the grant reaches before they are done, each entry judged again afterwards."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from msgspec import structs

from auth.access.compartment import narrowing
from auth.access.decide import allowing, covering, patient_of
from auth.access.narrow import narrow
from auth.scopes import FhirScope
from auth.server.grants import Grant
from gateway.face.guarding import (
    ABSENT,
    ELSEWHERE,
    FORBIDDEN,
    UNSERVED,
    Known,
    Means,
    Scopes,
    Serving,
    only_bound,
    within,
)
from gateway.face.pages import CURSOR, resume, sealed
from r4.criteria import include, searchable, traversed, uses
from r4.interaction import Answer, Interaction
from r4.served import SERVED
from r4.shapes import Shape, included_shape, shape_of, shaped, unshaped
from sandbox.answering import refusal


def serve_search(i: Interaction, grant: Grant, means: Means) -> Serving:
    """One page of a search."""
    resumed = resume(i, grant, means)
    if isinstance(resumed, Answer):
        return resumed
    asked, cursor = resumed
    shape = shape_of(asked.query)
    checked = check_search(structs.replace(asked, query=unshaped(asked.query)), grant, means)
    if isinstance(checked, Answer):
        return checked
    wanted = checked if cursor is None else structs.replace(checked, query=(*checked.query, (CURSOR, cursor)))
    answer = yield wanted
    found = yield from recheck_search(wanted, answer, grant, means)
    if found.status != 200 or found.resource is None:
        return found
    link = sealed(asked, found.resource, grant, means)
    bundle = found.resource if shape is None else _shaped(found.resource, shape)
    return replace(found, resource={**bundle, "link": link}, encoded=None)


def _shaped(bundle: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Only now, when every entry has been judged as a whole."""
    entries = [{**entry, "resource": _entry(entry, shape)} for entry in bundle.get("entry", ())]
    return {**bundle, "entry": entries} if entries else bundle


def _entry(entry: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    resource: dict[str, Any] = entry["resource"]
    included = entry.get("search", {}).get("mode") == "include"
    own = included_shape(shape, str(resource.get("resourceType"))) if included else shape
    return resource if own is None else shaped(resource, own)


def check_search(i: Interaction, grant: Grant, means: Means) -> Interaction | Answer:
    """The search to do, or why not."""
    type = str(i.type)
    scopes = allowing(grant, "search", type, needs=uses(i))
    if not scopes or any(not covering(grant, "rs", other) for other in traversed(i)):
        return FORBIDDEN
    if (refused := _includes(i, grant)) is not None:
        return refused
    if i.compartment is not None:
        inside = _compartment(i, scopes, grant)
        if isinstance(inside, Answer):
            return inside
        i = inside
    return _narrowed(i, scopes, grant)


def _narrowed(i: Interaction, scopes: Scopes, grant: Grant) -> Interaction | Answer:
    narrowed = narrow(scopes, str(i.type), grant)
    if narrowed is None:
        return FORBIDDEN
    query = narrowed.query(i.query, str(i.type))
    if query is None:
        return ELSEWHERE
    counted = ("_summary", "count") in query or any(name == "_count" and not value.strip("0") for name, value in query)
    if counted and not narrowed.exact:
        return FORBIDDEN
    plain = tuple(pair for pair in query if pair[0] != "_total")
    if narrowed.exact:  # a count that is to tell no total is a count all the same
        return structs.replace(i, query=plain if counted else query)
    return structs.replace(i, query=(*(pair for pair in plain if pair[0] != "_summary"), ("_total", "none")))


def _compartment(i: Interaction, scopes: Scopes, grant: Grant) -> Interaction | Answer:
    """A search in one Patient's compartment is the search narrowed to that patient."""
    type, patient = str(i.type), str(i.compartment)
    pairs = narrowing(type, patient)
    if not pairs:
        return UNSERVED
    if only_bound(scopes, grant) and patient not in {patient_of(scope, grant) for scope in scopes}:
        return ABSENT
    return structs.replace(i, compartment=None, query=(*i.query, *pairs))


def _includes(i: Interaction, grant: Grant) -> Answer | None:
    """Why an include may not be asked for: of what is not searched, or of a type that is not granted."""
    for name, value in i.query:
        if name not in ("_include", "_revinclude"):
            continue
        source, parameter, target = include(name, value)
        pointed = set(searchable(source)[parameter].targets) & SERVED
        if (name == "_include" and source != i.type) or (name == "_revinclude" and i.type not in pointed):
            return refusal(400, "not-supported", "must begin or end at the type that is searched", element=name)
        wanted = {source} if name == "_revinclude" else {target} if target else pointed
        if not any(allowing(grant, "read", each, needs=frozenset({name})) for each in wanted if each):
            return FORBIDDEN
    return None


def recheck_search(i: Interaction, answer: Answer, grant: Grant, means: Means) -> Serving:
    """A searchset without anything that the grant does not reach, whatever was asked below."""
    if answer.status != 200 or answer.resource is None:
        return answer
    bundle = dict(answer.resource)
    entries = bundle.get("entry") or ()
    scopes: dict[tuple[str, str], tuple[FhirScope, ...]] = {}
    known: Known = {}
    kept = []
    for entry in entries:
        resource = entry.get("resource") or {}
        if entry.get("search", {}).get("mode") == "outcome" and not means.whole:  # our own store's words
            kept.append(entry)
            continue
        found = entry.get("search", {}).get("mode") != "include"
        key = (str(resource.get("resourceType")), "search" if found else "read")
        if key not in scopes:
            scopes[key] = allowing(grant, key[1], key[0])
        fits = not found or key[0] == i.type
        if fits and scopes[key] and (yield from within(scopes[key], resource, grant, means, known=known)):
            kept.append(entry)
    untold = "total" in bundle and ("_total", "none") in i.query  # a server may count all the same
    if len(kept) == len(entries) and not untold:
        return answer
    bundle.pop("entry", None)
    bundle.pop("total", None)
    return replace(answer, resource={**bundle, **({"entry": kept} if kept else {})}, encoded=None)


def matching(
    type: str, condition: tuple[tuple[str, str], ...], scopes: Scopes, grant: Grant, means: Means
) -> Generator[Interaction, Answer, Answer | list[Mapping[str, Any]]]:
    """What a condition of a conditional write matches among what these scopes may write, as resources; or the Answer why
    that cannot be told. What is out of reach is not there."""
    narrowed = narrow(scopes, type, grant)
    if narrowed is None:
        return FORBIDDEN
    query = narrowed.query(condition, type)
    if query is None:
        return ELSEWHERE
    answer = yield Interaction(action="search", type=type, query=(*query, ("_count", str(MATCHES)), ("_total", "none")))
    if answer.status != 200 or answer.resource is None:
        return replace(answer, status=412) if answer.status == 400 else answer
    found: list[Mapping[str, Any]] = []
    for entry in answer.resource.get("entry") or ():
        if (yield from within(scopes, entry.get("resource"), grant, means, writing=True)):
            found.append(entry["resource"])
    more = any(link.get("relation") == "next" for link in answer.resource.get("link") or ())
    return MANY if len(found) > 1 or (more and not narrowed.exact) else found


MATCHES = 50
MANY = refusal(412, "multiple-matches", "More than one resource matches the condition.", element="query")
