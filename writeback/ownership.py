"""Whose a resource is, and whether it may be an input: read from the resource itself, as the EHR gave it."""

from typing import Any

from r4.moments import moment_range

Resource = dict[str, Any]

SHARED_TYPES = frozenset({"Location", "Medication", "Organization", "Practitioner", "PractitionerRole", "Substance"})
"""Types that describe no patient: such an input is nobody's and may be used for anybody."""
OWNER_ELEMENTS = ("subject", "patient", "beneficiary")
AI_LABEL = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "AIAST")
WITHDRAWN = "entered-in-error"


def reference_to(resource: Resource) -> str:
    """``Type/id`` of the resource itself."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def unversioned(reference: str) -> str:
    """``Observation/1/_history/2`` → ``Observation/1``."""
    return reference.partition("/_history/")[0]


def version_of(resource: Resource | None) -> str | None:
    """``meta.versionId`` of what was read, when the EHR says it."""
    meta = resource.get("meta") if resource else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def versioned(reference: str, resource: Resource | None) -> str:
    """The reference with the version it names, else with the one that was read, else as it is."""
    version = version_of(resource)
    return reference if "/_history/" in reference or version is None else f"{reference}/_history/{version}"


def changed_since(reference: str, resource: Resource | None) -> bool:
    """The reference names another version than the EHR has now."""
    named, current = reference.partition("/_history/")[2], version_of(resource)
    return bool(named) and current is not None and named != current


def unheard_of(reference: str, resource: Resource | None) -> bool:
    """The reference names a version that the EHR cannot have: where its versions are whole numbers, one past the
    version it has now, or none of that form."""
    named, current = reference.partition("/_history/")[2], version_of(resource)
    if not named or current is None or not (current.isascii() and current.isdecimal()):
        return False
    return not (named.isascii() and named.isdecimal()) or _size(named) > _size(current)


def _size(digits: str) -> tuple[int, str]:
    """What orders whole numbers of any length: no more digits are read than there are."""
    bare = digits.lstrip("0")
    return len(bare), bare


def belongs(resource: Resource, patient: str, *, base: str | None = None) -> bool:
    """The resource is this patient's (``Patient/id``), or of a type that is nobody's. A resource that does not say
    whose it is belongs to nobody here: deny what is not understood."""
    type = resource.get("resourceType")
    if type == "Patient":
        return reference_to(resource) == patient
    if type in SHARED_TYPES:
        return True
    owners = [
        owner["reference"]
        for owner in (resource.get(name) for name in OWNER_ELEMENTS)
        if isinstance(owner, dict) and isinstance(owner.get("reference"), str)
    ]
    root = f"{base.rstrip('/')}/" if base else None
    return bool(owners) and all(
        unversioned(owner.removeprefix(root) if root else owner) == patient for owner in owners
    )  # fmt: skip


def withdrawn(resource: Resource) -> bool:
    """The EHR says that it was entered in error, in its status or in its verification status."""
    verification = resource.get("verificationStatus")
    codings = verification.get("coding") if isinstance(verification, dict) else None
    codes = [item.get("code") for item in codings if isinstance(item, dict)] if isinstance(codings, list) else []
    return resource.get("status") == WITHDRAWN or WITHDRAWN in codes


def by_a_machine(resource: Resource) -> bool:
    """It carries the label of what an AI asserts; a model is not fed with models."""
    meta = resource.get("meta")
    labels = meta.get("security") if isinstance(meta, dict) else None
    return any(
        isinstance(label, dict) and (label.get("system"), label.get("code")) == AI_LABEL
        for label in (labels if isinstance(labels, list) else ())
    )


UNDER_WAY = frozenset({"arrived", "triaged", "in-progress", "onleave"})
"""Statuses of an Encounter that is neither planned nor over (R4 encounter-status)."""


def under_way(encounter: Resource, now: float) -> bool:
    """The encounter is open, and not one that begins in the future, whatever its status says (fhir-writeback.md §3.2, Epic)."""
    status, period = encounter.get("status"), encounter.get("period")
    start = moment_range(str(period.get("start", ""))) if isinstance(period, dict) else None
    return isinstance(status, str) and status in UNDER_WAY and (start is None or start[0] <= now)
