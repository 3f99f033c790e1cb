"""Alerts on both databases: one for each series, explained, silenced, budgeted, escalated, told once; a dead receiver loses none."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from gateway.storage.database import Database
from monitoring.alerting import acting, handling, marks, notices, webhooks
from monitoring.alerting.acting import ActionRefused
from monitoring.alerting.following import follow
from monitoring.alerting.marks import Marker
from monitoring.alerting.routing import Route, Table
from monitoring.alerting.rules import BUDGET, DAY
from monitoring.errors import UnknownAlert
from tests.contract.alert_world import ENGINEERING, HOOK, INFORMATICS, NOON, ROUTES, TASK, World
from vocabulary.signal import Level, Signal, SignalChanged


@pytest.fixture
def world(database: Database) -> World:
    made = World(database)
    made.told()  # the day's digest of an empty database is behind us
    return made


def test_what_repeats_is_counted_on_one_alert_and_a_new_one_comes_after_it_is_over(world: World) -> None:
    first = world.raised("M-IN-03", source="pulse")
    assert world.raised("M-IN-03", source="pulse") == first
    assert world.raised("M-IN-03", source="temperature") != first
    assert world.alert(first).count == 2
    world.do(handling.resolve, id=first, by="Ana", why="the feed is back")
    assert world.raised("M-IN-03", source="pulse") != first
    assert world.story(first) == ["raised", "resolved"]
    with pytest.raises(UnknownAlert):
        world.alert("nobody")


def test_one_fault_is_told_once_and_what_it_explained_is_told_when_it_alone_is_over(world: World) -> None:
    shift = world.raised("M-IN-01", "warning", source="pulse", owners=(INFORMATICS,))
    missing = world.raised("M-IN-03", source="pulse")
    other = world.raised("M-IN-01", "warning", source="temperature")
    assert world.alert(shift).inhibited == missing
    assert not world.alert(other).inhibited
    later = world.raised("M-IN-02", source="pulse")
    assert world.alert(later).inhibited == missing
    assert {row["said"]["data"]["monitor"] for row in world.told()} == {"M-IN-03", "M-IN-01"}
    world.do(handling.resolve, id=missing, by="Ana")
    assert not world.alert(shift).quiet
    assert world.story(shift) == ["raised", "explained", "heard"]
    assert {row["said"]["subject"] for row in world.told()} >= {missing, later}


def test_graver_than_acknowledged_is_open_again(world: World) -> None:
    id = world.raised("M-IN-01", "warning")
    world.do(handling.acknowledge, id=id, by="Ana")
    assert world.alert(id).state == "acknowledged"
    world.raised("M-IN-01", "critical")
    assert world.alert(id).state == "open"
    world.raised("M-IN-01", "warning")
    assert world.story(id) == ["raised", "acknowledged", "worsened", "eased"]


def changed(level: Level, before: Level, **members: Any) -> SignalChanged:
    signal = Signal(monitor="M-IN-03", model="news2", version="1.0.0", ehr="spec", level=level, value=12.0, warn=9.5,
                    critical=14.0, **members)  # fmt: skip
    return SignalChanged(signal=signal, before=before)


def test_a_signals_changes_raise_worsen_and_end_its_alert(world: World) -> None:
    for level, before in (("warning", "quiet"), ("critical", "warning"), ("quiet", "critical")):
        world.do(follow, changed(level, before, source="pulse"), new_id=world.new_id)  # type: ignore[arg-type]
    (alert,) = world.do(handling.find_alerts)
    assert (alert.state, alert.resolved_by, alert.owners) == ("resolved", "monitor", (ENGINEERING,))
    assert world.story(alert.id) == ["raised", "worsened", "resolved"]
    world.do(follow, changed("quiet", "learning"), new_id=world.new_id)
    out_of_range = Signal(monitor="M-OUT-01", model="news2", version="1.0.0", ehr="spec", level="critical")
    world.do(follow, SignalChanged(signal=out_of_range, before="quiet"), new_id=world.new_id)
    assert len(world.do(handling.find_alerts)) == 1


def test_a_silence_ends_by_itself_and_says_who_set_it_and_why(world: World) -> None:
    id = world.raised("M-IN-03", source="pulse")
    matching = {"monitor": "M-IN-03", "source": "pulse"}
    world.do(
        handling.silence,
        matching=matching,
        until=NOON + 3600,
        by="Ana",
        why="interface down for an hour",
        new_id=world.new_id,
    )
    assert world.alert(id).silenced
    again = world.raised("M-IN-03", source="pulse", model="other")
    assert world.alert(again).quiet
    assert world.told() == []
    world.now += 3601
    world.do(handling.sweep)
    assert not world.alert(id).quiet
    assert {row["said"]["type"] for row in world.told()} == {"org.chartgate.alert.heard"}


@pytest.mark.parametrize(("matching", "hours", "by", "why"), [
    ({}, 1, "Ana", "x"), ({"model": "m"}, 0, "Ana", "x"), ({"model": "m"}, 24 * 31, "Ana", "x"), ({"model": "m"}, 1, " ", "x"),
    ({"model": "m"}, 1, "Ana", ""),
])  # fmt: skip
def test_a_silence_over_everything_or_for_ever_or_by_nobody_is_refused(
    world: World, matching: dict[str, str], hours: int, by: str, why: str
) -> None:
    with pytest.raises(handling.SilenceRefused):
        world.do(handling.silence, matching=matching, until=NOON + hours * 3600, by=by, why=why, new_id=world.new_id)


def test_more_warnings_than_a_days_budget_go_into_one_digest_and_critical_ones_never_do(world: World) -> None:
    ids = [world.raised("M-IN-01", "warning", source=f"f{n}") for n in range(BUDGET + 2)]
    assert [world.alert(id).rolled for id in ids] == [False] * BUDGET + [True, True]
    assert not world.alert(world.raised("M-OUT-04")).rolled
    assert not [row for row in world.told() if row["said"]["data"].get("source") == f"f{BUDGET}"]
    world.now += DAY
    (digest,) = world.told()
    assert digest["said"]["type"] == "org.chartgate.alert.digest"
    assert digest["said"]["data"]["rolled"] == 2
    assert world.told() == []


def test_who_does_not_acknowledge_in_time_has_it_told_to_the_other_team_and_the_models_owner(world: World) -> None:
    id = world.raised("M-PERF-02", owners=(INFORMATICS,))
    (task,) = world.told()
    assert (task["sink"], task["to"]) == ("task", "spec")
    assert world.alert(id).deadline == NOON + 600
    world.now += 599
    world.do(handling.sweep)
    assert world.told() == []
    world.now += 2
    world.do(handling.sweep)
    assert {(row["sink"], row["to"]) for row in world.told()} == {
        ("task", "spec"),
        ("webhook", "https://pager.example.org/hook"),
    }
    acknowledged = world.raised("M-OUT-04")
    world.told()
    world.do(handling.acknowledge, id=acknowledged, by="Ana")
    world.now += DAY
    world.do(handling.sweep)
    assert "escalated" not in world.story(acknowledged)


def test_a_notice_is_told_once_with_the_same_id_and_holds_numbers_and_names_alone(world: World) -> None:
    world.raised("M-IN-03", source="pulse")
    (told,) = world.told()
    assert world.told() == []
    said = told["said"]
    assert (said["specversion"], said["id"]) == ("1.0", told["id"])
    assert said["data"]["link"].startswith("https://gate.example.org/alerts/")
    assert set(said["data"]) == {
        "id", "monitor", "title", "model", "version", "ehr", "source", "stratum", "severity", "owners", "state", "count",
        "value", "limit", "since", "seen", "deadline", "action", "event", "by", "link",
        "planned", "changes",
    }  # fmt: skip


def test_a_dead_receiver_loses_none_within_a_week(world: World) -> None:
    world.raised("M-IN-03")
    world.told()
    tries = 0
    while world.now < NOON + 6 * DAY:
        for notice in world.do(notices.claim):
            tries += 1
            assert world.do(notices.claim) == []
            assert world.do(notices.settle, notice=notice, cause="no_answer") == "ready"
        world.now += 1800
    assert tries > 100
    world.now += 3600
    (notice,) = world.do(notices.claim)
    assert world.do(notices.settle, notice=notice) == "sent"
    assert world.do(notices.counts) == {("webhook", "sent"): 1}


def test_after_a_week_a_notice_is_dead_and_counted_as_such(world: World) -> None:
    world.raised("M-IN-03")
    world.told()
    world.now += 8 * DAY
    (notice,) = world.do(notices.claim)
    assert world.do(notices.settle, notice=notice, cause="http_500") == "dead"
    assert world.do(notices.counts) == {("webhook", "dead"): 1}


def test_a_signature_is_the_one_of_standard_webhooks_for_each_secret() -> None:
    old, new = (b"o" * 24, b"n" * 32)
    made = webhooks.headers("msg_1", 1_700_000_000.7, b'{"a":1}', [new, old])
    assert made["webhook-timestamp"] == "1700000000"
    for key, part in zip((new, old), made["webhook-signature"].split(" "), strict=True):
        expected = hmac.new(key, b'msg_1.1700000000.{"a":1}', hashlib.sha256).digest()
        assert base64.b64decode(part.removeprefix("v1,")) == expected
    written = "whsec_" + base64.b64encode(new).decode()
    assert webhooks.secret(f"{written}\n") == new
    for wrong in ("whsec_AAAA", "whsec_not base64!", ""):
        with pytest.raises(webhooks.SecretUnusable):
            webhooks.secret(wrong)


def test_what_only_a_person_decides_is_refused_to_a_key_and_everything_can_be_lifted(world: World) -> None:
    for action in ("block_write_back", "pull_model"):
        with pytest.raises(ActionRefused, match="person"):
            world.do(acting.act, model="news2", action=action, by="key:1", why="x", person=False)
    with pytest.raises(ActionRefused, match="feature"):
        world.do(acting.act, model="news2", action="quarantine_feature", by="key:1", why="x", person=False)
    made = world.do(acting.act, model="news2", action="pull_model", by="Ana", why="wrong population", person=True)
    assert [each.action for each in world.do(acting.find_actions)] == ["pull_model"]
    assert world.do(acting.lift, id=made.id, by="Ben")
    assert not world.do(acting.lift, id=made.id, by="Ben")
    assert world.do(acting.find_actions) == []
    assert len(world.do(acting.find_actions, all=True)) == 1


def test_a_change_is_marked_once_and_found_beside_the_series_that_it_touches(world: World) -> None:
    for model in ("news2", "news2", ""):
        world.do(marks.mark, Marker(at=NOON, what="version 1.0.0", model=model))
    world.do(marks.mark, Marker(at=NOON, what="upgrade", ehr="other"))
    found = world.do(marks.find_markers, since=NOON - 1, model="news2", ehr="spec")
    assert [each.model for each in found] == ["news2", ""]


def test_the_ehr_of_a_task_is_told_every_line_of_the_story_also_of_a_silenced_alert(world: World) -> None:
    world.do(
        handling.silence, matching={"model": "news2"}, until=world.now + 600, by="Ana", why="upgrade", new_id=world.new_id
    )  # fmt: skip
    id = world.raised("M-HAL-03", owners=(INFORMATICS,))
    rows = world.made(ROUTES)
    assert [(row["sink"], row["said"]["data"]["event"]) for row in rows] == [("audit", "raised"), ("audit", "silenced")]
    world.now += 601
    world.do(handling.sweep)
    world.do(handling.acknowledge, id=id, by="Ana")
    world.do(handling.resolve, id=id, by="Ana")
    assert world.audited() == [("spec", "heard", ""), ("spec", "acknowledged", "Ana"), ("spec", "resolved", "Ana")]
    assert world.audited() == []


def test_an_alert_without_a_task_and_a_site_without_a_worklist_have_no_audit_event(world: World) -> None:
    """The failing twin of the one above."""
    world.raised("M-IN-03")
    assert world.audited() == []
    world.raised("M-HAL-03", owners=(INFORMATICS,))
    assert world.audited(Table(everywhere=(HOOK,))) == []


def test_what_is_decided_about_a_model_is_told_to_the_ehrs_of_its_tasks_once(world: World) -> None:
    elsewhere = Route(owner=INFORMATICS, severities=("critical",), sink="task", to="other", model="prevent-cvd")
    table = Table(by_ehr={"spec": (TASK,), "other": (TASK, elsewhere)}, everywhere=(HOOK,))
    taken = world.do(acting.act, model="news2", action="pull_model", by="Ana", why="harm", person=True, ehr="spec")
    assert world.audited(table) == [("spec", "taken", "Ana")]
    assert world.do(acting.lift, id=taken.id, by="Ben")
    assert not world.do(acting.lift, id=taken.id, by="Ben")
    assert world.audited(table) == [("spec", "lifted", "Ben")]
    world.do(acting.act, model="prevent-cvd", action="observe", by="Ana", why="look", person=False)
    assert {(to, what) for to, what, _ in world.audited(table)} == {("other", "taken"), ("spec", "taken")}
