"""A score → Observation of category survey (R4 §10.1), with a component for each sub-score.

``Observation.performer`` takes no Device in R4: the model is its ``device``, and its performer by HL7's extension
alternate-reference, as the AI Transparency guide shows.
"""

from typing import Any

from vocabulary.instant import format_instant
from vocabulary.manifest import Prediction
from vocabulary.output import Component
from writeback.codes import ALTERNATE_REFERENCE, INSUFFICIENT_EVIDENCE, INTERPRETATIONS, NOT_PERFORMED, SURVEY
from writeback.labels import Occasion, author, concept, filled, head, method, model_name, notes, references, subject
from writeback.numerals import quantity

DERIVED_FROM = frozenset(
    {"DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence"}
)
"""The types that ``Observation.derivedFrom`` takes; other inputs stand in the Provenance."""


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One Observation. An abstention has ``dataAbsentReason`` in place of the value (constraint obs-6)."""
    output, declared = occasion.output, occasion.manifest.output
    absent = output.value is None
    value: dict[str, Any] = {} if output.value is None else {"valueQuantity": quantity(output.value, declared.unit)}
    return filled(
        {
            **observation(occasion),
            **value,
            "dataAbsentReason": {**NOT_PERFORMED.concept, "text": output.abstained or ""} if absent else None,
            "interpretation": [INSUFFICIENT_EVIDENCE.concept] if absent else interpretation(output.tier),
            "note": explained(occasion),
            "component": [] if absent else _components(occasion),
        }
    )


def observation(occasion: Occasion) -> dict[str, Any]:
    """What an Observation of a model says besides its value; classifications share it."""
    output, manifest = occasion.output, occasion.manifest
    by_the_model = [{"url": ALTERNATE_REFERENCE, "valueReference": author(occasion)}]
    return {
        **head("Observation", occasion),
        "status": occasion.status,
        "category": [SURVEY.concept],
        "code": concept(manifest.output.codes, manifest.output.title or manifest.title),
        **subject(occasion),
        "effectiveDateTime": occasion.as_of,
        "issued": format_instant(occasion.now),
        "performer": [{"extension": by_the_model, "display": model_name(manifest)}],
        "method": method(occasion),
        "device": author(occasion),
        "derivedFrom": references(name for name in output.inputs if name.partition("/")[0] in DERIVED_FROM),
    }


def explained(occasion: Occasion) -> list[dict[str, str]]:
    """The notes, with the model's own words among them."""
    said = occasion.output.explanation
    return [*notes(occasion), *([{"text": said.strip()}] if said else [])]


def interpretation(tier: str | None) -> list[dict[str, Any]]:
    """A tier as the model calls it; coded only when it is itself a code of HL7's table."""
    if tier is None:
        return []
    if tier not in INTERPRETATIONS:
        return [{"text": tier}]
    system = INSUFFICIENT_EVIDENCE.system
    return [{"coding": [{"system": system, "code": tier, "display": INTERPRETATIONS[tier]}], "text": tier}]


def _components(occasion: Occasion) -> list[dict[str, Any]]:
    given = {component.code: component for component in occasion.output.components}
    return [
        _component(declared, given[declared.name])
        for declared in occasion.manifest.components
        if declared.name in given
    ]


def _component(declared: Prediction, component: Component) -> dict[str, Any]:
    code = concept(declared.codes, declared.title or declared.name)
    if component.value is not None:
        return {"code": code, "valueQuantity": quantity(component.value, declared.unit)}
    return {"code": code, "valueString": component.label}
