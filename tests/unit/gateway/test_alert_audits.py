"""AuditEvents of alerts and decisions: valid R4, in BALP's words, without a patient, and only where an EHR takes them."""

from typing import Any

import pytest

from gateway.alerting import audits
from monitoring.alerting import messages
from r4.validate import validate
from vocabulary.alert import Alert, AlertEvent
from writeback import keys
from writeback.capabilities import Capabilities, TypeCapability
from writeback.labels import Names
from writeback.rules import SPECIFICATION, WriteRules

NAMES = Names(ehr="spec", namespace="urn:chartgate:installation:1")
ALERT = Alert(
    id="a" * 32, monitor="M-IN-03", model="news2", version="1.0.0", ehr="spec", severity="critical", owners=("engineering",),
    state="open", since=1e9, source="pulse", seen=1e9, value=14.2, limit=14.0,
)  # fmt: skip
PUT = Capabilities(
    types={"AuditEvent": TypeCapability(interactions=frozenset({"create", "update"}), update_create=True)}
)
POST = Capabilities(types={"AuditEvent": TypeCapability(interactions=frozenset({"create"}))})


def told(what: str, by: str = "") -> dict[str, Any]:
    event = AlertEvent(id=7, alert=ALERT.id, at=1e9, what=what, by=by)
    return messages.cloud_event(ALERT, event, id="n1", origin="urn:x", link="https://gate/alerts/1")


def decided(what: str) -> dict[str, Any]:
    taken = {"id": 3, "model": "news2", "version": "", "ehr": "", "action": "pull_model", "feature": ""}
    return messages.decided(
        taken, what=what, by="Practitioner/p1", at=1e9, id="n2", origin="urn:x", link="https://gate/"
    )


def body(event: dict[str, Any], capabilities: Capabilities = PUT, rules: WriteRules = SPECIFICATION) -> dict[str, Any]:
    write = audits.write_of(str(event["id"]), event, names=NAMES, capabilities=capabilities, rules=rules)
    assert write is not None
    return write.own[0].body


EVENTS = [*(told(what) for what in ("raised", "silenced", "inhibited", "resolved")), told("acknowledged", "key:k1"),
          decided("taken"), decided("lifted")]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event["type"]))
def test_every_event_is_a_valid_audit_event_about_no_patient(event: dict[str, Any]) -> None:
    made = body(event)
    assert [issue for issue in validate(made, type="AuditEvent") if issue.severity in ("error", "fatal")] == []
    assert made["recorded"] == event["time"]
    assert made["subtype"][0]["code"] == event["data"]["event"]
    assert sum(agent["requestor"] for agent in made["agent"]) == 1
    assert "Patient" not in str(made)


def test_who_did_it_is_the_requestor_and_the_gateway_where_nobody_did() -> None:
    by_person, by_monitor = body(decided("taken")), body(told("resolved", "monitor"))
    assert [agent["who"]["identifier"]["value"] for agent in by_person["agent"] if agent["requestor"]] == [
        "Practitioner/p1"
    ]
    assert [agent["who"]["identifier"]["value"] for agent in by_monitor["agent"]] == ["gateway"]


def test_what_it_is_about_stands_in_its_details() -> None:
    details = {each["type"]: each["valueString"] for each in body(decided("taken"))["entity"][0]["detail"]}
    assert details == {"action": "pull_model"}
    details = {each["type"]: each["valueString"] for each in body(told("raised"))["entity"][0]["detail"]}
    assert details == {"monitor": "M-IN-03", "severity": "critical", "state": "open", "count": "1", "ehr": "spec"} | {
        "action": messages.shown(ALERT)["action"]
    }


def test_it_is_found_again_by_its_tag_and_the_same_notice_is_the_same_event() -> None:
    made = body(told("raised"))
    (tag,) = made["meta"]["tag"]
    assert keys.search_of("AuditEvent", namespace=NAMES.namespace, key=tag["code"]).startswith("_tag=")
    assert keys.carries(made, tag["code"])
    assert made == body(told("raised"))
    assert "id" not in body(told("raised"), POST)


def test_an_ehr_that_takes_none_is_sent_none() -> None:
    read = Capabilities(types={"AuditEvent": TypeCapability(interactions=frozenset({"read"}))})
    for capabilities, rules in [(Capabilities(), SPECIFICATION), (read, SPECIFICATION), (POST, WriteRules(creates=frozenset({"Task"})))]:  # fmt: skip
        assert audits.write_of("n", told("raised"), names=NAMES, capabilities=capabilities, rules=rules) is None
