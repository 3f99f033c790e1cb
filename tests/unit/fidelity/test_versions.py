"""Codes by their editions on the chart: unknown, retired, and not valid on the day; by the day, not by today."""

from dataclasses import replace

import pytest

from fidelity.chart import assemble, plan
from fidelity.editions import icd10cm
from fidelity.editions.edition import library
from fidelity.editions.shipped import EXCERPTS, shipped
from fidelity.inspection import Editions, inspect
from fidelity.verdict import judge
from tests.unit.fidelity.examples import NOW, PATIENT
from tests.unit.fidelity.test_instruments import condition
from tests.unit.fidelity.test_verdict import manifest
from vocabulary.chart import Read
from vocabulary.manifest import Code, Feature

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
PAIN = Feature(name="pain", kind="presence", resource="Condition", codes=(Code(system=ICD, code="M54"),), ever=True)
WHOLE = library(
    [icd10cm.parse_order_file((EXCERPTS / "icd10cm_order_2026.txt").read_text().splitlines(), version="2026")]
)


def chart(code, recorded, **more):
    record = condition(
        code={"coding": [{"system": ICD, "code": code}]}, recordedDate=recorded, onsetDateTime=None, **more
    )
    reads = {search: Read(resources=(record,)) for search in plan([PAIN])}
    return assemble(patient=PATIENT, reads=reads, features=[PAIN], as_of=NOW)


def results(code, recorded, editions=None):
    found = inspect(chart(code, recorded), [PAIN], editions=Editions(editions or shipped()))
    return {finding.check: finding.result for finding in found if finding.check.startswith("VER")}


@pytest.mark.parametrize(
    ("code", "recorded", "expected"),
    [
        ("M54.5", "2022-03-01", ("skip", "fail")),
        ("M54.5", "2021-03-01", ("fail", "pass")),
        ("M54.5", "2021-10-01", ("skip", "fail")),
        ("M54.5", "2021-09-30T23:30:00-05:00", ("fail", "pass")),
        ("M54.5", "2021", ("fail", "pass")),
        ("M54.50", "2022-03-01", ("pass", "pass")),
        ("M54.50", "2021-03-01", ("skip", "fail")),
        ("M54.50", "2021", ("pass", "pass")),
        ("M54.99", "2022-03-01", ("skip", "skip")),
    ],
)
def test_a_code_is_judged_by_the_day_it_was_recorded_and_a_partial_date_never_fails_by_chance(code, recorded, expected):
    found = results(code, recorded)
    assert (found["VER-02"], found["VER-03"]) == expected


def test_a_code_is_unknown_only_to_an_edition_that_is_whole():
    assert results("M54.99", "2022-03-01")["VER-01"] == "skip"
    assert results("M54.99", "2022-03-01", WHOLE)["VER-01"] == "fail"
    assert results("M54.50", "2022-03-01", WHOLE)["VER-01"] == "pass"


def test_without_a_terminology_nothing_of_it_is_judged():
    found = {finding.check: finding.result for finding in inspect(chart("M54.5", "2022-03-01"), [PAIN])}
    assert (found["VER-01"], found["VER-02"], found["VER-03"]) == ("skip", "skip", "skip")


def test_the_edition_that_the_manifest_pins_is_the_one_that_is_asked():
    pinned = replace(manifest(PAIN), editions={ICD: "2021"})
    for asked, fitness in ((manifest(PAIN), "caveats"), (pinned, "fit")):
        made = judge(chart("M54.5", "2021-03-01"), asked, patient_resource=PATIENT, terminology=shipped())
        assert made.fitness == fitness
