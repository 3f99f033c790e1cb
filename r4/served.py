"""The resource types that the product stores, searches and checks in full."""

SERVED = frozenset(
    [
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Endpoint",
        "Encounter",
        "Condition",
        "Observation",
        "Procedure",
        "MedicationRequest",
        "Medication",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationStatement",
        "Immunization",
        "AllergyIntolerance",
        "DiagnosticReport",
        "DocumentReference",
        "CarePlan",
        "CareTeam",
        "Goal",
        "Coverage",
        "ServiceRequest",
        "Specimen",
        "Device",
        "RiskAssessment",
        "DetectedIssue",
        "Flag",
        "Communication",
        "Task",
        "Provenance",
        "ImagingStudy",
        "QuestionnaireResponse",
        "RelatedPerson",
        "Group",
        "List",
        "AuditEvent",
        "Binary",
        "Consent",
        "Appointment",
        "Basic",
    ]
)
"""What a store holds. A Bundle is an envelope, an OperationOutcome an answer: neither is stored."""

QUICK = (
    "Condition", "Device", "DetectedIssue", "DocumentReference", "Encounter", "Flag", "Observation", "Patient",
    "Provenance", "RiskAssessment",
)  # fmt: skip
"""Types with structs for the fast path of validation: what is written most."""
