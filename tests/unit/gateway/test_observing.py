"""What the monitors are told of an output: cells, coarse groups, keyed hashes; and no patient datum."""

from dataclasses import replace
from decimal import Decimal
from math import inf, isnan
from typing import Any

import pytest

from gateway.monitors import observing
from gateway.monitors.observing import RACE, observe, reference_of, settled, strata_of
from monitoring.entries import unpack_cells
from monitoring.reference import Column, Reference, ReferenceInvalid
from vocabulary import manifest as manifests
from vocabulary.chart import Chart, FeatureValue
from vocabulary.instant import parse_instant
from vocabulary.output import Output
from writeback.changes import OutputChanged

AT = parse_instant("2026-06-15T12:00:00Z")
PATIENT = {
    "resourceType": "Patient", "gender": "female", "birthDate": "1961-06-16",
    "extension": [{"url": RACE, "extension": [{"url": "ombCategory", "valueCoding": {"code": "2106-3"}}]}],
}  # fmt: skip
OUTPUT = Output(
    model="m", version="1", ehr="spec", patient="Patient/secret", kind="risk", as_of=AT, inference_id="inference-secret",
    encounter="Encounter/secret", value=Decimal("12.5"), unit="percent",
)  # fmt: skip


def manifest(kind: str = "risk", unit: str = "percent") -> manifests.Manifest:
    observation = {"kind": "observation", "codes": [{"system": "http://loinc.org", "code": "8867-4"}]}
    return manifests.parse(
        {
            "model": {"id": "m", "version": "1", "title": "M", "entry": "model:predict"},
            "output": {"kind": kind, "codes": [{"system": "urn:x", "code": "c"}], "range": [0, 100], "unit": unit},
            "writeback": {"policy": "automatic", "valid_for": "P1D"},
            "feature": [{"name": name, **observation} for name in ("pulse", "sex", "spo2", "weight", "smoker")],
        }
    )


def told(output: Output = OUTPUT, **changes: Any) -> Any:
    chart = Chart(
        patient="Patient/secret", as_of=AT, features={"pulse": FeatureValue(value=88.0), "sex": FeatureValue(value="male")},
        absent={
            "spo2": "no record was found", "weight": "the unit cannot be converted to kg",
            "smoker": "the coded answer is not one that the model knows",
        },
    )  # fmt: skip
    known = Reference(features={"sex": Column(edges=(0.5,), categories=("female", "male"))})
    given = {"manifest": manifest(), "known": known, "patient": PATIENT, "key": b"k" * 32, **changes}
    return observe(
        output, given.pop("manifest"), changes.get("chart", chart), **{k: v for k, v in given.items() if k != "chart"}
    )


def test_cells_are_numbers_places_among_categories_and_three_kinds_of_nothing() -> None:
    pulse, sex, missing, unusable, unseen = unpack_cells(told().features)
    assert (pulse, sex, unusable, unseen) == (88.0, 1.0, -inf, inf)
    assert isnan(missing)
    strange = Chart(
        patient="p", as_of=AT, features={"sex": FeatureValue(value="other"), "pulse": FeatureValue(value=True)}
    )
    assert unpack_cells(told(chart=strange).features)[:2] == (1.0, inf)


def test_a_percentage_is_watched_as_it_is_and_held_against_labels_as_a_fraction() -> None:
    assert (told().value, told().score) == (12.5, 0.125)
    assert told(manifest=manifest("score", "{score}")).score == 12.5
    abstained = told(replace(OUTPUT, abstained="no"))
    assert (abstained.value, abstained.score) == (None, None)


def test_a_classification_is_the_place_of_its_label_with_its_confidence_as_score() -> None:
    known = Reference(output=Column(edges=(0.5,), categories=("benign", "malignant")))
    said = replace(OUTPUT, kind="classification", value=None, label="malignant", confidence=Decimal("0.9"))
    found = told(said, manifest=manifest("classification"), known=known)
    assert (found.value, found.score) == (1.0, 0.9)
    assert told(replace(said, label="new"), manifest=manifest("classification"), known=known).value == inf


def test_nothing_told_names_a_patient_an_encounter_or_an_inference() -> None:
    assert "secret" not in repr(told())


def test_an_encounter_is_one_hash_a_day_of_a_patient_without_one_another() -> None:
    assert told().encounter == told(replace(OUTPUT, as_of=AT + 90_000)).encounter
    without = replace(OUTPUT, encounter=None)
    assert told(without).encounter == told(replace(without, as_of=AT + 3600)).encounter
    others = (
        told(replace(without, as_of=AT + 90_000)), told(replace(OUTPUT, model="n")), told(replace(OUTPUT, ehr="epic")),
        told(key=b"other"), told(without), told(),
    )  # fmt: skip
    assert len({each.encounter for each in others}) == len(others)


def test_a_refused_output_has_a_word_and_no_value() -> None:
    change = OutputChanged(output="o", ehr="spec", model="m", version="1", kind="risk", before=None, state="refused",
                           reason="out_of_range")  # fmt: skip
    found = settled(told(), change)
    assert (found.output, found.value, found.score, found.refusal) == ("o", None, None, "out_of_range")


@pytest.mark.parametrize(
    ("patient", "strata"),
    [
        (PATIENT, "sex=female;age=40-64;race=2106-3"),
        ({"birthDate": "1961-06-15", "gender": "male"}, "sex=male;age=65-79"),
        ({"birthDate": "1946"}, "age=80+"),
        ({"birthDate": "2020-01", "gender": "unknown"}, "age=0-17"),
        ({"birthDate": "soon", "extension": [{"url": RACE}, "x"]}, ""),
        ({"birthDate": "2030-01-01"}, ""),
        (None, ""),
    ],
)
def test_groups_are_coarse_and_only_what_the_record_says(patient: Any, strata: str) -> None:
    assert strata_of(patient, AT) == strata


def test_a_reference_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    (tmp_path / "bad.json").write_text("{")
    for name in ("bad.json", "none.json"):
        with pytest.raises(ReferenceInvalid, match=name):
            reference_of(tmp_path, name)
    assert reference_of(tmp_path, None) == Reference()
    assert observing.NUMERIC == ("risk", "score", "classification")
