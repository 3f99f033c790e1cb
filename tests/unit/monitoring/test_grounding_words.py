"""Sentences, numbers, units and dates as people write them."""

import pytest

from monitoring.grounding import dates, lexicon
from monitoring.grounding.facts import days, seconds
from monitoring.grounding.index import build
from monitoring.grounding.reading import read
from monitoring.grounding.tokens import LONGEST, lowered, sentences, words
from monitoring.grounding.units import factor, in_unit, same, ucum_of
from tests.grounding.ward import SNAPSHOT

INDEX = build(SNAPSHOT)


def split(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("- K 4.1. [Observation/1]\n- Na 140.", ["K 4.1. [Observation/1]", "Na 140."]),
        ("Seen by Dr. Smith. Takes 0.125 mg b.i.d. Stable.", ["Seen by Dr. Smith.", "Takes 0.125 mg b.i.d. Stable."]),
        (
            "K 4.1. [Observation/1] Na 140. [Observation/2], [Observation/3]",
            ["K 4.1. [Observation/1]", "Na 140. [Observation/2], [Observation/3]"],
        ),
        ("1. First\n2) Second\n\n", ["First", "Second"]),
        ("", []),
    ],
)
def test_a_text_falls_into_sentences_and_citations_stay_with_theirs(text, expected):
    assert split(text) == expected


def test_what_is_longer_than_any_sentence_is_cut():
    text = "word " * 2000
    assert max(map(len, split(text))) <= LONGEST
    assert "".join(split(text)).replace(" ", "") == "word" * 2000


def test_lower_case_keeps_every_character_in_its_place():
    assert len(lowered("İK 4")) == 4


@pytest.mark.parametrize(
    ("written", "ucum"),
    [("mmHg", "mm[Hg]"), ("K/uL", "10*3/uL"), ("mcg", "ug"), ("°C", "Cel"), ("C", "Cel"), ("c", None), ("bpm", "/min"), ("in", None), ("m", "m"), ("M", None), ("/uL", "/uL")],
)  # fmt: skip
def test_units_are_known_as_they_are_written(written, ucum):
    assert ucum_of(written) == ucum


def test_values_are_converted_also_through_the_molar_mass():
    assert factor("mg/dL", "mmol/L", "glucose")[0] == pytest.approx(0.05551, rel=1e-3)
    assert factor("mmol/L", "mg/dL", "glucose")[0] == pytest.approx(18.016, rel=1e-3)
    assert in_unit(38.2, "Cel", "[degF]", "body temperature") == pytest.approx(100.76)
    assert factor("mg/dL", "mmol/L", "albumin") is None
    assert factor("mg/dL", "mm[Hg]", "glucose") is None


@pytest.mark.parametrize(
    ("said", "decimals", "value", "agrees"),
    [(7.2, 1, 7.249, True), (7.2, 1, 7.251, False), (7, 0, 7.4, True), (7.20, 2, 7.249, False)],
)
def test_a_number_stands_for_what_rounds_to_it(said, decimals, value, agrees):
    assert same(said, decimals, value) is agrees


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("on March 3, 2024.", "on 2024-03-03."), ("3rd Sept. 2024", "2024-09-03"), ("in Jan 2024", "in 2024-01"),
        ("03/25/2024", "2024-03-25"), ("25/03/2024", "2024-03-25"), ("04/04/2024", "2024-04-04"), ("03/04/2024", "in 2024"),
        ("may 5 mg", "may 5 mg"), ("03/25/24", "2024-03-25"), ("03/25/68", "1968-03-25"), ("03/04/24", "in 2024"), ("3/2024", "2024-03"),
        ("2024/3/5", "2024-03-05"), ("on 3/25:", "on --03-25:"), ("on 3/4:", "on:"), ("3/25", "--03-25"), ("(11/22)", "(--11-22)"), ("on 25/3", "on --03-25"), ("5/20 mg", "5/20 mg"), ("in April,", "in --04,"), ("since Aug. to", "since --08 to"), ("5/5", "5/5"), ("Mar-2024", "2024-03"), ("25.03.2024", "2024-03-25"), ("25-Mar-2024", "2024-03-25"), ("Mar-25-2024", "2024-03-25"),
        ("03-25-2024", "2024-03-25"), ("the 3rd of March, 2024", "the 2024-03-03"), ("March of 2024", "2024-03"),
        ("on March 25.", "on --03-25."), ("on 5 May", "on --05-05"), ("in March 7.2%", "in March 7.2%"), ("March 25 mg", "March 25 mg"),
        ("it may 25", "it may 25"), ("3.5-5.1", "3.5-5.1"), ("120/80", "120/80"), ("1.2.3", "1.2.3"), ("13/2024", "13/2024"),
    ],
)  # fmt: skip
def test_dates_become_iso_and_no_more_precise_than_they_are(written, iso):
    assert dates.normalised(written) == iso


def test_a_day_is_the_one_written_and_the_one_in_utc():
    assert days("2024-03-01T23:30:00-05:00") == ("2024-03-01", "2024-03-02")
    assert days("2024-03", None, 7) == ("2024-03",)
    assert seconds("2024") == seconds("2024-01-01") == seconds("2024-01-01T00:00:00Z")
    assert seconds("soon") == 0.0


def mentioned(text):
    return [(each.kind, each.key, each.negated) for each in read(text, INDEX.terms, INDEX.units).mentions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No sepsis, asthma or stroke", [("condition", n, True) for n in ("sepsis", "asthma", "stroke")]),
        ("No sepsis but asthma", [("condition", "sepsis", True), ("condition", "asthma", False)]),
        ("Not only asthma", [("condition", "asthma", False)]),
        ("Asthma is absent", [("condition", "asthma", True)]),
        ("AST rose at last", [("analyte", "aspartate aminotransferase", False)]),
        ("at last ast", []),
    ],
)  # fmt: skip
def test_a_negation_reaches_to_the_end_of_its_clause(text, expected):
    assert mentioned(text) == expected


def test_a_unit_takes_its_digits_with_it():
    found = read("eGFR 61 mL/min/1.73m2 and WBC 11.4 x10^9/L", INDEX.terms, INDEX.units).mentions
    assert [[(n.value, n.unit) for n in each.numbers] for each in found] == [
        [(61.0, "mL/min/{1.73_m2}")],
        [(11.4, "10*9/L")],
    ]


def test_the_longest_name_is_taken():
    assert mentioned("type 2 diabetes mellitus")[0][1] == "type 2 diabetes"
    assert words("Chronic sinusitis (disorder)") == ["chronic", "sinusitis"]


@pytest.mark.parametrize("name", ["cues", "analytes", "synonyms", "drugs", "brands", "conditions", "units", "words"])
def test_no_word_list_says_two_things_of_one_name(name):
    rows = lexicon.rows(name)
    keys = [
        tuple(row.values())[:1] if name in ("cues", "drugs", "brands", "conditions", "units") else tuple(row.values())
        for row in rows
    ]
    assert len(keys) == len(set(keys))
    assert all(all(value is not None for value in row.values()) for row in rows)


def test_every_brand_is_of_ingredients_that_are_listed():
    known = {row["name"] for row in lexicon.rows("drugs")} | {
        row["concept"] for row in lexicon.rows("synonyms") if row["kind"] == "drug"
    }
    assert {part for row in lexicon.rows("brands") for part in row["ingredients"].split("|")} <= known


def test_every_unit_is_one_of_ucum():
    from r4 import ucum

    assert [row["written"] for row in lexicon.rows("units") if not ucum.known(row["ucum"])] == []
