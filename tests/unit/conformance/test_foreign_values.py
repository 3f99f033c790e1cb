"""What answers of servers that are not ours may look like, as values: read as they are meant, and told from what is wrong."""

import json
from typing import Any

import pytest

from conformance.curl import answer, command
from conformance.evidence import DEEPEST, Exchange, parse, split
from conformance.probe import BYTES
from conformance.reading import link, resources
from conformance.redaction import redaction_of
from conformance.scope_words import older, only_older
from conformance.suites.api.matching import invented, matches
from conformance.suites.bulk.manifests import cut, lines
from conformance.suites.smart.collect.requests import near
from conformance.written import enrolled, made
from tests.conformance.answering import BASE, result, said


@pytest.mark.parametrize(
    ("headers", "body", "addresses"),
    [
        ({"location": "/fhir/Observation/1/_history/1"}, None, [f"{BASE}/Observation/1"]),
        ({"location": "http://inside.example:8080/fhir/Observation/1"}, None, [f"{BASE}/Observation/1"]),
        ({}, {"resourceType": "Observation", "id": "1"}, [f"{BASE}/Observation/1"]),
        ({}, {"resourceType": "OperationOutcome", "id": "1"}, []),
        ({"location": "http://[::1"}, None, []),
        ({"location": "http://elsewhere.example/x/Observation/1"}, None, []),
    ],
)
def test_what_was_made_is_found_wherever_its_place_is_said_from(headers: dict, body: Any, addresses: list) -> None:
    exchange = Exchange(
        method="POST", url=f"{BASE}/Observation", status=201, headers=headers, body=json.dumps(body).encode()
    )
    assert list(made(BASE, exchange)) == addresses


@pytest.mark.parametrize("entry", [None, True, 7, {}, [None, {"response": None}]])
def test_a_bundle_whose_entries_are_none_made_nothing(entry: Any) -> None:
    assert (
        list(made(BASE, Exchange(method="POST", url=BASE, status=200, body=json.dumps({"entry": entry}).encode())))
        == []
    )


def test_a_client_that_nothing_removes_is_counted() -> None:
    asked = {"method": "POST", "url": "http://ehr.example/register", "content": b'{"redirect_uris":[]}'}
    assert enrolled(Exchange(**asked, status=200, body=b'{"client_id":"x"}'))
    assert not enrolled(Exchange(**asked, status=400, body=b'{"client_id":"x"}'))
    assert not enrolled(Exchange(**{**asked, "content": b"token=x"}, status=200, body=b'{"client_id":"x"}'))


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("?page=2", f"{BASE}/Observation?page=2"), ("Observation?page=2", f"{BASE}/Observation?page=2"),
        ("/fhir/Observation?page=2", f"{BASE}/Observation?page=2"), (f"{BASE}?_getpages=x", f"{BASE}?_getpages=x"),
        ("http://[::1", "http://[::1"),
    ],
)  # fmt: skip
def test_a_link_may_be_said_from_where_it_stands(place: str, address: str) -> None:
    page = said({"link": [{"relation": "next", "url": place}]}, url=f"{BASE}/Observation?patient=p")
    assert link(page) == address


def test_what_is_said_about_a_search_is_not_found_by_it() -> None:
    told = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    assert resources(said({"entry": [told, {"resource": {"resourceType": "Basic"}}]})) == [{"resourceType": "Basic"}]


def test_a_value_that_is_nested_without_end_is_none_and_one_that_is_not_is_read() -> None:
    assert parse(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1)) is None
    assert parse(b"[" * 20 + b"]" * 20) is not None
    assert split("http://[::1").netloc == ""


def test_half_a_letter_and_the_credential_of_an_address_are_in_no_report() -> None:
    exchange = said(
        {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "\ud800"}]},
        url="https://me:s3cr@ehr.example/fhir/x",
    )
    veil = redaction_of([exchange])
    shown = "".join(veil.texts([command(exchange), answer(exchange), exchange.url]))
    assert shown.encode()
    assert "s3cr" not in shown
    assert "$ADDRESS_CREDENTIAL_" in shown


def test_scopes_are_said_in_the_words_of_smart_1_where_they_mean_the_same() -> None:
    assert older("launch patient/*.rs patient/Observation.cud user/*.cruds system/Patient.r patient/Basic.rs?a=b") == (
        "launch patient/*.read patient/Observation.write user/*.* system/Patient.r patient/Basic.rs?a=b"
    )
    assert only_older({"capabilities": ["permission-v1"]})
    assert only_older({"capabilities": [], "scopes_supported": ["openid", "patient/*.read", "user/*.*"]})
    for configuration in (
        {"capabilities": ["permission-v1", "permission-v2"]}, {"scopes_supported": ["patient/*.read", "patient/*.rs"]}, {},
        {"capabilities": 1, "scopes_supported": None},
    ):  # fmt: skip
        assert not only_older(configuration)


def test_at_loopback_another_port_is_the_apps_own_and_elsewhere_it_is_another_address() -> None:
    name = "redirect at another port"
    assert name not in near("http://localhost:8999/callback")
    assert (
        near("http://localhost:8999/callback", ["https://app.example/callback"])[name]
        == "https://app.example:444/callback"
    )
    assert near("https://app.example:8443/callback")[name] == "https://app.example:8444/callback"


@pytest.mark.parametrize("text", ["unknown", "2026-13-45", "", "last spring", "2026-01-02T99"])
def test_a_time_that_is_none_is_no_crash(text: str) -> None:
    assert matches({"effectiveDateTime": text}, [["date", "ge2026-01-01"]])
    assert matches({"effectiveDateTime": "2026-02-01T10:00:00"}, [["date", "ge2026-01-01"]])
    assert not matches({"effectiveDateTime": "2025-02-01"}, [["date", "ge2026-01-01"]])


def test_a_search_for_what_was_made_up_may_be_refused_and_any_other_may_not() -> None:
    assert invented([["status", "conformance-nobodys"]])
    assert invented([["name", "a"], ["birthdate", "ge1980-01-01"]])
    assert not invented([["patient", "p"], ["date", "ge1980-01-01"]])
    row = {"pairs": [["patient", "p"], ["status", "conformance-nobodys"]], "wanted": ""}
    statement = said(
        {"rest": [{"mode": "server", "resource": [{"type": "CareTeam", "interaction": [{"code": "search-type"}]}]}]}
    )
    for status, expected in ((400, "pass"), (500, "fail")):
        rows = [{**row, "answer": said({"resourceType": "OperationOutcome"}, status)}]
        assert result("careteam_is_searched", metadata=statement, searches_of_CareTeam=rows) == expected
    rows = [{**row, "pairs": [["patient", "p"]], "answer": said(None, 400)}]
    assert result("careteam_is_searched", metadata=statement, searches_of_CareTeam=rows) == "fail"


def test_a_file_that_is_cut_is_judged_as_far_as_it_was_seen() -> None:
    whole = b'{"resourceType":"Patient","id":"1"}\n'
    file = said(whole * (BYTES // len(whole) + 1))
    shorter = Exchange(method="GET", url="x", status=200, body=file.body[:BYTES])
    assert cut(shorter)
    assert None not in lines(shorter)
    assert lines(said(b'{"a":1}\n{"b"')) == [{"a": 1}, None]
