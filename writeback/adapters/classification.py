"""A classification → Observation whose value is the label, with the model's confidence beside it."""

from typing import Any

from vocabulary.manifest import Code
from writeback.adapters.score import components, explained, interpretation, observation, remarks
from writeback.labels import Occasion, concept, filled
from writeback.lexicon.codes import CONFIDENCE
from writeback.lexicon.numerals import tidy


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One Observation with ``valueCodeableConcept``; the confidence as the AI Transparency guide's extension."""
    output = occasion.output
    assert output.label is not None
    value = label_concept(occasion, output.label)
    if output.confidence is not None:
        value["extension"] = [{"url": CONFIDENCE, "valueDecimal": tidy(output.confidence)}]
    return filled(
        {
            **observation(occasion),
            "valueCodeableConcept": value,
            "interpretation": interpretation(occasion),
            "note": [*explained(occasion), *remarks(occasion, "label", "confidence", "tier", "explanation")],
            "component": components(occasion),
        }
    )


def label_concept(occasion: Occasion, label: str) -> dict[str, Any]:
    """The declared code of the label, and the label as the model says it."""
    return concept(occasion, label_codes(occasion, label), label)


def label_codes(occasion: Occasion, label: str | None) -> tuple[Code, ...]:
    """The declared code of the label, if there is one."""
    return tuple(code for code in occasion.manifest.labels if label in (code.code, code.value, code.display))[:1]
