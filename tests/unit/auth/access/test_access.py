"""What a grant reaches: compartments, scopes, narrowed searches. Each permission stands beside what it does not permit."""

from typing import Any

import pytest

from auth import scopes
from auth.access.compartment import narrowing, owned, shared, writable
from auth.access.decide import allowing, fhir_scopes, reaches
from auth.access.narrow import narrow
from auth.server.grants import Context, Grant

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"


def grant(words: str, *, patient: str | None = "p1", user: str | None = None) -> Grant:
    return Grant(
        id="g", client_id="c", scopes=scopes.parse(words), context=Context(patient=patient, user=user), expires=1e12
    )


def about(patient: str, type: str = "Observation", **members: Any) -> dict[str, Any]:
    return {"resourceType": type, "subject": {"reference": f"Patient/{patient}"}, **members}


def met(*actors: dict[str, Any]) -> dict[str, Any]:
    """Of a type that does not say whom it is about: everybody who takes part."""
    return {"resourceType": "Appointment", "participant": [{"actor": actor} for actor in actors]}


@pytest.mark.parametrize(
    ("resource", "mine"),
    [
        (about("p1"), True),
        (about("p2"), False),
        ({"resourceType": "Patient", "id": "p1"}, True),
        ({"resourceType": "Patient", "id": "p2"}, False),
        (about(f"{BASE}/Patient/p1"), False),
        ({"resourceType": "Observation", "subject": {"reference": f"{BASE}/Patient/p1"}}, True),
        ({"resourceType": "Observation", "subject": {"reference": "http://elsewhere/Patient/p1"}}, False),
        ({"resourceType": "Observation"}, False),
        (about("p2", performer=[{"reference": "Patient/p1"}]), False),
        ({"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}}, True),
        ({"resourceType": "Group", "member": [{"entity": {"reference": "Patient/p1"}}]}, False),
        ({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/p1"}}, True),
        (
            {
                "resourceType": "Coverage",
                "beneficiary": {"reference": "Patient/p2"},
                "payor": [{"reference": "Patient/p1"}],
            },
            False,
        ),
        ({"resourceType": "Practitioner", "id": "d"}, False),
        ({"resourceType": "Device"}, False),
        ({"resourceType": "AuditEvent", "entity": [{"what": {"reference": "Patient/p1"}}]}, False),
        ({"resourceType": "Provenance", "target": [{"reference": "Patient/p1"}, {"reference": "Observation/o"}]}, True),
        ({"resourceType": "Provenance", "target": [{"reference": "Patient/p1"}, {"display": "somebody"}]}, False),
        (met({"reference": "Patient/p1"}, {"reference": "Practitioner/d"}), True),
        (met({"reference": "Patient/p1"}, {"reference": "Patient/p2"}), False),
        (met({"reference": "Patient/p1"}, {"reference": "http://elsewhere/Patient/p2"}), False),
        (met({"reference": "Patient/p1"}, {"display": "somebody"}), False),
        (met({"reference": "Practitioner/d"}), False),
    ],
)
def test_a_resource_is_in_one_compartment_or_in_none(resource: dict[str, Any], mine: bool) -> None:
    assert owned(resource, "p1", base=BASE) is mine


@pytest.mark.parametrize(
    ("resource", "open_to_all"),
    [
        ({"resourceType": "Practitioner"}, True),
        ({"resourceType": "Medication"}, True),
        ({"resourceType": "Device"}, True),
        ({"resourceType": "Device", "patient": {"reference": "Patient/p2"}}, False),
        ({"resourceType": "DocumentReference"}, True),
        (about("p2", "DocumentReference"), False),
        ({"resourceType": "DocumentReference", "author": [{"reference": "Patient/p2"}]}, False),
        ({"resourceType": "DocumentReference", "author": [{"reference": "Practitioner/d"}]}, True),
        ({"resourceType": "DocumentReference", "author": [{"display": "somebody"}]}, False),
        ({"resourceType": "Observation"}, False),
    ],
)
def test_what_is_nobodys_is_open_to_all(resource: dict[str, Any], open_to_all: bool) -> None:
    assert shared(resource, base=BASE) is open_to_all


def test_what_is_nobodys_is_read_and_not_written_by_a_patients_scope() -> None:
    held = grant("patient/*.cruds")
    doctor = {"resourceType": "Practitioner"}
    assert reaches(allowing(held, "read", "Practitioner"), doctor, held, base=BASE)
    assert not reaches(allowing(held, "update", "Practitioner"), doctor, held, base=BASE, writing=True)
    system = grant("system/*.cruds", patient=None)
    assert reaches(allowing(system, "update", "Practitioner"), doctor, system, base=BASE, writing=True)


def test_a_clinician_reads_everybodys_records_and_writes_all_but_what_is_nobodys() -> None:
    held = grant("user/*.cruds", user="Practitioner/d")
    for resource, writes in (
        (about("p2"), True),
        ({"resourceType": "Practitioner"}, False),
        ({"resourceType": "Device"}, False),
    ):
        found = fhir_scopes(held)
        assert reaches(found, resource, held, base=BASE)
        assert reaches(found, resource, held, base=BASE, writing=True) is writes


@pytest.mark.parametrize(
    ("words", "action", "type", "allowed"),
    [
        ("patient/Observation.rs", "read", "Observation", True),
        ("patient/Observation.rs", "create", "Observation", False),
        ("patient/Observation.rs", "read", "Condition", False),
        ("patient/Observation.r", "search", "Observation", False),
        ("patient/*.cruds", "create", "Patient", False),
        ("patient/*.cruds", "delete", "Patient", False),
        ("patient/*.cruds", "update", "Patient", True),
        ("system/*.cruds", "create", "Patient", True),
        ("patient/*.cruds", "operation", "Observation", False),
        ("openid launch", "read", "Observation", False),
        ("user/*.rs", "read", "Observation", False),
    ],
)
def test_one_scope_must_allow_the_action_on_the_type(words: str, action: str, type: str, allowed: bool) -> None:
    assert bool(allowing(grant(words), action, type)) is allowed


def test_a_patient_scope_without_a_patient_allows_nothing() -> None:
    assert not allowing(grant("patient/*.cruds", patient=None), "read", "Observation")


def test_a_users_scope_reaches_all_for_a_practitioner_and_himself_for_a_patient() -> None:
    doctor, patient = grant("user/*.rs", user="Practitioner/d"), grant("user/*.rs", user="Patient/p1")
    assert reaches(allowing(doctor, "read", "Observation"), about("p2"), doctor, base=BASE)
    assert not reaches(allowing(patient, "read", "Observation"), about("p2"), patient, base=BASE)
    assert reaches(allowing(patient, "read", "Observation"), about("p1"), patient, base=BASE)


def test_a_granular_scope_reaches_what_matches_alone() -> None:
    held = grant("patient/Observation.rs?category=http://c|vital-signs")
    vital = about("p1", category=[{"coding": [{"system": "http://c", "code": "vital-signs"}]}])
    other = about("p1", category=[{"coding": [{"system": "http://c", "code": "laboratory"}]}])
    found = allowing(held, "read", "Observation")
    assert reaches(found, vital, held, base=BASE)
    assert not reaches(found, other, held, base=BASE)
    assert not reaches(found, about("p1"), held, base=BASE)


def test_a_search_is_narrowed_to_the_patient_and_to_granular_scopes() -> None:
    held = grant("patient/Observation.rs?category=a|b patient/Condition.rs patient/Practitioner.rs patient/Group.rs")
    found = narrow(allowing(held, "search", "Observation"), "Observation", held)
    assert found is not None
    assert found.pairs == (("patient", "Patient/p1"), ("category", "a|b"))
    assert found.exact
    condition = narrow(allowing(held, "search", "Condition"), "Condition", held)
    assert condition is not None
    assert condition.pairs == (("patient", "Patient/p1"),)
    nobodys = narrow(allowing(held, "search", "Practitioner"), "Practitioner", held)
    assert nobodys is not None
    assert not nobodys.exact
    assert narrow(allowing(held, "search", "Group"), "Group", held) is None


def test_a_wider_scope_leaves_a_search_as_it_is() -> None:
    held = grant("patient/Observation.rs user/Observation.rs", user="Practitioner/d")
    found = narrow(allowing(held, "search", "Observation"), "Observation", held)
    assert found is not None
    assert found.pairs == ()


def test_every_type_is_narrowed_shared_or_closed() -> None:
    assert narrowing("Patient", "p1") == (("_id", "p1"),)
    assert narrowing("Observation", "p1") == (("patient", "Patient/p1"),)
    assert narrowing("Medication", "p1") == ()
    assert narrowing("Basic", "p1") is not None
    assert narrowing("Group", "p1") is None


def test_a_granular_scope_may_name_the_system_that_a_code_implies() -> None:
    for system, fits in (("http://hl7.org/fhir/observation-status", True), ("urn:x", False)):
        held = grant(f"patient/Observation.rs?status={system}|final")
        found = allowing(held, "read", "Observation")
        assert reaches(found, about("p1", status="final"), held, base=BASE) is fits
        assert not reaches(found, about("p1", status="preliminary"), held, base=BASE)


def test_contained_resources_are_looked_through_once_whatever_refers_to_them() -> None:
    looks = 0

    class Counted(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            nonlocal looks
            looks += 1
            return super().get(key, default)

    inside = [Counted(resourceType="Organization", id=f"c{number}") for number in range(50)]
    said = [{"reference": f"#c{number}"} for number in range(50)]
    assert writable(about("p1", performer=said, contained=inside), "p1")
    assert looks <= 200
    twice = [*inside, Counted(resourceType="Organization", id="c0")]
    assert not writable(about("p1", performer=said, contained=twice), "p1")
    assert not writable(about("p1", performer=[{"reference": "#none"}], contained=inside), "p1")
