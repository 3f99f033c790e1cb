"""A published profile tells counts, and nothing that few records stand for or that somebody typed."""

import json

import pytest

from fidelity.document import document
from fidelity.profile import Profile, settings_of
from fidelity.published import ProfileError, parse_published
from fidelity.scores import scores

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"


def observation(number, *, code="2093-3", system=LOINC, unit="mg/dL", value=None, **more):
    return {
        "resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": {"reference": f"Patient/p{number % 20}"},
        "code": {"coding": [{"system": system, "code": code}]}, "effectiveDateTime": f"2026-0{number % 9 + 1}-01T08:00:00Z",
        "issued": f"2026-0{number % 9 + 1}-01T10:00:00Z",
        "valueQuantity": {"value": 100 + number if value is None else value, "unit": unit, "system": UCUM, "code": unit},
    } | more  # fmt: skip


def profile(*resources):
    return document(Profile().add(resources, dict(found for each in resources if (found := settings_of(each)))))


def test_a_code_is_told_with_its_months_units_choices_delays_and_quantiles():
    made = profile(
        *(observation(number) for number in range(100)),
        *(observation(number, unit="mmol/L", value=5) for number in range(30)),
    )
    code = parse_published(json.loads(json.dumps(made))).codes[LOINC, "2093-3"]
    assert (code.n, code.first, code.last) == (130, "2026-01", "2026-09")
    assert code.modal_unit() == "mg/dL"
    assert code.modal_choice() == "valueQuantity"
    assert code.delays == {"14400": 130}
    assert code.median("mg/dL") == pytest.approx(150, abs=1)
    assert code.values["mg/dL"].quantiles[0.001] >= 109, "ten records lie below whatever is told"
    assert (code.values["mmol/L"].spike_value, code.values["mmol/L"].spike_share) == (5.0, 1.0)
    assert code.values["mg/dL"].spike_value is None


@pytest.mark.parametrize("unit", [["mg/dL"], {"a": 1}, 5, None])
def test_a_unit_whose_system_is_no_text_is_no_coded_unit(unit):
    odd = [observation(n) for n in range(20)]
    for each in odd:
        each["valueQuantity"]["system"] = unit
    assert profile(*odd)["codes"][0]["units"] == [{"unit": "mg/dL", "form": "text", "numbers": 20}]


def test_component_codes_are_codes_of_their_own():
    part = {
        "code": {"coding": [{"system": LOINC, "code": "8480-6"}]},
        "valueQuantity": {"value": 120, "system": UCUM, "code": "mm[Hg]"},
    }
    panels = [observation(number, code="85354-9", component=[part]) for number in range(12)]
    for each in panels:
        del each["valueQuantity"]
    assert parse_published(profile(*panels)).codes[LOINC, "8480-6"].units == {("mm[Hg]", "coded"): 12}


SECRET = "Jane Doe 555-1234"


@pytest.mark.parametrize("repeats", [1, 30])
@pytest.mark.parametrize(
    "change",
    [
        {"code": {"coding": [{"system": "urn:lab", "code": SECRET}]}}, {"code": {"coding": [{"system": SECRET, "code": "1"}]}},
        {"code": {"text": SECRET}}, {"status": SECRET}, {"category": [{"coding": [{"code": SECRET}]}]}, {"valueString": SECRET, "valueQuantity": None},
        {"valueQuantity": {"value": 1, "unit": SECRET}}, {"valueQuantity": {"value": 1, "code": SECRET, "system": UCUM}},
        {"interpretation": [{"coding": [{"code": SECRET}]}]}, {"meta": {"source": SECRET}}, {"issued": SECRET}, {"effectiveDateTime": SECRET},
        {"subject": {"reference": SECRET}}, {"encounter": {"reference": f"Encounter/{SECRET}"}}, {SECRET: 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_somebody_typed_is_never_told(change, repeats):
    told = json.dumps(
        profile(
            *(observation(number, **change) for number in range(repeats)),
            *(observation(100 + number) for number in range(20)),
        )
    )
    assert "Jane" not in told
    assert "555" not in told


def test_what_few_records_stand_for_has_no_number_but_a_rare_code_is_named():
    made = profile(
        *(observation(number) for number in range(40)), *(observation(number, code="718-7") for number in range(9))
    )
    assert made["rare_codes"] == [[LOINC, "718-7"]]
    assert [each["code"] for each in made["codes"]] == ["2093-3"]
    assert min(_numbers(made["strata"])) >= 10
    assert (LOINC, "718-7") in parse_published(made).rare


def _numbers(strata):
    return [found["resources"] for each in strata for found in each["patterns"]]


def test_the_care_setting_is_that_of_the_visit_whichever_comes_first():
    visit = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "EMER"}}
    made = profile(*(observation(number, encounter={"reference": "Encounter/e"}) for number in range(20)), visit)
    assert [each["setting"] for each in made["strata"] if each["type"] == "Observation"] == ["EMER"]


def test_scores_have_piqis_shape_and_skip_what_does_not_apply():
    made = profile(
        *(observation(number) for number in range(90)),
        *(observation(number, code=None, valueQuantity=None, valueString="x") for number in range(10)),
    )
    (group,) = scores(made)["dataClasses"]
    by_name = {each["assessment"]: each for each in group["assessments"]}
    assert (
        by_name["ObservationValue_MatchesType"]["numerator"],
        by_name["ObservationValue_MatchesType"]["denominator"],
    ) == (90, 100)
    assert by_name["LabResult_UnitIsCoded"]["score"] == 100.0
    condition = scores(profile(*({"resourceType": "Condition", "id": str(number)} for number in range(12))))[
        "dataClasses"
    ][0]
    assert {each["result"] for each in condition["assessments"] if each["assessment"] == "Attr_IsTimestampTz"} == {
        "skip"
    }


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {"format": "other"},
        {"format": "chartgate-profile/1"},
        {**profile(), "codes": 5},
        {**profile(), "types": {"x": 1}},
    ],
    ids=str,
)
def test_what_is_no_profile_is_refused_without_an_echo(wrong):
    with pytest.raises(ProfileError, match="this is no profile"):
        parse_published(wrong)
    assert parse_published(profile()).resources == {}
