"""A profile as scores in the shape of HL7 PIQI (1.0.0 ballot, 2025-09): assessments with numerator and denominator per data
class, skipped where nothing applies. The names are PIQI's simple assessment modules; the counts are of a feed, not of
one message.

Not a conforming PIQI result: PIQI scores its own patient model, and is in ballot. https://github.com/HL7/piqi
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Assessment(NamedTuple):
    """``good`` are the forms of a dimension that pass, ``within`` those it applies to (all, where empty)."""

    name: str
    quality: str
    dimension: str
    good: tuple[str, ...]
    within: tuple[str, ...] = ()


CODED = ("coded", "malformed", "oid", "local", "unsystematic")
VALUED = ("quantity", "censored", "coded", "components", "members", "valueInteger", "valueBoolean", "valueDateTime", "valueTime",
          "valuePeriod", "valueRange", "valueRatio", "valueSampledData")  # fmt: skip
WRITTEN = (*VALUED, "number-text", "comment", "text-answer", "null-flavour", "quantity-empty")
TOLD = ("exact", "reversed", "zoneless", "date", "partial")
ASSESSMENTS = (
    Assessment("Concept_HasCode", "Availability", "code", CODED),
    Assessment("Concept_HasRecognizedCodeSystem", "Conformity", "code", ("coded", "malformed"), CODED),
    Assessment("Concept_IsComplete", "Conformity", "code", ("coded",), ("coded", "malformed")),
    Assessment("ObservationValue_IsPopulated", "Availability", "value", WRITTEN, (*WRITTEN, "reason", "none")),
    Assessment("ObservationValue_MatchesType", "Conformity", "value", VALUED, WRITTEN),
    Assessment("LabResult_UnitIsPopulated", "Availability", "unit", ("coded", "text")),
    Assessment("LabResult_UnitIsCoded", "Conformity", "unit", ("coded",), ("coded", "text")),
    Assessment("Attr_TimeIsPopulated", "Availability", "time", (*TOLD, "impossible", "malformed")),
    Assessment("Attr_IsTimestampTz", "Conformity", "time", ("exact", "reversed"), (*TOLD, "impossible", "malformed")),
    Assessment("Attr_IsPastDate", "Plausibility", "time", ("exact", "date", "partial", "zoneless"), (*TOLD, "impossible")),
    Assessment("Attr_SubjectIsPopulated", "Availability", "subject", ("present",)),
    Assessment("Element_IsClean", "Accuracy", "status", ("settled",)),
)  # fmt: skip
"""What is assessed of each class."""
CLASSES: Mapping[str, str] = {
    "Observation": "Observations", "Condition": "Conditions", "MedicationRequest": "Medications", "Procedure": "Procedures",
    "AllergyIntolerance": "Allergies", "Immunization": "Immunizations",
}  # fmt: skip


def scores(document: Mapping[str, Any]) -> dict[str, Any]:
    """Assessments by data class, and one score for each class and for all: the mean of those that applied."""
    made = []
    for type, name in CLASSES.items():
        each = document["types"].get(type)
        if each is None:
            continue
        fitting = [each for each in ASSESSMENTS if type == "Observation" or each.dimension not in ("value", "unit")]
        assessed = [_assess(assessment, each["states"]) for assessment in fitting]
        made.append(
            {"dataClass": name, "resources": each["resources"], "score": _mean(assessed), "assessments": assessed}
        )
    return {"rubric": "chartgate-feed/1", "score": _mean(made), "dataClasses": made}


def _assess(assessment: Assessment, states: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    counts = states.get(assessment.dimension) or {}
    denominator = sum(number for form, number in counts.items() if not assessment.within or form in assessment.within)
    numerator = sum(number for form, number in counts.items() if form in assessment.good)
    return {
        "assessment": assessment.name, "dimension": assessment.quality, "numerator": numerator, "denominator": denominator,
        "result": "scored" if denominator else "skip",
        "score": round(100 * numerator / denominator, 2) if denominator else None,
    }  # fmt: skip


def _mean(scored: list[dict[str, Any]]) -> float | None:
    applied = [each["score"] for each in scored if each["score"] is not None]
    return round(sum(applied) / len(applied), 2) if applied else None
