"""PREVENT: the worked examples, and abstention by name on both sides of every limit."""

import csv
import json
from pathlib import Path

import pytest

from fidelity.derive import ckd_epi_2021
from fidelity.editions.forms import WELL_FORMED
from gateway.model_folders import models

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests/vectors/models/prevent.json").read_text())
MODEL = models.load(ROOT / "models/prevent")
BASE = dict(zip(VECTORS["columns"], VECTORS["rows"][2], strict=True)) | {"prior_cvd": False}


def predict(**changes):
    return MODEL.predict(BASE | changes, None)


@pytest.mark.parametrize("row", VECTORS["rows"])
def test_every_worked_example_gives_its_three_risks(row):
    example = dict(zip(VECTORS["columns"], row, strict=True))
    said = MODEL.predict(example | {"prior_cvd": False}, None)
    found = {"cvd": said["value"]} | {part["code"]: part["value"] for part in said["components"]}
    assert {name: round(100 * risk, 2) for name, risk in found.items()} == {
        name: example[name] for name in ("cvd", "ascvd", "hf")
    }
    assert said["unit"] == "fraction"


def test_another_input_gives_another_risk():
    assert predict(systolic=121)["value"] > predict()["value"]


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("age", 30, 29),
        ("age", 79, 80),
        ("total_cholesterol", 130, 129.9),
        ("total_cholesterol", 320, 320.1),
        ("hdl", 20, 19.9),
        ("hdl", 100, 100.1),
        ("systolic", 90, 89),
        ("systolic", 200, 201),
        ("bmi", 18.5, 18.4),
        ("bmi", 39.9, 40.0),
        ("egfr", 15, 14.9),
        ("egfr", 150, 150.1),
    ],
)
def test_the_limits_of_validity_are_inside_and_beyond_them_it_abstains_by_name(name, inside, outside):
    assert "value" in predict(**{name: inside})
    said = predict(**{name: outside})
    assert list(said) == ["abstained"]
    assert said["abstained"].startswith(f"{name} is outside")


def test_prior_cardiovascular_disease_makes_it_abstain_by_name():
    assert "prior_cvd" in predict(prior_cvd=True)["abstained"]


def test_a_sex_without_an_equation_makes_it_abstain_by_name():
    assert "sex" in predict(sex="other")["abstained"]


@pytest.mark.parametrize("name", ["age", "sex", "smoking", "diabetes", "bp_treated", "statin", "prior_cvd", "egfr"])
def test_an_unknown_input_makes_it_abstain_by_name(name):
    assert f"{name} is not known" in predict(**{name: None})["abstained"]


def test_every_input_outside_validity_is_named_not_only_the_first():
    said = predict(age=85, hdl=110)
    assert "age" in said["abstained"]
    assert "hdl" in said["abstained"]


@pytest.mark.parametrize("row", VECTORS["egfr"]["rows"])
def test_the_creatinine_equation_gives_the_published_values(row):
    sex, age, creatinine, expected = row
    assert ckd_epi_2021(creatinine, age, sex) == pytest.approx(expected, abs=0.05)


def test_the_creatinine_equation_does_not_hold_for_children_or_other_sexes():
    assert ckd_epi_2021(0.8, 17, "female") is None
    assert ckd_epi_2021(0.8, 50, "other") is None


def _rows():
    with (ROOT / "models/prevent/codes.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_row_of_the_code_table_has_a_source_and_a_well_formed_code():
    for row in _rows():
        assert row["source"]
        assert WELL_FORMED[row["system"]](row["code"])


def test_every_drug_of_the_code_table_names_its_ingredient():
    drugs = [row for row in _rows() if row["system"].endswith("rxnorm")]
    assert len(drugs) > 400
    assert all(row["name"] and row["ingredients"] for row in drugs)


@pytest.mark.parametrize(
    ("feature", "code"),
    [
        ("bp_treated", "314076"),
        ("bp_treated", "308136"),
        ("bp_treated", "310798"),
        ("statin", "314231"),
        ("statin", "259255"),
    ],
)
def test_the_clinical_drugs_of_the_synthetic_charts_are_in_the_manifest(feature, code):
    found = next(item for item in MODEL.manifest.features if item.name == feature)
    assert code in {item.code for item in found.codes}


def test_a_code_of_one_list_is_not_in_the_other():
    statins = {row["code"] for row in _rows() if row["feature"] == "statin"}
    assert "314076" not in statins
    assert "314231" in statins
