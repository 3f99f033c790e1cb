"""Faults, and feeds that only look faulty, that several records show together."""

import pytest

from tests.unit.fidelity.foreign import SNOMED, concept, diagnosis, failed, person, quantity, result, visit

ADDRESS = "https://ehr.example.org/r4"
OTHER = person(id="q", identifier=None, name=[{"family": "Ito", "given": ["Ren"]}])
MERGED = (
    person(active=False, link=[{"other": {"reference": "Patient/q"}, "type": "replaced-by"}]),
    person(id="q", link=[{"other": {"reference": "Patient/p"}, "type": "replaces"}]),
)


def twice(first, second):
    return failed(result(value=quantity(1), id="a", **first), result(value=quantity(1), **second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"effectiveDateTime": "2026-03-02T09:15:00Z"}, {"effectiveDateTime": "2026-03-02T09:15:00+00:00"}),
        ({"effectiveDateTime": "2026-03-02T09:15:00Z"}, {"effectiveDateTime": "2026-03-02T10:15:00+01:00"}),
        ({"valueQuantity": quantity(1.0, unit="mg/dL")}, {"valueQuantity": dict(reversed(quantity(1).items()))}),
        ({"valueQuantity": {**quantity(1), "unit": "MG/DL"}}, {}),
        ({}, {"subject": {"reference": f"{ADDRESS}/Patient/p"}}),
    ],
)
def test_what_is_said_twice_is_found_however_it_is_written(first, second):
    assert "DUP-02" in twice(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"specimen": {"reference": "Specimen/1"}}, {"specimen": {"reference": "Specimen/2"}}),
        ({"bodySite": concept("368208006", SNOMED)}, {"bodySite": concept("368209003", SNOMED)}),
        ({"method": concept("1", "urn:x")}, {"method": concept("2", "urn:x")}),
        ({"hasMember": [{"reference": "Observation/1"}]}, {"hasMember": [{"reference": "Observation/2"}]}),
    ],
)
def test_two_results_of_one_moment_are_two(first, second):
    assert "DUP-02" not in twice(first, second)


def test_a_record_and_its_next_version_are_no_duplicates():
    one, two = (result(value=quantity(1), meta={"versionId": version}) for version in "12")
    assert not failed(one, two) & {"DUP-01", "DUP-02"}


def test_another_patients_visit_is_found_behind_addresses():
    theirs = visit(subject={"reference": f"{ADDRESS}/Patient/q"})
    mine = result(
        value=quantity(1),
        subject={"reference": f"{ADDRESS}/Patient/p"},
        encounter={"reference": f"{ADDRESS}/Encounter/e"},
    )
    assert "REF-04" in failed(person(), OTHER, theirs, mine)
    elsewhere = {**mine, "encounter": {"reference": "https://elsewhere.example.org/Encounter/e"}}
    assert "REF-04" not in failed(person(), OTHER, theirs, elsewhere)


def test_the_records_of_a_merged_patient_are_not_another_patients_in_whatever_order_they_come():
    feed = [visit(subject={"reference": "Patient/q"}), result(value=quantity(1))]
    assert "REF-04" in failed(person(), OTHER, *feed)
    assert "REF-04" not in failed(*MERGED, *feed)
    assert "REF-04" not in failed(*feed, *reversed(MERGED))
    assert "DUP-04" not in failed(*MERGED, linkage=True, id="q")


def test_a_reference_into_the_record_itself_has_to_be_answered():
    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "aspirin"}}
    order = result(value=quantity(1), derivedFrom=[{"reference": "#m"}])
    assert "REF-02" in failed(person(), visit(), order)
    assert "REF-02" not in failed(person(), visit(), {**order, "contained": [drug]})


def test_a_person_is_known_again_by_number_and_without_accents():
    number = {"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn", "value": "77"}
    family = {**number, "type": {"coding": [{"code": "MB"}]}}
    born = {"birthDate": "1980-01-01", "id": "t"}
    assert "DUP-04" in failed(person(identifier=[number]), person(**born, identifier=[number]), linkage=True)
    assert "DUP-04" not in failed(person(identifier=[family]), person(**born, identifier=[family]), linkage=True)
    accented, plain = ([{"family": family, "given": ["Ana"]}] for family in ("Muñoz", "MUNOZ"))
    assert "DUP-04" in failed(person(name=accented), person(id="t", name=plain), linkage=True)
    year = {"birthDate": "1970", "identifier": None}
    assert "DUP-04" not in failed(person(**year), person(id="t", **year), linkage=True)


@pytest.mark.parametrize(
    ("code", "system"), [("N92.0", None), ("363443007", SNOMED), ("Z3A.39", None), ("C56.1", None)]
)
def test_a_man_with_a_womans_condition_is_asked_about(code, system):
    record = diagnosis(code, system) if system else diagnosis(code)
    assert "PLA-04" in failed(person(gender="male", birthDate="1990-01-01"), record)
    assert "PLA-04" not in failed(person(birthDate="1990-01-01"), record)


def test_a_woman_with_a_mans_condition_is_asked_about():
    assert "PLA-04" in failed(person(), diagnosis("N44.00"))
    assert "PLA-04" not in failed(person(gender="male"), diagnosis("N44.00"))
