"""Servers that are not ours: what the specifications leave open is no fault, what they answer breaks no run, and what is wrong
is said."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from conformance import report, run
from conformance.report import FORMATS
from conformance.run import Report
from tests.contract.foreign_world import BASE, CLIENT, NO_STORE, PEOPLE, Foreign, look, outcome

Change = Callable[[Foreign, httpx2.Request], httpx2.Response | None]
TRULY = frozenset({"discovery_says_what_is_recommended", "a_request_alone_signs_nobody_in"})
"""What this server does not do as it should: it names no brand, and signs somebody in without asking."""


def seen(server: Foreign, **options: Any) -> Report:
    return asyncio.run(look(server, **options))


def failed(found: Report) -> dict[str, tuple[str, ...]]:
    return {item.id: item.problems for item in found.checks if item.result in ("fail", "error")}


@pytest.fixture(scope="module")
def plain() -> tuple[Foreign, Report]:
    server = Foreign()
    return server, seen(server)


def test_a_server_that_leaves_out_what_is_optional_fails_nothing_that_it_does_not_owe(
    plain: tuple[Foreign, Report],
) -> None:
    _, found = plain
    assert {id: why for id, why in failed(found).items() if id not in TRULY} == {}
    assert (failed(found).keys(), found.complete) == (TRULY, True)
    assert found.summary["pass"] > 85


def test_what_is_not_offered_is_told_from_what_was_not_seen(plain: tuple[Foreign, Report]) -> None:
    why = {item.id: item.why for item in plain[1].checks}
    unoffered = (
        "a_live_token_is_active", "a_token_is_revoked", "a_refresh_token_renews", "backend_services_get_a_token",
        "registration_answers_a_client", "openid_gives_an_id_token", "authorization_names_its_issuer", "brands_have_a_timestamp",
        "granular_scopes_are_granted", "asymmetric_clients_are_announced", "a_browser_app_reads_its_tokens",
    )  # fmt: skip
    assert {id: why[id] for id in unoffered} == dict.fromkeys(unoffered, "not offered")
    assert why["a_person_gets_a_page"] == "not seen"


def test_without_writes_nothing_is_written_at_all(plain: tuple[Foreign, Report]) -> None:
    server, _ = plain
    asked = {(each.method, each.url.path) for each in server.asked if each.method not in ("GET", "HEAD")}
    assert asked
    assert {path for _, path in asked} <= {"/r4/auth/token", "/r4/auth/authorize", "/r4/Patient/_search", "/r4", "/r4/"}
    bundles = [json.loads(each.content) for each in server.asked if each.url.path.rstrip("/") == "/r4"]
    assert {entry["request"]["method"] for body in bundles for entry in body["entry"]} <= {"GET"}


def test_a_page_of_the_registered_client_comes_from_that_clients_origin(plain: tuple[Foreign, Report]) -> None:
    server, _ = plain
    assert {each.headers.get("origin") for each in server.asked if each.url.path == "/r4/auth/token"} == {
        "https://app.example"
    }


def answers(path: str, **given: Any) -> Change:
    """At this path it answers so."""
    return lambda server, request: httpx2.Response(**given) if request.url.path == path else None


def leaky(server: Foreign, request: httpx2.Request) -> httpx2.Response | None:
    other = [{"resource": {"resourceType": "Observation", "id": "x", "subject": {"reference": f"Patient/{PEOPLE[1]}"}}}]
    body = {"resourceType": "Bundle", "type": "searchset", "entry": other}
    return httpx2.Response(200, json=body) if PEOPLE[1] in str(request.url.query) else None


SMART = "/r4/.well-known/smart-configuration"
OFFLINE = {"capabilities": ["launch-standalone", "permission-offline", "permission-v1", "permission-patient"]}
FAULTS: dict[str, tuple[Foreign, str]] = {
    "a list that is a word": (
        Foreign(configuration={"code_challenge_methods_supported": "S256"}),
        "discovery_is_complete",
    ),
    "no S256 but a word that holds it": (
        Foreign(configuration={"code_challenge_methods_supported": "S256"}),
        "pkce_is_supported",
    ),
    "plain in a word": (
        Foreign(configuration={"code_challenge_methods_supported": "S256 plain"}),
        "pkce_is_never_plain",
    ),
    "an issuer that is announced and does not come": (
        Foreign(configuration={"authorization_response_iss_parameter_supported": True, "issuer": BASE}),
        "authorization_names_its_issuer",
    ),
    "permission-offline without a refresh token": (
        Foreign(configuration=OFFLINE, scopes=lambda asked: asked),
        "offline_access_gives_a_refresh_token",
    ),
    "more than was asked for": (
        Foreign(scopes=lambda asked: f"{asked} system/*.cruds"),
        "a_token_says_what_it_is_good_for",
    ),
    "records of another": (Foreign(first=leaky), "foreign_records_are_not_found"),
    "nobody is told the scheme": (
        Foreign(
            first=lambda server, request: (
                httpx2.Response(401, headers={"www-authenticate": 'Basic realm="bearers"'})
                if "/Patient/" in request.url.path and "authorization" not in request.headers
                else None
            )
        ),
        "no_token_is_401",
    ),
    "a set of capabilities that is begun and no other": (
        Foreign(configuration={"capabilities": ["launch-standalone", "client-public"]}),
        "the_set_patient_access_for_standalone_apps_is_whole",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_such_a_server_does_wrongly_is_said(name: str) -> None:
    server, id = FAULTS[name]
    found = seen(server)
    assert id in failed(found)
    assert "error" not in {item.result for item in found.checks}


def dead(path: str) -> Change:
    def answer(server: Foreign, request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path == path:
            raise httpx2.ConnectError("nobody is there")
        return None

    return answer


@pytest.mark.parametrize(
    ("server", "unseen"),
    [
        (Foreign(configuration={"jwks_uri": f"{BASE}/keys"}, first=dead("/r4/keys")), "the key set"),
        (Foreign(first=dead(SMART)), "the smart-configuration"),
    ],
)
def test_an_address_that_does_not_answer_is_no_reason_to_judge_nothing(server: Foreign, unseen: str) -> None:
    found = seen(server)
    assert (found.complete, found.failed) == (False, True)
    assert any(line.startswith(unseen) for line in found.stopped)
    assert {item.id: item.result for item in found.checks}["metadata_is_r4"] == "pass"


def nested(levels: int) -> bytes:
    return b'{"resourceType":"OperationOutcome","x":' + b"[" * levels + b"]" * levels + b"}"


HOSTILE: dict[str, Change] = {
    "half a letter": answers(
        f"/r4/Patient/{PEOPLE[1]}", status_code=403, content=b'{"resourceType":"OperationOutcome","id":"\\ud800"}'
    ),
    "deep": answers(f"/r4/Patient/{PEOPLE[1]}", status_code=403, content=nested(600)),
    "deeper": answers(f"/r4/Patient/{PEOPLE[1]}", status_code=403, content=nested(100_000)),
    "a place that is none": answers("/r4/Observation", status_code=302, headers={"location": "http://[::1"}),
    "entries that are none": answers(
        "/r4/Observation", status_code=200, content=b'{"resourceType":"Bundle","entry":true,"link":[{"relation":"next"}]}'
    ),
    "an entry of nothing": answers(
        "/r4/Patient", status_code=200, content=b'{"resourceType":"Bundle","entry":[{"resource":null,"search":1}]}'
    ),
    "a statement of nothing": answers("/r4/metadata", status_code=200, content=b'{"rest":[null,{"mode":"server","security":1}]}'),
    "lists that are none": lambda server, request: (
        httpx2.Response(200, json={"capabilities": {}, "grant_types_supported": 1, "scopes_supported": None,
                                   "code_challenge_methods_supported": None, "token_endpoint": f"{BASE}/auth/token",
                                   "authorization_endpoint": f"{BASE}/auth/authorize"})
        if request.url.path == SMART else None),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_that_means_harm_breaks_neither_run_nor_report(name: str, tmp_path: Path) -> None:
    found = seen(Foreign(first=HOSTILE[name]))
    assert {item.id: item.problems for item in found.checks if item.result == "error"} == {}
    assert {file.name for file in report.write(found, tmp_path, FORMATS)} == {name for name, _ in FORMATS.values()}
    assert json.loads((tmp_path / "conformance.json").read_bytes())["summary"] == dict(found.summary)


@pytest.mark.parametrize(
    "entry", ["true", '[{"resource":null}]', '[{"resource":{"resourceType":"OperationOutcome"}}]', "null"]
)
def test_an_open_server_whose_patients_are_none_is_read_all_the_same(entry: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies = {"/r4/metadata": b'{"resourceType":"CapabilityStatement"}',
                  "/r4/Patient": b'{"resourceType":"Bundle","entry":' + entry.encode() + b"}"}  # fmt: skip
        body = bodies.get(request.url.path)
        return httpx2.Response(404) if body is None else httpx2.Response(200, content=body)

    found = asyncio.run(run(BASE, suites=["access"], transport=httpx2.MockTransport(answer)))
    assert any("no two patients were found" in line for line in found.stopped)
    assert found.failed


def registering(server: Foreign, request: httpx2.Request) -> httpx2.Response | None:
    """Dynamic registration of clients with a secret, for scopes that it has, without management."""
    if request.url.path != "/r4/auth/register":
        return None
    asked = json.loads(request.content)
    fine = asked.get("token_endpoint_auth_method") == "client_secret_basic" and "system/" not in asked.get("scope", "")
    if not fine:
        return httpx2.Response(400, json={"error": "invalid_client_metadata"})
    made = {"client_id": CLIENT["client_id"], "client_secret": CLIENT["client_secret"], "client_secret_expires_at": 0}
    return httpx2.Response(201, json=made, headers=NO_STORE)


def test_a_server_that_registers_clients_with_a_secret_alone_has_one_of_ours() -> None:
    server = Foreign(configuration={"registration_endpoint": f"{BASE}/auth/register"}, first=registering)
    found = seen(server, client=None, suites=("smart",))
    results = {item.id: item.result for item in found.checks}
    assert results["registration_answers_a_client"] == "pass"
    assert results["a_client_with_a_key_gets_no_secret"] == "skip"
    bodies = [json.loads(each.content) for each in server.asked if each.url.path.endswith("/register")]
    assert bodies[0]["grant_types"] == ["authorization_code"]
    assert [each.get("scope", "").split()[-1:] for each in bodies[:2]] == [["system/*.cruds"], ["patient/*.read"]]
    assert any(line.endswith(" registered clients") for line in found.left)


def test_a_server_that_refuses_every_registration_shows_nothing_by_refusing_wrong_ones() -> None:
    refusing = answers("/r4/auth/register", status_code=400, json={"error": "invalid_client_metadata"})
    server = Foreign(configuration={"registration_endpoint": f"{BASE}/auth/register"}, first=refusing)
    found = seen(server, client=None, suites=("smart",))
    results = {item.id: item.result for item in found.checks}
    assert results["registration_answers_a_client"] == "fail"
    assert results["registration_refuses_a_script_as_address"] == "skip"
    assert (found.complete, found.failed) == (False, True)
    assert any("registration was answered 400" in line for line in found.stopped)


def test_an_outcome_beside_what_was_found_is_no_record_of_anybody() -> None:
    """The passing twin of a leak: what a server says about a search is not found by it."""
    assert outcome("x")["resourceType"] == "OperationOutcome"
    found = {item.id: item.result for item in seen(Foreign()).checks}
    for id in (
        "foreign_records_are_not_found",
        "a_search_for_patients_finds_one",
        "a_search_without_patient_stays_with_one",
    ):
        assert found[id] == "pass"
