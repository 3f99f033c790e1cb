"""The output gate: every rule with an output that breaks it, beside the one that keeps them all."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.writeback.examples import NOW, PATIENT, evidence, manifest, output
from vocabulary.finding import Verdict
from vocabulary.output import Component, Output
from writeback.gate import Admitted, Evidence, Refused, admit

KINDS = ("risk", "score", "classification", "text", "issue")
OBSERVATION = "Observation/o1/_history/2"
NAN, INFINITE = Decimal("NaN"), Decimal("Infinity")


def _input(**changes: Any) -> Evidence:
    """Evidence in which the first input is another than it should be."""
    inputs = dict(evidence().inputs)
    inputs[OBSERVATION] = {**(inputs[OBSERVATION] or {}), **changes}
    return evidence(inputs=inputs)


def _read_as(reference: str) -> Evidence:
    """Evidence in which the first input goes by another reference."""
    return evidence(inputs={reference: evidence().inputs[OBSERVATION]})


def _accused(patient: str) -> Evidence:
    """Evidence in which the order that an issue accuses is of this patient."""
    order = {"resourceType": "MedicationRequest", "id": "m1", "subject": {"reference": patient}}
    return evidence(inputs={**evidence().inputs, "MedicationRequest/m1": order})


def _encounter(**changes: Any) -> Evidence:
    return evidence(encounter={**(evidence().encounter or {}), **changes})


_HEART = evidence().inputs[OBSERVATION] or {}
LABELLED = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}]}
ASCVD = Component(code="ascvd", value=Decimal("0.1"), unit="fraction")

REFUSED: list[tuple[str, str, str, Output, Evidence]] = [
    ("another version", "wrong_model", "version", output(version="9"), evidence()),
    ("another kind", "wrong_kind", "kind", replace(output("score"), model="model-risk"), evidence()),
    ("no such patient", "missing_patient", "patient", output(), evidence(patient=None)),
    ("a patient under another id", "missing_patient", "patient", output(patient="Patient/p2"), evidence()),
    ("another patient than the launch", "foreign_patient", "patient", output(), evidence(launch_patient="Patient/p2")),
    ("a version that is still to come", "missing_input", "inputs[0]", output(), _input(meta={"versionId": "1"})),
    ("a version of no such form", "missing_input", "inputs[0]", output(inputs=("Observation/o1/_history/x",)), _read_as("Observation/o1/_history/x")),
    ("a version of five thousand digits, and one that is later", "missing_input", "inputs[0]", output(inputs=(f"Observation/o1/_history/{'9' * 64}",)),
     evidence(inputs={f"Observation/o1/_history/{'9' * 64}": {**_HEART, "meta": {"versionId": "0" * 4990 + "8" * 10}}})),
    ("no such encounter", "missing_encounter", "encounter", output(), evidence(encounter=None)),
    ("another patient's encounter", "foreign_encounter", "encounter", output(), _encounter(subject={"reference": "Patient/p2"})),
    ("an encounter of nobody", "foreign_encounter", "encounter", output(), _encounter(subject={})),
    ("an encounter in error", "withdrawn_encounter", "encounter", output(), _encounter(status="entered-in-error")),
    ("another encounter than the launch", "foreign_encounter", "encounter", output(), evidence(launch_encounter="Encounter/e2")),
    ("an input that is not there", "missing_input", "inputs[0]", output(), evidence(inputs={})),
    ("another patient's input", "foreign_input", "inputs[0]", output(), _input(subject={"reference": "Patient/p2"})),
    ("nobody's input", "foreign_input", "inputs[0]", output(), _input(subject=None)),
    ("an input in error", "withdrawn_input", "inputs[0]", output(), _input(status="entered-in-error")),
    ("an input by an AI", "machine_input", "inputs[0]", output(), _input(meta=LABELLED)),
    ("an accused order that is not there", "missing_input", "implicated[0]", output("issue", implicated=("MedicationRequest/x",)), evidence()),
    ("another patient's accused order", "foreign_input", "implicated[0]", output("issue"), _accused("Patient/p2")),
    ("the future", "future", "as_of", output(as_of=NOW + 31), evidence()),
    ("too old", "stale", "as_of", output(as_of=NOW - 86401), evidence()),
    ("the year 1", "stale", "as_of", output(as_of=-62135596800.0), evidence()),
    ("an unfit chart", "unfit", "patient", output(), evidence(verdict=Verdict(fitness="unfit", reasons=("no age",)))),
    ("no value", "missing_value", "value", output(value=None), evidence()),
    ("abstaining with a value", "contradiction", "value", output(abstained="out of validity"), evidence()),
    ("not a number", "not_finite", "value", output(value=NAN), evidence()),
    ("infinite", "not_finite", "value", output(value=INFINITE), evidence()),
    ("above the range", "out_of_range", "value", output(value=Decimal("1.0000001")), evidence()),
    ("below the range", "out_of_range", "value", output(value=Decimal("-0.01")), evidence()),
    ("a percent for a fraction", "wrong_unit", "unit", output(unit="percent"), evidence()),
    ("no unit", "wrong_unit", "unit", output(unit=None), evidence()),
    ("an interval the wrong way round", "bad_interval", "interval", output(interval=(Decimal("0.2"), Decimal("0.1"))), evidence()),
    ("an interval beside the value", "bad_interval", "interval", output(interval=(Decimal("0.2"), Decimal("0.3"))), evidence()),
    ("an interval beyond the range", "out_of_range", "interval", output(interval=(Decimal("0.1"), Decimal("1.1"))), evidence()),
    ("an interval without end", "bad_interval", "interval", output(interval=(Decimal(0), INFINITE)), evidence()),
    ("too confident", "out_of_range", "confidence", output(confidence=Decimal("1.1")), evidence()),
    ("not a confidence", "out_of_range", "confidence", output(confidence=NAN), evidence()),
    ("an undeclared component", "unknown_component", "components[0].code", output(components=(replace(ASCVD, code="hf"),)), evidence()),
    ("a component twice", "duplicate_component", "components[1].code", output(components=(ASCVD, ASCVD)), evidence()),
    ("a component beyond its range", "out_of_range", "components[0].value", output(components=(replace(ASCVD, value=Decimal(2)),)), evidence()),
    ("a component's unit", "wrong_unit", "components[0].unit", output(components=(replace(ASCVD, unit="percent"),)), evidence()),
    ("an empty component", "missing_value", "components[0].value", output(components=(replace(ASCVD, value=None),)), evidence()),
    ("a required component missing", "missing_component", "components", output(components=()), evidence()),
    ("an undeclared tier", "unknown_tier", "tier", output(tier="enormous"), evidence()),
    ("an undeclared label", "unknown_label", "label", output("classification", label="gout"), evidence()),
    ("an empty text", "empty_text", "text", output("text", text=" \n"), evidence()),
    ("an endless explanation", "too_long", "explanation", output(explanation="x" * 10_001), evidence()),
    ("a control character", "unreadable_text", "text", output("text", text="a\x00b"), evidence()),
    ("an override of the order", "unreadable_text", "text", output("text", text="take 1 \u202e0 mg\u202c"), evidence()),
    ("an override in a part", "unreadable_text", "components[0].label", output(components=(replace(ASCVD, label="\u202dlow"),)), evidence()),
    ("half a surrogate pair", "unreadable_text", "explanation", output(explanation="a\ud800"), evidence()),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_that_keeps_every_rule_is_admitted(kind: Any) -> None:
    assert isinstance(admit(output(kind), manifest(kind), evidence(), NOW), Admitted)


@pytest.mark.parametrize(("reason", "element", "said", "read"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_broken_rule_refuses_by_its_word_and_names_the_element(
    reason: str, element: str, said: Output, read: Evidence
) -> None:
    model = manifest(said.kind) if reason != "wrong_kind" else manifest("risk")
    refused = admit(said, model, read, NOW)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.element) == (reason, element)


def test_a_refusal_repeats_nothing_that_was_sent() -> None:
    said = output(unit="furlongs-per-fortnight", tier="a secret")
    refused = admit(said, manifest(), evidence(), NOW)
    assert isinstance(refused, Refused)
    assert "furlongs" not in refused.text


def test_a_clock_that_is_half_a_minute_ahead_is_forgiven() -> None:
    assert isinstance(admit(output(as_of=NOW + 30), manifest(), evidence(), NOW), Admitted)


def test_inputs_are_admitted_by_the_version_that_was_named_or_read() -> None:
    admitted = admit(output(), manifest(), evidence(), NOW)
    assert isinstance(admitted, Admitted)
    assert admitted.inputs == ("Observation/o1/_history/2", "Condition/c1/_history/5")


def test_an_input_that_changed_since_is_said_and_not_hidden() -> None:
    admitted = admit(output(), manifest(), _input(meta={"versionId": "3"}), NOW)
    assert isinstance(admitted, Admitted)
    assert any("changed" in caveat for caveat in admitted.caveats)
    unchanged = admit(output(), manifest(), evidence(), NOW)
    assert isinstance(unchanged, Admitted)
    assert not unchanged.caveats


def test_the_caveats_of_the_verdict_travel_and_those_of_a_fit_chart_do_not() -> None:
    for fitness, expected in (("caveats", ("an older estimate",)), ("fit", ())):
        verdict = Verdict(fitness=fitness, reasons=("an older estimate",))  # type: ignore[arg-type]
        admitted = admit(output(), manifest(), evidence(verdict=verdict), NOW)
        assert isinstance(admitted, Admitted)
        assert admitted.caveats == expected


def test_an_abstention_needs_neither_value_nor_components() -> None:
    said = output(value=None, unit=None, components=(), abstained="age is outside 30 to 79")
    assert isinstance(admit(said, manifest(), evidence(), NOW), Admitted)


def test_an_input_under_the_ehrs_own_absolute_address_is_the_patients() -> None:
    absolute = f"https://ehr.example/fhir/{PATIENT}"
    read = replace(_input(subject={"reference": absolute}), base="https://ehr.example/fhir")
    assert isinstance(admit(output(), manifest(), read, NOW), Admitted)
    elsewhere = replace(_input(subject={"reference": absolute}), base="https://other.example/fhir")
    assert isinstance(admit(output(), manifest(), elsewhere, NOW), Refused)


def test_a_medication_is_nobodys_and_may_be_an_input() -> None:
    said = output(inputs=("Medication/x",))
    read = evidence(inputs={"Medication/x": {"resourceType": "Medication", "id": "x"}})
    assert isinstance(admit(said, manifest(), read, NOW), Admitted)


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("in-progress", True), ("finished", False), (["in-progress"], False), ({}, False), (None, False)],
)
def test_an_encounter_is_open_by_a_status_that_says_so_whatever_the_ehr_has_there(status: Any, is_open: bool) -> None:
    admitted = admit(output(), manifest(), _encounter(status=status), NOW)
    assert isinstance(admitted, Admitted)
    assert admitted.encounter_open is is_open


@pytest.mark.parametrize(
    ("period", "is_open"),
    [({"start": "2090-01-01"}, False), ({"start": "2090-01-01T00:00:00Z"}, False), ({"start": "2020"}, True),
     ({"start": 7}, True), ({}, True), ("2090-01-01", True), ({"start": "soon"}, True)],
)  # fmt: skip
def test_an_encounter_that_begins_in_the_future_is_not_open(period: Any, is_open: bool) -> None:
    admitted = admit(output(), manifest(), _encounter(status="in-progress", period=period), NOW)
    assert isinstance(admitted, Admitted)
    assert admitted.encounter_open is is_open


def test_versions_are_compared_whatever_their_length() -> None:
    """Python reads no whole number of more than 4300 digits."""
    admitted = admit(output(), manifest(), _input(meta={"versionId": "9" * 5000}), NOW)
    assert isinstance(admitted, Admitted)


def test_a_number_of_more_digits_than_a_chart_can_hold_is_refused_however_wide_the_range() -> None:
    wide = manifest("score", output=replace(manifest("score").output, range=(Decimal(0), Decimal("1e300"))))
    assert isinstance(admit(output("score", value=Decimal("1e17")), wide, evidence(), NOW), Admitted)
    refused = admit(output("score", value=Decimal("1e18")), wide, evidence(), NOW)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.element) == ("out_of_range", "value")
    far = output("score", interval=(Decimal(0), Decimal("1e298")))
    assert admit(far, wide, evidence(), NOW) == Refused(
        reason="out_of_range", element="interval", text="The interval has more digits than a chart can hold."
    )
