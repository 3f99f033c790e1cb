"""A scan: the order of the feed decides nothing, pointers hold no id, what waits for others is judged in the end."""

import random
from dataclasses import replace

import pytest

from fidelity.baseline import Baseline, CodeUse, best_lag, compare, moved
from fidelity.checks import BIT, CHECKS
from fidelity.document import document
from fidelity.feed.flow import quantile, steady
from fidelity.feed.people import alive, person_of, plausible
from fidelity.periods import parse_point
from fidelity.profile import Profile
from fidelity.published import parse_published
from fidelity.reference import baseline_of
from fidelity.report import format_report, problems, rejudge
from fidelity.scan import Scan
from fidelity.tallies import totals
from fidelity.thresholds import Threshold, Thresholds, level
from gateway.sandbox_ehrs import filling
from sandbox.seed.messy import Messiness, degrade
from tests.unit.fidelity.vectors import VECTORS, rows, scanned, settings

NOW = 1_796_000_000.0
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
FEED = list(degrade(filling.clean(NOW), Messiness(0.5, 2), arrived=NOW))[:1500]


def scan(resources, baseline=None, **given):
    made = Scan(settings(**given) if baseline is None else replace(settings(**given), reference=baseline))
    for resource in resources:
        made.add(resource)
    return made.results()


def weights(*values, start=2015, code="29463-7", unit="kg", birth="1960-05-01"):
    patient = {"resourceType": "Patient", "id": "p", "birthDate": birth, "gender": "male"}
    made = [
        {
            "resourceType": "Observation", "id": f"w{n}", "status": "final", "subject": {"reference": "Patient/p"},
            "code": {"coding": [{"system": LOINC, "code": code}]}, "effectiveDateTime": f"{start + n}-05-01T08:00:00Z",
            "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        }
        for n, value in enumerate(values)
    ]  # fmt: skip
    return [patient, *made]


@pytest.mark.parametrize("value", [[1], {}, {"a": 1}, "7", True, None])
def test_a_number_that_is_none_stops_no_scan(value):
    feed = weights(80.0, 81.0)
    feed[1]["valueQuantity"]["value"] = value
    reference = {
        "resources": 9,
        "patients": 1,
        "days": 1,
        "codes": [{"system": LOINC, "code": "29463-7", "n": 9, "units": {"kg": 9}}],
    }
    assert scan(feed, reference=reference).resources == 3


def test_the_order_of_the_feed_decides_nothing():
    shuffled = FEED[:]
    random.Random(7).shuffle(shuffled)
    one, other = scan(FEED), scan(shuffled)
    assert totals(one) == totals(other)
    pointers = {bit: kept for bit, kept in one.pointers.items() if bit != BIT["DUP-02"]}  # which of two is the second
    assert {bit: kept for bit, kept in other.pointers.items() if bit != BIT["DUP-02"]} == pointers


def test_every_record_is_counted_once_for_each_check_or_skipped():
    results = scan(FEED)
    report = format_report(results, source="feed", model="m", version="1")
    assert report["resources"] == len(FEED)
    for check in report["checks"]:
        if check["of"] == "records":
            assert check["pass"] + check["fail"] + check["skip"] == len(FEED)
        assert sum(stratum["fail"] for stratum in check["strata"]) <= check["fail"]


def test_a_report_has_the_members_of_the_contract_and_every_id_in_the_order_of_the_catalogue():
    report = format_report(scanned("UNI-04", "fail"), source="feed", model="m", version="1")
    assert set(report) == {"source", "model", "version", "resources", "unreadable", "checks"}
    assert [check["id"] for check in report["checks"]] == [check.id for check in CHECKS]
    assert {"id", "pass", "fail", "skip", "owner", "severity"} <= set(report["checks"][0])
    (failed,) = [check for check in report["checks"] if check["fail"]]
    assert (failed["id"], failed["level"], failed["kahn"]) == ("UNI-04", "warn", "plausibility")
    assert failed["strata"] == [
        {"source": "", "type": "Observation", "code": f"{LOINC}|6690-2", "category": "laboratory", "pass": 0, "fail": 1}
    ]


def test_a_report_points_at_records_by_salted_hash_and_repeats_neither_id_nor_value():
    report = format_report(scan(weights(70, 71, 678912)), source="feed", model="m", version="1")
    (pointer,) = next(check for check in report["checks"] if check["id"] == "PLA-01")["pointers"]
    assert pointer.startswith("Observation/")
    assert "w2" not in str(report)
    assert "678912" not in str(report)


def test_what_a_record_refers_to_may_come_after_it():
    rest, patient = weights(70)[1:], weights(70)[0]
    visit = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/p"},
    }
    late = [each | {"encounter": {"reference": "Encounter/e"}} for each in rest]
    assert totals(scan([*late, visit, patient]))["REF-02"].failed == 0
    assert totals(scan([*late, patient]))["REF-02"] == (1, 0)  # no Encounter came at all: nothing is known of them
    other = visit | {"id": "f"}
    assert totals(scan([*late, other, patient]))["REF-02"].failed == 1


@pytest.mark.parametrize(
    ("values", "odd"),
    [((80, 81, 176, 79), 1), ((80, 81, 82, 79), 0), ((80, 176), 0), ((80, 81, 120, 79), 0), ((170.0, 171.0, 66.9), 1)],
)
def test_a_weight_or_height_in_another_unit_is_seen_beside_the_patients_others(values, odd):
    code, unit = ("8302-2", "cm") if values[0] == 170.0 else ("29463-7", "kg")
    assert totals(scan(weights(*values, code=code, unit=unit)))["UNI-06"].failed == odd


def test_a_child_may_double_its_weight():
    assert totals(scan(weights(20, 21, 44, 22, birth="2012-01-01")))["UNI-06"].failed == 0
    assert totals(scan(weights(20, 21, 44, 22, birth="1980-01-01")))["UNI-06"].failed == 1


def test_of_a_step_too_wide_the_second_value_is_counted_once_more_and_nothing_is_counted_twice():
    results = scanned("PLA-05", "fail")
    assert totals(results)["PLA-05"] == (0, 1)
    assert totals(results)["UNI-01"].passed == 2


@pytest.mark.parametrize(
    ("born", "when", "lived"),
    [
        ("1960", "1960-03-01T08:00:00Z", True), ("1960-05-02", "1960-05-01", False), ("1960-05", "1960-05-01", True),
        ("1960-05-02", "1960-05-02T05:00:00+08:00", True), ("1960-05-02", "1960-05-01T08:00:00Z", False),
        ("1960-05-01", "2020-06-29T08:00:00Z", True), ("1960-05-01", "2020-07-15T08:00:00Z", False), (None, "1800-01-01", True),
    ],
)  # fmt: skip
def test_a_record_lies_within_the_life_with_thirty_days_of_grace(born, when, lived):
    person = person_of({"birthDate": born, "deceasedDateTime": "2020-06-01"})
    assert alive(person, parse_point(when)) is lived


def test_what_no_rule_speaks_of_is_not_judged_by_sex_or_age():
    man = person_of({"gender": "male", "birthDate": "1960"})
    pregnancy = ("http://hl7.org/fhir/sid/icd-10-cm", "O09.90")
    assert plausible(man, *pregnancy, None) is False
    assert plausible(man, "http://hl7.org/fhir/sid/icd-10-cm", "I10", None) is None
    assert plausible(person_of({"gender": "other"}), *pregnancy, None) is None
    girl, woman = (
        person_of({"gender": "female", "birthDate": "2020"}),
        person_of({"gender": "female", "birthDate": "1990"}),
    )
    then = parse_point("2024-01-01")
    assert (plausible(girl, *pregnancy, then), plausible(woman, *pregnancy, then)) == (False, True)


def test_linkage_is_off_unless_it_is_asked_for():
    twice = rows(VECTORS["DUP-04"]["fail"])
    assert totals(scan(twice))["DUP-04"] == (0, 0)
    assert totals(scan(twice, linkage=True))["DUP-04"] == (1, 1)


def test_a_fault_that_is_fatal_is_critical_above_one_in_a_hundred_and_a_rate_is_no_fault_by_itself():
    rules = Thresholds()
    assert [level("TIM-04", 1000 - n, n, rules) for n in (0, 1, 2, 10, 11)] == ["ok", "ok", "warn", "warn", "critical"]
    assert [level("UNI-01", 1000 - n, n, rules) for n in (50, 51, 200, 201)] == ["ok", "warn", "warn", "critical"]
    assert level("STR-02", 0, 1000, rules) == "not judged"
    assert level("UNI-01", 0, 0, rules) == "not judged"
    assert [level("UNI-01", 10, n, rules) for n in (0, 1)] == ["ok", "warn"]
    assert level("DUP-02", 10, 1, rules) == "ok"  # informative


def test_stored_counts_are_judged_again_under_other_thresholds_without_a_scan():
    report = format_report(scan(FEED), source="feed", model="m", version="1")
    assert "UNI-02" in {id for id, _ in problems(report)}
    lenient = rejudge(report, Thresholds(checks={check.id: Threshold(1.0, 1.0, 0) for check in CHECKS}))
    assert problems(lenient) == []
    assert [check["fail"] for check in lenient["checks"]] == [check["fail"] for check in report["checks"]]


def test_a_pause_is_a_gap_only_where_the_rhythm_is_known():
    hourly = [n * 3600.0 for n in range(400)]
    assert steady(hourly) is True
    assert steady([*hourly, hourly[-1] + 10 * 86400]) is False
    assert steady(hourly[:150]) is None
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0


def test_arrival_is_judged_against_what_was_agreed():
    made = rows(VECTORS["VOL-02"]["pass"])
    late = Scan(settings())
    assert late.settings.arrival is None
    assert totals(scan(made))["TIM-07"] == (0, 0)
    for allowed, expected in ((1e9, (1, 0)), (1.0, (0, 1))):
        agreed = settings()
        agreed.arrival = allowed
        one = Scan(agreed)
        for resource in made:
            one.add(resource)
        assert totals(one.results())["TIM-07"] == expected


def test_a_rate_moves_by_five_points_and_four_standard_errors():
    assert moved((10, 1000), (80, 1000))
    assert not moved((10, 1000), (40, 1000))
    assert not moved((10, 100), (30, 100))


def test_a_shift_of_whole_hours_is_found_and_a_flat_day_has_none():
    day = [0] * 8 + [100, 300, 200, 100, 50, 100, 80, 20] + [0] * 8
    assert best_lag(day, day) == 0
    assert best_lag(day, day[-5:] + day[:-5]) == 5
    assert best_lag([10] * 24, [10] * 24) is None
    assert best_lag(day, [0] * 24) is None


def test_a_feed_is_not_shifted_against_itself_whatever_zone_it_writes_and_one_that_lost_its_zone_is():
    def feed(zone):
        record = next(each for each in VECTORS["STR-02"]["pass"] if each["resourceType"] == "Observation")
        hours = [8] * 5 + [9] * 8 + [10] * 4 + [14] * 2 + [16]
        at = [f"2026-01-{1 + n % 28:02d}T{hours[n % 20]:02d}:15:00{zone}" for n in range(600)]
        return [record | {"id": f"o{n}", "effectiveDateTime": each, "issued": each} for n, each in enumerate(at)]

    def shifted(resources):
        return totals(scan(resources, baseline=baseline))["TIM-08"]

    made = document(Profile().add(feed("-05:00"), {}))
    assert made["types"]["Observation"]["hours"][13:16] == [150, 240, 120], "by the hour in UTC"
    baseline = baseline_of(parse_published(made))
    assert shifted(feed("-05:00")) == (1, 0)
    assert shifted(feed("-05:00") + [each | {"effectiveDateTime": "2026-01-05"} for each in feed("-05:00")]) == (1, 0)
    assert shifted(feed("-05:00") + feed("")) == (1, 0), "what has no zone says nothing of the hour"
    assert shifted(feed("Z")) == (0, 1)


def test_a_visit_or_report_before_birth_is_outside_the_life():
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1980-01-01"}
    subject = {"subject": {"reference": "Patient/p"}}
    early, late = "1970-05-01T08:00:00Z", "1990-05-01T08:00:00Z"
    for kind, times in {
        "Encounter": lambda at: {"period": {"start": at}}, "DiagnosticReport": lambda at: {"effectiveDateTime": at},
        "MedicationAdministration": lambda at: {"effectivePeriod": {"start": at, "end": at}},
        "DocumentReference": lambda at: {"date": at}, "ServiceRequest": lambda at: {"authoredOn": at},
    }.items():  # fmt: skip
        made = [{"resourceType": kind, "id": f"r{n}", **subject, **times(at)} for n, at in enumerate((early, late))]
        assert totals(scan([patient, *made]))["TIM-05"] == (1, 1), kind


def test_a_code_is_vanished_only_where_its_silence_is_no_chance():
    def use(n):
        return CodeUse(n=n)

    keys = [(LOINC, code) for code in ("1-8", "2-6", "3-4")]
    before = Baseline(codes=dict(zip(keys, map(use, (900, 90, 10)), strict=True)))
    now = Baseline(codes={keys[0]: use(200)})
    found = {judged.code[-3:]: judged.failed for judged in compare(before, now) if judged.check == "VER-07"}
    assert found == {"1-8": 0, "2-6": 1}  # 3-4 was too rare to be missed among 200


def test_a_must_support_rate_that_moved_warns_and_the_counts_stay_those_of_the_records():
    reference = {
        "resources": 1000,
        "patients": 10,
        "days": 10,
        "codes": [],
        "absent": {"Observation.category": [10, 1000]},
    }
    record = next(each for each in VECTORS["STR-02"]["fail"] if each["resourceType"] == "Observation")
    feed = [
        record | {"id": f"o{n}", "valueQuantity": record["valueQuantity"] | {"value": 150 + n / 10}} for n in range(300)
    ]
    report = format_report(scan(feed, reference=reference), source="feed", model="m", version="1")
    (check,) = [check for check in report["checks"] if check["id"] == "STR-02"]
    assert (check["fail"], check["level"], check["moved"]) == (300, "warn", ["Observation.category"])
    alone = format_report(scan(feed), source="feed", model="m", version="1")
    assert next(check["level"] for check in alone["checks"] if check["id"] == "STR-02") == "not judged"
