"""NEWS2: every band at both ends, rounding, scale 2 only when prescribed, tiers, no total when one is missing."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.model_folders import models

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests/vectors/models/news2.json").read_text())
MODEL = models.load(ROOT / "models/news2")
WELL = {
    "respiration_rate": 16,
    "spo2": 98,
    "oxygen_flow": 0,
    "oxygen_fraction": None,
    "spo2_scale_2_prescribed": None,
    "systolic": 120,
    "pulse": 70,
    "consciousness": "alert",
    "temperature": 37.0,
}


def predict(chart=None, **changes):
    return MODEL.predict(WELL | changes, chart)


def scores(said):
    return {part["code"]: part["value"] for part in said["components"]}


@pytest.mark.parametrize(("name", "value", "points"), VECTORS["bands"] + VECTORS["rounding"])
def test_every_band_scores_its_points_at_both_ends_after_rounding(name, value, points):
    said = predict(**{name: value})
    assert scores(said)["spo2_scale_1" if name == "spo2" else name] == points
    assert said["value"] == points


@pytest.mark.parametrize(("spo2", "oxygen", "points"), VECTORS["scale_2"]["rows"])
def test_scale_two_scores_by_whether_oxygen_is_given(spo2, oxygen, points):
    said = predict(spo2=spo2, oxygen_flow=2 if oxygen else 0, spo2_scale_2_prescribed=True)
    assert scores(said)["spo2_scale_2"] == points
    assert "spo2_scale_1" not in scores(said)


@pytest.mark.parametrize("prescribed", [None, False])
def test_scale_two_is_never_used_without_a_prescription(prescribed):
    assert scores(predict(spo2=88, spo2_scale_2_prescribed=prescribed))["spo2_scale_1"] == 3


def test_there_are_seven_sub_scores_that_add_up_to_the_total():
    said = predict(
        respiration_rate=24, spo2=92, oxygen_flow=4, systolic=98, pulse=118, consciousness="confusion", temperature=39.2
    )
    assert len(said["components"]) == 7
    assert said["value"] == sum(scores(said).values()) == 15
    assert all(isinstance(part["value"], int) for part in said["components"])


def test_the_greatest_total_is_twenty():
    said = predict(
        respiration_rate=30, spo2=80, oxygen_flow=15, systolic=60, pulse=180, consciousness="pain", temperature=34
    )
    assert said["value"] == 20


@pytest.mark.parametrize(
    ("changes", "total", "tier"),
    [
        ({}, 0, "low"),
        ({"pulse": 91, "spo2": 92, "temperature": 38.5}, 4, "low"),
        ({"respiration_rate": 25}, 3, "low-medium"),
        ({"respiration_rate": 25, "pulse": 91}, 4, "low-medium"),
        ({"respiration_rate": 25, "oxygen_flow": 2}, 5, "medium"),
        ({"respiration_rate": 25, "oxygen_flow": 2, "pulse": 91}, 6, "medium"),
        ({"respiration_rate": 25, "oxygen_flow": 2, "spo2": 93}, 7, "high"),
    ],
)
def test_the_bands_of_response_are_tiers(changes, total, tier):
    said = predict(**changes)
    assert (said["value"], said["tier"]) == (total, tier)


@pytest.mark.parametrize("name", ["respiration_rate", "spo2", "systolic", "pulse", "consciousness", "temperature"])
def test_a_missing_parameter_means_no_total_and_is_named(name):
    said = predict(**{name: None})
    assert list(said) == ["abstained"]
    assert name in said["abstained"]


def test_oxygen_told_by_neither_flow_nor_fraction_is_missing():
    assert "oxygen" in predict(oxygen_flow=None)["abstained"]


@pytest.mark.parametrize(("fraction", "points"), [(21, 0), (20.9, 0), (21.1, 2), (40, 2)])
def test_a_fraction_above_that_of_air_is_oxygen(fraction, points):
    assert scores(predict(oxygen_flow=None, oxygen_fraction=fraction))["air_or_oxygen"] == points


@pytest.mark.parametrize(("flow_at", "fraction_at", "points"), [(2.0, 1.0, 0), (1.0, 2.0, 2), (1.0, 1.0, 2)])
def test_of_flow_and_fraction_the_later_tells_and_of_one_time_either(flow_at, fraction_at, points):
    chart = SimpleNamespace(
        features={"oxygen_flow": SimpleNamespace(at=flow_at), "oxygen_fraction": SimpleNamespace(at=fraction_at)}
    )
    assert scores(predict(chart, oxygen_flow=0, oxygen_fraction=35))["air_or_oxygen"] == points


def test_the_codes_of_total_and_sub_scores_are_those_of_the_uk_value_set():
    codes = {part.name: part.codes[0].code for part in MODEL.manifest.components}
    assert MODEL.manifest.output.codes[0].code == "1104051000000101"
    assert codes == {
        "respiration_rate": "1104301000000104",
        "spo2_scale_1": "1104311000000102",
        "spo2_scale_2": "1104321000000108",
        "air_or_oxygen": "1104331000000105",
        "systolic": "1104341000000101",
        "pulse": "1104351000000103",
        "consciousness": "1104361000000100",
        "temperature": "1104371000000107",
    }
