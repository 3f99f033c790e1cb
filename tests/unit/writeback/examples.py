"""Values that the tests of write-back share: manifests of every kind, outputs that pass the gate, an EHR's statement."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from vocabulary.instant import Span
from vocabulary.manifest import Code, Manifest, Prediction, Tier
from vocabulary.output import Component, Kind, Output
from vocabulary.write import Write
from writeback.adapters import canonical
from writeback.capabilities import Capabilities, TypeCapability
from writeback.gate import Admitted, Evidence
from writeback.labels import Names
from writeback.projection import project
from writeback.rules import SPECIFICATION, WriteRules

NOW = 1_790_000_000.0
NAMES = Names(ehr="spec", namespace="urn:uuid:0b0e1f3c-5d1e-4d0c-9a53-2f1c8d8f6a10")
PATIENT = "Patient/p1"
TYPES = (
    "Observation", "RiskAssessment", "DocumentReference", "DetectedIssue", "DiagnosticReport", "Flag", "Device", "Provenance",
)  # fmt: skip
FRACTION = (Decimal(0), Decimal(1))

_OWN: dict[Kind, dict[str, Any]] = {
    "risk": {"value": Decimal("0.1468"), "unit": "fraction", "tier": "intermediate"},
    "score": {"value": Decimal(7), "unit": "{score}"},
    "classification": {"label": "sepsis", "confidence": Decimal("0.91")},
    "text": {"text": "Stable since yesterday."},
    "issue": {"label": "interaction", "implicated": ("MedicationRequest/m1",), "tier": "high"},
}
_PARTS: dict[Kind, tuple[Prediction, ...]] = {
    "risk": (
        Prediction(
            name="ascvd", codes=(Code(system="urn:chartgate:assessment", code="ascvd"),), range=FRACTION,
            unit="fraction", required=True,
        ),
    ),
    "score": (
        Prediction(
            name="pulse", codes=(Code(system="http://snomed.info/sct", code="1104351000000103"),),
            range=(Decimal(0), Decimal(3)), unit="{score}",
        ),
    ),
}  # fmt: skip
_SAID: dict[Kind, tuple[Component, ...]] = {
    "risk": (Component(code="ascvd", value=Decimal("0.092"), unit="fraction"),),
    "score": (Component(code="pulse", value=Decimal(2), unit="{score}"),),
}


def manifest(kind: Kind = "risk", **changes: Any) -> Manifest:
    """A manifest of the kind that ``output(kind)`` satisfies."""
    ranges = {"risk": FRACTION, "score": (Decimal(0), Decimal(20))}
    units = {"risk": "fraction", "score": "{score}"}
    made = Manifest(
        id=f"model-{kind}", version="1.2.0", title=f"Model of a {kind}", entry="model:predict", url=None, kind=kind,
        output=Prediction(
            name="main", codes=(Code(system="urn:chartgate:assessment", code=f"main-{kind}", display="Main"),),
            range=ranges.get(kind), unit=units.get(kind), title="Main",
        ),
        policy="automatic", valid_for=Span(seconds=86400), valid_for_text="P1D", intended_use="Tests.",
        components=_PARTS.get(kind, ()), horizon=Span(months=120) if kind == "risk" else None,
        tiers=(Tier(name="low", low=Decimal(0)), Tier(name="intermediate", low=Decimal("0.075"))) if kind == "risk" else (),
        labels=(Code(system="urn:chartgate:label", code="sepsis", display="Sepsis", value="sepsis"),)
        if kind == "classification" else (),
        card={"developer": "The test suite", "known_risks": "None."},
    )  # fmt: skip
    return replace(made, **changes)


def output(kind: Kind = "risk", **changes: Any) -> Output:
    """An output that passes the gate with ``manifest(kind)`` and ``evidence()``."""
    made = Output(
        model=f"model-{kind}", version="1.2.0", ehr="spec", patient=PATIENT, encounter="Encounter/e1", kind=kind,
        as_of=NOW - 60.0, inference_id="inference-1", inputs=("Observation/o1/_history/2", "Condition/c1"),
        components=_SAID.get(kind, ()), explanation="Because.", **_OWN[kind],
    )  # fmt: skip
    return replace(made, **changes)


def evidence(**changes: Any) -> Evidence:
    """What the gateway read for ``output()``: everything in order."""
    subject = {"reference": PATIENT}
    made = Evidence(
        patient={"resourceType": "Patient", "id": "p1"},
        encounter={"resourceType": "Encounter", "id": "e1", "status": "in-progress", "subject": subject},
        inputs={
            "Observation/o1/_history/2": {
                "resourceType": "Observation", "id": "o1", "meta": {"versionId": "2"}, "status": "final",
                "subject": subject,
            },
            "Condition/c1": {"resourceType": "Condition", "id": "c1", "meta": {"versionId": "5"}, "subject": subject},
            "MedicationRequest/m1": {"resourceType": "MedicationRequest", "id": "m1", "subject": subject},
        },
    )  # fmt: skip
    return replace(made, **changes)


def capabilities(*types: str, strategy: str = "put") -> Capabilities:
    """A statement in which each type (all of them by default) is written by the one strategy."""
    offered = TypeCapability(
        interactions=frozenset({"read", "create", "update"} if strategy == "put" else {"read", "create"}),
        update_create=strategy == "put",
        conditional_create=strategy == "conditional",
    )
    return Capabilities(types=dict.fromkeys(types or TYPES, offered))


def write(
    said: Output | None = None, *, strategy: str = "put", rules: WriteRules = SPECIFICATION, ehr: str = "spec",
    model: Manifest | None = None,
) -> Write:  # fmt: skip
    """The write of an output at an EHR that takes everything by one strategy."""
    said = said or output()
    planned = canonical(said, model or manifest(said.kind), NAMES, NOW, admitted=Admitted(inputs=said.inputs))
    made = project(planned, ehr=ehr, capabilities=capabilities(strategy=strategy), rules=rules)
    assert isinstance(made, Write)
    return made
