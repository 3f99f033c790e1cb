"""A score → Observation of category survey (R4 §10.1), with a component for each sub-score.

``Observation.performer`` takes no Device in R4: the model is its ``device``, and its performer by HL7's extension
alternate-reference, as the AI Transparency guide shows.
"""

from typing import Any

from vocabulary.instant import format_instant
from vocabulary.manifest import Prediction
from vocabulary.output import Component
from writeback.adapters.telling import told
from writeback.labels import (
    Occasion,
    author,
    code_of,
    concept,
    filled,
    head,
    mapped,
    method,
    model_name,
    notes,
    part_head,
    references,
    subject,
    to,
)
from writeback.lexicon.codes import (
    ALTERNATE_REFERENCE,
    CATEGORIES,
    INSUFFICIENT_EVIDENCE,
    INTERPRETATIONS,
    NORMAL_RANGE,
    NOT_PERFORMED,
    SURVEY,
)
from writeback.lexicon.numerals import percent, percentage, quantity

DERIVED_FROM = frozenset(
    {"DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence"}
)
"""The types that ``Observation.derivedFrom`` takes; other inputs stand in the Provenance."""


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One Observation. An abstention has ``dataAbsentReason`` in place of the value (constraint obs-6)."""
    output, declared = occasion.output, occasion.manifest.output
    said: dict[str, Any]
    if output.value is None:
        said = {
            "dataAbsentReason": {**NOT_PERFORMED.concept, "text": output.abstained or ""},
            "interpretation": [INSUFFICIENT_EVIDENCE.concept],
            "note": [*explained(occasion), *remarks(occasion, "explanation")],
        }
    else:
        said = {
            "valueQuantity": quantity(output.value, declared.unit),
            "interpretation": interpretation(occasion),
            "referenceRange": range_of(declared),
            "note": [*explained(occasion), *remarks(occasion, "value", "tier", "explanation")],
        }
    return filled({**observation(occasion), **said, "component": components(occasion)})


def grouped(occasion: Occasion, keys: dict[str, str]) -> dict[str, Any]:
    """The same with its sub-scores as members: Observations of their own (``keys``: delivery key by name)."""
    whole = adapt(occasion)
    whole.pop("component", None)
    titles = {part.name: part.title or part.name for part in occasion.manifest.components}
    return filled({**whole, "hasMember": [to(key, titles[name]) for name, key in keys.items()]})


def part(occasion: Occasion, declared: Prediction, component: Component, key: str) -> dict[str, Any]:
    """One sub-score as an Observation; ``key`` is its delivery key."""
    return filled(
        {
            **observation(occasion),
            **part_head("Observation", occasion, key),
            **_component(occasion, declared, component),
            "note": notes(occasion),
        }
    )


def observation(occasion: Occasion) -> dict[str, Any]:
    """What an Observation of a model says besides its value; classifications and risks share it."""
    output, manifest = occasion.output, occasion.manifest
    by_the_model = [{"url": ALTERNATE_REFERENCE, "valueReference": author(occasion)}]
    return {
        **head("Observation", occasion),
        "status": occasion.status,
        "category": [category(occasion)],
        "code": code_of(occasion),
        **subject(occasion),
        "effectiveDateTime": occasion.as_of,
        "issued": format_instant(occasion.now),
        "performer": [{"extension": by_the_model, "display": model_name(manifest)}],
        "method": method(occasion),
        "device": author(occasion),
        "derivedFrom": references(name for name in output.inputs if name.partition("/")[0] in DERIVED_FROM),
    }


def category(occasion: Occasion) -> dict[str, Any]:
    """A survey, unless the site files this code elsewhere: a model's estimate is not called a measurement here."""
    row = mapped(occasion)
    return (SURVEY if row is None or row.category is None else CATEGORIES[row.category]).concept


def explained(occasion: Occasion) -> list[dict[str, str]]:
    """The notes, with the model's own words among them."""
    said = occasion.output.explanation
    return [*notes(occasion), *([{"text": said.strip()}] if said else [])]


def remarks(occasion: Occasion, *own: str) -> list[dict[str, str]]:
    """As notes, what the Observation has no element for; ``own`` are the members that it says."""
    return [{"text": sentence} for sentence in told(occasion, *own)]


def interpretation(occasion: Occasion) -> list[dict[str, Any]]:
    """A tier as the model calls it; coded only when it is itself a code of HL7's table, or its declaration names one."""
    said = occasion.output.tier
    if said is None:
        return []
    declared = next((tier.interpretation for tier in occasion.manifest.tiers if tier.name == said), None)
    row = INTERPRETATIONS.get(declared or said)
    return [{**(row.concept if row else {}), "text": said}]


def range_of(declared: Prediction, *, in_percent: str | None = None) -> list[dict[str, Any]]:
    """The declared reference range; ``in_percent`` is the unit of a probability that is written in percent."""
    if declared.reference_range is None:
        return []
    low, high = (
        percentage(percent(bound, in_percent)) if in_percent else quantity(bound, declared.unit)
        for bound in declared.reference_range
    )
    text = {"text": declared.reference_text} if declared.reference_text else {}
    return [{"low": low, "high": high, "type": NORMAL_RANGE.concept, **text}]


def components(occasion: Occasion) -> list[dict[str, Any]]:
    """The sub-scores that were given, in the manifest's order."""
    return [filled(_component(occasion, declared, component)) for declared, component in given(occasion)]


def given(occasion: Occasion) -> list[tuple[Prediction, Component]]:
    """Each declared component that the output has."""
    said = {component.code: component for component in occasion.output.components}
    declared = occasion.manifest.components
    return [(prediction, said[prediction.name]) for prediction in declared if prediction.name in said]


def _component(occasion: Occasion, declared: Prediction, component: Component) -> dict[str, Any]:
    code = concept(occasion, declared.codes, declared.title or declared.name)
    if component.value is None:
        return {"code": code, "valueString": component.label}
    return {
        "code": code,
        "valueQuantity": quantity(component.value, declared.unit or component.unit),
        "interpretation": spoken(component),
        "referenceRange": range_of(declared),
    }


def spoken(component: Component) -> list[dict[str, Any]]:
    """What a sub-score is called beside its value."""
    return [{"text": component.label}] if component.label else []
