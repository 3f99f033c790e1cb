"""What to read, and what of it becomes a feature: codes, panels, units, times, statuses, whose, and what is absent."""

from dataclasses import replace

import pytest

from fidelity.chart import plan
from fidelity.demographics import age
from tests.unit.fidelity.examples import (
    LOINC,
    MASS,
    NOW,
    PATIENT,
    RXNORM,
    SCT,
    SUBJECT,
    absent,
    concept,
    found,
    observation,
    quantity,
)
from vocabulary.chart import Search
from vocabulary.instant import Span, parse_instant
from vocabulary.manifest import Code, Feature


def test_the_plan_asks_for_all_observation_codes_at_once_and_for_the_panels_that_carry_them():
    pressure = replace(MASS, name="sbp", codes=(Code(system=LOINC, code="8480-6"),))
    (search,) = plan([MASS, pressure])
    assert search == Search(
        type="Observation", parameters=(("code", f"{LOINC}|2093-3,{LOINC}|8480-6,{LOINC}|85354-9"),)
    )


def test_the_plan_asks_for_the_source_of_a_derived_value():
    assert "2160-0" in plan([replace(MASS, derive="ckd-epi-2021")])[0].parameters[0][1]
    assert "2160-0" not in plan([MASS])[0].parameters[0][1]


def test_the_plan_reads_a_type_whole_for_a_presence_and_nothing_for_the_patient():
    condition = Feature(name="d", kind="presence", resource="Condition", codes=(Code(system=SCT, code="44054006"),))
    drug = Feature(name="s", kind="presence", resource="MedicationRequest", codes=(Code(system=RXNORM, code="36567"),))
    age = Feature(name="age", kind="patient")
    assert plan([condition, drug, age]) == (
        Search(type="Condition"),
        Search(type="MedicationRequest", parameters=(("status", "active"),)),
    )
    assert plan([replace(drug, ever=True)]) == (Search(type="MedicationRequest"),)


def test_a_value_says_where_it_comes_from_and_when_it_was_true():
    value = found(MASS, observation())
    assert (value.value, value.unit, value.sources) == (200.0, "mg/dL", ("Observation/1/_history/1",))
    assert value.at == parse_instant("2026-05-01T08:00:00Z")
    assert value.caveats == ()


def test_another_code_is_not_taken():
    assert absent(MASS, observation(code="2085-9")) == "no record was found"


def test_the_latest_wins_whatever_the_order_of_the_answer():
    old, new = observation("1", at="2026-04-01"), observation("2", at="2026-05-01", value=quantity(210))
    assert found(MASS, old, new).value == found(MASS, new, old).value == 210


def test_at_the_same_time_the_code_listed_first_wins_and_a_later_value_wins_over_it():
    both = replace(MASS, codes=(Code(system=LOINC, code="98979-8"), Code(system=LOINC, code="33914-3")))
    first, second = observation("1", "33914-3", quantity(1)), observation("2", "98979-8", quantity(2))
    assert found(both, first, second).value == 2
    assert found(both, observation("3", "33914-3", quantity(3), at="2026-05-02"), second).value == 3


@pytest.mark.parametrize(("pick", "expected"), [("earliest", 190), ("lowest", 180), ("highest", 250), ("latest", 200)])
def test_the_manifest_may_pick_another_than_the_latest(pick, expected):
    records = [
        observation(str(number), value=quantity(value), at=f"2026-0{number}-01")
        for number, value in enumerate([190, 250, 180, 200], start=1)
    ]
    assert found(replace(MASS, pick=pick), *records).value == expected


def test_a_component_of_a_panel_is_read_and_the_panel_itself_is_no_empty_record():
    feature = replace(
        MASS, codes=(Code(system=LOINC, code="85354-9"), Code(system=LOINC, code="8480-6")), unit="mm[Hg]"
    )
    panel = observation(code="85354-9")
    del panel["valueQuantity"]
    panel["component"] = [
        {"code": concept("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")},
        {"code": concept("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
    ]
    assert found(feature, panel).value == 120
    panel["component"].pop()
    assert absent(feature, panel)


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered", None, 7])
def test_a_withdrawn_or_unmade_result_is_never_taken(status):
    assert absent(MASS, observation(status=status)) == "no record was found"


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_a_final_result_is_taken_as_it_is(status):
    assert found(MASS, observation(status=status)).caveats == ()


def test_a_preliminary_result_is_taken_only_when_there_is_no_final_one():
    early = observation("2", at="2026-05-20", status="preliminary", value=quantity(250))
    assert found(MASS, early, observation()).value == 200
    alone = found(MASS, early)
    assert alone.value == 250
    assert "preliminary" in alone.caveats[0]


@pytest.mark.parametrize("at", ["2021-05-31", "2021-05", "2020", "1999-01-01T00:00:00Z"])
def test_a_value_older_than_the_look_back_is_not_taken(at):
    assert "looks back" in absent(replace(MASS, lookback=Span(months=60)), observation(at=at))


@pytest.mark.parametrize("at", ["2021-06-02", "2021-06", "2021", "2026-06-01", "2026-06-01T12:00:00Z"])
def test_a_partial_date_that_may_lie_within_the_look_back_is_taken(at):
    assert found(replace(MASS, lookback=Span(months=60)), observation(at=at))


def test_a_day_that_has_begun_in_auckland_is_today():
    assert found(MASS, observation(at="2026-06-02")).value == 200  # noon in Greenwich is midnight there
    newborn = age(PATIENT | {"birthDate": "2026-06-02"}, NOW)
    assert newborn.value == 0


@pytest.mark.parametrize("at", ["2026-06-03", "2027", "2026-06-01T12:00:01Z", "2026-06-01T13:00:00+00:30"])
def test_a_value_of_the_future_is_refused(at):
    assert absent(MASS, observation(at=at))


def test_a_time_in_another_zone_is_the_same_moment():
    assert found(MASS, observation(at="2026-06-01T14:00:00+02:00")).at == NOW


def test_a_time_without_a_zone_is_a_caveat():
    assert "no zone" in found(MASS, observation(at="2026-05-01T08:00:00")).caveats[0]


def test_an_ai_labelled_resource_is_never_an_input():
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}
    assert absent(MASS, observation(meta={"security": [label]}))
    assert found(MASS, observation(meta={"security": [label | {"code": "DEVAST"}]}))


@pytest.mark.parametrize(
    "subject", [{"reference": "Patient/other"}, {"reference": "Group/p"}, None, {"display": "somebody"}, "Patient/p"]
)
def test_a_record_that_is_not_the_patients_is_never_taken(subject):
    assert absent(MASS, observation(subject=subject))


@pytest.mark.parametrize("reference", ["Patient/p", "https://ehr.example/fhir/Patient/p", "Patient/p/_history/3"])
def test_the_patient_may_be_named_by_any_literal_reference(reference):
    assert found(MASS, observation(subject={"reference": reference}))


def test_a_measurement_of_somebody_else_in_focus_is_not_taken():
    assert absent(MASS, observation(focus=[{"reference": "Patient/child"}]))
    assert found(MASS, observation(focus=[SUBJECT]))
