"""What may be written: of the type and id of its address, within reach of a scope, pointing at nothing that is foreign."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from auth.access.decide import allowing, bound, may_write
from auth.scopes import FhirScope
from auth.server.grants import Grant
from gateway.face.guarding import ELSEWHERE, Means, Scopes, only_bound, raw, within
from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.references import Reference, named, parse, walk
from r4.validate import validate
from sandbox.answering import refusal

MISSING = "must be a resource that this server has"


class Kept(NamedTuple):
    """Those of the scopes that may write a body; ``settled`` says that each of its references leads to what is there."""

    scopes: tuple[FhirScope, ...]
    settled: bool = False


Checked = Generator[Interaction, Answer, Answer | Kept]


def check_body(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Checked:
    """Who may write the body, or why nobody may."""
    body = i.body or {}
    if body.get("resourceType") != i.type:
        return refusal(400, "value", f"must be {i.type}", element="resourceType")
    if i.id is not None and body.get("id") != i.id:
        return refusal(400, "value", "must be the id of the address", element=f"{i.type}.id")
    reached = yield from within(scopes, body, grant, means, writing=True)
    kept = tuple(scope for scope in reached if may_write(scope, body, grant))
    if not kept:
        return (
            ELSEWHERE if i.type != "Provenance" or not only_bound(scopes, grant) else _unreached("Provenance.target[0]")
        )
    if only_bound(kept, grant) and means.references == "check":
        if not i.valid and (wrong := doomed(body)) is not None:
            return wrong
        found = yield from _settled(i, kept, grant, means)
        return _unreached(found) if isinstance(found, str) else Kept(kept, found)
    return Kept(kept)


def _settled(i: Interaction, scopes: Scopes, grant: Grant, means: Means) -> Generator[Interaction, Answer, str | bool]:
    """The place of a reference within this server to what a scope of one patient does not reach; where there is none, whether
    all lead to current versions here, so that nobody has to look again."""
    reading = (scope for scope in (*allowing(grant, "read", "Patient"), *scopes) if bound(scope, grant))
    plain = tuple(map(_everywhere, islice(reading, 1)))
    known, settled = {} if means.reached is None else means.reached, True
    for said in dict.fromkeys(named(i.body or {})):
        if said in i.beside:
            continue
        local = parse(said, base=means.base)
        settled = settled and local is not None and local.version is None
        if local is None or local.local in means.own or (local.type, local.id) == (i.type, i.id):
            continue
        if not (yield from _reached(local, plain, grant, means, known)):
            return next(path for path, reference in walk(i.body or {}) if reference["reference"] == said)
    return settled


@lru_cache(maxsize=256)
def _everywhere(scope: FhirScope) -> FhirScope:
    """The scope for every record of its patient."""
    return replace(scope, query=(), type="*")


def _reached(
    local: Reference, scopes: Scopes, grant: Grant, means: Means, known: dict[tuple[str, Scopes], bool]
) -> Generator[Interaction, Answer, bool]:  # fmt: skip
    """Whether the resource is there and within reach; for one body, and for all of a transaction, it is looked at once."""
    if (local.local, scopes) not in known:
        target = yield raw(local.type, local.id)
        found = target.status == 200 and bool((yield from within(scopes, target.resource, grant, means)))
        known[local.local, scopes] = found
    return known[local.local, scopes]


def _unreached(path: str) -> Answer:
    """What is foreign is answered as what is absent (the store's own words)."""
    issue = Issue("not-found", MISSING, f"{path.removesuffix('.reference')}.reference", "reference-exists")
    return Answer(status=422, resource=outcome([issue]))


def doomed(body: Mapping[str, Any]) -> Answer | None:
    """How a store would refuse the body, whatever is there already."""
    issues = [issue for issue in validate(body) if issue.severity in ("error", "fatal")]
    return Answer(status=422, resource=outcome(issues)) if issues else None


def version_of(resource: Mapping[str, Any]) -> str:
    """The version that a stored resource says it is."""
    return str((resource.get("meta") or {}).get("versionId", ""))
