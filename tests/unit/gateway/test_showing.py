"""Resources as rows and plots for people: whatever a server sends, a page comes of it."""

from typing import Any

import pytest

from gateway.pages.showing import BY_TYPE, row, says, when
from gateway.pages.trends import HEIGHT, WIDTH, trends
from r4 import codec
from sandbox.seed import load, messy


def vital(day: int, value: Any, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": f"v{day}", "status": "final", "effectiveDateTime": f"2026-01-{day:02}T08:00:00Z",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
        "valueQuantity": {"value": value, "unit": "beats/min", "code": "/min"}, **members,
    }  # fmt: skip


def test_a_value_is_shown_with_its_digits_its_comparator_and_its_unit() -> None:
    value = codec.parse(b'{"value": 7.20, "comparator": ">=", "unit": "mg/dL"}')
    assert says({"resourceType": "Observation", "valueQuantity": value}) == ">= 7.20 mg/dL"


def test_an_absent_value_says_why() -> None:
    reason = {"coding": [{"code": "unknown", "display": "Unknown"}]}
    assert says({"resourceType": "Observation", "dataAbsentReason": reason}) == "[absent: Unknown]"


def test_a_probability_is_a_percentage_as_r4_has_it() -> None:
    said = {
        "resourceType": "RiskAssessment",
        "prediction": [{"outcome": {"text": "Stroke"}, "probabilityDecimal": 2.64}],
    }
    assert says(said) == "Stroke: 2.64 %"


@pytest.mark.parametrize("type", BY_TYPE)
@pytest.mark.parametrize(
    "junk", [None, "x", 7, [], {}, [None, "x"], [[{}]], {"coding": "x"}, {"coding": [None, {"code": 5}]}]
)
def test_garbled_members_make_a_row_all_the_same(type: str, junk: Any) -> None:
    names = ("code", "subject", "meta", "component", "valueQuantity", "valueCodeableConcept", "method", "performer", "period",
             "prediction", "dosageInstruction", "class", "clinicalStatus", "status", "author", "type", "dataAbsentReason")  # fmt: skip
    shown = row({"resourceType": type, "id": "a", **dict.fromkeys(names, junk)})
    assert shown.reference == f"{type}/a"
    assert trends([{"resourceType": type, **dict.fromkeys(names, junk), "effectiveDateTime": "2026-01-01"}] * 2) == []


def test_every_record_of_the_seed_clean_and_messy_has_a_row_with_a_name() -> None:
    for feed in (load.resources(), messy.degrade(load.resources(), messy.Messiness(1.0), arrived=1.8e9)):
        shown = [row(each) for each in feed if each["resourceType"] in BY_TYPE]
        assert all(each.what for each in shown)


def test_a_plot_lies_in_its_box_oldest_first_and_is_told_in_words() -> None:
    (made,) = trends([vital(3, 80), vital(1, 60), vital(2, "70.5")])
    (line,) = made.lines
    assert line.dots == ((8.0, HEIGHT - 8), (WIDTH / 2, 57.4), (WIDTH - 8, 8.0))
    assert made.told == "Heart rate from 60 to 80 /min, 2026-01-01 to 2026-01-03, 3 values."


def test_values_in_another_unit_are_counted_and_not_drawn() -> None:
    other = vital(4, 1.2, valueQuantity={"value": 1.2, "code": "Hz"})
    (made,) = trends([vital(1, 60), vital(2, 61), other])
    assert (made.unit, made.other, len(made.lines[0].points)) == ("/min", 1, 2)


def test_components_are_lines_of_one_plot() -> None:
    parts = [
        {"code": {"text": name}, "valueQuantity": {"value": value, "code": "mm[Hg]"}}
        for name, value in (("Systolic", 120), ("Diastolic", 80))
    ]
    both = [{**vital(day, 1), "component": parts} for day in (1, 2)]
    for each in both:
        del each["valueQuantity"]
    (made,) = trends(both)
    assert [line.name for line in made.lines] == ["Systolic", "Diastolic"]


def test_one_value_what_was_withdrawn_and_what_has_no_time_are_not_plotted() -> None:
    assert trends([vital(1, 60)]) == []
    assert trends([vital(1, 60), vital(2, 61, status="entered-in-error")]) == []
    assert trends([vital(1, 60), {**vital(2, 61), "effectiveDateTime": "yesterday"}]) == []
    assert trends([vital(1, "nan"), vital(2, "inf"), vital(3, {})]) == []
    assert when({"effectiveDateTime": 5}) == ""
