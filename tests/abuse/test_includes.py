"""What an include draws into an answer: another patient's record, and a type that no scope names."""

from typing import Any

from tests.abuse import holes, holes_of_requests
from tests.abuse.sign_in import FULL, NARROW, token
from tests.abuse.target import Target

FORWARD = (
    "Coverage?_include=Coverage:subscriber", "Coverage?_include=Coverage:subscriber:Patient", "Coverage?_include=Coverage:payor",
    "DiagnosticReport?_include=DiagnosticReport:result", "Observation?_include=Observation:has-member",
    "DocumentReference?_include=DocumentReference:subject", "Patient?_include=Patient:link",
    "Provenance?_include=Provenance:target", "Task?_include=Task:focus", "Group?_include=Group:member", "List?_include=List:item",
    "DiagnosticReport?_include=DiagnosticReport:result&_include=Observation:subject", "Coverage?_include=Coverage:beneficiary",
)  # fmt: skip


def forward(target: Target) -> list[str]:
    for path in FORWARD:
        target.fhir("GET", path, token(target, FULL))
    target.fhir("GET", f"Coverage?_id={target.chart.id('c1')}&_include=Coverage:subscriber", token(target, FULL))
    return target.problems


def test_a04_an_include_draws_in_nothing_of_another(target: Target) -> None:
    assert forward(target) == []


def test_a04_twin_that_trusts_what_its_own_record_names(holed: Any) -> None:
    problems = forward(holed(holes.included_is_trusted))
    assert all(any(type in each for each in problems) for type in ("Coverage", "DiagnosticReport"))


REVERSE = (
    "Observation?_revinclude=DiagnosticReport:result", "Patient?_revinclude=Observation:focus",
    "Patient?_revinclude=Observation:performer", "Patient?_revinclude=Coverage:subscriber", "Patient?_revinclude=Patient:link",
    "Patient?_revinclude=Condition:asserter", "Patient?_revinclude=Basic:author", "Patient?_revinclude=Group:member",
    "Patient?_revinclude=Task:requester", "Patient?_revinclude=CareTeam:participant", "Patient?_revinclude=AuditEvent:entity",
    "Patient?_revinclude=Communication:recipient", "Observation?_revinclude=Provenance:target", "Observation?_revinclude=List:item",
    "Observation?_revinclude=Observation:has-member", "Practitioner?_revinclude=Task:requester",
)  # fmt: skip


def reverse(target: Target) -> list[str]:
    for path in REVERSE:
        target.fhir("GET", path, token(target, FULL))
    return target.problems


def test_a05_a_reverse_include_draws_in_nothing_of_another(target: Target) -> None:
    assert reverse(target) == []


def test_a05_twin_that_trusts_what_names_its_own_record(holed: Any) -> None:
    problems = reverse(holed(holes.included_is_trusted))
    assert all(any(type in each for each in problems) for type in ("DiagnosticReport", "Observation:focus"))


def test_a05_twin_that_takes_focus_for_membership(holed: Any) -> None:
    assert any("Observation:focus" in each for each in reverse(holed(holes.mentioned_is_owned)))


CHAINED = (
    "Patient?_revinclude:iterate=Observation:focus", "DiagnosticReport?_include:iterate=DiagnosticReport:result",
    "DiagnosticReport?_include:recurse=DiagnosticReport:result", "Coverage?_include:iterate=Coverage:subscriber",
    "DiagnosticReport?_include=*", "Patient?_revinclude=*", "Coverage?_include:iterate=*", "Patient?_revinclude:recurse=*",
    "Patient?_revinclude=*:*", "Coverage?_include=Coverage:*", "Patient?_INCLUDE=Patient:link", "Patient?%5Frevinclude=Observation:focus",
    "DiagnosticReport?_include=DiagnosticReport:result&_include:iterate=Observation:subject",
)  # fmt: skip


def chained(target: Target) -> list[str]:
    for path in CHAINED:
        reply = target.fhir("GET", path, token(target, FULL))
        if "*" in path or ":iterate" in path or ":recurse" in path:
            target.refused(reply, path)
    return target.problems


def test_a06_an_include_is_neither_iterated_nor_of_everything(target: Target) -> None:
    assert chained(target) == []


def test_a06_twin_that_compares_the_name_with_its_modifier(holed: Any) -> None:
    problems = chained(holed(holes.included_is_trusted, holes_of_requests.modifiers_are_dropped))
    assert any("showed" in each for each in problems)


UNGRANTED = (
    ("Observation?_include=Observation:encounter", {"Observation"}), ("Observation?_include=Observation:subject", {"Observation", "Patient"}),
    ("Observation?_include=Observation:subject:Patient", {"Observation", "Patient"}),
    ("Observation?_revinclude=Provenance:target", {"Observation"}), ("Observation?_revinclude=DiagnosticReport:result", {"Observation"}),
    ("Observation?_include=Observation:encounter:Encounter", {"Observation"}), ("Observation?_include=Observation:performer", {"Observation", "Patient"}),
)  # fmt: skip


def ungranted(target: Target) -> list[str]:
    for path, types in UNGRANTED:
        reply = target.fhir("GET", path, token(target, NARROW))
        drawn = {each["resourceType"] for each in reply.resources} - {*types, "OperationOutcome"}
        target.expect(not drawn, f"{path} shows {sorted(drawn)}")
        reply = target.fhir("GET", path, token(target, "patient/Observation.rs"))
        drawn = {each["resourceType"] for each in reply.resources} - {"Observation", "OperationOutcome"}
        target.expect(not drawn, f"{path} shows {sorted(drawn)} to a token for Observation only")
    return target.problems


def test_a07_an_include_of_a_type_that_was_not_granted_shows_nothing(target: Target) -> None:
    assert ungranted(target) == []


def test_a07_twin_that_looks_at_the_patient_and_not_at_the_type(holed: Any) -> None:
    assert any("Encounter" in each for each in ungranted(holed(holes.answers_are_not_checked)))
