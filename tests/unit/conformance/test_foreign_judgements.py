"""What checks say of answers that are not ours: each has a passing and a failing twin."""

import base64
import hashlib
import json
from typing import Any

import pytest

from conformance import capability
from conformance.check import Outcome
from conformance.evidence import Evidence, Exchange
from conformance.pytest_checks import verdict
from conformance.redaction import redaction_of
from conformance.report import shown
from conformance.run import Report
from tests.conformance.answering import BASE, result, said, smart

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


CODE, ERROR = ({"location": f"http://app.example/cb?{said}"} for said in ("code=x&state=s", "error=invalid_request"))


@pytest.mark.parametrize(
    ("good", "wrong", "expected"), [(CODE, ERROR, "pass"), (CODE, CODE, "fail"), (ERROR, ERROR, "skip")]
)
def test_who_refuses_every_authorization_shows_nothing_by_refusing_a_wrong_one(
    good: dict, wrong: dict, expected: str
) -> None:
    evidence = {"authorize": said(None, 302, headers=good), "no_challenge": said(None, 302, headers=wrong)}
    assert result("a_challenge_is_required", **evidence) == expected


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
