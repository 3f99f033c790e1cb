"""The synthetic charts of the seed and their day on the ward: what each model says, and why where it says nothing."""

from collections import defaultdict
from pathlib import Path

import pytest

from gateway.feeds import offline
from gateway.model_folders import models
from sandbox.seed import load, ward
from vocabulary.instant import parse_instant

ROOT = Path(__file__).parents[3]
NOW = parse_instant("2026-11-24T00:00:00Z")
PREVENT, NEWS2, SUMMARY = (models.load(ROOT / "models" / name) for name in ("prevent", "news2", "summary"))


def _charts():
    charts = defaultdict(list)
    for resource in load.resources():
        subject = resource.get("subject", {}).get("reference") or f"{resource['resourceType']}/{resource['id']}"
        if resource["resourceType"] in ("Patient", "Condition", "Observation", "MedicationRequest"):
            charts[subject].append(resource)
    names = {}
    for reference, resources in charts.items():
        patient = next(item for item in resources if item["resourceType"] == "Patient")
        names["".join(sign for sign in patient["name"][0]["given"][0] if sign.isalpha())] = reference
    return {name: charts[reference] for name, reference in names.items()}


CHARTS = _charts()
WARD = defaultdict(list)
for _resource in ward.ward_day(NOW):
    WARD[_resource["subject"]["reference"]].append(_resource)


def score(model, name, *more):
    return offline.score_bundle(model, [*CHARTS[name], *more], as_of=NOW)


def on_the_ward(name):
    patient = next(item for item in CHARTS[name] if item["resourceType"] == "Patient")
    return WARD[f"Patient/{patient['id']}"]


def test_the_seed_holds_the_thirteen_patients():
    assert len(CHARTS) == 13


@pytest.mark.parametrize(
    ("name", "percent"),
    [("Bryant", 2.93), ("Clifton", 4.73), ("Heather", 6.07), ("Quinn", 9.50), ("Mauricio", 8.57), ("Denis", 9.37)],
)
def test_a_complete_chart_has_a_risk_with_its_caveats(name, percent):
    made = score(PREVENT, name)
    assert made["state"] == "scored"
    assert round(100 * made["output"]["value"], 2) == percent
    assert made["verdict"]["fitness"] == "caveats"
    assert {reason.partition(":")[0] for reason in made["verdict"]["reasons"]} == {"egfr"}


@pytest.mark.parametrize(
    ("name", "treated", "statin"), [("Ali", True, False), ("Denis", True, True), ("Quinn", False, True)]
)
def test_treatment_is_read_from_active_clinical_drugs(name, treated, statin):
    features = score(PREVENT, name)["features"]
    assert (features["bp_treated"]["value"], features["statin"]["value"]) == (treated, statin)


@pytest.mark.parametrize("name", ["Ali", "Elsa", "Estelle"])
def test_a_chart_without_any_kidney_value_is_unfit_by_name(name):
    made = score(PREVENT, name)
    assert (made["state"], made["verdict"]["fitness"]) == ("abstained", "unfit")
    assert [reason.split()[0] for reason in made["verdict"]["reasons"]] == ["egfr"]


def test_an_egfr_derived_from_creatinine_is_a_caveat_that_names_its_source():
    made = score(PREVENT, "Charlyn")
    assert made["state"] == "scored"
    assert made["verdict"]["reasons"] == ["egfr: derived by CKD-EPI 2021 from creatinine (LOINC 38483-4)"]


def test_prior_cardiovascular_disease_abstains_by_name():
    made = score(PREVENT, "Genevive")
    assert made["state"] == "abstained"
    assert "prior_cvd" in made["abstained"]


def test_an_almost_empty_chart_names_all_that_it_lacks():
    reasons = " ".join(score(PREVENT, "Ben")["verdict"]["reasons"])
    assert all(name in reasons for name in ("total_cholesterol", "hdl", "systolic", "bmi", "egfr", "smoking"))


def test_a_patient_who_died_is_not_scored():
    made = score(PREVENT, "Edie")
    assert made["output"] is None
    assert "the patient is recorded as deceased" in made["verdict"]["reasons"]


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_without_a_ward_day_no_chart_has_a_news2(name):
    made = score(NEWS2, name)
    assert (made["state"], made["verdict"]["fitness"]) == ("abstained", "unfit")


@pytest.mark.parametrize(
    ("name", "total", "tier"),
    [
        ("Bryant", 0, "low"),
        ("Clifton", 2, "low"),
        ("Heather", 4, "low"),
        ("Quinn", 3, "low-medium"),
        ("Mauricio", 5, "medium"),
        ("Denis", 15, "high"),
        ("Ali", 0, "low"),
        ("Charlyn", 7, "high"),
        ("Genevive", 10, "high"),
        ("Ben", 1, "low"),
    ],
)
def test_the_ward_day_gives_its_scores_from_fit_charts(name, total, tier):
    made = score(NEWS2, name, *on_the_ward(name))
    assert (made["output"]["value"], made["output"]["tier"]) == (total, tier)
    assert made["verdict"]["fitness"] == "fit"


def test_a_ward_day_without_consciousness_has_no_score():
    made = score(NEWS2, "Estelle", *on_the_ward("Estelle"))
    assert "consciousness" in made["abstained"]
    assert [reason.split()[0] for reason in made["verdict"]["reasons"]] == ["consciousness"]


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_every_chart_has_a_summary_whose_entries_all_cite_one_of_its_records(name):
    made = score(SUMMARY, name)
    assert made["state"] == "scored"
    text = made["output"]["text"]
    known = {f"{item['resourceType']}/{item['id']}" for item in CHARTS[name]}
    cited = [line[line.rindex("[") + 1 : -1] for line in text.splitlines() if line.startswith("- ")]
    assert text.startswith("AI-generated draft, not reviewed")
    assert set(cited) <= known
    assert len(text) < 10_000
