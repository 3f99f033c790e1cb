"""A schedule's declaration and what stops the start; whom a tick is about; which ticks are run and which were missed."""

import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.model_folders.models import load_all
from gateway.schedules import planning, population
from gateway.schedules.population import Person, people_of
from gateway.sites import contradictions
from gateway.sites.declaration import Schedule
from gateway.sites.differing import differences
from gateway.sites.folder import FILE, SiteRefused, read_document

LAKESIDE = Path(__file__).resolve().parents[3] / "gateway" / "sites" / "examples" / "lakeside"
MANIFESTS = {model.key: model.manifest for model in load_all()}
SCHEDULE = {
    "id": "ward", "ehr": "lakeside-epic", "models": ["news2"], "cron": "*/15 * * * *",
    "patients": "Encounter?status=in-progress&class=IMP",
}  # fmt: skip
BASE = "https://ehr.example/r4"


def site(**changes: Any) -> dict[str, Any]:
    declared = {name: value for name, value in {**SCHEDULE, **changes}.items() if value is not None}
    return {**tomllib.loads((LAKESIDE / FILE).read_text()), "schedule": [declared]}


def problems(found: dict[str, Any]) -> list[str]:
    try:
        return contradictions.find(read_document(Path("here"), found), MANIFESTS)
    except SiteRefused as refused:
        return list(refused.problems)


@pytest.mark.parametrize("changes", [
    {}, {"cron": "@daily", "time_zone": "Asia/Kolkata"}, {"patients": "Group/ward-7"}, {"catch_up": "all", "most": 5},
    {"patients": "Patient?_has:Encounter:patient:status=in-progress&gender=female"}, {"grace": "P1D"}, {"catch_up": "none"},
])  # fmt: skip
def test_what_can_be_declared(changes: dict[str, Any]) -> None:
    assert problems(site(**changes)) == []


@pytest.mark.parametrize(("changes", "told"), [
    ({"more": 1}, "schedule[0].more is not known"), ({"cron": None}, "schedule[0].cron is missing"),
    ({"models": []}, "schedule[0].models must have at least one entry"), ({"id": "The Ward"}, "schedule[0].id"),
    ({"cron": "61 * * * *"}, "schedule[0].cron minute: must be 0 to 59"), ({"cron": "0 0 30 2 *"}, "schedule[0].cron has no tick"),
    ({"time_zone": "Mars/Base"}, "schedule[0].time_zone must be a zone of the IANA database"),
    ({"grace": "PT30S"}, "schedule[0].grace must be from PT1M to P1D"), ({"grace": "P1M"}, "must be from PT1M to P1D"),
    ({"grace": "soon"}, "schedule[0].grace must be an ISO 8601 duration"),
    ({"catch_up": "some"}, "schedule[0].catch_up must be one of"), ({"most": 5}, 'schedule[0].most goes with catch_up = "all"'),
    ({"catch_up": "all"}, 'schedule[0].most goes with catch_up = "all"'),
    ({"catch_up": "all", "most": 1}, "schedule[0].most is too small"),
    ({"catch_up": "all", "most": 101}, "schedule[0].most is too large"),
    ({"catch_up": "all", "most": "5"}, "schedule[0].most must be a whole number"),
    ({"ehr": "elsewhere"}, "schedule[0].ehr names an EHR that the site does not have: write one of lakeside-epic"),
    ({"models": ["news3"]}, "schedule[0].models names a model that is not deployed there: there is news2"),
    ({"patients": "everybody"}, "schedule[0].patients must be Group/ID, or a search"),
    ({"patients": "Observation?code=1"}, "schedule[0].patients must be Group/ID"), ({"patients": "Patient?"}, "must be Group/ID"),
    ({"patients": "Encounter?status=in-progress&_include=Encounter:patient"}, "must say whom, not how"),
    ({"patients": "Patient?_count=5"}, "must say whom, not how"), ({"patients": "Patient?a b=1"}, "must be Group/ID"),
    ({"patients": "https://elsewhere.example/Patient?name=a"}, "must be Group/ID"), ({"patients": "Group/a/b"}, "must be Group/ID"),
])  # fmt: skip
def test_what_cannot_be_meant_is_told_by_its_member_with_the_fix(changes: dict[str, Any], told: str) -> None:
    found = problems(site(**changes))
    assert any(told in problem for problem in found), found


def test_an_ehr_without_backend_access_and_a_name_that_comes_twice_are_told() -> None:
    found = site()
    found["schedule"] *= 2
    found["ehr"][0]["backend_scopes"] = []
    told = " ".join(problems(found))
    assert "schedule ward is declared twice" in told
    assert "schedule[0].ehr gives no backend access" in told


def test_a_diff_names_the_schedule() -> None:
    one, other = (read_document(Path("here"), site(cron=cron)) for cron in ("@daily", "@weekly"))
    assert [(each.path, each.left, each.right) for each in differences(one, other)] == [
        ("schedule[ward].cron", "@daily", "@weekly")
    ]


def test_whom_a_search_names_and_what_names_nobody() -> None:
    found = [
        {"resourceType": "Encounter", "id": "1", "subject": {"reference": "Patient/a"}},
        {"resourceType": "Encounter", "id": "2", "subject": {"reference": f"{BASE}/Patient/b/_history/3"}},
        {"resourceType": "Encounter", "id": "3", "subject": {"reference": "https://elsewhere.example/Patient/c"}},
        {"resourceType": "Encounter", "id": "4", "subject": {"reference": "Group/g"}},
        {"resourceType": "Encounter", "id": "5"},
    ]
    nobody = [Person(patient=f"Encounter/{id}", encounter=f"Encounter/{id}", named=False) for id in "345"]
    assert people_of("Encounter", found, base=f"{BASE}/") == [
        Person(patient="Patient/a", encounter="Encounter/1"), Person(patient="Patient/b", encounter="Encounter/2"), *nobody,
    ]  # fmt: skip
    episode = {"resourceType": "EpisodeOfCare", "id": "1", "patient": {"reference": "Patient/a"}}
    assert people_of("EpisodeOfCare", [episode], base=BASE) == [Person(patient="Patient/a")]
    assert people_of("Patient", [{"resourceType": "Patient", "id": "a"}], base=BASE) == [Person(patient="Patient/a")]
    assert population.parse("Patient?name=a") == ("Patient", "name=a")


def planned(**changes: Any) -> planning.Planned:
    return planning.of_declaration("north", Schedule.model_validate({**SCHEDULE, **changes}), "UTC")


@pytest.mark.parametrize(("changes", "now", "told"), [
    ({}, 901.0, ["due"]), ({}, 899.0, []), ({}, 4500.0, ["missed"] * 4 + ["caught_up"]),
    ({"catch_up": "none"}, 1000.0, ["due"]), ({"catch_up": "none", "grace": "PT1M"}, 1000.0, ["missed"]),
    ({"catch_up": "none"}, 4500.0, ["missed"] * 4 + ["due"]), ({"catch_up": "last", "grace": "PT1M"}, 1000.0, ["caught_up"]),
    ({"catch_up": "all", "most": 3}, 4500.0, ["missed"] * 2 + ["caught_up"] * 3),
])  # fmt: skip
def test_which_of_the_ticks_that_have_come_are_run(changes: dict[str, Any], now: float, told: list[str]) -> None:
    made = planning.come(planned(**changes), after=0.0, now=now)
    assert ["missed" if each.missed else each.why for each in made][: len(told) - 1] == told[:-1]
    assert ("missed" if made and made[-1].missed else "run" if made else "") == (
        "" if not told else "missed" if told[-1] == "missed" else "run"
    )
    assert all(each.until >= each.at + 60.0 for each in made)


def test_a_schedule_has_the_zone_of_its_site_unless_it_names_one() -> None:
    assert planning.of_declaration("n", Schedule.model_validate(SCHEDULE), "Asia/Kolkata").zone == ZoneInfo(
        "Asia/Kolkata"
    )
    assert planned(time_zone="Europe/Oslo").zone == ZoneInfo("Europe/Oslo")
    assert planning.upcoming(planned(), 0.0) == [900.0, 1800.0, 2700.0]


def test_of_a_long_absence_the_newest_hundred_are_listed() -> None:
    made = planning.come(planned(cron="* * * * *"), after=0.0, now=400 * 86_400.0)
    assert (len(made), made[-1].at, sum(not each.missed for each in made)) == (planning.LISTED, 400 * 86_400.0, 1)
