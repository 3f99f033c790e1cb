"""Editions: what the published files say of a code, in which edition, and since when; and what changed between two."""

from math import inf

import pytest

from fidelity.editions import icd10cm, loinc, rxnorm
from fidelity.editions.edition import NOT_JUDGED, library, skew, valid
from fidelity.editions.forms import WELL_FORMED, cvx, ndc
from fidelity.editions.forms import icd10cm as icd_form
from fidelity.editions.shipped import EXCERPTS, shipped
from fidelity.systems import CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED
from vocabulary.instant import parse_instant

LINE = "00001 E1165   1 Type 2 diabetes mellitus with hyperglycemia                  Type 2 diabetes mellitus with hyperglycemia"
CONSO = "{code}|ENG||||||{atom}||||{sab}|SCD|{code}|{name}||{suppress}|4096|"


def conso(*rows):
    return [
        CONSO.format(code=code, atom=n, sab=sab, name=name, suppress=s) for n, (code, sab, name, s) in enumerate(rows)
    ]


def test_a_line_of_an_order_file_is_a_code_with_its_point_and_its_long_title():
    edition = icd10cm.parse_order_file([LINE, ""], version="2025")
    assert edition.active == {"E11.65": "Type 2 diabetes mellitus with hyperglycemia"}
    assert edition.since == parse_instant("2024-10-01T00:00:00Z")
    assert (edition.complete, edition.dated) == (True, True)


def test_a_heading_is_known_and_may_not_be_used():
    edition = icd10cm.parse_order_file([LINE.replace(" 1 Type", " 0 Type")], version="2025-04")
    assert (dict(edition.active), list(edition.retired)) == ({}, ["E11.65"])
    assert edition.since == parse_instant("2025-04-01T00:00:00Z")


@pytest.mark.parametrize("line", ["E1165 1 secret", LINE[6:], LINE.replace("E1165", "11165"), "00001 E1165   2 x"])
def test_a_line_of_another_layout_is_refused_by_its_number_and_not_repeated(line):
    with pytest.raises(icd10cm.OrderFileError, match="line 2") as refused:
        icd10cm.parse_order_file([LINE, line], version="2025")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("version", ["", "25", "2025-10", "FY2025", "2025-4"])
def test_a_version_that_is_no_fiscal_year_or_update_is_refused(version):
    with pytest.raises(ValueError, match="fiscal year"):
        icd10cm.effective(version)


def test_the_shipped_excerpts_say_when_codes_could_be_used():
    standing = shipped().standing(ICD10CM, "M54.5")
    assert (standing.known, standing.active, standing.spans) == (
        True,
        False,
        ((-inf, parse_instant("2021-10-01T00:00:00Z")),),
    )
    covid = shipped().standing(ICD10CM, "U07.1")
    assert (covid.active, covid.spans) == (True, ((parse_instant("2020-04-01T00:00:00Z"), inf),))
    assert shipped().standing(LOINC, "55284-4").active is False
    assert {path.name for path in EXCERPTS.glob("*.txt")} == {
        f"icd10cm_order_{each.version}.txt" for each in shipped().editions[ICD10CM]
    }


def test_an_edition_that_is_not_here_judges_no_use_but_dates_are_still_known():
    standing = shipped().standing(ICD10CM, "M54.5", "2019")
    assert (standing.known, standing.active, standing.spans is None) == (None, None, False)
    assert shipped().standing(LOINC, "55284-4", "1.0") == NOT_JUDGED
    assert shipped().standing(SNOMED, "44054006") == NOT_JUDGED


def test_a_whole_edition_calls_a_code_that_it_lacks_unknown_and_an_excerpt_does_not():
    lines = (EXCERPTS / "icd10cm_order_2026.txt").read_text().splitlines()
    whole = library([icd10cm.parse_order_file(lines, version="2026")])
    assert whole.standing(ICD10CM, "Q99.9").known is False
    assert shipped().standing(ICD10CM, "Q99.9").known is None


def test_a_pin_chooses_the_edition_and_without_one_the_newest_is_asked():
    both = library(shipped().editions[ICD10CM], {ICD10CM: "2021"})
    assert both.standing(ICD10CM, "M54.5").active is True
    assert both.standing(ICD10CM, "M54.5", "2026").active is False
    assert shipped().standing(ICD10CM, "M54.5").edition == "2026"


def test_a_code_that_was_gone_for_a_year_has_two_spans():
    years = [
        icd10cm.parse_order_file([LINE] if version != "2022" else [LINE.replace("E1165", "E1169")], version=version)
        for version in ("2021", "2022", "2023")
    ]
    spans = library(years).standing(ICD10CM, "E11.65").spans
    assert spans == ((-inf, icd10cm.effective("2022")), (icd10cm.effective("2023"), inf))
    assert not valid(spans, icd10cm.effective("2022"), icd10cm.effective("2023") - 1)
    assert valid(spans, icd10cm.effective("2022"), icd10cm.effective("2023"))


def test_the_loinc_table_gives_statuses_and_one_without_its_columns_is_refused():
    lines = [
        '"LOINC_NUM","LONG_COMMON_NAME","STATUS"',
        '"1-8","A","TRIAL"',
        '"2-6","B","DEPRECATED"',
        '"3-4","C","DISCOURAGED"',
    ]
    edition = loinc.parse_table(lines, version="2.80", since=0.0)
    assert (list(edition.active), list(edition.retired)) == (["1-8"], ["2-6", "3-4"])
    with pytest.raises(loinc.LoincTableError, match="STATUS"):
        loinc.parse_table(['"LOINC_NUM","LONG_COMMON_NAME"'], version="2.80", since=0.0)


def test_rxnorm_takes_its_own_and_the_label_source_and_knows_the_obsolete_from_the_full_release_only():
    rows = conso(
        ("314076", "RXNORM", "lisinopril", "N"),
        ("9", "MTHSPL", "label", "N"),
        ("8", "MMSL", "other", "N"),
        ("7", "RXNORM", "old", "O"),
    )
    prescribable = rxnorm.parse_conso(rows, version="a", since=0.0)
    assert (set(prescribable.active), set(prescribable.retired), prescribable.complete) == (
        {"314076", "9"},
        {"7"},
        False,
    )
    assert library([prescribable]).standing(RXNORM, "8").known is None
    full = rxnorm.parse_conso(rows, version="a", since=0.0, full=True)
    assert library([full]).standing(RXNORM, "8").known is False
    with pytest.raises(rxnorm.RrfError, match="line 1"):
        rxnorm.parse_conso(["secret|1"], version="a", since=0.0)


def test_skew_names_the_codes_of_the_features_that_came_or_went_and_no_others():
    trained, live = shipped().edition(ICD10CM, "2021"), shipped().edition(ICD10CM, "2026")
    assert (skew(trained, live, ["M54.5"]).retired, skew(trained, live, ["M54.5"]).added) == (
        ("M54.5",),
        ("M54.50", "M54.51", "M54.59"),
    )
    assert skew(trained, live, ["E66"]).added == ("E66.811", "E66.812", "E66.813", "E66.89")
    assert (skew(trained, live, ["I10"]).added, skew(trained, live, ["I10"]).retired) == ((), ())


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (ndc, "0002-1433-80", "002-1433-80"),
        (ndc, "00002143380", "000021433801"),
        (cvx, "207", "7"),
        (icd_form, "U07.1", "UU7.1"),
        (WELL_FORMED[NDC], "50580-0449-5", "x"),
        (WELL_FORMED[CVX], "08", "8a"),
    ],
)
def test_ndc_and_cvx_are_judged_by_their_form(rule, good, bad):
    assert rule(good)
    assert not rule(bad)


def test_a_code_without_its_point_is_the_same_code():
    assert shipped().standing(ICD10CM, "M545") == shipped().standing(ICD10CM, "M54.5")
    assert shipped().standing(ICD10CM, "I10").known is True
