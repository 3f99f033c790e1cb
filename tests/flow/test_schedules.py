"""A site's schedule, in one process: its ticks are run once each, whatever the clock, the EHR and the process do."""

import asyncio
import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.application import application
from gateway.installation import open_installation
from gateway.schedules import ticks, verbs
from gateway.schedules.planning import planned
from gateway.schedules.running import document_of
from gateway.sites.declaration import Site
from tests.flow.delivery_world import ChartEhr
from tests.flow.ward_world import HOUR, NAME, SITE, Clock, until, ward
from writeback.speaking.answers import Answer


def test_a_tick_scores_everybody_once_as_after_a_launch(tmp_path: Path) -> None:
    async def run() -> None:
        async with ward(tmp_path) as made:
            assert made.ticks == []
            await made.later(HOUR)
            assert made.told() == [("due", "done", None, 2, 0)]
            assert made.outputs() == [("Patient/p1", "pending"), ("Patient/p2", "pending")]
            await made.look()
            await made.deliver()
            assert made.outputs() == [("Patient/p1", "delivered"), ("Patient/p2", "delivered")]
            written = made.world.ehr.all("RiskAssessment")
            assert {each["encounter"]["reference"] for each in written} == {"Encounter/e1", "Encounter/e2"}
            assert set(made.world.senders.spoke) == {"backend"}
            await made.later(HOUR)
            assert [each["state"] for each in made.ticks] == ["done", "done"]
            assert len(made.outputs()) == 4

    asyncio.run(run())


@pytest.mark.parametrize(("catch_up", "more", "told"), [
    ("none", "", [*["missed"] * 5, "done"]),
    ("last", "", [*["missed"] * 5, "done"]),
    ("all", "most = 3", [*["missed"] * 3, *["done"] * 3]),
])  # fmt: skip
def test_after_an_absence_as_many_ticks_are_caught_up_as_declared(
    tmp_path: Path, catch_up: str, more: str, told: list[str]
) -> None:
    async def run() -> None:
        async with ward(tmp_path, catch_up=catch_up, more=more) as made:
            await made.later(6 * HOUR - 300)  # the last of six is five minutes old, within its grace
            assert [each["state"] for each in made.ticks] == told
            assert len(made.outputs()) == 2 * told.count("done")
            await made.later(HOUR + 1200)  # now each is older than its grace
            state = "missed" if catch_up == "none" else "done"
            assert (made.ticks[-1]["state"], made.ticks[-1]["why"]) == (state, "caught_up")
            assert {each["reason"] for each in made.ticks if each["state"] == "missed"} == {"late"}

    asyncio.run(run())


def test_an_ehr_that_is_away_is_tried_again_within_the_grace_and_a_missed_tick_is_an_alert_until_the_next(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with ward(tmp_path) as made:
            made.world.ehr.fault = lambda method, path: Answer(status=500)
            await made.later(HOUR - 600)
            assert made.told() == [("due", "waiting", "ehr_away", 0, 0)]
            made.world.ehr.fault = lambda method, path: None
            await made.later(6.0)
            assert (made.told(), made.alerts()) == ([("due", "done", None, 2, 0)], [])
            made.world.ehr.fault = lambda method, path: Answer(status=500)
            await made.later(HOUR)
            for _ in range(5):
                await made.later(200.0)
            assert made.told()[1] == ("due", "missed", "ehr_away", 0, 0)
            assert made.alerts() == [("M-SCH-MISSED", NAME, "open")]
            made.world.ehr.fault = lambda method, path: None
            await made.later(HOUR)
            assert made.told()[2][1] == "done"
            assert made.alerts() == [("M-SCH-MISSED", NAME, "resolved")]
            counted = (await made.world.gateway.metrics()).decode()
            assert 'chartgate_schedule_ticks_total{schedule="north/ward",state="missed"} 0.0' in counted
            assert made.scheduler.counts[NAME, "ticks", "missed"] == 1
            assert made.scheduler.counts[NAME, "patients", "done"] == 4

    asyncio.run(run())


@pytest.mark.parametrize(("scopes", "patients", "reason"), [
    ("system/Patient.rs system/RiskAssessment.cruds", "Encounter?status=in-progress", "not_permitted"),
    ("system/Patient.rs system/RiskAssessment.cruds", "Group/ward", "not_permitted"),
    ("system/*.cruds", "Group/none", "no_group"),
])  # fmt: skip
def test_what_the_backend_client_may_not_read_is_never_asked_for_and_said(
    tmp_path: Path, scopes: str, patients: str, reason: str
) -> None:
    async def run() -> None:
        asked: list[str] = []
        async with ward(tmp_path, scopes=scopes, patients=patients) as made:
            made.world.ehr.fault = lambda method, path: asked.append(path)
            await made.later(HOUR - 600)
            for _ in range(5):
                await made.later(200.0)
            assert made.told() == [("due", "missed", reason, 0, 0)]
            assert bool(asked) == (reason == "no_group")
            assert made.outputs() == []

    asyncio.run(run())


def test_a_clock_put_forward_and_back_repeats_and_skips_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with ward(tmp_path) as made:
            hours = lambda: [(made.ticks[n]["tick"][11:16], each[1]) for n, each in enumerate(made.told())]  # noqa: E731
            await made.later(HOUR)
            first = hours()
            await made.later(-HOUR)  # the tick comes again by the clock, and has been run
            await made.later(HOUR)
            assert (hours(), len(made.outputs())) == (first, 2)
            await made.later(72 * HOUR)  # a wrong clock: the newest is caught up, the others are missed
            assert [each[1] for each in made.told()] == ["done", *["missed"] * 71, "done"]
            await made.later(-72 * HOUR)
            assert [each[1] for each in made.told()] == ["done", "done"], "what has not come was not missed"
            for _ in range(3):
                await made.later(HOUR)
            assert [each[1] for each in made.told()] == ["done"] * 5
            assert len(made.outputs()) == 2 * 5

    asyncio.run(run())


def test_a_patient_that_cannot_be_read_is_tried_again_and_then_left_out_and_said(tmp_path: Path) -> None:
    async def run() -> None:
        group = {"resourceType": "Group", "id": "ward", "type": "person", "actual": True, "member": [
            {"entity": {"reference": "Patient/p1"}}, {"entity": {"reference": "https://ehr.example/r4/Patient/p2"}},
            {"entity": {"reference": "https://elsewhere.example/r4/Patient/p1"}}, {"entity": {"reference": "Patient/gone"}},
            {"entity": {"reference": "Patient/p1"}, "inactive": True},
        ]}  # fmt: skip
        async with ward(tmp_path, patients="Group/ward") as made:
            made.world.ehr.keep(group)
            made.world.ehr.fault = lambda method, path: Answer(status=500) if path == "Patient/p2" else None
            made.clock.now += HOUR - 600
            await made.scheduler.round()
            await made.scheduler.round()
            await until(lambda: made.outputs() == [("Patient/p1", "pending")])
            made.world.ehr.fault = lambda method, path: None
            made.clock.now += 60.0  # what failed is due again
            await until(lambda: len(made.outputs()) == 2)
            made.clock.now += 900.0  # the grace is over
            await made.scheduler.idle()
            assert [each[1] for each in made.told()] == ["partial"]
            assert made.told()[0][3:] == (2, 2)
            assert made.outputs() == [("Patient/p1", "pending"), ("Patient/p2", "pending")]
            assert made.alerts() == [("M-SCH-MISSED", NAME, "open")]

    asyncio.run(run())


def test_what_a_process_left_in_the_middle_the_next_one_goes_on_with(tmp_path: Path) -> None:
    async def run() -> None:
        clock, ehr = Clock(), ChartEhr()
        async with ward(tmp_path, clock=clock, ehr=ehr) as made:
            stuck = asyncio.Event()
            ehr.fault = lambda method, path: stuck.set() if path == "Patient/p2" else None
            clock.now += HOUR
            await made.scheduler.round()
            await made.scheduler.round()
            await asyncio.wait_for(stuck.wait(), 10)
            for task in made.scheduler.running:  # a kill, as far as this process can be killed
                task.cancel()
            await made.scheduler.idle()
            ehr.fault = lambda method, path: None
            assert made.ticks[0]["state"] == "running"
        async with ward(tmp_path, clock=clock, ehr=ehr) as made:
            assert [(each["state"], each["done"], each["runs"]) for each in made.ticks] == [("done", 2, 2)]
            assert made.outputs() == [("Patient/p1", "pending"), ("Patient/p2", "pending")]

    asyncio.run(run())


def test_another_rhythm_has_no_ticks_before_it_was_declared_and_a_schedule_taken_out_has_none(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        async with ward(tmp_path, clock=clock) as made:
            await made.later(HOUR)
        clock.now += 5 * HOUR
        async with ward(tmp_path, clock=clock, more='time_zone = "Asia/Kolkata"') as made:
            assert len(made.ticks) == 1
            await made.later(HOUR)
            assert made.ticks[-1]["tick"][14:16] == "30"
            assert made.verb(verbs.list_schedules)[0]["time_zone"] == "Asia/Kolkata"
            made.world.gateway.installation.database.run_now(partial(ticks.declare, site="north", documents={}))
            await made.later(HOUR)
            assert (len(made.ticks), made.verb(verbs.list_schedules)) == (2, [])

    asyncio.run(run())


def test_the_site_s_page_shows_schedules_and_those_who_ask_get_a_tick(tmp_path: Path) -> None:
    async def run() -> None:
        async with ward(tmp_path) as made:
            with pytest.raises(ValueError, match="schedules list"):
                made.verb(verbs.run, schedule="north/none")
            asked = made.verb(verbs.run, schedule=NAME)
            with pytest.raises(ValueError, match="very second"):
                made.verb(verbs.run, schedule=NAME)
            await made.look()
            assert (asked["schedule"], made.told()) == (NAME, [("asked", "done", None, 2, 0)])
            made.world.ehr.fault = lambda method, path: Answer(status=401)
            await made.later(HOUR)
            for _ in range(5):
                await made.later(200.0)
            page = await made.world.client.get("/sites/north", headers=await made.world.staff())
            for words in ("Scoring by the clock", "echo at hospital", "0 * * * *, UTC", "missed: ehr away", "Left out"):
                assert words in page.text
            assert "Patient/" not in page.text

    asyncio.run(run())


def test_the_command_line_lists_asks_and_tells(tmp_path: Path) -> None:
    site = Site.model_validate(tomllib.loads(SITE.format(patients="Group/ward", catch_up="last", more="")))
    documents = {each.name: document_of(each) for each in planned(site)}
    installation = open_installation(tmp_path)
    installation.database.run_now(partial(ticks.declare, site="north", documents=documents))
    installation.close()
    data = ("--data", str(tmp_path), "--json")

    def told(*words: str) -> tuple[int, Any]:
        done = CliRunner().invoke(application, ["schedules", *words, *data])
        return done.exit_code, json.loads(done.stdout) if done.exit_code < 2 else done.output

    code, listed = told("list")
    assert (code, [each["schedule"] for each in listed], listed[0]["last"]) == (0, [NAME], None)
    assert len(listed[0]["next"]) == 3
    assert told("run", "north/none")[0] == 3
    code, asked = told("run", NAME, "--patience", "0")
    assert (code, asked["state"]) == (0, "waiting")
    code, history = told("history", NAME)
    assert (code, [(each["why"], each["state"]) for each in history]) == (0, [("asked", "waiting")])
    assert told("run", NAME, "--patience", "0.1")[0] in (1, 3)  # nobody runs here; or it is the same second
    assert told("history", "north/none")[0] == 3
