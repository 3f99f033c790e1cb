"""Instruments of structure: is what must be there, there (STR)."""

from fidelity.elements import absent_reason, kind, rows, table, value_of
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail

MANDATORY = {
    "Observation": ("status", "code"),
    "Condition": ("code",),
    "MedicationRequest": ("status", "intent", "medication"),
    "MedicationStatement": ("status", "medication"),
    "Procedure": ("status", "code"),
    "AllergyIntolerance": ("code",),
    "Immunization": ("status", "vaccineCode"),
}
"""Elements without which a record says nothing: R4 minimum cardinalities and US Core 6.1 (Condition.code). The
subject has an instrument of its own, REF-01."""


def mandatory(seen: Sighting) -> Outcome:
    """STR-01: no mandatory element is missing."""
    wanted = MANDATORY.get(kind(seen.resource))
    if wanted is None:
        return SKIP
    missing = [name for name in wanted if not any(key.startswith(name) for key in seen.resource)]
    return fail(f"a {kind(seen.resource)} lacks {', '.join(missing)}") if missing else PASS


def absence_explained(seen: Sighting) -> Outcome:
    """STR-03: the value is there; where it is not, the reason given is reported."""
    if kind(seen.resource) != "Observation":
        return SKIP
    return fail("a value is recorded as absent, with a reason") if absent_reason(dict(seen.element)) else PASS


def silent_absence(seen: Sighting) -> Outcome:
    """STR-04: no value, no reason, no component and no member is a record of nothing."""
    if kind(seen.resource) != "Observation" or absent_reason(dict(seen.element)):
        return SKIP
    found = value_of(dict(seen.element))
    empty = found is None or (found[0] == "valueQuantity" and "value" not in table(found[1]))
    holds = rows(seen.element.get("component")) or rows(seen.element.get("hasMember"))
    return fail("a record holds neither a value nor a reason for its absence") if empty and not holds else PASS


def feature_available(seen: Sighting) -> Outcome:
    """STR-05: the feature is available at the time of prediction."""
    reason = seen.chart.absent.get(seen.feature.name)
    if reason is None and seen.feature.name in seen.chart.features:
        return PASS
    return fail(reason or "it was not looked for")
