"""The registry: every public code that may reach a chart, each with where it comes from.

The first half are the codes that the gateway itself puts there; ``writeback.lexicon.meanings`` has those that an output may
have. A manifest may use these, codes of its own local systems, and what the site maps; any other code is left out.
"""

from collections.abc import Mapping
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


LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
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
AUTHOR, VERIFIER = (
    Registered(
        system=f"{_THO}provenance-participant-type", code=code, display=code.capitalize(),
        source="FHIR R4 provenance-agent-type",
    )
    for code in ("author", "verifier")
)  # fmt: skip
TRANSMITTER = Registered(
    system="http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", code="transmitter",
    display="Transmitter", source="US Core 6.1.0, us-core-provenance-participant-type: R4's own table has no such code",
)  # fmt: skip
CREATE = Registered(
    system=f"{_THO}v3-DataOperation", code="CREATE", display="create", source="FHIR R4 v3-DataOperation"
)  # fmt: skip
UPDATE = Registered(
    system=f"{_THO}v3-DataOperation", code="UPDATE", display="revise", source="FHIR R4 v3-DataOperation"
)  # fmt: skip

PROGRESS_NOTE = Registered(
    system=LOINC, code="11506-3", display="Progress note",
    source="FHIR R4 value set c80-doc-typecodes; US Core 6.1.0, us-core-clinical-note-type",
)  # fmt: skip
RISK_FLAG = Registered(
    system=f"{_THO}flag-category", code="clinical", display="Clinical", source="FHIR R4 flag-category"
)
NORMAL_RANGE = Registered(
    system=f"{_THO}referencerange-meaning", code="normal", display="Normal Range",
    source="FHIR R4 referencerange-meaning",
)  # fmt: skip
LEGAL_AUTHENTICATOR = Registered(
    system=f"{_THO}v3-ParticipationType", code="LA", display="legal authenticator",
    source="FHIR R4 v3-ParticipationType; Oracle Health Millennium R4 Observation create asks for it",
)  # fmt: skip
CATEGORIES: Mapping[str, Registered] = {
    code: Registered(
        system=f"{_THO}observation-category", code=code, display=code.replace("-", " ").title(),
        source="FHIR R4 observation-category",
    )
    for code in (
        "social-history", "vital-signs", "imaging", "laboratory", "procedure", "exam", "therapy", "activity",
    )
} | {"survey": SURVEY}  # fmt: skip
"""What a site may file a score under; a survey unless it says otherwise."""

INTERPRETATIONS: Mapping[str, Registered] = {
    code: Registered(
        system=INSUFFICIENT_EVIDENCE.system, code=code, display=display, source="FHIR R4 v3-ObservationInterpretation"
    )
    for code, display in (
        ("N", "Normal"), ("L", "Low"), ("H", "High"), ("LL", "Critical low"), ("HH", "Critical high"),
        ("A", "Abnormal"), ("AA", "Critical abnormal"), ("POS", "Positive"), ("NEG", "Negative"),
        ("IND", "Indeterminate"), ("EX", "outside threshold"), ("HX", "above high threshold"),
        ("LX", "below low threshold"), ("QCF", "Quality control failure"),
    )
}  # fmt: skip
"""A tier is coded only when it is itself called by one of these codes, or its declaration names one; "high" is not "H":
what a threshold means is for the model and its site to say."""

QUALITATIVE: Mapping[str, Registered] = {
    code: Registered(
        system=f"{_THO}risk-probability", code=code, display=display, source="FHIR R4 risk-probability"
    )
    for code, display in (
        ("negligible", "Negligible likelihood"), ("low", "Low likelihood"), ("moderate", "Moderate likelihood"),
        ("high", "High likelihood"), ("certain", "Certain"),
    )
}  # fmt: skip
"""``high`` is defined as "more likely to occur than not": a twelve-percent risk in a model's top tier is not that."""

OWN: tuple[Registered, ...] = (
    AI_ASSERTED, AI_DEVICE, MODEL_CARD, MARKDOWN_CARD, CLINICAL_NOTE, PROGRESS_NOTE,
    INSUFFICIENT_EVIDENCE, NOT_PERFORMED, AUTHOR, TRANSMITTER, VERIFIER, CREATE, UPDATE, RISK_FLAG, NORMAL_RANGE,
    LEGAL_AUTHENTICATOR, *CATEGORIES.values(), *INTERPRETATIONS.values(),
    *QUALITATIVE.values(),
)  # fmt: skip

PUBLIC = (
    LOINC, SNOMED, "http://hl7.org/", "http://terminology.hl7.org/", "http://www.nlm.nih.gov/", "http://www.ama-assn.org/",
    "http://unitsofmeasure.org", "https://www.cms.gov/", "http://www.whocc.no/", "urn:oid:", "urn:iso:",
)  # fmt: skip
"""Systems that somebody else defines: a code of theirs is written only when the registry or the site has it. Source:
https://terminology.hl7.org/external_terminologies.html"""

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
"""HL7's extension for a reference of a type that the element does not take: a Device as ``Observation.performer``."""
CONFIDENCE = f"{_AI}StructureDefinition/AIconfidence"
CARD_OF_DEVICE = f"{_AI}StructureDefinition/aitransparency.modelCardDescription"
PERFORMER_FUNCTION = "http://hl7.org/fhir/StructureDefinition/event-performerFunction"
CAVEAT = "urn:chartgate:extension:caveat"
"""Ours, on a Provenance: one sentence of the fidelity verdict that the reader of the output has to know."""
