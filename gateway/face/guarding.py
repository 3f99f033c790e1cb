"""What the parts of the face share: what it knows of its EHR, the words of refusals, and who reaches a resource."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec

from auth.access.decide import bound, reaching
from auth.scopes import FhirScope
from auth.server.grants import Grant
from gateway.face.paging import Pages
from r4.interaction import Answer, Interaction
from r4.references import parse
from sandbox.answering import refusal
from sandbox.personas import SPEC, Persona

Serving = Generator[Interaction, Answer, Answer]
Checking = Generator[Interaction, Answer, "Answer | Interaction"]
Scopes = Sequence[FhirScope]

ABSENT = refusal(404, "not-found", "There is no such resource.")
CHALLENGE = {"www-authenticate": 'Bearer error="insufficient_scope"'}
"""What stands beside a refusal of a token that does not open enough (RFC 6750 §3.1)."""
FORBIDDEN = refusal(403, "forbidden", "The token's scopes do not permit this.", headers=CHALLENGE)
ELSEWHERE = refusal(403, "forbidden", "The token does not reach this resource.", headers=CHALLENGE)
UNSERVED = refusal(404, "not-supported", "This server does not hold resources of this type.")
ODD = refusal(502, "exception", "The FHIR server behind this EHR answered oddly.")
CHANGED = refusal(409, "conflict", "Another request was changing the same resource. Send it again.")


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """``base`` is the FHIR base of this EHR; ``whole`` says that a transaction is handed down as one, because what is
    below is another server; ``persona`` is how this EHR departs from R4; ``new_id`` gives ids; ``pages`` seals links;
    ``now`` is Unix seconds. ``own`` are resources that the same transaction makes, ``reached`` which references its entries
    were found to reach: nothing is written before all are judged."""

    base: str
    new_id: Callable[[], str]
    pages: Pages
    now: float
    references: Literal["check", "free"] = "check"
    whole: bool = False
    persona: Persona = SPEC
    own: frozenset[str] = frozenset()
    reached: dict[tuple[str, Scopes], bool] | None = None


def raw(type: str, id: str) -> Interaction:
    """A read of the guard's own."""
    return Interaction(action="read", type=type, id=id)


def only_bound(scopes: Scopes, grant: Grant) -> bool:
    """Whether all that permits this is bound to one patient: then what is foreign is told as what is absent."""
    return all(bound(scope, grant) for scope in scopes)


def unlimited(scopes: Scopes, grant: Grant) -> bool:
    """Whether one scope reaches every resource of its type."""
    return any(not scope.query and not bound(scope, grant) for scope in scopes)


Known = dict[str, Answer]
"""Answers of the guard's own reads, kept while one answer is judged."""


def within(
    scopes: Scopes, resource: Mapping[str, Any] | None, grant: Grant, means: Means, *, writing: bool = False,
    known: Known | None = None,
) -> Generator[Interaction, Answer, tuple[FhirScope, ...]]:  # fmt: skip
    """Those scopes that reach the resource. For a bound scope a Provenance is within reach when all its targets are."""
    if resource is None:
        return ()
    if resource.get("resourceType") != PROVENANCE or not any(bound(scope, grant) for scope in scopes):
        return reaching(scopes, resource, grant, base=means.base, writing=writing)
    free = [scope for scope in scopes if not bound(scope, grant)]
    held = [scope for scope in scopes if bound(scope, grant) and not scope.query]
    found = reaching(free, resource, grant, base=means.base, writing=writing)
    reached = yield from _through(held, resource, grant, means, writing, {} if known is None else known)
    return (*found, *reached)


PROVENANCE = "Provenance"


def _through(
    scopes: Scopes, resource: Mapping[str, Any], grant: Grant, means: Means, writing: bool, known: Known
) -> Generator[Interaction, Answer, tuple[FhirScope, ...]]:
    """The scopes, when they reach every target: a record of the patient, or, to read, something that is nobody's."""
    said = resource.get("target")
    pointed = said if isinstance(said, list) else []
    plain = [replace(scope, type="*") for scope in scopes]
    for each in pointed:
        local = parse(each.get("reference") if isinstance(each, dict) else None, base=None if writing else means.base)
        if local is None:
            return ()
        if writing and local.local in means.own:
            continue
        if local.local not in known:
            known[local.local] = yield raw(local.type, local.id)
        target = known[local.local]
        reached = reaching(plain, target.resource or {}, grant, base=means.base, writing=writing)
        if target.status != 200 or local.type == PROVENANCE or not reached:
            return ()
    return tuple(scopes) if pointed else ()
