"""The rules of groundedness on a chart made by hand: each on a sentence that keeps it and on one that breaks it."""

from dataclasses import replace

import pytest

from monitoring.grounding.checker import check, citations, count, foreign, possible_ages, unseen
from monitoring.grounding.index import build
from monitoring.grounding.values import RULES, Given, Snapshot
from tests.grounding.said import HAND
from tests.grounding.ward import PATIENT, RESOURCES, SNAPSHOT

INDEX = build(SNAPSHOT)


def said(text, index=INDEX):
    return check(text, index)


def worst(verdicts):
    found = {each.verdict for each in verdicts}
    return next((each for each in ("contradicted", "unsupported") if each in found), "clean")


@pytest.mark.parametrize(("text", "expected"), HAND, ids=range(len(HAND)))
def test_a_sentence_gets_the_verdict_that_it_deserves(text, expected):
    assert worst(said(text)) == expected


@pytest.mark.parametrize(
    ("rule", "text", "fine"),
    [
        ("G-CIT-01", "Potassium 6.8 mmol/L. [Observation/none]", "Potassium 6.8 mmol/L. [Observation/k1]"),
        ("G-CIT-02", "Potassium 6.8 mmol/L. [Observation/zz]", "Potassium 6.8 mmol/L. [Observation/k1/_history/1]"),
        ("G-NUM-01", "Potassium 5.8 mmol/L.", "Potassium 6.8 mmol/L."),
        ("G-UNI-01", "Weight 82.5 lb.", "Weight 181.9 lb."),
        ("G-DAT-01", "Creatinine 1.5 on 2025-01-11.", "Creatinine 1.5 in January 2025."),
        ("G-MED-01", "Takes apixaban.", "Takes Glucophage."),
        ("G-MED-02", "Metformin 850 mg.", "Metformin 0.5 g."),
        ("G-CON-01", "Has asthma.", "Has high blood pressure."),
        ("G-NEG-01", "No sign of hypertension.", "No sign of asthma."),
        ("G-TMP-01", "HbA1c is rising.", "HbA1c is falling."),
        ("G-DEM-01", "A 65-year-old woman.", "A 66-year-old woman."),
    ],
)
def test_each_rule_has_a_sentence_that_breaks_it_and_one_that_keeps_it(rule, text, fine):
    assert rule in {each.rule for each in said(text)}
    assert {each.verdict for each in said(fine)} == {"supported"}


def test_every_rule_of_the_catalogue_is_named():
    assert len(RULES) == 12


def test_what_was_left_out_of_a_text_is_counted_apart():
    text = "Hypertension is known."
    assert (count(said(text), index=INDEX, text=text).must, count(said(text), index=INDEX, text=text).omitted) == (2, 2)
    named = "Allergic to penicillin; potassium 6.8 mmol/L."
    assert count(said(named), index=INDEX, text=named).omitted == 0
    cited = "See [AllergyIntolerance/pen] and [Observation/k1]."
    assert count(said(cited), index=INDEX, text=cited).omitted == 0


def test_verdicts_name_the_resource_its_version_and_the_element_but_never_its_content():
    found = said("Latest potassium 6.8 mmol/L.")[0]
    assert [(e.reference, e.version, e.path) for e in found.evidence] == [("Observation/k1", "1", "Observation.value")]
    assert found.span == (0, 28)


def test_citations_of_another_patient_are_told_from_those_of_nothing():
    found = said("Potassium 6.8 mmol/L. [Observation/zz] [Observation/none] [Observation/own] [Patient/p2]")
    assert [foreign(each) for each in found if each.claim_type == "citation"] == [True, False, False, True]
    counts = count(found)
    assert (counts.citations, counts.foreign, counts.missing) == (4, 2, 2)


def test_the_citations_that_the_snapshot_lacks_are_those_to_ask_the_ehr_about():
    text = "A [Observation/k1], B (Observation/zz/_history/2), C Condition/htn, D acetaminophen/codeine, E Foo/1."
    assert citations(text) == ["Observation/k1", "Observation/zz", "Condition/htn"]
    assert unseen(text, SNAPSHOT) == ["Observation/zz"]


def test_where_nobody_knows_what_the_model_was_given_nothing_is_held_against_the_text():
    unknown = build(Snapshot(patient=PATIENT, as_of=0.0))
    text = "No history of hypertension. Takes apixaban 5 mg. Potassium 1.0 mmol/L. [Observation/own]"
    assert {each.verdict for each in said(text, unknown)} == {"uncheckable"}
    elsewhere = build(Snapshot(patient=PATIENT, as_of=0.0, elsewhere={"Observation/zz": "other_patient"}))
    assert worst(said("Potassium 1.0. [Observation/zz]", elsewhere)) == "contradicted"


def test_absence_is_only_known_of_types_that_were_read_to_the_end():
    partial = build(replace(SNAPSHOT, complete=frozenset()))
    assert {each.verdict for each in said("No asthma.", partial)} == {"uncheckable"}
    assert {each.verdict for each in said("No asthma.")} == {"supported"}


def test_a_value_that_the_gateway_worked_out_is_as_good_as_one_of_the_chart():
    given = Given(
        codes=("98979-8",),
        value=36.9,
        unit="mL/min/{1.73_m2}",
        at=1736496000.0,
        sources=("Observation/cr3/_history/1",),
    )
    text = "eGFR 36.9 mL/min/1.73m2 on 2025-01-10. [Observation/cr3]"
    assert {each.verdict for each in said(text, build(replace(SNAPSHOT, given=(given,))))} == {"supported"}
    assert worst(said(text)) == "contradicted"


def test_a_refuted_diagnosis_contradicts_whoever_asserts_it_and_supports_whoever_denies_it():
    assert [each.rule for each in said("Has deep vein thrombosis.")] == ["G-NEG-01"]
    assert [each.verdict for each in said("No deep vein thrombosis.")] == ["supported"]


def test_a_family_history_is_checked_where_the_chart_holds_one():
    family = {
        "resourceType": "FamilyMemberHistory", "id": "f", "status": "completed", "patient": {"reference": PATIENT},
        "relationship": {"text": "mother"}, "condition": [{"code": {"text": "Breast cancer"}}],
    }  # fmt: skip
    held = build(replace(SNAPSHOT, resources=(*RESOURCES, family)))
    assert [each.verdict for each in said("Mother had breast cancer.", held)] == ["supported"]
    assert [each.verdict for each in said("Mother had breast cancer.")] == ["uncheckable"]


@pytest.mark.parametrize(
    ("born", "ages"),
    [("1958-05-02", [66]), ("1958-02-01", [67]), ("1958-02-02", [66]), ("1958", [66, 67]), ("x", []), ("", [])],
)
def test_an_age_is_as_certain_as_the_date_of_birth(born, ages):
    assert list(possible_ages(born, "2025-02-01")) == ages


def test_headings_claim_nothing_and_prose_is_uncheckable():
    assert said("Problems:") == []
    assert [each.verdict for each in said("Plan was agreed with everybody.")] == ["uncheckable"]
