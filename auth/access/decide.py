"""What a grant permits: the scopes that allow an action on a type, and those that reach a resource.

SMART App Launch 2.2, scopes-and-launch-context. Deny by default: what no single scope allows is not allowed, and a
grant without FHIR scopes allows nothing.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from auth.access.compartment import SHARED, owned, shared, writable
from auth.access.levels import CLOSED, FEATURES, OPERATIONS, Level
from auth.scopes import FhirScope
from auth.server.grants import Grant
from r4 import paths
from r4.definitions import parameters
from r4.implied import unsaid
from r4.references import parse

LETTERS: Mapping[str, str] = {
    "read": "r", "vread": "r", "history": "r", "history-type": "s", "history-system": "s", "search": "s", "create": "c",
    "update": "u", "patch": "u", "delete": "d",
}  # fmt: skip
"""The permission that each interaction needs (SMART v2 scopes: cruds). An update may create (scopes, "u")."""

WRITES = frozenset({"create", "update", "patch", "delete"})
PEOPLE = ("Practitioner/", "PractitionerRole/")
"""Users whose own permissions are not one patient's record; of other kinds of people nothing is known, so nothing is
allowed."""


def allowing(grant: Grant, action: str, type: str, *, needs: frozenset[str] = frozenset()) -> tuple[FhirScope, ...]:
    """The grant's scopes that each alone permit the action on resources of the type, as far as they reach. ``needs`` are
    features of ``levels.FEATURES`` that the request uses."""
    asked = (action, type, needs)
    found: tuple[FhirScope, ...] | None = grant.decided.get(asked)
    if found is None:
        found = grant.decided[asked] = _allowing(grant, action, type, needs)
    return found


def _allowing(grant: Grant, action: str, type: str, needs: frozenset[str]) -> tuple[FhirScope, ...]:
    letter = LETTERS.get(action)
    wanted = needs | _features(action, type)
    return tuple(
        scope
        for scope in fhir_scopes(grant)
        if letter in scope.actions
        and scope.type in ("*", type)
        and not (bound(scope, grant) and type in CLOSED)
        and all(level(scope, grant) in FEATURES[feature] for feature in wanted)
    )


def operating(grant: Grant, name: str, type: str) -> tuple[FhirScope, ...]:
    """The scopes that permit a named operation on resources of the type: one of the letters for ``$validate``, all of
    them for what reads."""
    row = OPERATIONS[name]
    some = name == "$validate"
    return tuple(
        scope
        for scope in fhir_scopes(grant)
        if level(scope, grant) in row.levels
        and scope.type in ("*", type)
        and (bool(scope.actions & set(row.letters)) if some else scope.actions >= set(row.letters))
        and not (bound(scope, grant) and type in CLOSED)
    )


def covering(grant: Grant, letters: str, type: str) -> bool:
    """Whether one scope permits all the letters on every resource of the type."""
    return any(
        scope.actions >= set(letters) and scope.type in ("*", type) and not scope.query and not bound(scope, grant)
        for scope in fhir_scopes(grant)
    )


def fhir_scopes(grant: Grant) -> tuple[FhirScope, ...]:
    """The scopes that open anything: a patient scope needs a patient, a user scope a user who is known."""
    return tuple(scope for scope in grant.scopes if isinstance(scope, FhirScope) and _founded(scope, grant))


def _founded(scope: FhirScope, grant: Grant) -> bool:
    if scope.context == "patient":
        return grant.patient is not None
    return scope.context == "system" or bound(scope, grant) or (grant.user or "").startswith(PEOPLE)


@lru_cache(maxsize=4096)
def _features(action: str, type: str) -> frozenset[str]:
    """Features that an action on a type takes by itself."""
    found = {action} & {"history-type", "history-system"}
    if action in WRITES and (type in SHARED or type == "Device"):
        found |= {"write-shared"}
    if type == "Patient" and action in ("create", "delete"):
        found |= {f"{action}-patient"}
    return frozenset(found)


def bound(scope: FhirScope, grant: Grant) -> bool:
    """Whether the scope reaches one patient's record only: ``patient/``, and ``user/`` of a patient."""
    return scope.context == "patient" or (scope.context == "user" and (grant.user or "").startswith("Patient/"))


def level(scope: FhirScope, grant: Grant) -> Level:
    """The row of the tables in ``levels`` that the scope stands in."""
    return "patient" if bound(scope, grant) else scope.context


def patient_of(scope: FhirScope, grant: Grant) -> str:
    """The bare id of the patient that a bound scope reaches."""
    return (grant.user or "").partition("/")[2] if scope.context == "user" else grant.patient or ""


def reaching(
    scopes: Sequence[FhirScope], resource: Mapping[str, Any], grant: Grant, *, base: str, writing: bool = False
) -> tuple[FhirScope, ...]:
    """Those scopes that reach this very resource. What is nobody's may be read by all, and written by ``system/``."""
    found = []
    for scope in scopes:
        if _reaches(scope, resource, grant, base, writing) and (
            not scope.query or all(_matches(resource, name, value, base) for name, value in scope.query)
        ):
            found.append(scope)
    return tuple(found)


def reaches(
    scopes: Sequence[FhirScope], resource: Mapping[str, Any], grant: Grant, *, base: str, writing: bool = False
) -> bool:
    """Whether one of the scopes reaches this very resource."""
    return bool(reaching(scopes, resource, grant, base=base, writing=writing))


def _reaches(scope: FhirScope, resource: Mapping[str, Any], grant: Grant, base: str, writing: bool) -> bool:
    if scope.context == "system":
        return True
    if not bound(scope, grant):
        return not (writing and shared(resource, base=base))
    mine = owned(resource, patient_of(scope, grant), base=base)
    return mine or (not writing and shared(resource, base=base))


def may_write(scope: FhirScope, body: Mapping[str, Any], grant: Grant) -> bool:
    """Whether a body to be written says nothing that the scope could not answer for (smart-auth.md §3.2 rule 4)."""
    return (
        not bound(scope, grant) or body.get("resourceType") == "Provenance" or writable(body, patient_of(scope, grant))
    )


def _matches(resource: Mapping[str, Any], name: str, value: str, base: str) -> bool:
    """One pair of a granular scope: a token or a reference; anything else is not understood and matches nothing."""
    row = parameters(str(resource.get("resourceType"))).get(name)
    if row is None or row.kind not in ("token", "reference"):
        return False
    found = [item for path, rule in row.paths for item in paths.values(resource, tuple(path.split(".")), rule)]
    if row.kind == "reference":
        named = [parse(item.get("reference"), base=base) for item in found if isinstance(item, dict)]
        return any(reference is not None and value in (reference.local, reference.id) for reference in named)
    said = unsaid(str(resource.get("resourceType")), name, value)
    return any(_token(item, said) for item in found)


def _token(item: Any, value: str) -> bool:
    if isinstance(item, str | bool):
        return value in (str(item).lower() if isinstance(item, bool) else item, f"|{item}")
    if not isinstance(item, dict):
        return False
    codings = item["coding"] if isinstance(item.get("coding"), list) else [item]
    for coding in codings:
        code = coding.get("code", coding.get("value")) if isinstance(coding, dict) else None
        if code is not None and value in (code, f"{coding.get('system', '')}|{code}"):
            return True
    return False
