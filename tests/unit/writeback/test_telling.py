"""Nothing that the gate lets through is left out: what a resource has no element for stands in its words."""

from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from r4 import codec, house_rules
from r4.validate import validate
from tests.unit.writeback.examples import NAMES, NOW, evidence, manifest, output
from vocabulary.manifest import Code, Manifest, Prediction
from vocabulary.output import KINDS, Component, Kind, Output
from vocabulary.write import Planned
from writeback.adapters import forms
from writeback.api import to_model, to_output
from writeback.gate import Admitted, admit
from writeback.lexicon.numerals import tidy

LACTATE = Code(system="urn:chartgate:assessment", code="lactate")
MEMBERS: dict[str, tuple[Any, str]] = {
    "text": ("It says so.", "It says so."), "explanation": ("For a reason.", "For a reason."),
    "label": ("sepsis", "sepsis"), "confidence": (Decimal("0.8765"), "0.8765"), "tier": ("watchful", "watchful"),
    "implicated": (("MedicationRequest/m1",), "MedicationRequest/m1"),
}  # fmt: skip


def said(given: Output, made: Manifest) -> list[Planned]:
    """The output's own resource in each form, valid, and as the library takes it."""
    assert isinstance(admit(given, made, evidence(), NOW), Admitted)
    primary = [next(part for part in form if part.role == "primary") for form in forms(given, made, NAMES, NOW)]
    for part in primary:
        assert [*validate(part.body), *house_rules.check(part.body)] == []
        to_model(part.body)
    return primary


def words(part: Planned) -> str:
    """All that it says, its text among it."""
    texts = [b64decode(each["attachment"]["data"]).decode() for each in part.body.get("content", ())]
    return "\n".join([codec.format(part.body).decode(), *texts])


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_member_is_said_in_each_form(kind: Kind, member: str) -> None:
    value, sign = MEMBERS[member]
    changes: dict[str, Any] = {member: value}
    unchecked = kind == "text" and member in ("label", "explanation")  # words that were not held against the chart
    for part in said(replace(output(kind), **changes), manifest(kind, tiers=())):
        assert (sign in words(part)) is not unchecked, part.type


@pytest.mark.parametrize("kind", ["classification", "text", "issue"])
def test_a_number_beside_what_is_no_number_is_said(kind: Kind) -> None:
    for part in said(replace(output(kind), value=Decimal("0.4567")), manifest(kind)):
        assert "Value: 0.4567." in words(part)


def test_the_interval_of_a_score_is_said() -> None:
    given = replace(output("score"), interval=(Decimal("5.5"), Decimal(9)))
    assert all("Interval: 5.5 to 9." in words(part) for part in said(given, manifest("score")))


@pytest.mark.parametrize("value", [None, Decimal("0.5")])
def test_a_part_in_words_is_said(value: Decimal | None) -> None:
    risk = replace(output(), components=(Component(code="ascvd", value=value, unit="fraction", label="above average"),))
    first, *others = said(risk, manifest())
    prediction = first.body["prediction"][1]
    assert (prediction["qualitativeRisk"], "whenPeriod" in prediction) == ({"text": "above average"}, True)
    assert prediction.get("probabilityDecimal") == (None if value is None else Decimal(50))
    assert all("above average" in words(part) for part in others)
    score = replace(output("score"), components=(Component(code="pulse", value=value, unit="{score}", label="raised"),))
    assert all("raised" in words(part) for part in said(score, manifest("score")))


def test_an_abstention_keeps_the_parts_that_are_known() -> None:
    made = manifest("score", write_abstention=True)
    given = replace(output("score"), value=None, unit=None, abstained="No temperature.")
    first = said(given, made)[0].body
    assert (first["component"][0]["valueQuantity"]["value"], "valueQuantity" in first) == (2, False)
    back = to_output(to_model(first), made, ehr="spec", inference_id="inference-1")
    assert (back.abstained, back.components) == ("No temperature.", given.components)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.000000000001", "0.000000000001"), ("0.0000123456789", "0.0000123457"), ("0.30000000000000004", "0.3"),
        ("0.1234567", "0.123457"), ("1.50", "1.50"), ("-0.00000000000025", "-0.00000000000025"), ("1E+3", "1000"),
        ("0.0000000", "0"), ("100000.0000004", "100000"), ("-0.0", "0.0"),
        ("5E-324", "0"), ("0.00000000000000012345", "0.000000000000000123"),
    ],
)  # fmt: skip
def test_a_number_keeps_six_digits_however_small_it_is(value: str, shown: str) -> None:
    assert str(f"{tidy(Decimal(value)):f}") == shown


def test_a_part_whose_unit_the_manifest_leaves_open_keeps_the_one_it_came_with() -> None:
    made = manifest("classification", components=(Prediction(name="lactate", codes=(LACTATE,)),))
    part = Component(code="lactate", value=Decimal("3.1"), unit="mmol/L")
    first, note = said(replace(output("classification"), components=(part,)), made)
    assert first.body["component"][0]["valueQuantity"]["code"] == "mmol/L"
    assert "- lactate: 3.1 mmol/L" in words(note)


@pytest.mark.parametrize(
    ("value", "percents", "hint"),
    [("0.000000000001", 0, "less than 0.01 %"), ("0.99999", 100, "more than 99.99 %"), ("0", 0, ""), ("1", 100, ""),
     ("0.00005", Decimal("0.01"), "")],
)  # fmt: skip
def test_a_chance_that_is_rounded_to_none_or_certain_says_so(value: str, percents: Any, hint: str) -> None:
    parts = (Component(code="ascvd", value=Decimal(value), unit="fraction"),)
    given = replace(output(), value=Decimal(value), explanation=None, components=parts)
    first, other, note = said(given, manifest())
    for prediction in first.body["prediction"]:
        assert prediction["probabilityDecimal"] == percents
        assert prediction.get("rationale", "") == (f"Rounded: {hint}." if hint else "")
    assert ("Rounded:" in words(other)) is bool(hint)
    assert words(note).count(hint or "- ascvd: ") == (2 if hint else 1)
