"""A FHIR resource as a row of a table for people: when, what, what it says, and its standing.

Pure, and patient with its input: a resource of a server behind may lack or garble anything.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Resource = Mapping[str, Any]
AI_LABEL = "AIAST"
LONGEST = 240


class Row(NamedTuple):
    """``labels`` are security labels; ``made_by`` names the device or person it says it is from."""

    reference: str
    when: str
    what: str
    says: str
    standing: str
    labels: tuple[str, ...]
    made_by: str


class Section(NamedTuple):
    """A table of the chart: the type, its heading, the search parameter that orders it, how ``says`` is headed, and
    further search criteria (R4 search parameters of the type)."""

    type: str
    title: str
    order: str
    says: str = ""
    criteria: tuple[tuple[str, str], ...] = ()


CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
SECTIONS = (
    Section("Condition", "Conditions", "recorded-date"),
    Section("MedicationRequest", "Medications", "authoredon", "Dose"),
    Section("AllergyIntolerance", "Allergies", "date"),
    Section("Observation", "Observations", "date", "Value"),
    Section("Encounter", "Encounters", "date", "Class"),
    Section("Procedure", "Procedures", "date"),
    Section("DiagnosticReport", "Reports", "date", "Conclusion"),
    Section("DocumentReference", "Documents", "date", "Description"),
    Section("Immunization", "Immunizations", "date"),
    Section("RiskAssessment", "Risk assessments", "date", "Prediction"),
    Section("DetectedIssue", "Detected issues", "identified", "Detail"),
    Section("Flag", "Flags", "date"),
)
BY_TYPE = {section.type: section for section in SECTIONS}
TIMES = (
    "effectiveDateTime", "effectivePeriod", "effectiveInstant", "onsetDateTime", "recordedDate", "authoredOn",
    "performedDateTime", "performedPeriod", "occurrenceDateTime", "identifiedDateTime", "period", "date", "issued",
)  # fmt: skip
"""Where the time stands that a clinician means, best first."""


def row(resource: Resource) -> Row:
    """The row of a resource."""
    type = str(resource.get("resourceType", ""))
    return Row(
        reference=f"{type}/{resource.get('id', '')}",
        when=_short(when(resource)),
        what=what(resource),
        says=_cut(says(resource)),
        standing=_standing(resource),
        labels=tuple(_codes(table(resource.get("meta")).get("security"))),
        made_by=_made_by(resource),
    )


def when(resource: Resource) -> str:
    """The time as it is written, or nothing."""
    for name in TIMES:
        value = resource.get(name)
        text = table(value).get("start") if isinstance(value, Mapping) else value
        if isinstance(text, str) and text:
            return text
    return ""


def what(resource: Resource) -> str:
    """What the record is about, in words if it has some."""
    for name in ("code", "medicationCodeableConcept", "vaccineCode", "type", "class", "method"):
        value = resource.get(name)
        shown = concept(value[0] if isinstance(value, list) and value else value)
        if shown:
            return shown
    return str(resource.get("resourceType", ""))


def says(resource: Resource) -> str:
    """The answer that the record holds."""
    type = resource.get("resourceType")
    if type == "Observation":
        return "; ".join(_observed(resource))
    if type == "RiskAssessment":
        return "; ".join(_predicted(each) for each in rows(resource.get("prediction")))
    if type == "MedicationRequest":
        return "; ".join(str(each["text"]) for each in rows(resource.get("dosageInstruction")) if "text" in each)
    if type == "Encounter":
        return concept({"coding": [resource.get("class")]})
    return str(resource.get("conclusion") or resource.get("description") or resource.get("detail") or "")


def _observed(resource: Resource) -> Iterator[str]:
    shown = value(resource)
    if shown:
        yield shown
    for part in rows(resource.get("component")):
        yield f"{concept(part.get('code'))}: {value(part) or '–'}"


def value(element: Resource) -> str:
    """The value of an Observation or component; why it is absent in brackets."""
    measured = table(element.get("valueQuantity"))
    if measured:
        return quantity(measured)
    if isinstance(element.get("valueCodeableConcept"), Mapping):
        return concept(element["valueCodeableConcept"])
    for name in ("valueString", "valueInteger", "valueBoolean", "valueDateTime", "valueTime"):
        if name in element:
            return str(element[name])
    absent = concept(element.get("dataAbsentReason"))
    return f"[absent: {absent}]" if absent else ""


def quantity(measured: Resource) -> str:
    """``>= 7.2 mg/dL``."""
    unit = measured.get("unit") or measured.get("code") or ""
    parts = (measured.get("comparator", ""), measured.get("value", ""), unit)
    return " ".join(str(part) for part in parts if part != "")


def _predicted(prediction: Resource) -> str:
    """``Stroke: 3.4 %``; a probability is a percentage (R4 RiskAssessment.prediction.probability)."""
    said = prediction.get("probabilityDecimal")
    risk = concept(prediction.get("qualitativeRisk")) or "–" if said is None else f"{said} %"
    return f"{concept(prediction.get('outcome')) or 'risk'}: {risk}"


def _standing(resource: Resource) -> str:
    said = [resource.get("status"), resource.get("docStatus")]
    said += [
        next(_codes([table(resource.get(name))], inner=True), None) for name in ("clinicalStatus", "verificationStatus")
    ]
    return ", ".join(str(each) for each in said if each)


def _made_by(resource: Resource) -> str:
    method = concept(resource.get("method"))
    for name in ("performer", "author", "device"):
        found = resource.get(name)
        for each in found if isinstance(found, list) else [found]:
            if shown := table(each).get("display") or table(each).get("reference"):
                return method or str(shown)
    return method


def concept(value: Any) -> str:
    """A CodeableConcept in words: its text, else a display, else a code."""
    found = table(value)
    codings = rows(found.get("coding"))
    said = [found.get("text"), *(each.get("display") for each in codings), *(each.get("code") for each in codings)]
    return next((str(each) for each in said if each), "")


def _codes(value: Any, *, inner: bool = False) -> Iterator[str]:
    for each in rows(value):
        codings = rows(each.get("coding")) if inner else [each]
        yield from (str(coding["code"]) for coding in codings if coding.get("code"))


def table(value: Any) -> Resource:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def rows(value: Any) -> list[Resource]:
    """The objects of a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _short(text: str) -> str:
    """``2026-01-02 03:04``."""
    return text[:16].replace("T", " ")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
