"""The verdict of a chart for one model: fit, caveats or unfit, and why, in words without values."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fidelity.chart import assemble, plan
from fidelity.verdict import judge
from vocabulary.chart import Read
from vocabulary.finding import format_verdict
from vocabulary.instant import Span, parse_instant
from vocabulary.manifest import Code, Feature, Manifest, Prediction

LOINC, UCUM, SCT = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
NOW = parse_instant("2026-06-01T12:00:00Z")
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1976-06-01", "gender": "female"}
MASS = Feature(name="mass", kind="observation", codes=(Code(system=LOINC, code="2093-3"),), unit="mg/dL", required=True)
DISEASE = Feature(name="disease", kind="presence", resource="Condition", codes=(Code(system=SCT, code="44054006"),))


def manifest(*features):
    output = Prediction(name="x", range=(Decimal(0), Decimal(1)), unit="fraction")
    return Manifest(
        id="m",
        version="1",
        title="m",
        entry="model:predict",
        url=None,
        kind="risk",
        output=output,
        policy="automatic",
        valid_for=Span(seconds=60),
        valid_for_text="PT1M",
        features=features,
    )


def observation(number="1", unit="mg/dL", **more):
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": LOINC, "code": "2093-3"}]},
        "effectiveDateTime": "2026-05-01T08:00:00Z",
        "valueQuantity": {"value": Decimal("123.25"), "system": UCUM, "code": unit},
    } | more


def verdict(*resources, features=(MASS,), patient=PATIENT, patient_resource="same", **read):
    reads = {
        search: Read(resources=tuple(item for item in resources if item["resourceType"] == search.type), **read)
        for search in plan(features)
    }
    chart = assemble(patient=patient, reads=reads, features=features, as_of=NOW)
    resource = patient if patient_resource == "same" else patient_resource
    return judge(chart, manifest(*features), patient_resource=resource)


def test_a_clean_chart_is_fit_without_reasons():
    made = verdict(observation())
    assert (made.fitness, made.reasons) == ("fit", ())
    assert all(finding.result != "fail" for finding in made.findings)


def test_a_missing_required_feature_makes_it_unfit_by_name():
    made = verdict()
    assert made.fitness == "unfit"
    assert made.reasons == ("mass is required and missing: no record was found",)


def test_an_unreadable_required_feature_makes_it_unfit_by_name():
    made = verdict(complete=False, failure="forbidden")
    assert (made.fitness, made.reasons[0].startswith("mass")) == ("unfit", True)
    assert "forbidden" in made.reasons[0]


def test_a_missing_optional_feature_leaves_it_fit():
    made = verdict(features=(replace(MASS, required=False),))
    assert made.fitness == "fit"
    assert [finding.severity for finding in made.findings if finding.check == "STR-05"] == ["info"]


def test_a_value_in_a_unit_of_another_dimension_makes_it_unfit():
    made = verdict(observation(unit="K/uL"))
    assert made.fitness == "unfit"
    assert "mass" in made.reasons[0]
    assert "unit" in made.reasons[0]


def test_a_caveat_of_a_feature_is_a_caveat_of_the_chart():
    made = verdict(observation(status="preliminary"))
    assert made.fitness == "caveats"
    assert made.reasons == ("mass: only a preliminary result was found",)


def test_another_patients_record_makes_it_unfit_but_not_for_a_model_that_does_not_use_it():
    foreign = observation("2", subject={"reference": "Patient/q"})
    assert verdict(observation(), foreign).fitness == "unfit"
    other = replace(MASS, codes=(Code(system=LOINC, code="2085-9"),), required=False)
    assert verdict(observation(), foreign, features=(other,)).fitness == "fit"


def test_a_model_that_requires_nothing_is_never_unfit():
    optional = replace(MASS, required=False)
    for resources in ((), (observation(unit="F"),), (observation("2", subject={"reference": "Patient/q"}),)):
        assert verdict(*resources, features=(optional,)).fitness != "unfit"
    assert verdict(features=(optional,), complete=False, failure="unavailable").fitness != "unfit"
    assert verdict(features=(optional,), patient_resource=None).fitness == "caveats"
    assert verdict(features=(), patient=PATIENT | {"deceasedBoolean": True}).fitness == "caveats"


def test_a_wrong_patient_makes_it_unfit_for_every_model():
    for features in ((MASS,), ()):
        made = verdict(observation(), features=features, patient_resource=PATIENT | {"id": "q"})
        assert made.fitness == "unfit"
        assert "not the patient" in made.reasons[0]


def test_a_patient_that_could_not_be_read_makes_it_unfit():
    assert verdict(observation(), patient_resource=None).reasons == ("the patient could not be read",)


@pytest.mark.parametrize("died", [{"deceasedBoolean": True}, {"deceasedDateTime": "2020-01-01"}])
def test_a_dead_patient_makes_it_unfit(died):
    assert verdict(observation(), patient=PATIENT | died).reasons == ("the patient is recorded as deceased",)


@pytest.mark.parametrize("alive", [{"deceasedBoolean": False}, {"deceasedDateTime": "2026-06-03"}])
def test_a_patient_who_is_alive_at_the_time_is_fit(alive):
    assert verdict(observation(), patient=PATIENT | alive).fitness == "fit"


def test_an_alternative_stands_in_for_a_required_feature():
    other = replace(MASS, name="other", required=False)
    missing = replace(MASS, codes=(Code(system=LOINC, code="2085-9"),), alternative="other")
    assert verdict(observation(), features=(missing, other)).fitness == "fit"
    assert verdict(observation(), features=(replace(missing, alternative=None), other)).fitness == "unfit"


def test_an_unknown_presence_is_a_caveat_when_optional_and_unfit_when_required():
    assert verdict(features=(DISEASE,), complete=False).fitness == "caveats"
    made = verdict(features=(replace(DISEASE, required=True),), complete=False)
    assert made.fitness == "unfit"
    assert "disease" in made.reasons[0]


def test_a_disease_in_free_text_only_is_a_caveat_on_the_no():
    written = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "Diabetes"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }
    made = verdict(written, features=(DISEASE,))
    assert made.fitness == "caveats"
    assert "free text" in made.reasons[0]
    resolved = written | {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert verdict(resolved, features=(DISEASE,)).fitness == "fit"


def test_no_reason_or_finding_repeats_a_value_or_an_id():
    records = [
        observation("secret-id", unit="F"),
        observation("secret-two", subject={"reference": "Patient/secret"}),
        observation("secret-three", valueString="secret 7"),
        observation("secret-four", effectiveDateTime="2031-01-01"),
    ]
    made = verdict(*records)
    said = " ".join([*made.reasons, *(finding.detail for finding in made.findings)])
    assert "secret" not in said
    assert "123.25" not in said
    assert "2031" not in said


def test_what_was_converted_and_what_was_refused_is_said_without_the_value():
    bmi = Feature(name="bmi", kind="observation", codes=(Code(system=LOINC, code="39156-5"),), unit="kg/m2")
    odd = observation("2") | {"code": {"coding": [{"system": LOINC, "code": "39156-5"}]}}
    made = verdict(observation(unit="g/L"), odd, features=(MASS, bmi))
    assert made.converted == (("mass", "mg/dL"),)
    assert made.refused == (("bmi", "the unit cannot be converted to kg/m2"),)
    said = format_verdict(made)
    assert said["converted"] == [{"feature": "mass", "to": "mg/dL"}]
    assert said["refused"] == [{"feature": "bmi", "reason": "the unit cannot be converted to kg/m2"}]
    assert "bmi was left out: the unit cannot be converted to kg/m2" in made.reasons
    assert "123.25" not in str(said)


def test_a_chart_as_the_model_wants_it_converts_and_refuses_nothing():
    made = verdict(observation(), features=(MASS, replace(MASS, name="other", required=False, codes=())))
    assert (made.converted, made.refused) == ((), ())
