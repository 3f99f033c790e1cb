"""MEDITECH Greenfield: read, but for Communication and QuestionnaireResponse."""

from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import OwnIds, Unconditional, Whole

STATEMENT = "MEDITECH Greenfield (US Core STU6) CapabilityStatement, via api-evangelist/meditech"

MEDITECH = Persona(
    name="meditech",
    title="MEDITECH Greenfield, US Core STU6",
    rules=(
        *offering(
            {"Observation": "R", "DocumentReference": "R", "DiagnosticReport": "R", "Condition": "R",
             "Communication": "RC", "QuestionnaireResponse": "RCU", "Flag": "", "RiskAssessment": "",
             "DetectedIssue": "", "Device": "R", "Provenance": "R", "ServiceRequest": "R", "Task": "R"},
            source=STATEMENT,
        ),
        *offering({"*": "R"}, source="[I] types that the table of vendors does not list are read"),
        Whole(source=f"{STATEMENT}: neither batch nor transaction"),
        Unconditional(source=f"{STATEMENT}: none"),
        OwnIds(source="fhir-writeback.md §5: no surveyed EHR advertises updateCreate"),
    ),
)  # fmt: skip
