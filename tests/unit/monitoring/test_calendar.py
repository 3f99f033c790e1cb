"""The terminology calendar: when code sets are released, how long that is under way, and which signals it touches."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from monitoring.alerting import calendar
from monitoring.alerting.calendar import CPT, HCPCS, ICD, LOINC, PCS, RELEASES, RXNORM, SNOMED, Calendar, Planned

SYSTEMS = {"diagnosis": frozenset({ICD}), "pulse": frozenset({LOINC}), "": frozenset({ICD, LOINC})}
READS = Calendar(systems=lambda model, version, ehr, feature: SYSTEMS.get(feature, SYSTEMS[""]))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("day", "systems"), [
    ("2026-10-01", {ICD, PCS, HCPCS}), ("2027-04-01", {ICD, PCS, HCPCS}), ("2026-10-05", {ICD, PCS, HCPCS, RXNORM}), ("2026-10-12", {ICD, PCS}),
    ("2026-10-15", set()), ("2027-02-15", {LOINC}), ("2027-02-14", set()), ("2027-03-10", {LOINC, SNOMED}), ("2027-08-31", {LOINC}),
    ("2027-01-01", {CPT, HCPCS}), ("2026-12-07", {RXNORM}), ("2026-12-13", {RXNORM}), ("2026-12-14", set()), ("2026-12-06", set()),
])  # fmt: skip
def test_what_is_under_way_on_a_day(day: str, systems: set[str]) -> None:
    found = list(calendar.releases(at(f"{day}T12:00:00")))
    assert {system for each in found for system in each.systems} == set(systems)
    assert all(each.source for each in found)


def test_every_release_has_a_source_and_comes_as_often_as_it_says_in_a_year() -> None:
    assert all(len(release.source) > 10 for release in RELEASES)
    begun: dict[str, set[str]] = {}
    for day in range(365):
        for each in calendar.releases(at("2027-01-01T12:00:00") + day * 86400):
            if each.at >= at("2027-01-01T00:00:00"):
                begun.setdefault(min(each.systems), set()).add(each.name)
    assert {system: len(names) for system, names in begun.items()} == {
        release.system: len(release.months) for release in RELEASES
    }


def test_a_signal_is_touched_by_the_release_of_a_code_set_that_its_feature_is_read_by() -> None:
    now = at("2026-10-02T09:00:00")
    touched = {
        (monitor, feature): READS.touching("e", monitor, "m", "1", feature, now)
        for monitor in ("M-IN-03", "M-IN-01", "M-OUT-02", "M-OUT-01", "M-OUT-04", "M-HAL-01", "M-PERF-02")
        for feature in ("diagnosis", "pulse", "distribution")
    }
    named = {key for key, change in touched.items() if change is not None}
    assert named == {(m, f) for m in ("M-IN-03", "M-IN-01", "M-OUT-02") for f in ("diagnosis", "distribution")}
    change = touched["M-IN-03", "diagnosis"]
    assert change is not None
    assert change.name == "ICD-10-CM release of 2026-10-01"
    assert "M-IN-03".startswith(change.gathers)
    assert not "M-IN-01".startswith(change.gathers)


def test_what_a_site_has_planned_begins_at_midnight_of_its_own_zone_and_gathers_any_shift() -> None:
    plan = Planned(on=date(2026, 11, 20), what="Upgrade of the laboratory system")
    made = Calendar(planned={"e": (plan,)}, zones={"e": ZoneInfo("America/Chicago")})
    for text, count in (("2026-11-20T05:59:00", 0), ("2026-11-20T06:00:00", 1), ("2026-12-04T05:59:00", 1), ("2026-12-04T06:00:00", 0)):  # fmt: skip
        assert len([each for each in made.under_way("e", at(text)) if "Upgrade" in each.name]) == count
    assert [each.name for each in made.around("e", at("2026-11-10T00:00:00"), days=15) if "Upgrade" in each.name] == [
        "Upgrade of the laboratory system (2026-11-20)"
    ]
    change = made.touching("e", "M-IN-02", "m", "1", "pulse", at("2026-11-21T00:00:00"))
    assert change is not None
    assert "M-IN-02".startswith(change.gathers)
    assert made.touching("other", "M-IN-02", "m", "1", "pulse", at("2026-11-21T00:00:00")) is None


def test_of_two_changes_the_one_that_gathers_a_signal_is_named() -> None:
    plan = Planned(on=date(2026, 10, 1), what="New diagnoses", systems=(ICD,))
    made = Calendar(planned={"e": (plan,)}, systems=READS.systems)
    for monitor in ("M-IN-03", "M-IN-01"):
        change = made.touching("e", monitor, "m", "1", "diagnosis", at("2026-10-02T09:00:00"))
        assert change is not None
        assert change.name == "New diagnoses (2026-10-01)"
