"""The tables of what a level may do, and the judgement of bodies to be written: each permission beside its refusal."""

from typing import Any

import pytest

from auth import scopes
from auth.access.compartment import confined, membership, writable
from auth.access.decide import allowing, covering, fhir_scopes, may_write, operating, reaching
from auth.access.levels import CLOSED, FEATURES, OPERATIONS
from auth.access.narrow import narrow
from auth.server.grants import Context, Grant
from r4.served import SERVED

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"


def grant(words: str, *, patient: str | None = "p1", user: str | None = "Practitioner/d") -> Grant:
    context = Context(patient=patient, user=user)
    return Grant(id="g", client_id="c", scopes=scopes.parse(words), context=context, expires=1e12)


EVERYTHING = {level: grant(f"{level}/*.cruds") for level in ("patient", "user", "system")}


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("level", EVERYTHING)
def test_a_level_has_the_features_of_its_row_and_no_others(level: str, feature: str) -> None:
    found = allowing(EVERYTHING[level], "search", "Observation", needs=frozenset({feature}))
    assert bool(found) is (level in FEATURES[feature])


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("level", EVERYTHING)
def test_a_level_has_the_operations_of_its_row_and_no_others(level: str, name: str) -> None:
    assert bool(operating(EVERYTHING[level], name, "Observation")) is (level in OPERATIONS[name].levels)


def test_what_no_patient_token_may_stands_in_no_patient_row() -> None:
    for name in ("chain", "_has", "history-type", "history-system", "write-shared"):
        assert "patient" not in FEATURES[name]
    assert {name for name, row in OPERATIONS.items() if "patient" in row.levels} == {"$everything", "$validate"}


@pytest.mark.parametrize("type", ["Practitioner", "Organization", "Device", "Location", "Medication"])
@pytest.mark.parametrize("action", ["create", "update", "patch", "delete"])
def test_shared_types_are_written_by_system_alone(type: str, action: str) -> None:
    assert [level for level, held in EVERYTHING.items() if allowing(held, action, type)] == ["system"]


@pytest.mark.parametrize("type", sorted(CLOSED))
def test_closed_types_are_closed_to_a_patient_in_every_way(type: str) -> None:
    for action in ("read", "vread", "history", "search", "create", "update", "patch", "delete"):
        assert not allowing(EVERYTHING["patient"], action, type)
        assert allowing(EVERYTHING["system"], action, type)


@pytest.mark.parametrize(
    ("words", "patient", "user", "opens"),
    [
        ("patient/*.rs", "p1", None, True),
        ("patient/*.rs", None, None, False),
        ("user/*.rs", None, "Practitioner/d", True),
        ("user/*.rs", None, "PractitionerRole/d", True),
        ("user/*.rs", None, "Patient/p1", True),
        ("user/*.rs", None, "RelatedPerson/r", False),
        ("user/*.rs", None, "Person/r", False),
        ("user/*.rs", None, None, False),
        ("system/*.rs", None, None, True),
        ("openid launch", "p1", "Practitioner/d", False),
        ("", "p1", "Practitioner/d", False),
    ],
)
def test_a_scope_without_its_foundation_opens_nothing(
    words: str, patient: str | None, user: str | None, opens: bool
) -> None:
    held = grant(words, patient=patient, user=user)
    assert bool(fhir_scopes(held)) is opens
    assert bool(allowing(held, "read", "Observation")) is opens


def test_each_scope_is_evaluated_alone() -> None:
    held = grant("patient/Observation.r user/Patient.cruds system/Condition.s")
    assert not allowing(held, "update", "Observation")
    assert not allowing(held, "read", "Condition")
    assert not operating(held, "$everything", "Condition")
    assert not covering(grant("system/Observation.r system/Observation.s"), "rs", "Observation")
    assert covering(grant("system/Observation.rs"), "rs", "Observation")
    assert not covering(grant("system/Observation.rs?code=a"), "rs", "Observation")
    assert not covering(grant("patient/Observation.rs"), "rs", "Observation")


def test_scopes_that_reach_are_named_one_by_one() -> None:
    held = grant("patient/Observation.u?category=a|lab patient/Observation.u?category=a|vital")
    found = allowing(held, "update", "Observation")

    def coded(code: str) -> dict[str, Any]:
        category = [{"coding": [{"system": "a", "code": code}]}]
        return {"resourceType": "Observation", "subject": {"reference": "Patient/p1"}, "category": category}

    laboratory, vital = (reaching(found, coded(code), held, base=BASE, writing=True) for code in ("lab", "vital"))
    assert len(laboratory) == len(vital) == 1
    assert laboratory != vital


DOCTOR = {"resourceType": "Practitioner", "id": "d"}
MINE, THEIRS = {"reference": "Patient/p1"}, {"reference": "Patient/p2"}


def body(type: str = "Observation", **members: Any) -> dict[str, Any]:
    return {"resourceType": type, **members}


@pytest.mark.parametrize(
    ("resource", "fine"),
    [
        (body(subject=MINE), True),
        (body(subject=MINE, performer=[{"reference": "Practitioner/d"}]), True),
        (body(subject=MINE, performer=[{"display": "somebody"}]), True),
        (body(subject=MINE, performer=[MINE]), True),
        (body(subject=MINE, performer=[{"type": "Practitioner", "display": "somebody"}]), True),
        (body(subject=MINE, performer=[{"type": "Practitioner", "identifier": {"value": "1"}}]), True),
        (body(subject=MINE, performer=[{"id": "a", "display": "somebody"}]), True),
        (body(subject=MINE, performer=[{"display": "somebody", "uri": "urn:x"}]), False),
        (body(subject=MINE, performer=[{"display": "a model", "extension": [{"url": "u", "valueReference": {"reference": "Device/d"}}]}]), True),
        (body(subject=MINE, performer=[{"display": "x", "extension": [{"url": "u", "valueReference": THEIRS}]}]), False),
        (body(subject={**MINE, "extension": [{"url": "u", "valueReference": THEIRS}]}), False),
        (body(subject=MINE, focus=[THEIRS]), True),
        (body(subject=MINE, performer=[{"reference": "#d"}], contained=[{"resourceType": "Practitioner", "id": "d"}]), True),
        (body(subject=MINE, performer=[{"reference": "#d"}], contained=[DOCTOR, {"resourceType": "Patient", "id": "e"}]), True),
        (body(subject=MINE, performer=[{"reference": "#d"}], contained=[DOCTOR, DOCTOR]), False),
        (body(subject=MINE, performer=[{"reference": "#d"}], contained=["d", DOCTOR]), True),
        (body(subject=MINE, performer=[{"reference": "#d"}], contained=DOCTOR), False),
        (body(subject=THEIRS), False),
        (body(), False),
        (body(subject=MINE, performer=[THEIRS]), False),
        (body(subject=THEIRS, performer=[MINE]), False),
        (body(performer=[MINE]), False),
        (body(subject={"reference": "Patient/p1/_history/1"}), False),
        (body(subject={"reference": f"{BASE}/Patient/p1"}), False),
        (body(subject={"reference": "http://elsewhere/Patient/p1"}), False),
        (body(subject={"reference": "Patient?identifier=a|b"}), False),
        (body(subject={"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}), False),
        (body(subject={"identifier": {"value": "1"}}), False),
        (body(subject={**MINE, "identifier": {"value": "1"}}), False),
        (body(subject={**MINE, "type": "Group"}), False),
        (body(subject={"display": "p1"}), False),
        (body(subject={"reference": "Group/g"}), False),
        (body(subject={"reference": "#c"}, contained=[{"resourceType": "Patient", "id": "c"}]), False),
        (body(subject=MINE, performer=[{"reference": "#c"}], contained=[{"resourceType": "Patient", "id": "c"}]), False),
        (body(subject=MINE, performer=[{"reference": "#c"}]), False),
        (body(subject=MINE, performer=[{"identifier": {"value": "1"}}]), False),
        (body(subject=MINE, performer=[{"type": "Patient", "display": "x"}]), False),
        (body(subject=[MINE, THEIRS]), False),
        (body("AllergyIntolerance", patient=MINE, recorder=THEIRS), False),
        (body("AllergyIntolerance", patient=MINE), True),
        (body("Coverage", beneficiary=MINE, subscriber=THEIRS), False),
        (body("Coverage", beneficiary=MINE, payor=[{"reference": "Organization/o"}]), True),
        (body("Appointment", participant=[{"actor": MINE}, {"actor": {"reference": "Practitioner/d"}}]), True),
        (body("Appointment", participant=[{"actor": MINE}, {"actor": THEIRS}]), False),
        (body("Patient", id="p1"), True),
        (body("Patient", id="p2"), False),
        (body("Patient", id="p1", link=[{"other": THEIRS, "type": "seealso"}]), False),
        (body("Practitioner"), False),
        (body("Group", member=[{"entity": MINE}]), False),
        (body("DocumentReference"), False),
    ],
)  # fmt: skip
def test_a_patients_scope_writes_what_names_that_patient_and_nobody_else(resource: dict[str, Any], fine: bool) -> None:
    assert writable(resource, "p1") is fine
    held = grant("patient/*.cruds system/*.cruds")
    bounded, free = fhir_scopes(held)
    assert may_write(bounded, resource, held) is fine
    assert may_write(free, resource, held)


@pytest.mark.parametrize("type", sorted(SERVED))
def test_every_type_has_its_row(type: str) -> None:
    row = membership(type)
    assert set(row.deciding) <= set(row.named)
    assert row.plain is None or (row.subject and row.single)


@pytest.mark.parametrize(
    ("type", "element"),
    [("AllergyIntolerance", "patient"), ("Observation", "subject"), ("Coverage", "beneficiary"), ("ResearchSubject", "individual"),
     ("Task", "for"), ("Appointment", None), ("Patient", None)],
)  # fmt: skip
def test_the_one_element_that_says_whom_a_record_is_about(type: str, element: str | None) -> None:
    row = membership(type)
    assert row.plain == element
    assert row.subject is (element is not None)
    assert row.single is (element is not None)


@pytest.mark.parametrize(
    ("words", "action", "found"),
    [("system/*.s", "history-type", True), ("system/*.s", "history-system", True), ("system/*.r", "history-type", False),
     ("system/*.r", "history-system", False), ("system/*.r", "history", True), ("system/*.s", "history", False),
     ("system/*.r", "vread", True), ("system/*.u", "patch", True), ("system/*.cds", "patch", False), ("system/*.d", "delete", True)],
)  # fmt: skip
def test_each_interaction_needs_its_letter(words: str, action: str, found: bool) -> None:
    assert bool(allowing(grant(words), action, "Observation")) is found


@pytest.mark.parametrize(
    ("words", "resource", "reached"),
    [
        ("system/Patient.r?gender=female", body("Patient", gender="female"), True),
        ("system/Patient.r?gender=female", body("Patient", gender="male"), False),
        ("system/Patient.r?active=true", body("Patient", active=True), True),
        ("system/Patient.r?active=true", body("Patient", active=False), False),
        ("system/Patient.r?gender=|female", body("Patient", gender="female"), True),
        ("system/Patient.r?birthdate=1980-01-01", body("Patient", birthDate="1980-01-01"), False),
        ("system/Patient.r?nothing=1980-01-01", body("Patient", birthDate="1980-01-01"), False),
        ("system/Patient.r?identifier=urn:a|7", body("Patient", identifier=[{"system": "urn:a", "value": "7"}]), True),
        ("system/Patient.r?identifier=7", body("Patient", identifier=[{"system": "urn:a", "value": "7"}]), True),
        ("system/Patient.r?identifier=urn:b|7", body("Patient", identifier=[{"system": "urn:a", "value": "7"}]), False),
        ("system/Observation.r?code=7", body(code={"coding": [{"code": "6"}, {"system": "urn:a", "code": "7"}]}), True),
        ("system/Observation.r?code=7", body(code={"text": "7"}), False),
        ("system/Observation.r?code=7", body(code={"coding": ["7"]}), False),
        ("system/Observation.r?subject=p1", body(subject=MINE), True),
        ("system/Observation.r?subject=Patient/p1", body(subject={"reference": f"{BASE}/Patient/p1"}), True),
        ("system/Observation.r?subject=p1", body(subject=THEIRS), False),
        ("system/Observation.r?subject=p1", body(subject="Patient/p1"), False),
        ("system/Observation.r?subject=p1", body(subject={"display": "p1"}), False),
    ],
)  # fmt: skip
def test_a_granular_scope_compares_codes_and_references_and_nothing_else(
    words: str, resource: dict[str, Any], reached: bool
) -> None:
    held = grant(words)
    assert bool(reaching(fhir_scopes(held), resource, held, base=BASE)) is reached


@pytest.mark.parametrize(
    ("words", "type", "exact"),
    [("patient/Patient.rs", "Patient", True), ("patient/Observation.rs", "Observation", True), ("patient/Appointment.rs", "Appointment", False),
     ("patient/Practitioner.rs", "Practitioner", False), ("patient/Device.rs", "Device", False)],
)  # fmt: skip
def test_a_narrowed_search_is_exact_where_one_element_says_whose_a_record_is(
    words: str, type: str, exact: bool
) -> None:
    held = grant(words)
    found = narrow(allowing(held, "search", type), type, held)
    assert found is not None
    assert found.exact is exact


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ((("patient", "p1"), ("code", "a")), (("code", "a"),)),
        ((("subject", "Patient/p1"),), ()),
        ((("subject:Patient", "p1"),), ()),
        ((("code", "a"),), (("code", "a"),)),
        ((("patient", "p2"),), None),
        ((("patient", "p1,p2"),), None),
        ((("patient", "p1"), ("patient", "p2")), None),
        ((("patient:not", "p1"),), None),
        ((("patient:missing", "true"),), None),
        ((("subject:Group", "p1"),), None),
        ((("patient", f"{BASE}/Patient/p1"),), None),
    ],
)
def test_a_search_may_name_the_one_patient_only(query: Any, left: Any) -> None:
    assert confined("Observation", query, "p1") == left


@pytest.mark.parametrize(
    ("words", "pairs", "exact"),
    [
        ("patient/Observation.rs", (("patient", "Patient/p1"),), True),
        ("user/Observation.rs", (), True),
        ("patient/Observation.rs user/Observation.rs?category=a", (), False),
        ("patient/Observation.rs?category=b user/Observation.rs?category=a", (("category", "b,a"),), False),
        ("user/Observation.rs?category=a|", (("category", "a|"),), False),
        ("patient/Observation.rs?category=a patient/Observation.rs?code=b", (("patient", "Patient/p1"),), False),
    ],
)
def test_a_total_is_told_only_where_nothing_is_taken_out_afterwards(words: str, pairs: Any, exact: bool) -> None:
    held = grant(words)
    found = narrow(allowing(held, "search", "Observation"), "Observation", held)
    assert found is not None
    assert (found.pairs, found.exact) == (pairs, exact)


def test_where_nothing_narrows_a_search_the_patient_it_names_stays() -> None:
    """Else a search for the patient's own devices would find everybody's models."""
    assert confined("Device", (("patient", "p1"),), "p1") == (("patient", "p1"),)
    assert confined("Device", (("patient", "p2"),), "p1") is None
    assert confined("Condition", (("patient", "p1"),), "p1") == ()
