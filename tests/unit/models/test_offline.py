"""Scoring one chart from a file: bundles of every form, verdict, abstention, refusal."""

import json
from pathlib import Path

import pytest

from gateway.feeds import bundles, offline
from gateway.model_folders import models
from vocabulary.instant import parse_instant

ROOT = Path(__file__).parents[3]
PREVENT, NEWS2, SUMMARY = (models.load(ROOT / "models" / name) for name in ("prevent", "news2", "summary"))
NOW = parse_instant("2026-06-01T12:00:00Z")
LOINC, UCUM, SCT = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
P, SUBJECT = (
    "urn:uuid:0a8e1c5e-0000-4000-8000-000000000001",
    {"reference": "urn:uuid:0a8e1c5e-0000-4000-8000-000000000001"},
)
PATIENT = {"resourceType": "Patient", "birthDate": "1976-06-01", "gender": "female"}


def observation(code, value, unit, system=LOINC, at="2026-06-01T11:00:00Z"):
    content = {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}
    if unit is None:
        content = {"valueCodeableConcept": {"coding": [{"system": SCT, "code": value}]}}
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": at,
        "code": {"coding": [{"system": system, "code": code}]},
    } | content


RISK = [
    observation("2093-3", 200, "mg/dL"),
    observation("2085-9", 45, "mg/dL"),
    observation("39156-5", 35, "kg/m2"),
    observation("98979-8", 90, "mL/min/{1.73_m2}"),
    observation("8480-6", 160, "mm[Hg]"),
    observation("72166-2", "266919005", None),
]
ORDER = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "subject": SUBJECT,
    "authoredOn": "2025-01-01",
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "314076"}],
        "text": "lisinopril [x]\n10 MG",
    },
}
DIABETES = {
    "resourceType": "Condition",
    "subject": SUBJECT,
    "onsetDateTime": "2020-01-01",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {
        "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": "Type 2 diabetes"}]
    },
}
VITALS = [
    observation("9279-1", 24, "/min"),
    observation("59408-5", 92, "%"),
    observation("3151-8", 4, "L/min"),
    observation("8480-6", 98, "mm[Hg]"),
    observation("8867-4", 118, "/min"),
    observation("8310-5", 39.2, "Cel"),
    observation("1104441000000107", "130987000", None, SCT),
]


def bundle(*resources, patient=PATIENT):
    entries = [{"fullUrl": P, "resource": patient}]
    entries += [
        {"fullUrl": f"urn:uuid:0a8e1c5e-0000-4000-8000-0000000001{number:02}", "resource": resource}
        for number, resource in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def data(*resources, **more):
    return json.dumps(bundle(*resources, **more)).encode()


def test_a_transaction_bundle_is_scored_with_its_references_resolved():
    made = offline.score_bundle(PREVENT, data(*RISK, ORDER, DIABETES), as_of=NOW)
    assert (made["state"], made["verdict"]["fitness"]) == ("scored", "fit")
    assert round(100 * made["output"]["value"], 2) == 14.68
    assert made["patient"] == "Patient/0a8e1c5e-0000-4000-8000-000000000001"
    assert made["features"]["bp_treated"]["value"] is True


def test_without_the_treatment_and_the_disease_the_risk_is_lower():
    made = offline.score_bundle(PREVENT, data(*RISK), as_of=NOW)
    assert made["output"]["value"] < 0.10


def test_ndjson_is_the_same_chart():
    resources = bundles.read_bundle(data(*RISK, ORDER, DIABETES))
    lines = b"\n".join(json.dumps(resource, default=float).encode() for resource in resources)
    made = offline.score_bundle(PREVENT, lines, as_of=NOW)
    assert round(100 * made["output"]["value"], 2) == 14.68


def test_a_missing_input_is_unfit_offline_and_the_model_abstains_by_its_name():
    made = offline.score_bundle(PREVENT, data(*RISK[1:]), as_of=NOW)
    assert (made["state"], made["verdict"]["fitness"], made["output"]) == ("abstained", "unfit", None)
    assert "total_cholesterol" in made["abstained"]
    assert "total_cholesterol" in made["verdict"]["reasons"][0]


def test_a_value_outside_validity_abstains_though_the_chart_is_fit():
    made = offline.score_bundle(PREVENT, data(*RISK, patient=PATIENT | {"birthDate": "2000-01-01"}), as_of=NOW)
    assert (made["state"], made["verdict"]["fitness"]) == ("abstained", "fit")
    assert made["abstained"].startswith("age is outside")


def test_prior_disease_abstains_even_when_resolved():
    stroke = DIABETES | {
        "code": {"coding": [{"system": SCT, "code": "230690007"}]},
        "clinicalStatus": {"coding": [{"code": "resolved"}]},
    }
    assert "prior_cvd" in offline.score_bundle(PREVENT, data(*RISK, stroke), as_of=NOW)["abstained"]


def test_a_full_set_of_vital_signs_scores_and_a_missing_one_abstains_by_name():
    made = offline.score_bundle(NEWS2, data(*VITALS), as_of=NOW)
    assert (made["state"], made["output"]["value"], made["output"]["tier"]) == ("scored", 15, "high")
    made = offline.score_bundle(NEWS2, data(*VITALS[:-1]), as_of=NOW)
    assert (made["state"], made["verdict"]["fitness"]) == ("abstained", "unfit")
    assert "consciousness" in made["abstained"]


def test_oxygen_as_a_fraction_stands_in_for_a_flow():
    fraction = observation("3150-0", 40, "%")
    made = offline.score_bundle(NEWS2, data(*[item for item in VITALS if item is not VITALS[2]], fraction), as_of=NOW)
    assert (made["state"], made["output"]["value"]) == ("scored", 15)
    assert made["verdict"]["fitness"] == "fit"


def test_scale_two_needs_its_local_code():
    prescribed = observation("spo2-scale-2-prescribed", 1, "%", "urn:chartgate:input")
    del prescribed["valueQuantity"]
    made = offline.score_bundle(NEWS2, data(*VITALS, prescribed | {"valueBoolean": True}), as_of=NOW)
    assert "spo2_scale_2" in [part["code"] for part in made["output"]["components"]]
    made = offline.score_bundle(NEWS2, data(*VITALS, prescribed | {"valueBoolean": False}), as_of=NOW)
    assert "spo2_scale_1" in [part["code"] for part in made["output"]["components"]]


def test_yesterdays_vital_signs_are_too_old():
    old = [item | {"effectiveDateTime": "2026-05-31T11:00:00Z"} for item in VITALS]
    assert offline.score_bundle(NEWS2, data(*old), as_of=NOW)["state"] == "abstained"


def test_the_summary_cites_a_resource_in_every_entry_and_is_made_harmless():
    made = offline.score_bundle(SUMMARY, data(*VITALS, ORDER, DIABETES), as_of=NOW)
    text = made["output"]["text"]
    assert text.startswith("AI-generated draft, not reviewed")
    entries = [line for line in text.splitlines() if line.startswith("- ")]
    identifiers = {
        f"{item['resourceType']}/{item['id']}" for item in bundles.read_bundle(data(*VITALS, ORDER, DIABETES))
    }
    assert len(entries) == 7
    assert all(line[line.rindex("[") + 1 : -1] in identifiers for line in entries)
    assert "Type 2 diabetes, active, since 2020-01-01." in text
    assert "lisinopril (x) 10 MG, active, ordered 2025-01-01." in text
    assert "- heart rate: 118 /min on 2026-06-01." in text


def test_the_summary_of_an_empty_chart_says_so_and_is_fit():
    made = offline.score_bundle(SUMMARY, data(), as_of=NOW)
    assert (made["state"], made["verdict"]["fitness"]) == ("scored", "fit")
    assert "No current problem is recorded." in made["output"]["text"]


def test_the_summary_counts_what_it_does_not_list():
    many = [DIABETES | {"onsetDateTime": f"20{number:02}-01-01"} for number in range(1, 30)]
    made = offline.score_bundle(SUMMARY, data(*many[:25]), as_of=NOW)
    assert "not listed" not in made["output"]["text"]
    made = offline.score_bundle(
        SUMMARY, data(*[item for item in many if item["onsetDateTime"] < "2026"], *many[:3]), as_of=NOW
    )
    assert "older entries are not listed." in made["output"]["text"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"{", "not FHIR JSON"),
        (b"[]", "no FHIR resource"),
        (b'{"resourceType": "Bundle"}', "no Patient"),
        (b'{"resourceType":"Patient","id":"a"}\n{"resourceType":"Patient","id":"b"}', "more than one Patient"),
        (b'{"resourceType":"Patient","id":"a"}\n{broken', "line 2"),
        (b'{"a":1,"a":2}', "not FHIR JSON"),
    ],
)
def test_a_file_that_is_no_chart_is_an_error_that_says_why(content, reason):
    with pytest.raises(models.ModelError, match=reason):
        offline.score_bundle(PREVENT, content, as_of=NOW)


MANIFEST = """
[model]
id = "tiny"
version = "0.1"
title = "Tiny"
entry = "model:predict"
[[feature]]
name = "cholesterol"
kind = "observation"
codes = [{ system = "http://loinc.org", code = "2093-3" }]
unit = "mg/dL"
required = true
[output]
kind = "risk"
codes = [{ system = "urn:chartgate:assessment", code = "tiny" }]
range = [0, 1]
unit = "fraction"
horizon = "P1Y"
[writeback]
policy = "shadow"
valid_for = "PT1H"
"""


def custom(tmp_path, body, manifest=MANIFEST):
    (tmp_path / "model.toml").write_text(manifest)
    (tmp_path / "model.py").write_text(f"def predict(features):\n    {body}\n")
    return models.load(tmp_path)


def test_a_score_that_a_model_gives_of_an_unfit_chart_is_refused(tmp_path):
    model = custom(tmp_path, "return {'value': 0.5}")
    assert offline.score_bundle(model, data(RISK[0]), as_of=NOW)["state"] == "scored"
    made = offline.score_bundle(model, data(), as_of=NOW)
    assert (made["state"], made["output"]) == ("refused", None)
    assert "cholesterol" in made["refused"]


def test_a_model_that_cannot_bear_a_missing_feature_is_refused_by_the_feature(tmp_path):
    made = offline.score_bundle(custom(tmp_path, "return {'value': features['cholesterol'] / 1000}"), data(), as_of=NOW)
    assert made["state"] == "refused"
    assert "cholesterol" in made["refused"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return {'value': 1.5}", "value lies outside its declared range"),
        ("return {'value': float('nan')}", "value is not a finite number"),
        ("return {'value': float('inf')}", "value is not a finite number"),
        ("return {'value': True}", "value is not a finite number"),
        ("return {}", "value is not a finite number"),
        ("return {'value': 50, 'unit': 'percent'}", "value is not in fraction"),
        ("return {'value': 0.5, 'components': [{'code': 'x', 'value': 1}]}", "component is not one"),
        ("raise KeyError('x')", "tiny failed"),
    ],
)
def test_an_answer_that_could_not_be_written_is_refused(tmp_path, body, reason):
    made = offline.score_bundle(custom(tmp_path, body), data(RISK[0]), as_of=NOW)
    assert made["state"] == "refused"
    assert reason in made["refused"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", "{'text': 'a'}", "{'label': 'a'}"),
        ("classification", "{'label': 'a'}", "{'text': 'a'}"),
        ("issue", "{'text': 'a', 'implicated': ['MedicationRequest/1']}", "{'explanation': 'a'}"),
    ],
)
def test_models_of_words_must_say_their_own_kind_of_word(tmp_path, kind, good, bad):
    manifest = MANIFEST.replace('kind = "risk"', f'kind = "{kind}"')
    assert (
        offline.score_bundle(custom(tmp_path, f"return {good}", manifest), data(RISK[0]), as_of=NOW)["state"]
        == "scored"
    )
    assert (
        offline.score_bundle(custom(tmp_path, f"return {bad}", manifest), data(RISK[0]), as_of=NOW)["state"]
        == "refused"
    )
