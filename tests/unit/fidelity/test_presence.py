"""Presence of a disease or treatment: what counts, and that silence is "no" only when everything was read."""

from dataclasses import replace

import pytest

from fidelity.chart import assemble, plan
from vocabulary.chart import Read, Search
from vocabulary.instant import Span, parse_instant
from vocabulary.manifest import Code, Feature

SCT, ICD, RXNORM = (
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
NOW = parse_instant("2026-06-01T12:00:00Z")
PATIENT = {"resourceType": "Patient", "id": "p"}
DIABETES = Feature(
    name="diabetes",
    kind="presence",
    resource="Condition",
    codes=(Code(system=SCT, code="44054006"), Code(system=ICD, code="E11")),
)
STATIN = Feature(
    name="statin",
    kind="presence",
    resource="MedicationRequest",
    codes=(Code(system=RXNORM, code="36567", display="simvastatin"), Code(system=RXNORM, code="314231")),
)


def condition(code="44054006", system=SCT, clinical="active", verification="confirmed", **more):
    return {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "onsetDateTime": "2020-01-01",
        "clinicalStatus": {"coding": [{"code": clinical}]} if clinical else None,
        "verificationStatus": {"coding": [{"code": verification}]} if verification else None,
        "code": {"coding": [{"system": system, "code": code}]},
    } | more


def order(code="314231", display=None, **more):
    return {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "authoredOn": "2025-01-01",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code, "display": display}]},
    } | more


def chart(feature, *resources, medications=(), **read):
    reads = {search: Read(resources=resources, **read) for search in plan([feature])}
    if medications:
        reads[Search(type="Medication")] = Read(resources=medications)
    return assemble(patient=PATIENT, reads=reads, features=[feature], as_of=NOW)


def value(feature, *resources, **more):
    made = chart(feature, *resources, **more).features.get(feature.name)
    return None if made is None else made.value


@pytest.mark.parametrize("clinical", ["active", "recurrence", "relapse", None])
@pytest.mark.parametrize("verification", ["confirmed", None])
def test_a_current_confirmed_condition_is_present(clinical, verification):
    assert value(DIABETES, condition(clinical=clinical, verification=verification)) is True


@pytest.mark.parametrize(
    "changes",
    [
        {"clinical": "resolved"},
        {"clinical": "inactive"},
        {"clinical": "remission"},
        {"verification": "entered-in-error"},
        {"verification": "refuted"},
        {"verification": "provisional"},
        {"code": "15777000"},
        {"abatementDateTime": "2021-01-01"},
        {"onsetDateTime": "2027-01-01"},
        {"subject": {"reference": "Patient/q"}},
        {"meta": {"security": [{"code": "AIAST"}]}},
    ],
)
def test_what_is_over_withdrawn_unsettled_other_future_foreign_or_an_ais_is_not(changes):
    assert value(DIABETES, condition(**changes)) is False


def test_a_disease_once_had_counts_where_the_manifest_says_ever():
    assert value(replace(DIABETES, ever=True), condition(clinical="resolved")) is True
    assert value(replace(DIABETES, ever=True), condition(verification="refuted")) is False


def test_an_unconfirmed_record_is_a_caveat_on_the_no():
    made = chart(DIABETES, condition(verification="provisional")).features["diabetes"]
    assert made.caveats == ("an unconfirmed record was not counted",)
    assert chart(DIABETES, condition("15777000", verification="provisional")).features["diabetes"].caveats == ()


@pytest.mark.parametrize("code", ["E11", "E11.9", "E11.65", "E1165"])
def test_an_icd_category_stands_for_its_subdivisions(code):
    assert value(DIABETES, condition(code, ICD)) is True


@pytest.mark.parametrize("code", ["E10.9", "E1", "E12"])
def test_an_icd_category_does_not_stand_for_its_neighbours(code):
    assert value(DIABETES, condition(code, ICD)) is False


def test_a_system_named_by_its_oid_is_the_same_system():
    assert value(DIABETES, condition(system="urn:oid:2.16.840.1.113883.6.96")) is True
    assert value(DIABETES, condition(system="urn:oid:2.16.840.1.113883.6.1")) is False


def test_an_empty_type_read_to_the_end_means_no():
    assert value(DIABETES) is False


@pytest.mark.parametrize(
    ("read", "reason"),
    [({"complete": False}, "not read to the end"), ({"complete": False, "failure": "forbidden"}, "forbidden")],
)
def test_a_type_not_read_to_its_end_leaves_the_answer_unknown(read, reason):
    made = chart(DIABETES, condition("15777000"), **read)
    assert "diabetes" not in made.features
    assert reason in made.absent["diabetes"]


def test_a_presence_that_was_seen_is_present_however_little_was_read():
    assert value(DIABETES, condition(), complete=False) is True


def test_a_type_that_was_never_read_leaves_the_answer_unknown():
    made = assemble(patient=PATIENT, reads={}, features=[DIABETES], as_of=NOW)
    assert made.absent["diabetes"] == "Condition was not read"


def test_an_active_order_is_a_treatment():
    assert value(STATIN, order()) is True


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "stopped"},
        {"status": "completed"},
        {"status": "on-hold"},
        {"status": "draft"},
        {"intent": "plan"},
        {"intent": "proposal"},
        {"intent": None},
        {"doNotPerform": True},
        {"code": "314076"},
        {"authoredOn": "2027-01-01"},
    ],
)
def test_what_is_not_an_active_order_is_no_treatment(changes):
    assert value(STATIN, order(**changes)) is False


def test_an_old_order_is_none_where_the_manifest_looks_back_less():
    assert value(replace(STATIN, lookback=Span(months=6)), order()) is False
    assert value(replace(STATIN, lookback=Span(months=60)), order()) is True


def test_a_drug_that_is_not_listed_is_recognised_by_the_name_of_its_ingredient_with_a_caveat():
    made = chart(STATIN, order("999999", "simvastatin 15 MG Oral Tablet [Zocor]")).features["statin"]
    assert (made.value, made.caveats) == (True, ("recognised by its name, not by its code",))


@pytest.mark.parametrize(
    "display", ["lisinopril 10 MG Oral Tablet", "simvastatin Topical Cream", "presimvastatinol", None]
)
def test_another_name_or_another_form_is_not_recognised(display):
    assert value(STATIN, order("999999", display)) is False


def test_a_contained_or_separate_medication_is_resolved():
    drug = {"resourceType": "Medication", "id": "x", "code": {"coding": [{"system": RXNORM, "code": "314231"}]}}
    base = order()
    del base["medicationCodeableConcept"]
    assert value(STATIN, base | {"contained": [drug], "medicationReference": {"reference": "#x"}}) is True
    assert value(STATIN, base | {"medicationReference": {"reference": "Medication/x"}}, medications=(drug,)) is True


def test_a_medication_that_cannot_be_resolved_leaves_the_answer_unknown():
    base = order(medicationReference={"reference": "Medication/x"})
    del base["medicationCodeableConcept"]
    assert "could not be resolved" in chart(STATIN, base).absent["statin"]


def test_without_codes_any_current_record_is_the_presence():
    problems = Feature(name="problems", kind="presence", resource="Condition")
    made = chart(problems, condition(), condition(clinical="resolved") | {"id": "d"}).features["problems"]
    assert (made.value, made.sources) == (True, ("Condition/c",))
    assert value(problems) is False


def test_a_resource_type_that_is_not_looked_through_is_unknown():
    feature = replace(DIABETES, resource="Claim")
    assert chart(feature).absent["diabetes"] == "this kind of resource cannot be looked through"
