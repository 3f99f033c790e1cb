"""What a person has still to do for an authorization request: decided from the kept request alone.

SMART App Launch 2.2 scopes §standalone-apps: a server that grants a ``patient/`` scope shall establish a patient.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from auth.scopes import FhirScope, Scope, WordScope
from auth.server.fhir_context import answers
from auth.server.grants import Context

Step = Literal["sign-in", "patient", "encounter", "consent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A checked authorization request. ``scopes`` is what the client and the launch allow of what was asked; ``context``
    what the launch brought and the person picked; ``done`` the pickers that were answered with "none"."""

    client_id: str
    redirect_uri: str
    state: str
    challenge: str
    scopes: tuple[Scope, ...]
    context: Context = field(default_factory=Context)
    nonce: str | None = None
    faults: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


def next_step(asked: Asked, user: str | None) -> Step:
    """The page to show. ``user`` is who is signed in in this browser, ``Type/id``."""
    if user is None or not may_sign_in(asked, user):
        return "sign-in"
    context = context_of(asked, user)
    if context.patient is None and _wants_patient(asked):
        return "patient"
    if context.encounter is None and _has_word(asked, "launch/encounter") and "encounter" not in asked.done:
        return "encounter"
    return "consent"


def may_sign_in(asked: Asked, user: str) -> bool:
    """Whether this person may answer the request: the one of the launch if it names one; a patient for himself only."""
    if asked.context.user is not None:
        return user == asked.context.user
    return own_patient(user) is None or asked.context.patient in (None, own_patient(user))


def own_patient(user: str) -> str | None:
    """The bare id of the patient who is the user, or None."""
    type, _, id = user.partition("/")
    return id if type == "Patient" else None


def context_of(asked: Asked, user: str) -> Context:
    """The context that would be granted now: a patient who signs in is the patient in context."""
    patient = asked.context.patient or (own_patient(user) if _wants_patient(asked) else None)
    return replace(asked.context, user=user, patient=patient)


def offered(asked: Asked, context: Context) -> tuple[Scope, ...]:
    """The scopes that can be granted in this context."""
    return tuple(scope for scope in asked.scopes if has_context(scope, context))


def has_context(scope: Scope, context: Context) -> bool:
    """A ``patient/`` scope is nothing without a patient, ``fhirUser`` nothing without a person."""
    if isinstance(scope, FhirScope):
        return context.patient is not None if scope.context == "patient" else context.user is not None
    needs = {"launch/patient": context.patient, "launch/encounter": context.encounter, "fhirUser": context.user}
    if scope.word.startswith("launch/") and scope.word not in needs:
        return answers(context.fhir_context, scope.word)
    return needs.get(scope.word, "") is not None


def _wants_patient(asked: Asked) -> bool:
    """An encounter is somebody's, so choosing one chooses a patient first."""
    return (
        any(isinstance(scope, FhirScope) and scope.context == "patient" for scope in asked.scopes)
        or _has_word(asked, "launch/patient")
        or (_has_word(asked, "launch/encounter") and asked.context.encounter is None)
    )


def _has_word(asked: Asked, word: str) -> bool:
    return WordScope(word=word) in asked.scopes


def offline(granted: Iterable[Scope]) -> bool:
    """Whether a refresh token is due."""
    return bool({"offline_access", "online_access"} & words_of(granted))


def ends_with_session(granted: Iterable[Scope]) -> bool:
    """Whether refreshing stops when the person signs out: ``online_access`` without ``offline_access``."""
    return "offline_access" not in words_of(granted)


def words_of(granted: Iterable[Scope]) -> set[str]:
    """The scopes that are words."""
    return {scope.word for scope in granted if isinstance(scope, WordScope)}
