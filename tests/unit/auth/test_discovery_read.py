"""Somebody else's SMART configuration is read as SMART App Launch 2.2 has it, and refused by the member that breaks it."""

import json
from typing import Any

import pytest

from auth.discovery import DiscoveryError, issuer_keys, parse

FHIR = "https://ehr.example/r4"
WHOLE: dict[str, Any] = {
    "authorization_endpoint": "https://ehr.example/authorize", "token_endpoint": "https://ehr.example/token",
    "code_challenge_methods_supported": ["S256"], "capabilities": ["launch-ehr"],
}  # fmt: skip


def said(**members: Any) -> bytes:
    return json.dumps({name: value for name, value in {**WHOLE, **members}.items() if value != "ABSENT"}).encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("auth/token", f"{FHIR}/auth/token"), ("/token", "https://ehr.example/token"), ("../token", "https://ehr.example/token"),
        ("https://login.example/token", "https://login.example/token"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("iss", [FHIR, f"{FHIR}/"])
def test_a_relative_address_is_meant_from_the_fhir_base(iss: str, written: str, meant: str) -> None:
    assert parse(said(token_endpoint=written), iss=iss).token_endpoint == meant


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"token_endpoint": "ABSENT"}, "token_endpoint"), ({"token_endpoint": 7}, "token_endpoint"),
        ({"token_endpoint": "javascript:alert(1)"}, "token_endpoint"), ({"token_endpoint": "https://[x/"}, "token_endpoint"),
        ({"code_challenge_methods_supported": ["S256", "plain"]}, "code_challenge_methods_supported"),
        ({"code_challenge_methods_supported": "ABSENT"}, "code_challenge_methods_supported"),
        ({"capabilities": "launch-ehr"}, "capabilities"), ({"issuer": ["x"]}, "issuer"),
    ],
)  # fmt: skip
def test_a_member_that_breaks_the_guide_is_named(members: dict[str, Any], named: str) -> None:
    with pytest.raises(DiscoveryError, match=named):
        parse(said(**members), iss=FHIR)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a":1,"a":2}', b"[" * 100])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    for read in (lambda: parse(body, iss=FHIR), lambda: issuer_keys(body, issuer="https://ehr.example")):
        with pytest.raises(DiscoveryError):
            read()


def test_the_keys_of_an_issuer_are_named_by_its_own_document_only() -> None:
    document = {"issuer": "https://ehr.example", "jwks_uri": "https://ehr.example/jwks"}
    assert issuer_keys(json.dumps(document).encode(), issuer="https://ehr.example") == "https://ehr.example/jwks"
    for wrong in ({"issuer": "https://ehr.example/"}, {"jwks_uri": None}, {"jwks_uri": "file:///etc/passwd"}):
        with pytest.raises(DiscoveryError):
            issuer_keys(json.dumps({**document, **wrong}).encode(), issuer="https://ehr.example")


@pytest.mark.parametrize(("written", "meant"), [(True, True), (False, False), ("true", False), (1, False)])
def test_an_ehr_names_itself_in_its_answers_where_it_says_so(written: Any, meant: bool) -> None:
    """RFC 9207 §3."""
    found = parse(said(authorization_response_iss_parameter_supported=written), iss=FHIR)
    assert found.authorization_response_iss_parameter_supported is meant


def test_the_members_of_a_document_are_taken_as_they_are_said() -> None:
    found = parse(said(issuer="https://ehr.example", scopes_supported=["openid", "launch"], jwks_uri="jwks"), iss=FHIR)
    assert (found.issuer, found.scopes_supported, found.jwks_uri) == (
        "https://ehr.example",
        ("openid", "launch"),
        f"{FHIR}/jwks",
    )
    assert parse(
        said(authorization_endpoint="ABSENT", code_challenge_methods_supported="ABSENT"), iss=FHIR
    ).capabilities == ("launch-ehr",)


def test_plain_is_borne_with_where_it_is_known_and_beside_s256_only() -> None:
    both = {"code_challenge_methods_supported": ["S256", "plain"]}
    assert parse(said(**both), iss=FHIR, plain_challenge=True).code_challenge_methods_supported == ("S256", "plain")
    with pytest.raises(DiscoveryError):
        parse(said(code_challenge_methods_supported=["plain"]), iss=FHIR, plain_challenge=True)
