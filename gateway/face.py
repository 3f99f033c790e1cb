"""A stranger's interaction on its way through the EHR face (house.md §8, fourth way): decided, performed, checked again.

A generator of interactions: what it yields is performed below the guard and sent back as an Answer; what it returns is
for the stranger. So the same rules stand before the embedded store (inside one transaction) and before a server that
is reached over HTTP.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from auth.access.decide import allowing, bound, reaches
from auth.access.narrow import narrow
from auth.scopes import FhirScope
from auth.server.grants import Grant
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import parse, walk
from r4.served import SERVED
from sandbox import batch
from sandbox.answering import refusal

Serving = Generator[Interaction, Answer, Answer]
Checking = Generator[Interaction, Answer, "Answer | Interaction"]

ABSENT = refusal(404, "not-found", "There is no such resource.")
FORBIDDEN = refusal(403, "forbidden", "The token's scopes do not permit this.")
ELSEWHERE = refusal(403, "forbidden", "The token does not reach this resource.")
MISSING = "must be a resource that this server has"


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """``base`` is the FHIR base of this EHR; ``whole`` says that a transaction is handed down as one, because what is
    below is another server; ``new_id`` gives ids."""

    base: str
    new_id: Callable[[], str]
    references: Literal["check", "free"] = "check"
    whole: bool = False


def serve(interaction: Interaction, grant: Grant, means: Means) -> Serving:
    """The answer to one interaction of a bearer."""
    if interaction.action == "batch":
        return (yield from _batch(interaction, grant, means))
    if interaction.action == "transaction":
        return (yield from _transaction(interaction, grant, means))
    checked = yield from check(interaction, grant, means)
    if isinstance(checked, Answer):
        return checked
    answer = yield checked
    return (yield from recheck(interaction, answer, grant, means))


def check(interaction: Interaction, grant: Grant, means: Means, *, own: frozenset[str] = frozenset()) -> Checking:
    """The interaction to perform, or why not. ``own`` are resources that the same transaction makes."""
    type = interaction.type
    if interaction.action not in CHECKS or type is None:
        return refusal(501, "not-supported", "This interaction is not served.")
    if type not in SERVED:
        return refusal(404, "not-supported", "This server does not hold resources of this type.")
    scopes = allowing(grant, interaction.action, type)
    if not scopes:
        return FORBIDDEN
    return (yield from CHECKS[interaction.action](interaction, scopes, grant, means, own))


Own = frozenset[str]


def _check_read(i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own) -> Checking:
    """A version is seen only by who may see the resource as it is now."""
    if i.action != "read":
        current = yield _raw(str(i.type), str(i.id))
        if current.status != 200 or not (yield from _within(scopes, current.resource, grant, means)):
            return ABSENT if current.status == 200 or _only_bound(scopes, grant) else current
    return i


def _check_search(i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own) -> Checking:
    narrowed = narrow(scopes, str(i.type), grant)
    if narrowed is None:
        return FORBIDDEN
    said = dict(i.query)
    if not narrowed.exact and (said.get("_summary") == "count" or said.get("_count") == "0"):
        return FORBIDDEN
    extra = () if narrowed.exact else (("_total", "none"),)
    query = tuple(pair for pair in i.query if narrowed.exact or pair[0] != "_total")
    return replace(i, query=(*query, *(pair for pair in (*narrowed.pairs, *extra) if pair not in query)))
    yield


def _check_create(i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own) -> Checking:
    wrong = yield from _check_body(i, scopes, grant, means, own)
    if wrong is not None:
        return wrong
    if i.if_none_exist is not None and _only_bound(scopes, grant):
        narrowed = narrow(scopes, str(i.type), grant)
        pairs = narrowed.pairs if narrowed else ()
        return replace(i, if_none_exist=(*i.if_none_exist, *(pair for pair in pairs if pair not in i.if_none_exist)))
    return i


def _check_update(i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own) -> Checking:
    """Old and new must both be within reach; what is not there yet is created, which takes that permission too."""
    current = yield _raw(str(i.type), str(i.id))
    if current.status == 200:
        if not (yield from _within(scopes, current.resource, grant, means, writing=True)):
            return ELSEWHERE
    elif current.status in (404, 410):
        creating = allowing(grant, "create", str(i.type))
        if not creating:
            return FORBIDDEN
        scopes = [scope for scope in scopes if scope in creating] or creating
    else:
        return current
    wrong = yield from _check_body(i, scopes, grant, means, own)
    return i if wrong is None else wrong


def _check_delete(i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own) -> Checking:
    current = yield _raw(str(i.type), str(i.id))
    if current.status != 200:
        return current if not _only_bound(scopes, grant) else ABSENT
    return i if (yield from _within(scopes, current.resource, grant, means, writing=True)) else ABSENT


CHECKS: Mapping[str, Callable[[Interaction, Sequence[FhirScope], Grant, Means, Own], Checking]] = {
    "read": _check_read, "vread": _check_read, "history": _check_read, "search": _check_search,
    "create": _check_create, "update": _check_update, "delete": _check_delete,
}  # fmt: skip


def _check_body(
    i: Interaction, scopes: Sequence[FhirScope], grant: Grant, means: Means, own: Own
) -> Generator[Interaction, Answer, Answer | None]:
    """Why the body may not be written with these scopes; None when it may."""
    body = i.body or {}
    if body.get("resourceType") != i.type:
        return refusal(400, "value", f"must be {i.type}", element="resourceType")
    if not (yield from _within(scopes, body, grant, means, own, writing=True)):
        return ELSEWHERE if body.get("resourceType") != "Provenance" else _unreached("Provenance.target[0]")
    if not _only_bound(scopes, grant) or means.references == "free":
        return None
    reading = allowing(grant, "read", "Patient") or scopes
    for path, reference in walk(dict(body)):
        local = parse(reference["reference"], base=means.base)
        if local is None or local.local in own or local.local == f"{i.type}/{i.id}":
            continue
        target = yield _raw(local.type, local.id)
        bounds = [scope for scope in (*reading, *scopes) if bound(scope, grant)]
        plain = [replace(scope, query=(), type="*") for scope in bounds[:1]]
        if target.status != 200 or not (yield from _within(plain, target.resource, grant, means)):
            return _unreached(path)
    return None


def _unreached(path: str) -> Answer:
    """What is foreign is answered as what is absent (the store's own words)."""
    issue = Issue("not-found", MISSING, f"{path.removesuffix('.reference')}.reference", "reference-exists")
    return Answer(status=422, resource=outcome([issue]))


def _within(
    scopes: Sequence[FhirScope],
    resource: Mapping[str, Any] | None,
    grant: Grant,
    means: Means,
    own: Own = frozenset(),
    *,
    writing: bool = False,
) -> Generator[Interaction, Answer, bool]:
    """Whether one of the scopes reaches the resource; a Provenance is within reach when all its targets are."""
    if resource is None:
        return False
    if resource.get("resourceType") != "Provenance" or not _only_bound(scopes, grant):
        return reaches(scopes, resource, grant, base=means.base, writing=writing)
    targets = resource.get("target")
    for target in targets if isinstance(targets, list) else ():
        local = parse(target.get("reference") if isinstance(target, dict) else None, base=means.base)
        if local is None:
            return False
        if local.local in own:
            continue
        found = yield _raw(local.type, local.id)
        plain = [replace(scope, query=(), type="*") for scope in scopes]
        if found.status != 200 or not reaches(plain, found.resource or {}, grant, base=means.base, writing=True):
            return False
    return isinstance(targets, list) and bool(targets)


def _only_bound(scopes: Sequence[FhirScope], grant: Grant) -> bool:
    return all(bound(scope, grant) for scope in scopes)


def _raw(type: str, id: str) -> Interaction:
    """A read of the guard's own."""
    return Interaction(action="read", type=type, id=id)


def recheck(interaction: Interaction, answer: Answer, grant: Grant, means: Means) -> Serving:
    """The answer without anything that the grant does not reach, whatever was asked below."""
    if answer.status >= 400 or answer.resource is None:
        deleted = answer.status == 410 and _only_bound(_reading(interaction, grant), grant)
        return ABSENT if deleted else answer
    if answer.resource.get("resourceType") == "Bundle":
        return (yield from _recheck_bundle(interaction, answer, grant, means))
    if answer.resource.get("resourceType") == "OperationOutcome":
        return answer
    if interaction.action in ("read", "vread"):
        within = yield from _within(_reading(interaction, grant), answer.resource, grant, means)
        return answer if within else ABSENT
    scopes = (*allowing(grant, "create", str(interaction.type)), *allowing(grant, "update", str(interaction.type)))
    if not (yield from _within(scopes, answer.resource, grant, means)):
        return ELSEWHERE
    reading = allowing(grant, "read", str(interaction.type))
    shown = bool(reading) and (yield from _within(reading, answer.resource, grant, means))
    return answer if shown else Answer(status=answer.status, headers=answer.headers)


def _reading(interaction: Interaction, grant: Grant) -> tuple[FhirScope, ...]:
    return allowing(grant, "read", str(interaction.type))


def _recheck_bundle(interaction: Interaction, answer: Answer, grant: Grant, means: Means) -> Serving:
    bundle = dict(answer.resource or {})
    kept = []
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource")
        if resource is None:
            kept.append(entry)
            continue
        type = str(resource.get("resourceType"))
        found = entry.get("search", {}).get("mode") != "include" and interaction.action == "search"
        scopes = allowing(grant, "search" if found else "read", type)
        if scopes and (yield from _within(scopes, resource, grant, means)):
            kept.append(entry)
    dropped = len(kept) != len(bundle.get("entry", ()))
    if not dropped:
        return answer
    bundle.pop("entry", None)
    bundle.pop("total", None)
    return replace(answer, resource={**bundle, **({"entry": kept} if kept else {})}, encoded=None)


def _batch(interaction: Interaction, grant: Grant, means: Means) -> Serving:
    """Every entry as the same request alone: one that is refused spoils no other."""
    answers = []
    for entry in interaction.entries:
        answers.append((yield from serve(entry, grant, means)))
    return Answer(status=200, resource=batch.bundle("batch", answers))


def _transaction(interaction: Interaction, grant: Grant, means: Means) -> Serving:
    """All or nothing: the driver undoes what was done when the answer is a refusal."""
    if (wrong := batch.fault(interaction.entries)) is not None:
        return Answer(status=400, resource=outcome([wrong]))
    entries = batch.assign(interaction.entries, [means.new_id() for _ in interaction.entries])
    own = frozenset(f"{each.type}/{each.id}" for each in entries if each.action == "update")
    checked: list[Interaction] = []
    for original, entry in zip(interaction.entries, entries, strict=True):
        allowed = yield from check(_as_asked(original, entry), grant, means, own=own)
        if isinstance(allowed, Answer):
            return allowed
        checked.append(replace(entry, query=allowed.query, if_none_exist=allowed.if_none_exist))
    if means.whole:
        answer = yield replace(interaction, entries=tuple(checked))
        return answer if answer.status >= 400 else (yield from _recheck_bundle(interaction, answer, grant, means))
    return (yield from _perform_all(checked, grant, means))


def _as_asked(original: Interaction, entry: Interaction) -> Interaction:
    """A create that was given its id is still judged as a create."""
    return entry if original.action == entry.action else replace(entry, action=original.action)


def _perform_all(entries: Sequence[Interaction], grant: Grant, means: Means) -> Serving:
    answers: dict[int, Answer] = {}
    for place in batch.ordered(entries):
        answer = yield entries[place]
        if answer.status >= 400:
            return answer
        answers[place] = yield from recheck(entries[place], answer, grant, means)
    return Answer(status=200, resource=batch.bundle("transaction", [answers[place] for place in range(len(entries))]))
