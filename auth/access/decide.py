"""What a grant permits: the scopes that allow an action on a type, and whether one of them reaches a resource.

SMART App Launch 2.2, scopes-and-launch-context. Deny by default: what no single scope allows is not allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from auth.access.compartment import owned, shared
from auth.scopes import FhirScope
from auth.server.grants import Grant
from r4 import paths
from r4.definitions import parameters
from r4.references import parse

LETTERS: Mapping[str, str] = {
    "read": "r", "vread": "r", "history": "r", "search": "s", "create": "c", "update": "u", "delete": "d",
}  # fmt: skip
"""The permission that each interaction needs (SMART v2 scopes: cruds)."""

BOUND = frozenset({"create", "delete"})
"""What a ``patient/`` scope never permits on a Patient."""


def allowing(grant: Grant, action: str, type: str) -> tuple[FhirScope, ...]:
    """The grant's scopes that permit the action on resources of the type, as far as they reach."""
    letter = LETTERS.get(action)
    return tuple(
        scope
        for scope in grant.scopes
        if isinstance(scope, FhirScope)
        and letter in scope.actions
        and scope.type in ("*", type)
        and not (bound(scope, grant) and (grant.patient is None or (type == "Patient" and action in BOUND)))
        and not (scope.context == "user" and grant.user is None)
    )


def bound(scope: FhirScope, grant: Grant) -> bool:
    """Whether the scope reaches one patient's record only: ``patient/``, and ``user/`` of a patient."""
    return scope.context == "patient" or (scope.context == "user" and (grant.user or "").startswith("Patient/"))


def patient_of(scope: FhirScope, grant: Grant) -> str:
    """The bare id of the patient that a bound scope reaches."""
    return (grant.user or "").partition("/")[2] if scope.context == "user" else grant.patient or ""


def reaches(
    scopes: Sequence[FhirScope], resource: Mapping[str, Any], grant: Grant, *, base: str, writing: bool = False
) -> bool:
    """Whether one of the scopes reaches this very resource. What is nobody's may be read by all and written only by
    scopes that are not bound to a patient."""
    open_to_all = not writing and shared(resource, base=base)
    return any(
        (not bound(scope, grant) or open_to_all or owned(resource, patient_of(scope, grant), base=base))
        and all(_matches(resource, name, value, base) for name, value in scope.query)
        for scope in scopes
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
    return any(_token(item, value) for item in found)


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
