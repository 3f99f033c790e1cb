"""One record by itself: units that are valid and wrong, units that are unknown, partial dates, and whatever JSON there is."""

from decimal import Decimal

import pytest

from fidelity.checks import CHECKS, ids
from fidelity.editions.forms import loinc
from fidelity.editions.shipped import shipped
from fidelity.expected import EXPECTED
from fidelity.limits import COLUMNS, PROPOSED, LimitsError, parse_limits
from fidelity.records.judging import compile_rules
from fidelity.records.measures import known, measures_alike
from fidelity.records.tidying import tidied
from fidelity.texts import holds
from r4 import ucum
from tests.unit.fidelity.vectors import NOW, VECTORS
from vocabulary.instant import parse_instant
from vocabulary.manifest import Code, Feature

JUDGE = compile_rules(terminology=shipped(), as_of=NOW)
UCUM, LOINC = "http://unitsofmeasure.org", "http://loinc.org"
RESULT = next(each for each in VECTORS["STR-01"]["pass"] if each["resourceType"] == "Observation")


def result(code, value, unit, **more):
    quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return RESULT | {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity} | more


def failed(resource, judge=JUDGE):
    return set(ids(judge(resource).fails))


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("6690-2", "K/uL"), ("777-3", "K/uL"), ("8310-5", "C"), ("8310-5", "F"), ("789-8", "T/L"), ("6690-2", "G/L"),
        ("2744-1", "pH"), ("8867-4", "min"), ("8480-6", "mm"), ("2345-7", "mg"), ("29463-7", "kg/m2"), ("718-7", "g"),
    ],
)  # fmt: skip
def test_a_unit_that_is_valid_ucum_and_measures_something_else_is_wrong(code, unit):
    assert ucum.known(unit)
    assert failed(result(code, 7, unit)) == {"UNI-04"}


@pytest.mark.parametrize(
    ("code", "unit", "wrong"),
    [
        ("3016-3", "mU/L", False), ("3016-3", "uU/mL", False), ("3016-3", "m[IU]/L", False), ("3016-3", "mg/L", True),
        ("3016-3", "mU", True), ("1742-6", "[IU]/L", False), ("2160-0", "mU/L", True), ("2160-0", "m[IU]/L", True),
    ],
)  # fmt: skip
def test_the_units_of_activity_stand_for_one_another(code, unit, wrong):
    assert ("UNI-04" in failed(result(code, 2, unit))) == wrong


@pytest.mark.parametrize(
    ("quantity", "check"),
    [
        ({"value": 7}, "UNI-01"),
        ({"value": 7, "unit": "K/uL"}, "UNI-02"),
        ({"value": 7, "unit": "C"}, "UNI-02"),
        ({"value": 7, "system": UCUM, "code": "x10^3/uL"}, "UNI-03"),
    ],
)
def test_a_unit_that_is_unknown_is_not_called_wrong(quantity, check):
    assert failed(result("6690-2", 7, "10*3/uL", valueQuantity=quantity)) == {check}


@pytest.mark.parametrize(("unit", "value"), [("[degF]", 98.6), ("K", 310), ("Cel", 37)])
def test_another_unit_of_the_dimension_is_only_not_the_usual_one_and_limits_are_carried_into_it(unit, value):
    assert failed(result("8310-5", value, unit)) <= {"UNI-05"}
    assert "PLA-01" in failed(result("8310-5", value * 100, unit))


@pytest.mark.parametrize("unit", ["mL", "mL/(24.h)", "mL/d"])
def test_urine_of_a_day_is_a_volume_or_a_rate(unit):
    assert failed(result("9192-6", 1500, unit)) <= {"UNI-05"}


def test_a_remark_is_a_word_of_a_laboratory_and_not_any_prose_that_holds_one():
    def text(code, written):
        record = {name: value for name, value in RESULT.items() if name != "valueQuantity"}
        return failed(record | {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueString": written})

    prose = "Two fragments of tissue were received in formalin; the specimen was divided, and nothing is pending."
    assert "VAL-02" not in text("22634-0", prose)  # Pathology report gross observation
    assert "VAL-02" in text("22634-0", "Specimen insufficient")
    assert "VAL-02" in text("2093-3", prose)


def test_substance_and_mass_are_both_units_of_an_analyte_and_its_limits_follow():
    assert failed(result("2345-7", 5.5, "mmol/L")) == {"UNI-05"}
    assert failed(result("2345-7", 550, "mmol/L")) == {"UNI-05", "UNI-06"}  # 550 mg/dL is 30.5 mmol/L
    assert failed(result("2345-7", 55000, "mmol/L")) == {"UNI-05", "PLA-01"}


def test_the_unit_of_the_model_is_the_usual_one_for_its_codes():
    fahrenheit = Feature(name="t", kind="observation", codes=(Code(system=LOINC, code="8310-5"),), unit="[degF]")
    judge = compile_rules(features=[fahrenheit], terminology=shipped(), as_of=NOW)
    assert failed(result("8310-5", 98.6, "[degF]"), judge) == set()
    assert failed(result("8310-5", 37, "Cel"), judge) == {"UNI-05"}


@pytest.mark.parametrize(("code", "value", "unit"), [
    ("8310-5", 98.6, "Cel"), ("2345-7", 5.5, "mg/dL"), ("718-7", 140, "g/dL"), ("8480-6", 16, "mm[Hg]"), ("2160-0", 88, "mg/dL"),
    ("4548-4", 48, "%"),
])  # fmt: skip
def test_a_number_that_is_odd_in_its_unit_and_usual_in_another_was_meant_in_the_other(code, value, unit):
    assert failed(result(code, value, unit)) == {"UNI-06"}
    assert failed(result(code, 0, unit)) <= {"PLA-01"}  # nothing looks alike in every unit


@pytest.mark.parametrize(
    "partial",
    [
        {"effectiveDateTime": "2026", "issued": "2026-01-01T08:00:00Z"},
        {"effectiveDateTime": "2026-05", "issued": "2026-05-01T08:00:00Z"},
        {"effectiveDateTime": "2026-05-01", "issued": "2026-05-01T00:00:00Z"},
        {"effectiveDateTime": "2026-06-01", "issued": "2026-06-01T11:00:00Z"},
        {"effectiveDateTime": "2026", "issued": "2026-05-30T08:00:00Z"},
        {"effectivePeriod": {"start": "2026-05", "end": "2026-05-01"}},
    ],
)
def test_a_partial_date_never_raises_an_order_fault(partial):
    record = {name: value for name, value in RESULT.items() if name not in ("effectiveDateTime", "issued")} | partial
    assert not failed(record) & {"TIM-04", "TIM-06", "TIM-09"}
    late = (
        record | {"issued": "2025-12-30T08:00:00Z"}
        if "issued" in record
        else record | {"effectivePeriod": {"start": "2026-05", "end": "2026-04"}}
    )
    assert "TIM-06" in failed(late)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("2026-05-01", "2026-04-30T21:00:00Z"),  # eight in the evening of 1 May in Auckland: a date has no zone
        ("2026-05-01T20:00:00-05:00", "2026-05-01"),
        ("2026-05-02T01:00:00Z", "2026-05-01"),
    ],
)
def test_a_day_beside_a_moment_may_be_that_of_any_zone(first, then):
    assert "TIM-06" not in failed(RESULT | {"effectiveDateTime": first, "issued": then})
    assert "TIM-06" in failed(RESULT | {"effectiveDateTime": "2026-05-04", "issued": "2026-05-02T08:00:00Z"})


def test_a_day_that_has_begun_in_some_zone_is_not_in_the_future():
    judge = compile_rules(terminology=shipped(), as_of=parse_instant("2026-05-01T20:00:00Z"))
    assert "TIM-04" not in failed(RESULT | {"effectiveDateTime": "2026-05-02"}, judge)
    assert "TIM-04" in failed(RESULT | {"effectiveDateTime": "2026-05-03"}, judge)


def test_what_is_nested_beyond_reason_is_judged_without_it():
    deep: object = 1
    for _ in range(3000):
        deep = {"a": deep}
    assert JUDGE(RESULT | {"component": 5, "text": deep}).type == "Observation"


@pytest.mark.parametrize(
    ("first", "then", "reversed"),
    [
        ("2026-05-01T08:00:00+02:00", "2026-05-01T07:00:00Z", False),
        ("2026-05-01T08:00:00Z", "2026-05-01T09:30:00+02:00", True),
        ("2026-05-01T08:00:00.5Z", "2026-05-01T08:00:00Z", False),
        ("2026-05-01T23:30:00-05:00", "2026-05-02T04:45:00Z", False),
    ],
)
def test_times_of_different_zones_are_compared_as_moments(first, then, reversed):
    assert ("TIM-06" in failed(RESULT | {"effectiveDateTime": first, "issued": then})) is reversed


@pytest.mark.parametrize(("text", "held"), [
    ("7.2 mg/dL", "number"), ("45", "number"), ("GT 45", "number"), (">5", "number"), ("<= 0.1 ng/mL", "number"), ("1,234", "number"),
    ("8.1 10*3/uL", "number"), ("98 %", "number"), ("12 /min", "number"), ("120/80", "pressure"), ("120 / 80 mmHg", "pressure"),
    ("SEE COMMENT", "comment"), ("hemolyzed", "comment"), ("QNS", "comment"), ("Positive", "words"), ("2026-05-01", "words"),
    ("555-1234", "words"), ("", "words"), ("3 of 5 specimens", "comment"),
])  # fmt: skip
def test_text_is_told_apart(text, held):
    assert holds(text) == held


def test_every_expected_unit_is_one_and_every_limit_is_in_order_and_in_a_unit_of_its_code():
    units = {row.code: row.units for row in EXPECTED}
    assert [row.code for row in EXPECTED if not loinc(row.code) or not all(map(known, row.units))] == []
    assert len(units) == len(EXPECTED)
    assert all(limit.low <= limit.usual[0] <= limit.usual[1] <= limit.high for limit in PROPOSED)
    assert [
        limit.code for limit in PROPOSED if not any(measures_alike(limit.unit, each) for each in units[limit.code])
    ] == []


def test_a_signed_file_takes_the_place_of_the_proposed_limits():
    head = ",".join(COLUMNS)
    (signed,) = parse_limits(f"{head}\n8867-4,/min,20,200,30,180,Dr A. Sample,2026-01-02\n")
    assert (signed.signed_by, str(signed.signed_on)) == ("Dr A. Sample", "2026-01-02")
    judge = compile_rules(terminology=shipped(), as_of=NOW, limits=[signed])
    assert failed(result("8867-4", 250, "/min"), judge) == {"PLA-01"}
    assert failed(result("8867-4", 250, "/min")) == set()
    assert all(limit.signed_by is None for limit in PROPOSED)


@pytest.mark.parametrize(("line", "wrong"), [
    ("8867-4,/min,20,200,30,180,,2026-01-02", "signed_by"), ("8867-4,/min,x,200,30,180,Dr,2026-01-02", "numbers"),
    ("8867-4,/min,200,20,30,180,Dr,2026-01-02", "order"), ("8867-4,/min,20,200,30,180,Dr,someday", "date"),
])  # fmt: skip
def test_limits_that_nobody_signed_or_that_are_none_are_refused_by_line(line, wrong):
    with pytest.raises(LimitsError, match=f"line 2.*{wrong}"):
        parse_limits(f"{','.join(COLUMNS)}\n{line}\n")
    with pytest.raises(LimitsError, match="first line"):
        parse_limits(line)


def test_numbers_with_their_digits_are_judged_as_floats_are():
    assert failed(result("8867-4", Decimal("7000"), "/min")) == failed(result("8867-4", 7000.0, "/min")) == {"PLA-01"}


@pytest.mark.parametrize(
    "value", [None, [], {}, 3, True, "x", [3], [{"coding": 3}], {"coding": [{"code": {}}]}, {"value": "7"}]
)
@pytest.mark.parametrize(
    "name",
    ["code", "valueQuantity", "effectiveDateTime", "subject", "category", "component", "status", "meta", "issued"],
)
def test_a_member_of_another_form_counts_as_missing_and_nothing_is_raised(name, value):
    seen = JUDGE(RESULT | {name: value})
    assert (seen.type, hash(seen)) == ("Observation", hash(seen))
    assert JUDGE(tidied(RESULT | {name: value})).type == "Observation"


def test_a_tidy_record_is_judged_as_it_stands():
    for check in CHECKS:
        for resource in VECTORS[check.id]["pass"]:
            if "times" not in resource and resource["resourceType"] == "Observation":
                assert JUDGE(tidied(resource)) == JUDGE(resource)


@pytest.mark.parametrize(
    ("codings", "check"),
    [
        ([{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "2093-3"}], {"COD-03"}),
        ([{"system": "https://loinc.org", "code": "2093-3"}], {"COD-03"}),
        ([{"system": "http://www.loinc.org/", "code": "2093-3"}], {"COD-03"}),
        ([{"code": "2093-3"}], {"COD-03"}),
        ([{"system": "LOINC", "code": "2093-3"}], {"COD-03"}),
        ([{"system": "https://lab.example/codes", "code": "CHOL"}], {"COD-02"}),
        ([{"system": LOINC, "code": "2093-4"}], {"COD-04"}),
        ([{"system": "https://lab.example/codes", "code": "CHOL"}, {"system": LOINC, "code": "2093-3"}], set()),
    ],
)
def test_one_fault_of_a_code_is_counted_once(codings, check):
    assert failed(RESULT | {"code": {"coding": codings}}) == check


def test_icd_10_is_not_icd_10_cm_but_for_a_model_that_lists_it():
    icd10 = "http://hl7.org/fhir/sid/icd-10"
    condition = next(each for each in VECTORS["COD-01"]["pass"] if each["resourceType"] == "Condition")
    record = condition | {"code": {"coding": [{"system": icd10, "code": "E11.9"}]}}
    assert failed(record) == {"COD-03"}
    listed = Feature(name="d", kind="presence", resource="Condition", codes=(Code(system=icd10, code="E11"),))
    assert failed(record, compile_rules(features=[listed], terminology=shipped(), as_of=NOW)) == set()


@pytest.mark.parametrize(
    ("source", "told"), [("urn:lab#message-1", "urn:lab"), ([], ""), (None, ""), ({}, ""), ("urn:lab", "urn:lab")]
)
def test_the_source_is_where_a_record_came_from_and_not_which_message_brought_it(source, told):
    assert JUDGE(RESULT | {"meta": {"source": source}}).source == told
