"""Holes of the guard: what a careless author would have written instead. Each is put into a target of its own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def nothing_is_checked(patch: Patch, target: Target) -> None:
    """Requests go down and answers come up as they are."""

    def check(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return interaction
        yield

    patch.setattr("gateway.face.check", check)
    answers_are_not_checked(patch, target)


def answers_are_not_checked(patch: Patch, target: Target) -> None:
    """What the store found is what the stranger gets."""

    def recheck(interaction: Any, answer: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return answer
        yield

    patch.setattr("gateway.face.recheck", recheck)


def foreign_is_forbidden(patch: Patch, target: Target) -> None:
    """403 for what is there and not yours: an answer to whether it is there."""
    from gateway import face

    patch.setattr("gateway.face.ABSENT", face.ELSEWHERE)


def nothing_is_narrowed(patch: Patch, target: Target) -> None:
    """A search goes down as it was asked; only what comes up is looked at."""
    from auth.access.narrow import Narrowed

    patch.setattr("gateway.face.narrow", lambda *given, **named: Narrowed(pairs=(), exact=True))


def mentioned_is_owned(patch: Patch, target: Target) -> None:
    """Whoever a record names anywhere owns it."""
    from r4.references import walk

    def owned(resource: Any, patient: str, **named: Any) -> bool:
        me = f"Patient/{patient}"
        return f"{resource['resourceType']}/{resource.get('id')}" == me or any(
            reference["reference"] == me for _, reference in walk(dict(resource))
        )

    patch.setattr("auth.access.decide.owned", owned)


def included_is_trusted(patch: Patch, target: Target) -> None:
    """What a search found is looked at, what it included is not."""
    answers_are_not_checked(patch, target)


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
    from auth.access.decide import allowing
    from auth.scopes import FhirScope
    from gateway import face

    def merged(grant: Any, action: str, type: str) -> Any:
        said = [scope for scope in grant.scopes if isinstance(scope, FhirScope)]
        actions = frozenset().union(*(scope.actions for scope in said))
        wide = [replace(scope, actions=actions, query=(), type="*") for scope in said]
        return allowing(replace(grant, scopes=tuple(wide)), action, type)

    patch.setattr(face, "allowing", merged)


def no_scope_is_no_limit(patch: Patch, target: Target) -> None:
    """A policy that is built from the scopes, and is none when there are none."""
    from auth.access.decide import allowing
    from auth.scopes import FhirScope
    from gateway import face

    everything = FhirScope(context="system", type="*", actions=frozenset("cruds"))

    def open(grant: Any, action: str, type: str) -> Any:
        bound = any(isinstance(scope, FhirScope) for scope in grant.scopes)
        return allowing(grant, action, type) if bound else (everything,)

    patch.setattr(face, "allowing", open)


def references_are_not_checked(patch: Patch, target: Target) -> None:
    """The subject decides, and what else a body names is its own affair."""
    target.ehr.references = "free"


def versions_are_compared_first(patch: Patch, target: Target) -> None:
    """If-Match is held against the store before anybody asks whose the resource is."""
    from gateway import face
    from sandbox.answering import refusal

    check = face.check

    def hasty(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        if interaction.if_match is not None and interaction.id is not None:
            current = yield face._raw(interaction.type, interaction.id)
            held = ((current.resource or {}).get("meta") or {}).get("versionId")
            if current.status == 200 and interaction.if_match not in ("*", held):
                return refusal(412, "conflict", "is not the current version", element="If-Match")
        return (yield from check(interaction, *given, **named))

    patch.setattr("gateway.face.check", hasty)


def shared_is_written_by_all(patch: Patch, target: Target) -> None:
    """What everybody may read is within everybody's reach."""
    from auth.access import decide
    from gateway import face

    patch.setattr(face, "reaches", lambda *given, writing=False, **named: decide.reaches(*given, **named))


def conditions_are_not_narrowed(patch: Patch, target: Target) -> None:
    """A condition goes down as it was sent: whoever meets it is found."""
    from gateway import face

    check = face.check

    def wide(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        checked = yield from check(interaction, *given, **named)
        same = getattr(interaction, "if_none_exist", None)
        return (
            replace(checked, if_none_exist=same) if same is not None and hasattr(checked, "if_none_exist") else checked
        )

    patch.setattr("gateway.face.check", wide)


def one_target_is_enough(patch: Patch, target: Target) -> None:
    """A Provenance is judged by its first target."""
    from gateway import face

    within = face._within

    def first(scopes: Any, resource: Any, *given: Any, **named: Any) -> Iterator[Any]:
        if resource and resource.get("resourceType") == "Provenance":
            resource = {**resource, "target": resource["target"][:1]}
        return (yield from within(scopes, resource, *given, **named))

    patch.setattr(face, "_within", first)


def subscriptions_are_served(patch: Patch, target: Target) -> None:
    """Subscription is a type like any other."""
    from r4.served import SERVED

    for place in ("gateway.face.SERVED", "sandbox.store.SERVED"):
        patch.setattr(place, SERVED | {"Subscription"})


def tokens_are_shared(patch: Patch, target: Target) -> None:
    """One table of tokens, and nobody asks which EHR a token is for."""
    target.neighbour.database = target.ehr.database
