"""The tables of scopes and levels have the rows of the specifications, counted from there and not from the tables."""

from auth.access import compartment, levels
from auth.discovery import CAPABILITIES as CAPABILITIES_LISTED
from auth.discovery import SCOPES
from auth.server import words

CAPABILITIES = {
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline",
    "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2", "smart-app-state",
}  # fmt: skip
"""https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capability-sets: all that there are."""
CONTEXT = {
    "launch",
    "launch/patient",
    "launch/encounter",
    "openid",
    "fhirUser",
    "profile",
    "offline_access",
    "online_access",
}
"""https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html: scopes that are of no record."""
OF_R4 = {
    "$everything", "$validate", "$export", "$graphql", "$match", "$apply", "$meta", "$meta-add", "$meta-delete", "$lastn", "$stats",
    "$graph", "$process-message",
}  # fmt: skip
"""https://hl7.org/fhir/R4/operationslist.html and Bulk Data Access, as far as they reach records."""
ELSEWHERE = {"$expunge", "$reindex", "$member-match", "$diff", "$merge", "$summary", "$docref", "$import"}
"""Operations of servers and other guides that would reach records past a scope (reference: smart-auth.md §3.2)."""


def test_discovery_lists_every_scope_of_the_specification_and_one_wildcard_for_each_level() -> None:
    assert set(SCOPES) == {*CONTEXT, "patient/*.cruds", "user/*.cruds", "system/*.cruds", "introspect"}


def test_discovery_lists_every_capability_of_the_specification() -> None:
    assert set(CAPABILITIES_LISTED) == CAPABILITIES
    assert len(CAPABILITIES_LISTED) == len(CAPABILITIES)


def test_every_scope_of_no_record_has_words_for_the_person_who_is_asked() -> None:
    assert set(words.WORDS) == CONTEXT
    assert all(len(text.split()) > 3 for text in words.WORDS.values())


def test_every_level_and_every_letter_has_a_word() -> None:
    assert words.WHOSE == {"patient": "of this patient", "user": "that you may see", "system": "of everybody"}
    assert words.VERBS == {"r": "read", "s": "search", "c": "add", "u": "change", "d": "delete"}
    assert "".join(words.VERBS) == "rscud"


def test_every_operation_that_could_reach_a_record_past_a_scope_has_its_row() -> None:
    assert set(levels.OPERATIONS) == OF_R4 | ELSEWHERE
    served = {
        name: (*row.places, row.letters, *sorted(row.levels)) for name, row in levels.OPERATIONS.items() if row.served
    }
    assert served == {
        "$everything": ("instance", "rs", "patient", "system", "user"),
        "$validate": ("type", "instance", "cu", "patient", "system", "user"),
        "$export": ("system", "type", "instance", "rs", "system"),
    }


def test_every_way_around_a_scope_has_its_row() -> None:
    """Chains, includes, histories, compartments and what is everybody's (smart-auth.md A08 to A12, §3.2)."""
    assert set(levels.FEATURES) == {
        "chain", "_has", "_source", "_include", "_revinclude", "history-instance", "history-type", "history-system", "compartment",
        "write-shared", "create-patient", "delete-patient",
    }  # fmt: skip


def test_what_each_level_may_do_at_all() -> None:
    """smart-auth.md §3.2: what cannot be narrowed to one patient is not for that level, what answers of others for no person."""
    reach = {name: "".join(sorted(level[0] for level in found)) for name, found in levels.FEATURES.items()}
    assert reach == {
        "chain": "s", "_has": "s", "_source": "su", "_include": "psu", "_revinclude": "psu", "history-instance": "psu",
        "history-type": "su", "history-system": "su", "compartment": "psu", "write-shared": "s", "create-patient": "su",
        "delete-patient": "su",
    }  # fmt: skip


def test_whose_the_types_are() -> None:
    """https://hl7.org/fhir/us/core/STU6.1/scopes.html, https://hl7.org/fhir/R4/compartmentdefinition-patient.html."""
    assert {"Practitioner", "PractitionerRole", "Organization", "Location", "Medication"} == compartment.SHARED
    assert {"Device", "DocumentReference"} == compartment.UNASSIGNED
    assert {"Group", "AuditEvent", "Binary"} == compartment.EXCLUDED
    assert compartment.NARROWING == ("patient", "subject", "beneficiary")


def test_the_types_that_are_closed_to_a_patients_scope() -> None:
    assert {"Group", "AuditEvent", "Subscription", "MessageHeader", "Binary"} == levels.CLOSED


def test_types_that_people_know_are_told_in_their_words() -> None:
    """Every type that is told otherwise is called by its FHIR name (docs/reference/authorization-server.md)."""
    assert words.TYPES == {
        "*": "all records", "AllergyIntolerance": "allergies", "CarePlan": "care plans", "CareTeam": "care teams",
        "Condition": "problems and diagnoses", "Coverage": "insurance coverage", "Device": "devices",
        "DiagnosticReport": "diagnostic reports", "DocumentReference": "documents and notes", "Encounter": "encounters",
        "Goal": "goals", "Immunization": "immunizations", "Location": "locations", "Medication": "medications",
        "MedicationRequest": "prescriptions", "Observation": "observations (vital signs, laboratory results)",
        "Organization": "organizations", "Patient": "personal details (name, birth date, address)",
        "Practitioner": "clinicians", "PractitionerRole": "roles of clinicians", "Procedure": "procedures",
        "Provenance": "records of who wrote what", "RelatedPerson": "relatives and contacts",
        "RiskAssessment": "risk assessments", "ServiceRequest": "orders",
    }  # fmt: skip
