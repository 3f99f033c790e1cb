"""What each resource type must, should and may say, as a table.

Sources: R4 minimum cardinalities (https://hl7.org/fhir/R4/, each type's page) and US Core 6.1.0 profiles
(https://hl7.org/fhir/us/core/STU6.1/) for what is mandatory; for ``supported`` the must-support elements of US Core that
every record of the type can be expected to carry, and the category that
searches go by; times: the type's clinically relevant ones.
"""

from collections.abc import Mapping
from typing import NamedTuple

Names = tuple[str, ...]


class Kind(NamedTuple):
    """``concept``: members that say what the record is about, first present. ``subject``: the member that names the
    patient. ``required`` and ``supported``: each row is satisfied by any of its members. ``times``: the clinically relevant
    time, first present; ``hours`` those of them that have a time of day; ``event``: the dates by which codes are judged.
    ``order``: pairs of (earlier, later). ``issued``: when it became available. ``usual``: the member of nearly all of its
    times, where it is released like a result. ``visit``: whether an encounter is expected. ``dates``: other dates that must be
    possible and have their zone. ``ahead``: times that may lie ahead; of a record with status ``planned`` all may."""

    concept: Names = ()
    subject: str | None = "subject"
    required: tuple[Names, ...] = ()
    supported: tuple[Names, ...] = ()
    times: Names = ()
    event: Names = ()
    order: tuple[tuple[str, str], ...] = ()
    issued: str | None = None
    visit: bool = False
    hours: Names = ()
    usual: str = ""
    dates: Names = ()
    ahead: Names = ()


_EFFECTIVE = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming")
_ONSET = ("onsetDateTime", "onsetPeriod", "onsetAge", "onsetRange", "onsetString", "recordedDate")
_DRUG = ("medicationCodeableConcept", "medicationReference")
_PERFORMED = ("performedDateTime", "performedPeriod", "performedString", "performedAge", "performedRange")

KINDS: Mapping[str, Kind] = {
    "Patient": Kind(
        subject=None, supported=(("identifier",), ("name", "_name"), ("gender", "_gender"), ("birthDate", "_birthDate")),
        order=(("birthDate", "deceasedDateTime"),), dates=("birthDate", "deceasedDateTime"),
    ),
    "Observation": Kind(
        concept=("code",), required=(("status",), ("code",)), supported=(("category",),), times=_EFFECTIVE,
        event=("effectiveDateTime",), order=(("effectiveDateTime", "issued"), ("effectiveInstant", "issued")),
        issued="issued", visit=True, hours=("effectiveDateTime",), usual="effectiveDateTime", dates=("issued",),
    ),
    "Condition": Kind(
        concept=("code",), required=(("code",),), supported=(("category",),), times=_ONSET,
        event=("recordedDate", "onsetDateTime"),
        order=(("onsetDateTime", "recordedDate"), ("onsetDateTime", "abatementDateTime")), visit=True,
        hours=("onsetDateTime",), dates=("recordedDate",),
    ),
    "MedicationRequest": Kind(
        concept=_DRUG, required=(("status",), ("intent",), _DRUG), supported=(("requester",),), times=("authoredOn",),
        event=("authoredOn",), visit=True, hours=("authoredOn",),
    ),
    "MedicationStatement": Kind(
        concept=_DRUG, required=(("status",), _DRUG), times=(*_EFFECTIVE, "dateAsserted"), event=("effectiveDateTime",),
    ),
    "MedicationAdministration": Kind(
        concept=_DRUG, required=(("status",), _DRUG), times=_EFFECTIVE, event=("effectiveDateTime",),
    ),
    "Medication": Kind(concept=("code",), subject=None, required=(("code",),)),
    "Procedure": Kind(
        concept=("code",), required=(("status",), ("code",)), times=_PERFORMED, event=("performedDateTime",), visit=True,
        hours=("performedDateTime",),
    ),
    "AllergyIntolerance": Kind(
        concept=("code",), subject="patient", required=(("code",),), supported=(("category",),), times=_ONSET,
        event=("recordedDate", "onsetDateTime"),
        order=(("onsetDateTime", "recordedDate"),), dates=("recordedDate",),
    ),
    "Immunization": Kind(
        concept=("vaccineCode",), subject="patient", required=(("status",), ("vaccineCode",)),
        times=("occurrenceDateTime", "occurrenceString"), event=("occurrenceDateTime",), visit=True,
    ),
    "DiagnosticReport": Kind(
        concept=("code",), required=(("status",), ("code",)), supported=(("category",),), times=_EFFECTIVE,
        event=("effectiveDateTime",), order=(("effectiveDateTime", "issued"),), issued="issued", visit=True,
        hours=("effectiveDateTime",), dates=("issued",),
    ),
    "DocumentReference": Kind(
        concept=("type",), required=(("status",), ("content",)), supported=(("type",), ("category",)), times=("date",),
    ),
    "Encounter": Kind(
        required=(("status",), ("class",)), supported=(("period",),), times=("period",),
    ),
    "ServiceRequest": Kind(
        concept=("code",), required=(("status",), ("intent",)), times=("authoredOn", "occurrenceDateTime", "occurrencePeriod"),
        event=("authoredOn",), visit=True, ahead=("occurrenceDateTime", "occurrencePeriod"),
    ),
}  # fmt: skip
"""By resource type. A type that is not here is counted and nothing of it is judged."""

PERIODS = ("effectivePeriod", "onsetPeriod", "performedPeriod", "period", "occurrencePeriod")
"""Members of ``times`` that are Periods: an end before its start is out of order (TIM-06)."""
WITHDRAWN = "entered-in-error"
PLANNED = "planned"
"""Status of a visit that is still to come. https://hl7.org/fhir/R4/valueset-encounter-status.html"""
UNSETTLED = frozenset({"preliminary", "registered", "partial"})
"""Statuses of results that are still to come. https://hl7.org/fhir/R4/valueset-observation-status.html and
https://hl7.org/fhir/R4/valueset-diagnostic-report-status.html"""
