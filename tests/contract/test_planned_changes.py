"""What coincides with a planned change is gathered under one alert for it, never kept quiet when it is grave, and told when the change
is over; changes are marked once and told with the alerts that follow them."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.sites import history
from gateway.sites.declaration import Site
from gateway.storage.database import Database
from monitoring.alerting import acting, handling, marks
from monitoring.alerting.calendar import PLANNED, Calendar, Planned
from monitoring.alerting.following import follow
from monitoring.alerting.rules import BUDGET, DAY
from tests.contract.alert_world import NOON, ROUTES, TASK, World
from vocabulary.signal import Level, Signal, SignalChanged

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
TODAY = datetime.fromtimestamp(NOON, UTC).date()
PLAN = Planned(on=date(TODAY.year, TODAY.month, TODAY.day), what="New laboratory system")
CALENDAR = Calendar(planned={"spec": (PLAN,)})
NAME = f"New laboratory system ({TODAY.isoformat()})"


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    made.told()
    return made


def changed(monitor: str, before: Level, level: Level, source: str = "") -> SignalChanged:
    signal = Signal(monitor=monitor, model="news2", version="1.0.0", ehr="spec", source=source, level=level, value=12.0)
    return SignalChanged(signal=signal, before=before)


def found(world: World, monitor: str, level: Level, source: str = "", calendar: Calendar = CALENDAR) -> None:
    world.do(follow, changed(monitor, "quiet", level, source), new_id=world.new_id, calendar=calendar)


def standing(world: World) -> dict[tuple[str, str], Any]:
    return {(each.monitor, each.source): each for each in world.do(handling.find_alerts, standing=True)}


def test_warnings_of_a_planned_change_are_one_alert_that_a_person_is_told_of(world: World) -> None:
    for source in ("pulse", "temperature", "oxygen", "pressure"):
        found(world, "M-IN-01", "warning", source)
    alerts = standing(world)
    gathered = alerts.pop((PLANNED, NAME))
    assert {each.inhibited for each in alerts.values()} == {gathered.id}
    assert {each.planned for each in alerts.values()} == {NAME}
    assert not gathered.quiet
    assert gathered.count == 4 > BUDGET
    table = type(ROUTES)(everywhere=(type(TASK)(owner=TASK.owner, severities=("warning",), sink="task", to="spec"),))
    (task,) = world.told(table)
    assert task["said"]["data"]["monitor"] == PLANNED


def test_what_is_grave_is_told_at_once_with_what_it_coincides_with(world: World) -> None:
    found(world, "M-IN-03", "critical", "pulse")
    alert = standing(world)["M-IN-03", "pulse"]
    assert not alert.quiet
    assert alert.planned == NAME
    assert (PLANNED, NAME) not in standing(world)
    (told,) = world.told()
    assert told["said"]["data"]["planned"] == NAME
    for monitor in ("M-OUT-04", "M-HAL-03", "M-PERF-02"):  # nothing that a feed's change explains
        found(world, monitor, "warning")
        assert standing(world)[monitor, ""].planned == ""


def test_one_that_becomes_grave_is_told_although_it_was_gathered(world: World) -> None:
    found(world, "M-IN-03", "warning", "pulse")
    assert standing(world)["M-IN-03", "pulse"].quiet
    world.told()
    world.do(follow, changed("M-IN-03", "warning", "critical", "pulse"), new_id=world.new_id, calendar=CALENDAR)
    assert not standing(world)["M-IN-03", "pulse"].quiet
    assert [row["said"]["data"]["event"] for row in world.told() if row["said"]["data"]["monitor"] == "M-IN-03"] == [
        "worsened"
    ]


def test_when_the_change_is_over_what_still_stands_is_told(world: World) -> None:
    found(world, "M-IN-03", "warning", "pulse")
    found(world, "M-IN-03", "warning", "oxygen")
    world.do(follow, changed("M-IN-03", "warning", "quiet", "oxygen"), new_id=world.new_id, calendar=CALENDAR)
    world.told()
    world.do(handling.sweep, calendar=CALENDAR)
    assert (PLANNED, NAME) in standing(world)
    world.now += 15 * DAY
    world.do(handling.sweep, calendar=CALENDAR)
    assert set(standing(world)) == {("M-IN-03", "pulse")}
    assert not standing(world)["M-IN-03", "pulse"].quiet
    assert world.story(standing(world)["M-IN-03", "pulse"].id) == ["raised", "inhibited", "heard"]


def test_without_a_plan_nothing_is_gathered(world: World) -> None:
    """The failing twin."""
    found(world, "M-IN-03", "warning", "pulse", Calendar())
    assert not standing(world)["M-IN-03", "pulse"].quiet
    assert set(standing(world)) == {("M-IN-03", "pulse")}


def test_a_version_is_marked_when_it_changes_also_back(world: World) -> None:
    for at, version, new in ((0, "1", True), (1, "1", False), (2, "2", True), (3, "1", True)):
        world.now = NOON + at
        assert world.do(marks.mark_version, subject="EHR software:", version=version, ehr="spec") is new
    assert world.do(marks.mark_version, subject="EHR software:", version="1", ehr="other")
    whats = [each.what for each in world.do(marks.find_markers, since=0.0, ehr="spec")]
    assert whats == ["EHR software: 1", "EHR software: 2", "EHR software: 1"]


def test_an_alert_tells_what_was_changed_before_it_and_nothing_of_other_models_or_of_later(world: World) -> None:
    world.do(marks.mark_version, subject="EHR software:", version="9.1", ehr="spec")
    world.do(marks.mark_version, subject="version", version="2", model="prevent-cvd", ehr="spec")
    taken = world.do(acting.act, model="news2", action="observe", by="Ana", why="look", person=True)
    world.now += 60
    id = world.raised("M-PERF-02", owners=(TASK.owner,))
    world.now += 60
    world.do(marks.mark_version, subject="EHR software:", version="9.2", ehr="spec")
    (task,) = world.told()
    assert [each["what"] for each in task["said"]["data"]["changes"]] == [
        "EHR software: 9.1", f"decision {taken.id}: observe",
    ]  # fmt: skip
    _, _, changes = world.do(handling.find_story, id=id)
    assert len(changes) == 2


def test_a_declaration_that_is_recorded_anew_is_marked_at_each_of_its_ehrs(world: World) -> None:
    document = {
        "site": {"id": "lakeside", "title": "Lakeside"}, "ehr": [{"name": "one"}, {"name": "two"}],
        "model": [{"id": "news2", "version": "1.0.0", "policy": "shadow",
                   "owners": {"model": "A", "engineering": "B", "clinical_informatics": "C"}}],
    }  # fmt: skip
    world.database.run_now(lambda connection, _: history.versions.create(connection, checkfirst=True))
    site = Site.model_validate(document)
    assert world.do(history.record, site, by="Ana", why="first")
    assert not world.do(history.record, site, by="Ana", why="again")
    other = Site.model_validate({**document, "site": {"id": "lakeside", "title": "Lakeside Clinics"}})
    assert world.do(history.record, other, by="Ben", why="renamed")
    for ehr in ("one", "two"):
        found = world.do(marks.find_markers, since=0.0, ehr=ehr)
        assert [each.by for each in found] == ["Ana", "Ben"]
        assert len({each.what for each in found}) == 2
        assert all(each.what.startswith("site lakeside: declaration ") for each in found)
