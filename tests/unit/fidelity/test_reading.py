"""One record into a value: units, values that are none, answers, what is derived, and what comes from the Patient."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fidelity.chart import assemble
from tests.unit.fidelity.examples import (
    LOINC,
    MASS,
    NOW,
    PATIENT,
    SCT,
    absent,
    concept,
    found,
    observation,
    quantity,
)
from vocabulary.chart import FAILURES
from vocabulary.instant import Span
from vocabulary.manifest import Code, Feature


def test_a_convertible_unit_is_converted_with_a_caveat():
    value = found(MASS, observation(value=quantity(Decimal("2.0"), "g/L")))
    assert value.value == pytest.approx(200)
    assert value.unit == "mg/dL"
    assert value.caveats == ("the value was converted to mg/dL",)


@pytest.mark.parametrize(("unit", "number"), [("mU/L", 2), ("uU/mL", 2), ("U/L", 2000), ("u[IU]/mL", 2)])
def test_thyrotropin_is_the_same_number_in_either_unit_of_activity(unit, number):
    value = found(replace(MASS, unit="m[IU]/L"), observation(value=quantity(2, unit)))
    assert (value.value, value.caveats) == (number, ("the value was converted to m[IU]/L",))


@pytest.mark.parametrize("unit", ["mmol/L", "K/uL", "F", "C", "nonsense", "mm[Hg]"])
def test_a_unit_that_cannot_be_converted_is_refused(unit):
    assert absent(MASS, observation(value=quantity(200, unit))) == "the unit cannot be converted to mg/dL"


def test_a_missing_unit_is_refused_but_for_a_bare_number():
    bare = {"value": 200}
    assert absent(MASS, observation(value=bare)) == "the unit is missing"
    assert "unit is missing" in found(replace(MASS, unit="{score}"), observation(value=bare)).caveats[0]


def test_a_unit_written_as_text_is_a_caveat_when_it_can_mean_nothing_else():
    value = found(replace(MASS, unit="mm[Hg]"), observation(value={"value": 120, "unit": "mmHg"}))
    assert (value.value, value.caveats) == (120, ("the unit is written as text, not coded in UCUM",))
    assert absent(replace(MASS, unit="Cel"), observation(value={"value": 37, "unit": "C"}))


def test_an_egfr_without_its_body_surface_is_usable_with_a_caveat():
    feature = replace(MASS, unit="mL/min/{1.73_m2}")
    assert "body surface" in found(feature, observation(value=quantity(88, "mL/min"))).caveats[0]
    assert found(feature, observation(value=quantity(88, "mL/min/{1.73_m2}"))).caveats == ()


def test_without_a_unit_in_the_manifest_the_value_keeps_its_own():
    value = found(replace(MASS, unit=None), observation(value=quantity(7, "10*3/uL")))
    assert (value.value, value.unit) == (7, "10*3/uL")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"valueQuantity": quantity(60, comparator=">")}, "comparator"),
        ({"valueQuantity": None, "valueString": "7.2 mg/dL"}, "hidden in text"),
        ({"valueQuantity": None, "valueString": "GT 45"}, "hidden in text"),
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "GT 45"}}, "stands where a number belongs"),
        ({"valueQuantity": quantity(9999)}, "hard plausibility limits"),
        ({"valueQuantity": quantity(Decimal("1e400"))}, "hard plausibility limits"),
        ({"valueQuantity": quantity(200, "F")}, "cannot be converted"),
        ({"valueQuantity": None, "valueRange": {}}, "form that is not read"),
        ({"valueQuantity": None, "valueBoolean": True}, "no measurement"),
        ({"valueInteger": 7}, "more than one value"),
    ],
)
def test_a_result_that_cannot_be_trusted_is_not_replaced_by_an_older_one(changes, reason):
    feature = replace(MASS, limits=(Decimal(10), Decimal(1000)))
    bad = observation("2", at="2026-05-20", **changes)
    assert reason in absent(feature, {key: value for key, value in bad.items() if value is not None}, observation())


@pytest.mark.parametrize(
    "changes",
    [
        {"dataAbsentReason": concept("unknown", "http://terminology.hl7.org/CodeSystem/data-absent-reason")},
        {"valueString": "SEE COMMENT"},
        {},
        {"valueQuantity": {"unit": "mg/dL"}},
    ],
)
def test_a_record_without_a_result_is_passed_over_with_a_caveat(changes):
    empty = observation("2", at="2026-05-20")
    del empty["valueQuantity"]
    value = found(MASS, empty | changes, observation())
    assert value.value == 200
    assert "passed over" in value.caveats[0]
    assert absent(MASS, empty | changes)


SMOKING = Feature(
    name="smoking",
    kind="observation",
    codes=(Code(system=LOINC, code="72166-2"),),
    answers=(Code(system=SCT, code="449868002", value="current"), Code(system=SCT, code="266919005")),
)


def answer(code, number="1", at="2026-05-01"):
    record = observation(number, "72166-2", at=at, valueCodeableConcept=concept(code, SCT))
    del record["valueQuantity"]
    return record


def test_a_coded_answer_becomes_the_models_word_or_stays_a_code():
    assert found(SMOKING, answer("449868002")).value == "current"
    assert found(SMOKING, answer("266919005")).value == "266919005"


def test_an_answer_that_says_nothing_is_passed_over_for_one_that_does():
    assert found(SMOKING, answer("266927001", "2", "2026-05-20"), answer("449868002")).value == "current"
    assert "not one that the model knows" in absent(SMOKING, answer("266927001"))


def test_a_boolean_answer_is_taken_where_no_unit_is_asked():
    record = observation(valueBoolean=True)
    del record["valueQuantity"]
    assert found(replace(MASS, unit=None), record).value is True


@pytest.mark.parametrize("failure", ["forbidden", "unavailable", "unreadable"])
def test_an_unreadable_type_is_absent_by_that_name(failure):
    assert absent(MASS, complete=False, failure=failure) == f"Observation could not be read ({FAILURES[failure]})"


def test_a_search_that_was_cut_short_is_a_caveat_and_its_silence_is_no_absence():
    assert "later value may exist" in found(MASS, observation(), complete=False).caveats[-1]
    assert "not read to the end" in absent(MASS, complete=False)


def test_a_type_that_was_never_read_is_absent_by_that_name():
    assert assemble(patient=PATIENT, reads={}, features=[MASS], as_of=NOW).absent["mass"] == "Observation was not read"


EGFR = Feature(
    name="egfr",
    kind="observation",
    codes=(Code(system=LOINC, code="98979-8"),),
    unit="mL/min/{1.73_m2}",
    derive="ckd-epi-2021",
    lookback=Span(months=60),
)


def test_egfr_is_derived_from_creatinine_with_a_caveat_that_names_its_source():
    value = found(EGFR, observation(code="38483-4", value=quantity(Decimal("0.8"))))
    assert value.value == pytest.approx(89.7, abs=0.05)
    assert value.caveats == ("derived by CKD-EPI 2021 from creatinine (LOINC 38483-4)",)
    assert value.sources == ("Observation/1/_history/1",)


def test_egfr_is_not_derived_where_it_is_measured_nor_from_what_is_too_old_or_of_a_child():
    creatinine = observation(code="2160-0", value=quantity(Decimal("0.8")))
    measured = observation("2", "98979-8", quantity(55, "mL/min/{1.73_m2}"))
    assert found(EGFR, creatinine, measured).value == 55
    assert absent(EGFR, creatinine | {"effectiveDateTime": "2019"})
    assert absent(EGFR, creatinine, patient=PATIENT | {"birthDate": "2012-01-01"})


def test_a_censored_egfr_is_replaced_by_one_derived():
    censored = observation("2", "98979-8", quantity(60, "mL/min/{1.73_m2}", comparator=">"))
    creatinine = observation(code="2160-0", value=quantity(Decimal("0.8")))
    assert "derived" in found(EGFR, censored, creatinine).caveats[0]


AGE, SEX = Feature(name="age", kind="patient"), Feature(name="sex", kind="patient")


@pytest.mark.parametrize(
    ("born", "years"),
    [("1976-06-01", 50), ("1976-06-02", 49), ("1976-05-31", 50), ("1976-07", 49), ("1975", 50), ("2026-06-01", 0)],
)
def test_age_is_in_completed_calendar_years(born, years):
    assert found(AGE, patient=PATIENT | {"birthDate": born}).value == years


def test_an_incomplete_birth_date_is_a_caveat_when_it_matters():
    assert found(AGE, patient=PATIENT | {"birthDate": "1976"}).caveats
    assert not found(AGE, patient=PATIENT | {"birthDate": "1976-01"}).caveats


@pytest.mark.parametrize("born", [None, "", "yesterday", "1976-02-30", "2027-01-01", 1976])
def test_an_impossible_birth_date_gives_no_age(born):
    assert absent(AGE, patient=PATIENT | {"birthDate": born})


def test_sex_is_administrative_and_unknown_is_absent():
    assert found(SEX).value == "female"
    assert absent(SEX, patient=PATIENT | {"gender": "unknown"})


def test_a_patient_feature_of_another_name_is_absent():
    assert absent(Feature(name="height", kind="patient"))
