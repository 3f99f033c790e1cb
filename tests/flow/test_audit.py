"""Every access and every authorization event is in the audit log, denials included, and no token reads it."""

import time
from typing import Any

import pytest

from gateway.face.auditing import Audit
from gateway.face.serving import serve
from gateway.sandbox_ehrs.audit_verb import bundle_of
from r4.interaction import Interaction
from r4.validate import validate
from tests.flow.audited import BASE, FHIR, Audited, drive

OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "w"},
    "subject": {"reference": "Patient/p1"},
}
STOLEN = {**OBSERVATION, "subject": {"reference": "Patient/p2"}}


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


async def launched(here: Audited) -> list[dict[str, Any]]:
    await here.register()
    await here.launch()
    return here.rows()


def test_a_launch_is_registered_prepared_authorized_and_given_tokens() -> None:
    async def act(here: Audited) -> None:
        rows = await launched(here)
        assert [row["what"] for row in rows] == ["register", "launch", "code", "token"]
        assert {row["client"] for row in rows} == {here.client}
        assert told(rows[1:], "user", "patient", "status") == [("Practitioner/d1", "p1", 200)] * 3
        assert rows[2]["grant"] == rows[3]["grant"] is not None

    drive(act)


def test_refresh_introspection_revocation_and_removal_are_kept() -> None:
    async def act(here: Audited) -> None:
        await here.register()
        tokens = await here.launch()
        before = len(here.rows())
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": here.client}
        renewed = (await here.http.post(f"{BASE}/auth/token", data=form)).json()
        bearer = {"authorization": f"Bearer {renewed['access_token']}"}
        for asked in (renewed["access_token"], "unknown"):
            await here.http.post(f"{BASE}/auth/introspect", data={"token": asked}, headers=bearer)
        await here.http.post(f"{BASE}/auth/revoke", data={"token": renewed["refresh_token"], "client_id": here.client})
        await here.http.delete(
            f"{BASE}/auth/register/{here.client}", headers={"authorization": f"Bearer {here.secrets[0]}"}
        )
        found = told(here.rows()[before:], "what", "status", "client")
        assert found == [
            ("refresh", 200, here.client), ("introspect", 200, here.client), ("introspect", 404, here.client),
            ("revoke", 200, here.client), ("unregister", 200, here.client),
        ]  # fmt: skip

    drive(act)


@pytest.mark.parametrize(
    ("path", "form", "row"),
    [
        ("token", {"grant_type": "authorization_code", "code": "x", "client_id": "CLIENT"}, ("token", 400, "invalid_grant", True)),
        ("token", {"grant_type": "authorization_code", "code": "x", "client_id": "stranger"}, ("token", 401, "invalid_client", False)),
        ("token", {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "CLIENT"}, ("token", 400, "invalid_grant", True)),
        ("introspect", {"token": "x", "client_id": "CLIENT"}, ("introspect", 401, "invalid_client", True)),
        ("revoke", {"token": "x", "client_id": "stranger"}, ("revoke", 401, "invalid_client", False)),
        ("authorize", {"client_id": "stranger"}, ("code", 400, None, False)),
    ],
)  # fmt: skip
def test_a_refusal_of_the_authorization_server_is_kept(path: str, form: dict[str, str], row: tuple[Any, ...]) -> None:
    async def act(here: Audited) -> None:
        await here.register()
        sent = {name: here.client if value == "CLIENT" else value for name, value in form.items()}
        answer = await here.http.post(f"{BASE}/auth/{path}", data=sent)
        assert answer.status_code == row[1]
        last = here.rows()[-1]
        assert (last["what"], last["status"], last["reason"], last["client"] == here.client) == row
        assert last["client"] in (here.client, None)

    drive(act)


def test_a_refusal_that_is_told_by_redirect_is_kept() -> None:
    async def act(here: Audited) -> None:
        await here.register()
        asked = {
            "client_id": here.client,
            "redirect_uri": "https://app.example/callback",
            "response_type": "token",
            "state": "s",
        }
        answer = await here.http.get(f"{BASE}/auth/authorize", params=asked)
        assert answer.status_code == 303
        last = here.rows()[-1]
        assert (last["what"], last["status"], last["reason"]) == ("code", 400, "unsupported_response_type")
        assert last["client"] == here.client

    drive(act)


READS = [
    ("GET", "Observation/o1", ("read", 200, None, "p1", "o1")),
    ("GET", "Patient/p1", ("read", 200, None, "p1", "p1")),
    ("GET", "Observation/o1/_history/1", ("vread", 200, None, "p1", "o1")),
    ("GET", "Observation/o1/_history", ("history", 200, None, "p1", "o1")),
    ("GET", "Observation?code=x", ("search", 200, None, "p1", None)),
    ("GET", "Observation/o2", ("read", 404, "not-found", None, "o2")),
    ("GET", "Patient/p2", ("read", 404, "not-found", "p2", "p2")),
    ("DELETE", "Observation/o1", ("delete", 204, None, "p1", "o1")),
    ("DELETE", "Observation/o2", ("delete", 404, "not-found", None, "o2")),
]


@pytest.mark.parametrize(("method", "path", "row"), READS)
def test_an_access_is_kept_with_its_outcome(method: str, path: str, row: tuple[Any, ...]) -> None:
    async def act(here: Audited) -> None:
        before = len(await launched(here))
        answer = await here.ask(method, path)
        assert answer.status_code == row[1]
        rows = here.rows()[before:]
        assert told(rows, "what", "status", "reason", "patient", "id") == [row]
        assert told(rows, "client", "user", "request", "network") == [
            (here.client, "Practitioner/d1", "rq-7", "127.0.0.1")
        ]
        assert rows[0]["grant"] is not None

    drive(act)


def test_a_write_is_kept_with_the_id_that_it_was_given() -> None:
    async def act(here: Audited) -> None:
        before = len(await launched(here))
        made = (await here.ask("POST", "Observation", json=OBSERVATION)).json()
        await here.ask("PUT", f"Observation/{made['id']}", json={**made, "status": "amended"})
        await here.ask("POST", "Observation", json=STOLEN)
        assert told(here.rows()[before:], "what", "status", "patient", "id", "version") == [
            ("create", 201, "p1", made["id"], "1"), ("update", 200, "p1", made["id"], "2"),
            ("create", 403, None, None, None),
        ]  # fmt: skip

    drive(act)


def test_every_entry_of_a_batch_is_an_access() -> None:
    async def act(here: Audited) -> None:
        before = len(await launched(here))
        entries = [
            {"request": {"method": "GET", "url": "Observation/o1"}}, {"request": {"method": "GET", "url": "Observation/o2"}},
            {"request": {"method": "POST", "url": "Observation"}, "resource": OBSERVATION},
        ]  # fmt: skip
        await here.ask("POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        found = told(here.rows()[before:], "what", "status", "patient")
        assert found == [("read", 200, "p1"), ("read", 404, None), ("create", 201, "p1")]

    drive(act)


def test_a_transaction_that_was_taken_back_is_kept_as_refused_and_as_nothing_else() -> None:
    async def act(here: Audited) -> None:
        before = len(await launched(here))
        entries = [
            {"request": {"method": "POST", "url": "Observation"}, "resource": each} for each in (OBSERVATION, STOLEN)
        ]
        answer = await here.ask("POST", "", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status_code == 403
        assert told(here.rows()[before:], "what", "status", "reason") == [("transaction", 403, "forbidden")]

    drive(act)


def test_a_search_that_reaches_several_patients_has_a_row_for_each() -> None:
    async def act(here: Audited) -> None:
        await here.register(scope="launch openid fhirUser offline_access user/*.cruds")
        await here.launch(scope="launch openid fhirUser offline_access user/*.rs")
        before = len(here.rows())
        await here.ask("GET", "Observation")
        assert told(here.rows()[before:], "what", "patient") == [("search", "p1"), ("search", "p2")]

    drive(act)


@pytest.mark.parametrize(
    ("method", "path", "headers", "row"),
    [
        ("GET", "Observation/o1", {"authorization": "Bearer nope"}, ("read", 401, "login", None)),
        ("GET", "Observation/o1", {"authorization": "Basic eA=="}, ("request", 401, "login", None)),
        ("GET", "Observation/o1%2F..%2F..%2FPatient", {}, ("request", 404, "not-found", None)),
        ("GET", "Observation?nonsense=1", {}, ("request", 400, "not-supported", None)),
        ("GET", "Observation?access_token=x", {}, ("request", 400, "security", None)),
        ("TRACE", "Observation", {}, ("request", 405, "not-supported", None)),
    ],
)  # fmt: skip
def test_what_is_refused_before_the_guard_is_kept_too(
    method: str, path: str, headers: dict[str, str], row: tuple[Any, ...]
) -> None:
    async def act(here: Audited) -> None:
        before = len(await launched(here))
        request = here.http.build_request(
            method, f"{FHIR}/x", headers={"authorization": f"Bearer {here.bearer}", **headers}
        )
        request.url = request.url.copy_with(raw_path=f"/ehr/spec/fhir/{path}".encode())
        answer = await here.http.send(request)
        assert answer.status_code == row[1]
        assert told(here.rows()[before:], "what", "status", "reason", "patient") == [row]

    drive(act)


def test_the_log_is_filtered_by_patient_client_and_time_and_says_that_it_was_read() -> None:
    async def act(here: Audited) -> None:
        rows = await launched(here)
        await here.ask("GET", "Observation/o1")
        everything = here.rows()
        assert len(everything) == len(rows) + 1
        assert here.rows(patient="p1") == [row for row in everything if row["patient"] == "p1"]
        assert here.rows(client="nobody") == []
        assert here.rows(since=everything[-1]["at"]) == everything[-1:]
        latest = here.ehr.database.run_now(
            lambda c, now: c.exec_driver_sql("SELECT what, patient FROM audit_events").all()
        )
        assert ("audit", "p1") in [tuple(row) for row in latest]

    drive(act)


def test_no_token_reads_the_log() -> None:
    async def act(here: Audited) -> None:
        await here.register(scope="launch openid fhirUser offline_access user/*.cruds")
        await here.launch(scope="launch openid fhirUser offline_access user/*.cruds")
        await here.ask("GET", "Observation/o1")
        rows = here.rows()
        found = await here.ask("GET", "AuditEvent")
        assert (found.status_code, found.json().get("entry")) == (200, None)
        for row in rows:
            assert (await here.ask("GET", f"AuditEvent/spec-{row['number']}")).status_code == 404

    drive(act)


def test_everything_that_was_kept_is_a_valid_audit_event() -> None:
    async def act(here: Audited) -> None:
        await launched(here)
        for method, path, _ in READS:
            await here.ask(method, path)
        await here.http.get(f"{FHIR}/Observation/o1")
        rows = here.rows()
        assert len(rows) > len(READS)
        assert validate(bundle_of(rows, site="spec"), type="Bundle") == []

    drive(act)


def test_nothing_is_answered_that_cannot_be_recorded() -> None:
    async def act(here: Audited) -> None:
        await launched(here)
        here.ehr.audit.close()
        here.ehr.audit = Audit(here.ehr.database, fhir=FHIR, clock=time.time, limit=0)
        answer = await here.ask("GET", "Observation/o1")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "subject" not in answer.text

    drive(act)


def test_a_write_and_its_row_are_one_transaction() -> None:
    async def act(here: Audited) -> None:
        await launched(here)
        here.ehr.database.run_now(lambda c, now: c.exec_driver_sql("ALTER TABLE audit_events RENAME TO elsewhere"))
        interaction = Interaction(action="create", type="Observation", body=OBSERVATION)
        with pytest.raises(Exception, match="no such table"):
            await serve(here.ehr, interaction, here.bearer)
        here.ehr.database.run_now(lambda c, now: c.exec_driver_sql("ALTER TABLE elsewhere RENAME TO audit_events"))
        found = (await here.ask("GET", "Observation")).json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1"]

    drive(act)
