"""Veradigm FHIR 4.22 of May 2026: the widest of the vendors in writing, without versions."""

from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import OwnIds, Unconditional, Versionless, Whole

STATEMENT = "Veradigm FHIR 4.22 CapabilityStatement of 2026-05, via api-evangelist/allscripts"

VERADIGM = Persona(
    name="veradigm",
    title="Veradigm FHIR 4.22, May 2026",
    rules=(
        *offering(
            {"Observation": "RCU", "DocumentReference": "RCU", "DiagnosticReport": "R", "Condition": "RCU",
             "Communication": "", "QuestionnaireResponse": "CU", "Flag": "", "RiskAssessment": "",
             "DetectedIssue": "", "Device": "R", "Provenance": "R", "ServiceRequest": "CU", "Task": ""},
            source=STATEMENT,
        ),
        *offering({"*": "R"}, source="[I] types that the table of vendors does not list are read"),
        Whole(source=f"{STATEMENT}: neither batch nor transaction"),
        Unconditional(source=f"{STATEMENT}: none"),
        OwnIds(source="fhir-writeback.md §5: no surveyed EHR advertises updateCreate"),
        Versionless(on=frozenset({"read", "create", "update"}),
                    source=f"{STATEMENT}: versioning no-version, no If-Match; that it is ignored is [I]"),
    ),
)  # fmt: skip
