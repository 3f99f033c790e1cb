"""Holes of the guard: what a careless author would have written instead. Each is put into a target of its own."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def everywhere(patch: Patch, name: str, value: Any) -> None:
    """The name in every part of the face that has it."""
    places = [
        module for place, module in sys.modules.items() if place.startswith("gateway.face") and hasattr(module, name)
    ]
    assert places, f"the face has no {name} any more"
    for module in places:
        patch.setattr(module, name, value)


def nothing_is_checked(patch: Patch, target: Target) -> None:
    """Requests go down and answers come up as they are."""
    from gateway import face

    def serve(interaction: Any, grant: Any, means: Any) -> Iterator[Any]:
        return (yield interaction)

    patch.setattr(face, "SERVES", dict.fromkeys(face.SERVES, serve))


def answers_are_not_checked(patch: Patch, target: Target) -> None:
    """What the store found is what the stranger gets."""

    def found(scopes: Any, resource: Any, *given: Any, writing: bool = False, **named: Any) -> Iterator[Any]:
        return (yield from within(scopes, resource, *given, writing=writing, **named)) if writing else tuple(scopes)

    def written(interaction: Any, answer: Any, *given: Any) -> Iterator[Any]:
        return answer
        yield

    from gateway.face.guarding import within

    everywhere(patch, "within", found)
    patch.setattr("gateway.face.writing.recheck_write", written)
    included_is_trusted(patch, target)


def included_is_trusted(patch: Patch, target: Target) -> None:
    """A search is narrowed; what it includes is neither asked about nor looked at."""

    def recheck(interaction: Any, answer: Any, *given: Any) -> Iterator[Any]:
        return answer
        yield

    patch.setattr("gateway.face.searching.recheck_search", recheck)
    patch.setattr("gateway.face.searching._includes", lambda *given: None)


def foreign_is_forbidden(patch: Patch, target: Target) -> None:
    """403 for what is there and not yours: an answer to whether it is there."""
    from gateway.face.guarding import ELSEWHERE, within

    class Found(Exception):
        pass

    def judged(scopes: Any, answer: Any, grant: Any, means: Any) -> Iterator[Any]:
        if answer.status != 200:
            return answer
        return answer if (yield from within(scopes, answer.resource, grant, means)) else ELSEWHERE

    everywhere(patch, "judged", judged)


def nothing_is_narrowed(patch: Patch, target: Target) -> None:
    """A search goes down as it was asked; only what comes up is looked at."""
    from auth.access.narrow import Narrowed

    everywhere(patch, "narrow", lambda *given, **named: Narrowed(pairs=(), exact=True))


def mentioned_is_owned(patch: Patch, target: Target) -> None:
    """Whoever a record names anywhere owns it."""
    from r4.references import walk

    def owned(resource: Any, patient: str, **named: Any) -> bool:
        me = f"Patient/{patient}"
        return f"{resource['resourceType']}/{resource.get('id')}" == me or any(
            reference["reference"] == me for _, reference in walk(dict(resource))
        )

    patch.setattr("auth.access.decide.owned", owned)
    patch.setattr("auth.access.decide.writable", owned)
    patch.setattr("auth.access.decide.CLOSED", {})
    patch.setattr("gateway.face.guarding.PROVENANCE", "")
    everywhere(patch, "narrowing", lambda type, patient: ())


def granular_scopes_narrow_searches_only(patch: Patch, target: Target) -> None:
    """The query of a scope is added to searches, and not held against what was found."""
    patch.setattr("auth.access.decide._matches", lambda *given: True)


def malformed_queries_are_dropped(patch: Patch, target: Target) -> None:
    """What follows the question mark and is not understood is left away, and the rest granted."""
    from auth import scopes

    strict = scopes._query
    patch.setattr("auth.scopes._query", lambda text: strict(text) or ())


def scopes_are_added_up(patch: Patch, target: Target) -> None:
    """What any of the scopes allows, every one of them allows."""
    from auth.access import decide

    alone = decide.fhir_scopes

    def merged(grant: Any) -> Any:
        said = alone(grant)
        actions = frozenset().union(*(scope.actions for scope in said))
        return tuple(replace(scope, actions=actions, query=(), type="*") for scope in said)

    patch.setattr(decide, "fhir_scopes", merged)


def tokens_are_shared(patch: Patch, target: Target) -> None:
    """The neighbour looks tokens up where this EHR keeps its own."""
    patch.setattr(target.neighbour, "database", target.ehr.database)


def no_scope_is_no_limit(patch: Patch, target: Target) -> None:
    """A policy that is built from the scopes, and is none when there are none."""
    from auth.access import decide
    from auth.scopes import FhirScope

    everything = FhirScope(context="system", type="*", actions=frozenset("cruds"))
    founded = decide.fhir_scopes

    def open(grant: Any) -> Any:
        bound = any(isinstance(scope, FhirScope) for scope in grant.scopes)
        return founded(grant) if bound else (everything,)

    patch.setattr(decide, "fhir_scopes", open)


def references_are_not_checked(patch: Patch, target: Target) -> None:
    """The subject decides, and what else a body names is its own affair."""
    target.ehr.references = "free"
    patch.setattr("auth.access.decide.writable", lambda *given: True)


def results_are_not_checked(patch: Patch, target: Target) -> None:
    """A patch is for who may write what is there; what it makes of it is not looked at."""

    def check(interaction: Any, scopes: Any, *given: Any) -> Iterator[Any]:
        return scopes
        yield

    everywhere(patch, "check_body", check)


def conditions_are_not_narrowed(patch: Patch, target: Target) -> None:
    """A condition goes down as it was sent: whoever meets it is found."""
    from r4.interaction import Interaction

    def matching(type: str, condition: Any, *given: Any) -> Iterator[Any]:
        answer = yield Interaction(action="search", type=type, query=condition)
        return [entry["resource"] for entry in (answer.resource or {}).get("entry", ())]

    everywhere(patch, "matching", matching)


def versions_are_compared_first(patch: Patch, target: Target) -> None:
    """If-Match is held against the store before anybody asks whose the resource is."""
    from gateway import face
    from gateway.face.writing import STALE
    from r4.interaction import Interaction

    def hasty(interaction: Any, grant: Any, means: Any) -> Iterator[Any]:
        if interaction.if_match is not None and interaction.id is not None:
            current = yield Interaction(action="read", type=interaction.type, id=interaction.id)
            held = ((current.resource or {}).get("meta") or {}).get("versionId")
            if current.status == 200 and interaction.if_match not in ("*", held):
                return STALE
        return (yield from writing(interaction, grant, means))

    writing = face.SERVES["update"]
    patch.setattr(face, "SERVES", {**face.SERVES, "update": hasty, "delete": hasty, "patch": hasty})


def shared_is_written_by_all(patch: Patch, target: Target) -> None:
    """What everybody may read is within everybody's reach."""
    from auth.access import decide, levels

    patch.setattr(decide, "FEATURES", {**levels.FEATURES, "write-shared": levels.ALL})
    patch.setattr(decide, "_reaches", lambda *given: True)


def one_target_is_enough(patch: Patch, target: Target) -> None:
    """A Provenance is judged by its first target."""
    from gateway.face.guarding import within

    def first(scopes: Any, resource: Any, *given: Any, **named: Any) -> Iterator[Any]:
        if resource and resource.get("resourceType") == "Provenance":
            resource = {**resource, "target": resource["target"][:1]}
        return (yield from within(scopes, resource, *given, **named))

    everywhere(patch, "within", first)


def subscriptions_are_served(patch: Patch, target: Target) -> None:
    """Subscription is a type like any other."""
    from r4.served import SERVED

    everywhere(patch, "SERVED", SERVED | {"Subscription"})
    patch.setattr("sandbox.store.SERVED", SERVED | {"Subscription"})


def pages_are_anybodys(patch: Patch, target: Target) -> None:
    """A link to a page opens the page: it is not bound to the grant, and what is on it is not looked at again."""
    from gateway.face.paging import Pages

    patch.setattr(Pages, "_bound", lambda *given: b"page")
    included_is_trusted(patch, target)
    everywhere(patch, "check_search", lambda interaction, *given: interaction)
