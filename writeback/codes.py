"""The codes that the gateway itself puts into a chart, each with where it comes from.

What an output *means* is coded by the manifest (``output.codes``, ``labels``, components); a code that is in neither
place is never written.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """A code with the source that it was taken from."""

    system: str
    code: str
    display: str
    source: str

    @property
    def coding(self) -> dict[str, str]:
        return {"system": self.system, "code": self.code, "display": self.display}

    @property
    def concept(self) -> dict[str, Any]:
        return {"coding": [self.coding]}


UCUM = "http://unitsofmeasure.org"
_THO = "http://terminology.hl7.org/CodeSystem/"
_AI = "http://hl7.org/fhir/uv/aitransparency/"
_AI_SOURCE = "AI Transparency on FHIR 1.0.0 (HL7/aitransparency-ig 805d2a7, 2026-08-06)"

AI_ASSERTED = Registered(
    system=f"{_THO}v3-ObservationValue", code="AIAST", display="Artificial Intelligence asserted",
    source="HL7 Terminology, v3-ObservationValue 4.0.0 and later; not in the copy bundled with R4 4.0.1",
)  # fmt: skip
AI_DEVICE = Registered(
    system=f"{_AI}CodeSystem/AIdeviceTypeCS", code="Artificial-Intelligence",
    display="All kinds of Artificial Intelligence", source=f"{_AI_SOURCE}, profile AI-Device",
)  # fmt: skip
MODEL_CARD = Registered(
    system=f"{_AI}CodeSystem/AIinputsCS", code="AIModelCard", display="AI Model-Card",
    source=f"{_AI_SOURCE}, profile AI-ModelCard",
)  # fmt: skip
MARKDOWN_CARD = Registered(
    system=f"{_AI}CodeSystem/AIinputsCS", code="AIModelCardMarkdownFormat", display="Markdown Format",
    source=f"{_AI_SOURCE}, profile AI-ModelCard",
)  # fmt: skip
SURVEY = Registered(
    system=f"{_THO}observation-category", code="survey", display="Survey",
    source="FHIR R4 observation-category; UK Core puts early-warning totals here",
)  # fmt: skip
CLINICAL_NOTE = Registered(
    system="http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", code="clinical-note",
    display="Clinical Note", source="US Core 6.1.0 and later, us-core-documentreference-category",
)  # fmt: skip
INSUFFICIENT_EVIDENCE = Registered(
    system=f"{_THO}v3-ObservationInterpretation", code="IE", display="Insufficient evidence",
    source="HL7 Terminology, v3-ObservationInterpretation",
)  # fmt: skip
NOT_PERFORMED = Registered(
    system=f"{_THO}data-absent-reason", code="not-performed", display="Not Performed",
    source="FHIR R4 data-absent-reason: no value because the observation was not made",
)  # fmt: skip
AUTHOR, TRANSMITTER, VERIFIER = (
    Registered(
        system=f"{_THO}provenance-participant-type", code=code, display=code.capitalize(),
        source="FHIR R4 provenance-agent-type",
    )
    for code in ("author", "transmitter", "verifier")
)  # fmt: skip
CREATE = Registered(
    system=f"{_THO}v3-DataOperation", code="CREATE", display="create", source="FHIR R4 v3-DataOperation"
)  # fmt: skip
UPDATE = Registered(
    system=f"{_THO}v3-DataOperation", code="UPDATE", display="revise", source="FHIR R4 v3-DataOperation"
)  # fmt: skip

REGISTRY: tuple[Registered, ...] = (
    AI_ASSERTED, AI_DEVICE, MODEL_CARD, MARKDOWN_CARD, SURVEY, CLINICAL_NOTE, INSUFFICIENT_EVIDENCE, NOT_PERFORMED,
    AUTHOR, TRANSMITTER, VERIFIER, CREATE, UPDATE,
)  # fmt: skip

INTERPRETATIONS: dict[str, str] = {
    "N": "Normal", "L": "Low", "H": "High", "LL": "Critical low", "HH": "Critical high", "A": "Abnormal",
    "AA": "Critical abnormal", "POS": "Positive", "NEG": "Negative", "IND": "Indeterminate",
}  # fmt: skip
"""v3-ObservationInterpretation as in R4. A tier is coded only when the model names it by one of these codes; "high" is
not "H": what a threshold means is for the site to say."""

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
"""HL7's extension for a reference of a type that the element does not take: a Device as ``Observation.performer``."""
CONFIDENCE = f"{_AI}StructureDefinition/AIconfidence"
CARD_OF_DEVICE = f"{_AI}StructureDefinition/aitransparency.modelCardDescription"
CAVEAT = "urn:chartgate:extension:caveat"
"""Ours, on a Provenance: one sentence of the fidelity verdict that the reader of the output has to know."""
