"""A classification → Observation whose value is the label, with the model's confidence beside it."""

from typing import Any

from vocabulary.manifest import Code, Manifest
from writeback.adapters.score import explained, interpretation, observation
from writeback.codes import CONFIDENCE
from writeback.labels import Occasion, concept, filled
from writeback.numerals import tidy


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One Observation with ``valueCodeableConcept``; the confidence as the AI Transparency guide's extension."""
    output = occasion.output
    assert output.label is not None
    value = label_concept(occasion.manifest, output.label)
    if output.confidence is not None:
        value["extension"] = [{"url": CONFIDENCE, "valueDecimal": tidy(output.confidence)}]
    return filled(
        {
            **observation(occasion),
            "valueCodeableConcept": value,
            "interpretation": interpretation(output.tier),
            "note": explained(occasion),
        }
    )


def label_concept(manifest: Manifest, label: str) -> dict[str, Any]:
    """The declared code of the label, and the label as the model says it."""
    return concept([code for code in manifest.labels if label in _words(code)][:1], label)


def _words(code: Code) -> tuple[str | None, ...]:
    return code.code, code.value, code.display
