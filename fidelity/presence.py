"""Whether a disease or treatment is present: "no" only when the whole of that resource type could be read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fidelity import coding, periods
from fidelity.elements import ai_labelled, first_code, kind, rows, table, text, versioned
from fidelity.subjects import subject_of, target
from vocabulary.chart import FeatureValue, Resource
from vocabulary.manifest import Feature

ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
"""MedicationRequest.intent of an authorisation; a proposal, plan or option treats nobody.
https://hl7.org/fhir/R4/valueset-medicationrequest-intent.html"""


def _condition(resource: Resource, ever: bool) -> bool:
    if first_code(resource.get("verificationStatus")) not in (None, "confirmed"):
        return False
    active = first_code(resource.get("clinicalStatus")) in (None, "active", "recurrence", "relapse")
    return ever or (active and resource.get("abatementDateTime") is None)


def _order(resource: Resource, ever: bool) -> bool:
    if resource.get("doNotPerform") is True or text(resource.get("intent")) not in ORDERS:
        return False
    status = text(resource.get("status"))
    return status == "active" or (ever and status in ("completed", "stopped", "on-hold"))


def _statement(resource: Resource, ever: bool) -> bool:
    status = text(resource.get("status"))
    return status == "active" or (ever and status in ("completed", "stopped", "on-hold"))


def _done(resource: Resource, ever: bool) -> bool:
    return resource.get("status") == "completed"


CURRENT: Mapping[str, Callable[[Resource, bool], bool]] = {
    "Condition": _condition, "MedicationRequest": _order, "MedicationStatement": _statement,
    "Procedure": _done, "Immunization": _done, "AllergyIntolerance": _condition,
}  # fmt: skip
"""By resource type: whether a record counts; with ``ever`` also one that is over."""

UNSETTLED = frozenset({"unconfirmed", "provisional", "differential"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What a presence is looked for in: the records of its type, medications by id, the patient, the time."""

    records: Sequence[Resource]
    medications: Mapping[str, Resource]
    patient: str
    as_of: float


def concept(resource: Resource, medications: Mapping[str, Resource]) -> dict[str, object] | None:
    """What the record is about, as a CodeableConcept; a medication by reference is resolved, contained or read."""
    if kind(resource) == "Immunization":
        return table(resource.get("vaccineCode"))
    if not kind(resource).startswith("Medication") or kind(resource) == "Medication":
        return table(resource.get("code"))
    if table(resource.get("medicationCodeableConcept")):
        return table(resource.get("medicationCodeableConcept"))
    reference = table(resource.get("medicationReference"))
    literal = text(reference.get("reference")) or ""
    if literal.startswith("#"):
        held = [item for item in rows(resource.get("contained")) if item.get("id") == literal[1:]]
        return table(held[0].get("code")) if held else None
    found = target(reference)
    medication = medications.get(found[1]) if found else None
    return table(medication.get("code")) if medication else None


def counted(resource: Resource, feature: Feature, scene: Scene) -> bool:
    """Whether the record is the patient's own, current (or past with ``ever``), in time, and not an AI's."""
    rule = CURRENT.get(kind(resource))
    if rule is None or ai_labelled(resource) or subject_of(resource, scene.patient) != "own":
        return False
    when = periods.time_of(resource)
    if when and (periods.future(when, scene.as_of) or not periods.within(when, scene.as_of, feature.lookback)):
        return False
    return rule(resource, feature.ever)


def look(feature: Feature, scene: Scene) -> FeatureValue | str:
    """True with its sources, False with caveats about what could not be judged, or why it is unknown."""
    found, by_name, unresolved, listed = [], [], 0, coding.listing(feature.codes)
    for resource in scene.records:
        if not counted(resource, feature, scene):
            continue
        about = concept(resource, scene.medications)
        if not feature.codes or coding.rank(about, listed) is not None:
            found.append(resource)
        elif about is None:
            unresolved += 1
        elif coding.named(about, listed):
            by_name.append(resource)
    if found:
        return FeatureValue(value=True, sources=_sources(found))
    if by_name:
        return FeatureValue(value=True, sources=_sources(by_name), caveats=("recognised by its name, not by its code",))
    if unresolved:
        return "a medication is named only by a reference that could not be resolved"
    return FeatureValue(value=False, caveats=tuple(_doubts(feature, scene)))


def _sources(resources: Iterable[Resource]) -> tuple[str, ...]:
    return tuple(sorted({versioned(resource) for resource in resources}))


def _doubts(feature: Feature, scene: Scene) -> Iterable[str]:
    """What might have said yes but cannot be counted: an unsettled diagnosis."""
    for resource in scene.records:
        unsettled = first_code(resource.get("verificationStatus")) in UNSETTLED
        own = unsettled and subject_of(resource, scene.patient) == "own"
        if own and coding.rank(concept(resource, scene.medications), feature.codes) is not None:
            yield "an unconfirmed record was not counted"
            return
