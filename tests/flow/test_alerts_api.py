"""An alert from the output that raised it to the people who settle it: API, pages, a signed webhook, a Task, and what is decided."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.alerting import shapes
from gateway.alerting.loop import Alerts
from gateway.alerting.marking import Marking
from gateway.alerting.sending import mail_of
from gateway.ehrs.senders import software_of
from gateway.people import sessions
from monitoring.alerting import marks, notices
from monitoring.alerting.routing import Route, Table
from tests.flow.delivery_world import EVERYTHING, ChartEhr, World, drive
from vocabulary.instant import format_instant
from writeback.capabilities import parse_capabilities

SECRET = b"k" * 32
HOOK = "https://pager.example.org/hook"


async def out_of_range(world: World) -> str:
    """An output that the gate refuses and that raises M-OUT-01 for both teams; the alert's id."""
    key = await world.key("outputs.write")
    body = world.body(value=0.9)
    answer = await world.client.post(
        "/api/outputs", json=body, headers={**key, "idempotency-key": body["inference_id"]}
    )
    assert answer.status_code == 422
    reader = await world.key("monitors.read")
    found = (await world.client.get("/api/alerts", headers=reader)).json()["alerts"]
    return str(found[0]["id"])


def test_both_teams_see_it_and_one_takes_it_in_hand_and_settles_it(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await out_of_range(world)
        reader, manager = await world.key("monitors.read"), await world.key("alerts.manage")
        shown = shapes.AlertStory.model_validate_json(
            (await world.client.get(f"/api/alerts/{id}", headers=reader)).content
        )
        assert (shown.monitor, shown.severity, shown.state, shown.told) == ("M-OUT-01", "critical", "open", True)
        assert sorted(shown.owners) == ["clinical_informatics", "engineering"]
        post = world.client.post
        assert (
            await post(f"/api/alerts/{id}/acknowledge", json={"note": "looking"}, headers=reader)
        ).status_code == 403
        assert (await post(f"/api/alerts/{'0' * 32}/acknowledge", json={}, headers=manager)).status_code == 404
        assert (await post(f"/api/alerts/{id}/acknowledge", json={"x": 1}, headers=manager)).status_code == 422
        taken = (await post(f"/api/alerts/{id}/acknowledge", json={"note": "looking"}, headers=manager)).json()
        assert (taken["state"], [each["what"] for each in taken["events"]]) == (
            "acknowledged",
            ["raised", "acknowledged"],
        )
        assert taken["events"][1]["by"].startswith("key:")
        done = (await post(f"/api/alerts/{id}/resolve", json={"note": "unit was wrong"}, headers=manager)).json()
        assert done["state"] == "resolved"

    drive(act, tmp_path)


def test_a_key_sees_and_handles_alerts_of_its_own_models_alone(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await out_of_range(world)
        other = await world.key("monitors.read", "alerts.manage", models=("other",))
        assert (await world.client.get("/api/alerts", headers=other)).json()["alerts"] == []
        assert (await world.client.get(f"/api/alerts/{id}", headers=other)).status_code == 404
        assert (await world.client.post(f"/api/alerts/{id}/resolve", json={}, headers=other)).status_code == 404
        body = {"model": "echo", "action": "shadow", "why": "x"}
        assert (await world.client.post("/api/actions", json=body, headers=other)).status_code == 403

    drive(act, tmp_path)


def test_the_inbox_works_by_forms_of_this_site_alone(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        id = await out_of_range(world)
        staff, clinician = await world.staff(), await world.clinician(ehr="spec", patient="p1")
        assert (await world.client.get("/alerts")).status_code == 401
        assert (await world.client.get("/alerts", headers=clinician)).status_code == 403
        page = (await world.client.get("/alerts?owner=engineering", headers=staff)).text
        assert "Outputs outside the declared clinical range" in page
        assert "<script" not in page
        foreign = {**staff, "origin": "https://evil.example"}
        assert (
            await world.client.post(f"/alerts/{id}/resolve", data={"note": "x"}, headers=foreign)
        ).status_code == 403
        for what, data, status in (
            ("silence", {"note": "known", "hours": "8"}, 303), ("silence", {"note": "", "hours": "8"}, 422),
            ("silence", {"note": "known", "hours": "9999"}, 422), ("explode", {"note": ""}, 422), ("acknowledge", {"note": ""}, 303),
        ):  # fmt: skip
            answer = await world.client.post(f"/alerts/{id}/{what}", data=data, headers=staff)
            assert answer.status_code == status, (what, data)
        story = (await world.client.get(f"/alerts/{id}", headers=staff)).text
        assert "silenced" in story
        assert "acknowledged" in story
        assert (await world.client.get("/alerts/nowhere", headers=staff)).status_code == 404

    drive(act, tmp_path)


class Receiver:
    """Somebody who takes webhooks and checks their signatures, when it is there at all."""

    def __init__(self) -> None:
        self.there, self.taken = False, []  # type: tuple[bool, list[Any]]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if not self.there:
            raise httpx2.ConnectError("nobody is there")
        told = {name: request.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
        signed = f"{told['id']}.{told['timestamp']}.".encode() + request.content
        expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        if expected not in told["signature"].split(" "):
            return httpx2.Response(401)
        self.taken.append(json.loads(request.content))
        return httpx2.Response(204)


def routed(world: World, folder: Path, receiver: Receiver) -> Alerts:
    """The world's alerts with a webhook for engineering and a worklist for informatics."""
    secret = folder / "hook.secret"
    secret.write_text("whsec_" + base64.b64encode(SECRET).decode())
    alerts = world.gateway.alerts = Alerts(world.gateway, transport=lambda networks: httpx2.MockTransport(receiver))
    every = ("info", "warning", "critical")
    alerts.table = Table(everywhere=(
        Route(owner="engineering", severities=every, sink="webhook", to=HOOK, secret=str(secret)),
        Route(owner="clinical_informatics", severities=every, sink="task", to="spec"),
    ))  # fmt: skip
    return alerts


TASKS = parse_capabilities({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": [
    {"type": "Task", "updateCreate": True, "interaction": [{"code": "create"}, {"code": "update"}, {"code": "read"}]}
]}]})  # fmt: skip


def test_engineering_gets_a_signed_webhook_and_informatics_a_task_and_a_dead_receiver_loses_none(
    tmp_path: Path,
) -> None:
    capabilities = replace(EVERYTHING, types={**EVERYTHING.types, "Task": TASKS.of("Task")})

    async def act(world: World) -> None:
        receiver = Receiver()
        alerts = routed(world, tmp_path, receiver)
        id = await out_of_range(world)
        await alerts.round()
        await world.settle()
        (task,) = world.ehr.all("Task")
        assert (task["status"], task["priority"]) == ("requested", "stat")
        assert "Patient" not in json.dumps(task)
        assert receiver.taken == []
        receiver.there = True
        await world.gateway.run(_hurry)
        await alerts.round()
        assert [each["type"] for each in receiver.taken] == ["org.chartgate.alert.raised"]
        manager = await world.key("alerts.manage")
        await world.client.post(f"/api/alerts/{id}/acknowledge", json={}, headers=manager)
        await world.client.post(f"/api/alerts/{id}/resolve", json={"note": "settled"}, headers=manager)
        await alerts.round()
        await world.settle()
        assert [each["type"].rpartition(".")[2] for each in receiver.taken] == ["raised", "acknowledged", "resolved"]
        newest = world.ehr.all("Task")[-1]
        assert (newest["id"], newest["status"]) == (task["id"], "completed")
        sent = {("webhook", "sent"): 3, ("task", "sent"): 3, ("audit", "sent"): 3}
        assert await world.gateway.run(notices.counts) == sent
        assert world.ehr.all("AuditEvent") == []  # it says that it takes none

    drive(act, tmp_path, ehr=ChartEhr(capabilities=capabilities))


def _hurry(connection: Any, now: float) -> None:
    from sqlalchemy import update

    from monitoring.alerting.tables import notices as table

    connection.execute(update(table).values(next_at=0.0))


@pytest.mark.parametrize(
    ("action", "state"), [("shadow", "shadow"), ("block_write_back", "shadow"), ("observe", "pending")]
)
def test_what_a_person_decides_is_in_force_from_the_next_output_until_it_is_lifted(
    tmp_path: Path, action: str, state: str
) -> None:
    async def act(world: World) -> None:
        staff, writer = await world.staff(), await world.key("outputs.write")
        body = {"model": "echo", "action": action, "why": "drift on ward 3"}
        made = await world.client.post("/api/actions", json=body, headers=staff)
        assert made.status_code == 201
        assert (await world.submit(writer))["state"] == state
        lifted = await world.client.post(f"/api/actions/{made.json()['id']}/lift", headers=staff)
        assert lifted.json() == {"actions": []}
        assert (await world.submit(writer))["state"] == "pending"

    drive(act, tmp_path)


def test_a_pulled_model_is_not_there_and_no_key_pulls_one(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        manager, staff, writer = await world.key("alerts.manage"), await world.staff(), await world.key("outputs.write")
        body = {"model": "echo", "version": "1.0.0", "action": "pull_model", "why": "wrong population"}
        assert (await world.client.post("/api/actions", json=body, headers=manager)).status_code == 403
        assert (await world.client.post("/api/actions", json=body, headers=staff)).status_code == 201
        headers = {**writer, "idempotency-key": "k"}
        refused = await world.client.post("/api/outputs", json=world.body(version="1.0.0"), headers=headers)
        assert refused.status_code == 422
        assert (await world.submit(writer, version="2.0.0"))["state"] == "pending"

    drive(act, tmp_path)


def test_a_key_hears_of_no_silence_and_no_decision_of_an_ehr_or_model_that_is_not_its_own(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        staff = await world.staff()
        for ehr in ("spec", "other"):
            silence = {"until": format_instant(time.time() + 3600), "why": f"at {ehr}", "ehr": ehr}
            assert (await world.client.post("/api/silences", json=silence, headers=staff)).status_code == 201
            action = {"model": "echo", "ehr": ehr, "action": "observe", "why": f"at {ehr}"}
            assert (await world.client.post("/api/actions", json=action, headers=staff)).status_code == 201
        for bound, heard in ((("spec",), {"at spec"}), ((), {"at spec", "at other"})):
            key = await world.key("monitors.read", ehrs=bound)
            for what in ("silences", "actions"):
                answer = await world.client.get(f"/api/{what}", headers=key)
                assert {each["why"] for each in answer.json()[what]} == heard
        none = await world.key("monitors.read", models=("news2",))
        assert (await world.client.get("/api/actions", headers=none)).json() == {"actions": []}

    drive(act, tmp_path)


def test_what_staff_do_is_told_of_the_person_who_signed_in_and_of_no_launch_in_the_same_browser(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        signed = sessions.of_staff(now=time.time(), person="u-17", roles=frozenset({"engineer"}))
        staff, launch = await world.session(signed), (await world.clinician())["cookie"].partition("=")[2]
        both = {**staff, "cookie": f"{staff['cookie']}; {sessions.session_cookie('l1')}={launch}"}
        body = {"model": "echo", "action": "observe", "why": "drift"}
        for headers in (staff, both):
            made = await world.client.post("/api/actions", json=body, headers=headers)
            assert (made.status_code, made.json()["by"]) == (201, "staff:u-17")

    drive(act, tmp_path)


def test_mail_goes_where_the_environment_says_and_nowhere_without() -> None:
    assert mail_of({}) is None
    mail = mail_of({"CHARTGATE_SMTP": "smtps://ana@mail.example.org:465", "CHARTGATE_SMTP_FROM": "gate@example.org"})
    assert mail is not None
    assert (mail.user, mail.sender) == ("ana", "gate@example.org")


def test_another_version_of_an_ehrs_software_or_of_the_thresholds_is_marked_once(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        marking, software = world.gateway.alerts.marking, {"spec": "Vendor 9.1"}
        world.senders.software = lambda: software  # type: ignore[method-assign]
        for version in ("9.1", "9.1", "9.2"):
            software["spec"] = f"Vendor {version}"
            await marking.look()
            await Marking(world.gateway).look()  # another process that knows nothing of the first
        found = await world.gateway.run(lambda c, now: marks.find_markers(c, now, since=0.0, ehr="spec"))
        whats = [each.what for each in found if "release" not in each.what]
        assert whats == ["EHR software: Vendor 9.1", "thresholds: version 0", "EHR software: Vendor 9.2"]

    drive(act, tmp_path)


@pytest.mark.parametrize(("software", "told"), [
    ({"name": "Vendor", "version": "9.1 (May 2026)"}, "Vendor 9.1 (May 2026)"), ({"version": "3"}, "EHR software 3"), ({"name": "Vendor"}, ""),
    (None, ""), ({"name": "<b>", "version": "1"}, "version d61bba51c4b5"),
])  # fmt: skip
def test_what_a_statement_says_of_its_software_is_kept_in_plain_characters(software: Any, told: str) -> None:
    found = software_of({"software": software})
    assert found == told or (told.startswith("version ") and len(found) == 20 and "<" not in found)
