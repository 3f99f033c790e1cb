"""What answers of servers that are not ours may look like, as values: read as they are meant, and told from what is wrong."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from conformance import capability
from conformance.check import Check, Outcome, judge
from conformance.curl import answer, command
from conformance.evidence import DEEPEST, Evidence, Exchange, parse, split
from conformance.probe import BYTES
from conformance.pytest_checks import verdict
from conformance.reading import link, resources
from conformance.redaction import redaction_of
from conformance.report import shown
from conformance.run import Report
from conformance.scope_words import older, only_older
from conformance.suites import SUITES
from conformance.suites.api.matching import invented, matches
from conformance.suites.bulk.manifests import cut, lines
from conformance.suites.smart.collect.requests import near
from conformance.written import enrolled, made

BASE = "http://ehr.example/fhir"
CHECKS: Mapping[str, Check] = {item.id: item for suite in SUITES.values() for item in suite.checks}


def said(body: Any = None, status: int = 200, *, url: str = f"{BASE}/Observation", **changes: Any) -> Exchange:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Exchange(method="GET", url=url, status=status, body=content, **changes)


def result(id: str, **evidence: Any) -> str:
    made = Evidence()
    for name, value in evidence.items():
        made[name.replace("_", " ")] = value
    return judge(CHECKS[id], "s", made).result


def smart(*capabilities: str, **members: Any) -> Exchange:
    return said(
        {"token_endpoint": "x", "capabilities": list(capabilities), **members},
        url=f"{BASE}/.well-known/smart-configuration",
    )


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


EXPORT = said({"rest": [{"mode": "server", "operation": [{"name": "export"}]}]})
ASKED = f"{BASE}/$export?_type=Patient,Condition"


def manifest(request: str, **more: Any) -> dict[str, Any]:
    return {
        "transactionTime": "2026-01-01T00:00:00Z",
        "request": request,
        "requiresAccessToken": True,
        "output": [],
        "error": [],
        **more,
    }


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, manifest(ASKED), "pass"),
        (200, manifest(f"{BASE}/%24export?_type=Patient%2CCondition"), "pass"),
        (200, manifest(f"{BASE}/$export"), "fail"),
        (202, {}, "skip"),
        (500, {}, "fail"),
    ],
)
def test_an_export_that_takes_longer_is_not_seen_to_end_and_an_address_may_be_escaped(
    status: int, body: dict, expected: str
) -> None:
    kicked = said(None, 202, url=ASKED)
    evidence = {"metadata": EXPORT, "export_system": kicked, "status_system": said(body, status)}
    assert result("system_export_ends_with_a_manifest", **evidence) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("strict-origin-when-cross-origin", "pass"), ("No-Referrer", "pass"), ("unsafe-url, same-origin", "pass"), ("", "fail"),
        ("no-referrer-when-downgrade", "fail"), ("no-referrer, unsafe-url", "fail"),
    ],
)  # fmt: skip
def test_a_policy_under_which_the_address_stays_is_one(policy: str, expected: str) -> None:
    assert (
        result("the_sign_in_page_tells_no_referrer", page=said(b"x", headers={"referrer-policy": policy})) == expected
    )


@pytest.mark.parametrize(
    ("algorithm", "digest", "expected"),
    [("RS256", "sha256", "pass"), ("ES384", "sha384", "pass"), ("ES384", "sha256", "fail"), ("RS256", "", "skip")],
)
def test_at_hash_is_of_the_hash_of_its_algorithm(algorithm: str, digest: str, expected: str) -> None:
    def text(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    hashed = hashlib.new(digest, b"opaque").digest() if digest else b""
    claims = {"at_hash": text(hashed[: len(hashed) // 2])} if digest else {}
    token = ".".join(text(json.dumps(part).encode()) for part in ({"alg": algorithm}, claims, "x"))
    given = said({"access_token": "opaque", "id_token": token})
    assert result("the_id_token_fits_its_access_token", smart=smart("sso-openid-connect"), token=given) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("launch patient/*.rs", "pass"), ("launch patient/Observation.read patient/Patient.r profile email", "pass"),
        ("launch patient/*.cruds", "fail"), ("launch patient/*.rs user/*.rs", "fail"), ("", "fail"),
    ],
)  # fmt: skip
def test_scopes_may_be_granted_in_another_spelling_and_not_beyond(scope: str, expected: str) -> None:
    given = {"token": said({"scope": scope}), "scopes_asked": "launch patient/*.rs"}
    assert result("a_token_says_what_it_is_good_for", **given) == expected


@pytest.mark.parametrize(
    ("revoke", "after", "expected"),
    [
        (said(), said(None, 401), "pass"), (said(), said(), "fail"),
        (said({"error": "unsupported_token_type"}, 400), said(), "skip"), (said({"error": "server_error"}, 400), said(), "fail"),
    ],
)  # fmt: skip
def test_a_server_may_say_that_it_revokes_no_access_tokens(revoke: Exchange, after: Exchange, expected: str) -> None:
    evidence = {"smart": smart(revocation_endpoint="x"), "revoke": revoke, "after_revoke": after}
    assert result("a_revoked_token_opens_nothing", **evidence) == expected


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"www-authenticate": 'Bearer error="invalid_token"'}, None, "pass"), ({}, {"error": "invalid_token"}, "pass"),
        ({}, None, "fail"), ({"www-authenticate": "Bearer"}, None, "fail"),
    ],
)  # fmt: skip
def test_a_false_bearer_is_refused_in_the_header_or_in_the_body(headers: dict, body: Any, expected: str) -> None:
    evidence = {
        "smart": smart(introspection_endpoint="x"),
        "introspect_as_a_false_bearer": said(body, 401, headers=headers),
    }
    assert result("introspection_wants_a_live_bearer", **evidence) == expected


@pytest.mark.parametrize(
    ("first", "wrong", "expected"),
    [
        (said({"access_token": "x"}), said({"error": "invalid_client"}, 401), "pass"),
        (said({"access_token": "x"}), said({"access_token": "x"}), "fail"),
        (said({"error": "invalid_client"}, 401), said({"error": "invalid_client"}, 401), "skip"),
    ],
)
def test_a_refusal_shows_nothing_where_a_good_assertion_is_refused_too(
    first: Exchange, wrong: Exchange, expected: str
) -> None:
    evidence = {"smart": smart("client-confidential-asymmetric"), "assertion_first": first, "assertion_unsigned": wrong}
    assert result("assertion_unsigned_is_refused", **evidence) == expected


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("full-support", "fail"),
        ("not-match", "fail"),
        ("not-supported", "skip"),
        ("modified-since", "skip"),
        (None, "skip"),
    ],
)
def test_a_conditional_read_is_owed_by_who_says_so(read: str | None, expected: str) -> None:
    row = {
        "type": "Observation",
        "versioning": "versioned-update",
        "interaction": [{"code": "create"}],
        "conditionalRead": read,
    }
    evidence = {
        "metadata": said({"rest": [{"mode": "server", "resource": [row]}]}),
        "unchanged_read": said({"id": "x"}),
    }
    assert result("an_unchanged_read_is_304", **evidence) == expected


@pytest.mark.parametrize(
    ("there", "page", "next", "expected"),
    [(5, 2, True, "pass"), (5, 1, True, "pass"), (5, 3, True, "fail"), (5, 2, False, "fail"), (5, 0, True, "fail"), (2, 2, False, "skip")],
)  # fmt: skip
def test_a_page_may_be_shorter_than_was_asked_and_the_last_has_no_next(
    there: int, page: int, next: bool, expected: str
) -> None:
    def bundle(number: int) -> dict[str, Any]:
        links = [{"relation": "self", "url": "?x"}, *([{"relation": "next", "url": "?y"}] if next else [])]
        return {"entry": [{"resource": {"resourceType": "Observation"}}] * number, "link": links}

    assert (
        result("a_page_is_as_long_as_asked", two_a_page=said(bundle(page)), some_observations=said(bundle(there)))
        == expected
    )


@pytest.mark.parametrize(
    ("advertised", "type", "expected"),
    [
        ("application/json", "application/fhir+json; charset=utf-8", "pass"), ("application/fhir+xml", "text/html", "fail"),
        ("application/fhir+json; fhirVersion=4.0", "Application/FHIR+JSON", "pass"),
    ],
)  # fmt: skip
def test_a_format_is_spoken_under_whichever_of_its_names(advertised: str, type: str, expected: str) -> None:
    evidence = {"metadata": said({}), "formats": {advertised: said({}, headers={"content-type": type})}}
    assert result("every_format_that_is_advertised_is_spoken", **evidence) == expected


def test_a_statement_may_have_several_parts_about_its_server() -> None:
    parts = [
        {"mode": "client", "resource": [{"type": "Task"}]}, {"mode": "server", "interaction": [{"code": "batch"}], "security": {}},
        {"mode": "server", "resource": [{"type": "Patient", "interaction": [{"code": "read"}]}], "interaction": "none"},
    ]  # fmt: skip
    evidence = Evidence()
    evidence["metadata"] = said({"rest": parts})
    assert capability.types(evidence) == ["Patient"]
    assert capability.whole(evidence, "batch")
    assert "security" in capability.rest(evidence)
    assert not capability.whole(evidence, "transaction")


def test_a_patient_who_was_named_and_never_seen_is_in_no_report() -> None:
    asked = said(None, 403, url=f"{BASE}/Observation?patient=named-on-the-command-line")
    assert "named-on" in redaction_of([asked]).text(asked.url)
    assert (
        redaction_of([asked], ["named-on-the-command-line"]).text(asked.url) == f"{BASE}/Observation?patient=$PATIENT_1"
    )


@pytest.mark.parametrize(
    ("found", "why", "complete", "expected"),
    [
        ("pass", "", False, "pass"), ("skip", "not seen", True, "skip"), ("skip", "not seen", False, "error"),
        ("skip", "writes", False, "skip"), ("fail", "", True, "fail"),
    ],
)  # fmt: skip
def test_a_test_run_is_not_green_over_a_run_that_did_not_end(
    found: Any, why: Any, complete: bool, expected: str
) -> None:
    item = Outcome(id="x", suite="smart", title="x", requirements=(), result=found, why=why)
    report = Report(target=BASE, started="", seconds=0.0, checks=(item,), complete=complete, suites=("smart",))
    (shown_item,) = shown(report).checks
    assert verdict(shown_item, report) == expected


def test_the_echo_of_what_was_asked_is_no_leak_and_a_record_is() -> None:
    told = said({"resourceType": "OperationOutcome", "issue": [{"diagnostics": "Patient/b is not known"}]}, 404)
    assert result("another_patient_is_not_read", foreign_patient=told, other="b") == "pass"
    leak = said({"resourceType": "Basic", "subject": {"reference": "Patient/b"}}, 404)
    assert result("another_patient_is_not_read", foreign_patient=leak, other="b") == "fail"
    absent = said(
        {
            "resourceType": "OperationOutcome",
            "issue": [{"diagnostics": "Patient/there-is-nobody-of-this-id is not known"}],
        },
        404,
    )
    alike = {"foreign_patient": told, "absent_patient": absent, "other": "b"}
    assert result("foreign_and_absent_are_told_alike", **alike) == "pass"
    assert result("foreign_and_absent_are_told_alike", **{**alike, "absent_patient": said(None, 404)}) == "fail"
