"""What nobody honest sends, to every JSON address and form, on both databases: a refusal in our own words, never a fault of
the server, nothing of what was sent in it, and nothing stored by halves."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from gateway.installation import METADATA
from gateway.people import apikeys
from gateway.storage.database import Database, open_postgres, open_sqlite
from monitoring.alerting.raising import Finding, raise_alert
from monitoring.alerting.tables import actions, silences
from tests.flow.delivery_world import World, opened
from writeback.ledger import recall_tables

MARK = "Zzyzx"
STAMP = "2026-11-26T10:00:00Z"
TEXT = (b'""', b'"\\u0000"', b'"a\\u0000Zzyzx"', b'"\\ud800Zzyzx"', b'"Zzyzx\xff"', b'"' + MARK.encode() * 2000 + b'"')
NUMBER = (b"NaN", b"1e400", b"9" * 400, b"1e300")
TIME = (b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59.999999999Z"', b'"2026-02-30T00:00:00Z"')
SHAPE = (b"null", b"[]", b"[" * 60 + b"]" * 60, b'{"Zzyzx":1}')
LONG = tuple(b'"%s"' % ("\u00e9" * count).encode() for count in (33, 65, 128, 4000))
VALUES = (*TEXT, *NUMBER, *TIME, *SHAPE, *LONG)

OUTPUT = {"model": "echo", "version": "1.0.0", "ehr": "spec", "patient": "Patient/p1", "kind": "risk", "value": 0.2,
          "unit": "fraction", "as_of": STAMP, "inference_id": "i"}  # fmt: skip
MORE = {"encounter": "Encounter/x", "inputs": ["Observation/x"], "components": [{"code": "a", "value": 1}], "interval": [0.1, 0.2],
        "label": "l", "confidence": 0.3, "tier": "t", "abstained": "a", "implicated": ["Observation/1"], "explanation": "e",
        "text": "t"}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/api/outputs": OUTPUT,
    "/api/outputs/x/correct": OUTPUT,
    "/api/outputs/search": {"patient": "Patient/x", "ehr": "spec", "model": "echo", "version": "1.0.0", "state": "pending",
                            "since": STAMP, "until": STAMP, "limit": 3, "cursor": "abcdefgh"},
    "/api/outputs/x/confirm": {"reason": "n"},
    "/api/outputs/x/amend": {"status": "final", "reason": "n"},
    "/api/labels": {"inference_id": "y", "model": "echo", "version": "1.0.0", "ehr": "spec", "label": True, "observed_at": STAMP},
    "/api/silences": {"until": "2099-11-27T10:00:00Z", "why": "w", "monitor": "M-IN-01", "model": "echo", "ehr": "spec", "source": "s"},
    "/api/actions": {"model": "echo", "action": "quarantine_feature", "why": "w", "version": "1.0.0", "ehr": "spec", "feature": "f"},
    "/api/recalls": {"model": "echo", "version": "2.0.0", "reason": "r"},
    "/api/alerts/x/acknowledge": {"note": "n"},
}  # fmt: skip
WHOLE = (
    b"",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"model":1,"model":2}',
    b'{"\\u0000Zzyzx":1}',
    b"\xff\xfe",
    b" " * 1_048_577,
)
BIG = "MC4wIDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA"
"""A cursor of no page: ``0.0 123456789012345678901234567890``."""
ADDRESSES = (
    "/api/outputs/%00", "/api/alerts/a%00b", "/api/deliveries/%00", "/api/recalls/%00", "/api/monitors?model=%00", "/outputs/%00",
    "/alerts/%00", "/deliveries/%00", "/app/callback/%00?state=a", "/app/launch?ehr=%00", "/app?launch=%00", "/fidelity/codes?feed=%00",
    "/monitors/a/b/%00", "/sites/%00", f"/api/deliveries?cursor={BIG}", f"/api/recalls/x?cursor={BIG}", f"/api/outputs?cursor={BIG}",
    "/api/deliveries/123456789012345678901234567890", f"/api/outputs/{'x' * 5000}", "/api/outputs?since=0001-01-01T00:00:00%2B14:00",
    "/api/fidelity?since=0001-01-01&until=9999-12-31", "/api/outputs?limit=%D9%A3", "/app/launch?iss=%ED%A0%80&launch=%FF",
)  # fmt: skip


@dataclass
class Attacked:
    """A gateway on one of the databases, in a loop that outlives one request; the caller has every scope, or is staff."""

    runner: asyncio.Runner
    world: World
    key: dict[str, str]
    staff: dict[str, str]

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.runner.run(self.world.client.request(method, path, **options))

    def post(self, path: str, content: bytes) -> httpx2.Response:
        deciding = path.endswith(("/confirm", "/amend"))
        headers = {**(self.staff if deciding else self.key), "content-type": "application/json"}
        return self.send("POST", path, content=content, headers=headers)

    def stored(self) -> int:
        """Silences, decisions and recalls in all."""
        counted = [select(func.count()).select_from(each) for each in (silences, actions, recall_tables.recalls)]
        return self.runner.run(self.world.gateway.run(lambda c, now: sum(c.scalar(each) or 0 for each in counted)))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    cluster = request.getfixturevalue("postgres") if request.param == "postgres" else None
    database: Database = (
        open_postgres(cluster.database(), metadata=METADATA) if cluster else open_sqlite(":memory:", metadata=METADATA)
    )
    with asyncio.Runner() as runner:
        opening = opened(tmp_path_factory.mktemp("attacked"), database=database, policy="confirm")
        world = runner.run(opening.__aenter__())
        key, staff = runner.run(world.key(*apikeys.SCOPES)), runner.run(world.staff())
        yield Attacked(runner, world, key, staff)
        runner.run(opening.__aexit__(None, None, None))
    database.close()


def with_member(body: dict[str, Any], name: str, value: bytes) -> bytes:
    members = {**{each: json.dumps(said).encode() for each, said in body.items()}, name: value}
    return b"{" + b",".join(json.dumps(each).encode() + b":" + said for each, said in members.items()) + b"}"


@pytest.mark.parametrize("path", BODIES)
def test_no_value_of_any_member_is_a_fault_of_the_server_and_none_is_echoed(attacked: Attacked, path: str) -> None:
    body = BODIES[path]
    before, made = attacked.stored(), 0
    for name in (*body, *(MORE if path == "/api/outputs" else ())):
        for value in VALUES:
            answer = attacked.post(path, with_member(body, name, value))
            assert answer.status_code < 500, (name, value[:40], answer.text)
            assert MARK not in answer.text, (name, value[:40])
            made += answer.status_code in (201, 202) and path not in ("/api/outputs", "/api/labels")
    assert attacked.stored() == before + made


@pytest.mark.parametrize("path", BODIES)
def test_no_body_is_a_fault_of_the_server(attacked: Attacked, path: str) -> None:
    before = attacked.stored()
    for content in (*WHOLE, *VALUES):
        answer = attacked.post(path, content)
        assert answer.status_code < 500, (content[:40], answer.text)
        assert answer.status_code >= 400 or path == "/api/outputs/search"  # which may ask for everything
        assert MARK not in answer.text
    assert attacked.stored() == before


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_is_a_fault_of_the_server(attacked: Attacked, path: str) -> None:
    for headers in (attacked.key, attacked.staff, {}):
        assert attacked.send("GET", path, headers=headers).status_code < 500
    assert attacked.send("POST", path, headers=attacked.staff, content=b"").status_code < 500


def test_no_reason_and_no_note_of_a_form_is_a_fault_of_the_server(attacked: Attacked) -> None:
    world, runner = attacked.world, attacked.runner
    waiting = runner.run(world.submit(attacked.key))["id"]
    clinician = runner.run(world.clinician())
    said = {"reason": "a\0b"}
    answer = attacked.send("POST", f"/app/outputs/{waiting}/confirm", data=said, headers=clinician)
    assert (answer.status_code, runner.run(world.state(waiting))) == (422, "awaiting_confirmation")
    finding = Finding(
        monitor="M-IN-01", model="echo", version="1.0.0", ehr="spec", severity="critical", owners=("engineering",)
    )
    raised = runner.run(world.gateway.run(lambda c, now: raise_alert(c, now, finding, new_id=world.gateway.new_id)))
    answer = attacked.send("POST", f"/alerts/{raised}/resolve", data={"note": "a\0b"}, headers=attacked.staff)
    assert answer.status_code == 422
    assert attacked.send("GET", f"/api/alerts/{raised}", headers=attacked.key).json()["state"] == "open"
