"""A token response is taken for what it says, and refused by member where it says nothing usable."""

import json
from typing import Any

import pytest

from auth.client import tokens
from auth.client.errors import EhrFault, EhrUnavailable, GrantEnded, LaunchError
from auth.client.tokens import LaunchContext, TokenReply, Tokens

ASKED = ("launch", "openid", "patient/*.rs", "patient/Observation.cu")


def reply(status: int = 200, **members: Any) -> TokenReply:
    document = {
        "token_type": "Bearer", "access_token": "at", "scope": " ".join(ASKED), "expires_in": 300, "patient": "p1",
        **members,
    }  # fmt: skip
    return TokenReply(
        status=status, body=json.dumps({name: value for name, value in document.items() if value != "ABSENT"}).encode()
    )


def parse(answer: TokenReply) -> tuple[Tokens, LaunchContext, str | None]:
    return tokens.parse(answer, asked=ASKED, now=1000.0)


def test_a_whole_response_gives_tokens_and_context() -> None:
    got, context, id_token = parse(
        reply(
            refresh_token="rt", encounter="e1", need_patient_banner=False, intent="score", id_token="a.b.c",
            fhirContext=[{"reference": "ImagingStudy/1"}], tenant="t", smart_style_url="https://ehr.example/s",
        )
    )  # fmt: skip
    assert got == Tokens(access="at", refresh="rt", expires=1300.0, scopes=" ".join(ASKED))
    assert context == LaunchContext(
        patient="p1", encounter="e1", need_patient_banner=False, intent="score", tenant="t",
        fhir_context=({"role": "launch", "reference": "ImagingStudy/1"},), smart_style_url="https://ehr.example/s",
    )  # fmt: skip
    assert id_token == "a.b.c"


def test_the_bearer_type_is_read_in_any_case() -> None:
    assert parse(reply(token_type="bearer"))[0].access == "at"


def test_without_expires_in_an_hour_is_assumed() -> None:
    assert parse(reply(expires_in="ABSENT"))[0].expires == 1000.0 + 3600.0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("token_type", "ABSENT"), ("token_type", "mac"), ("token_type", None), ("token_type", ["Bearer"]),
        ("access_token", "ABSENT"), ("access_token", ""), ("access_token", "a b"), ("access_token", "a\r\nx: y"),
        ("access_token", 7), ("access_token", "x" * 20000),
        ("scope", "ABSENT"), ("scope", ["patient/*.rs"]), ("scope", None),
        ("scope", "patient/*.rs a\0b"), ("scope", "patient/*.rs " * 2000), ("scope", "patient/*.rs\u2028"),
        ("expires_in", -1), ("expires_in", 0), ("expires_in", "300"), ("expires_in", True), ("expires_in", None),
        ("expires_in", 10**12),
        ("refresh_token", "a\nb"), ("refresh_token", 5),
        ("patient", "Patient/p1"), ("patient", "../p2"), ("patient", ".."), ("patient", ""), ("patient", 1),
        ("patient", "p1\n"), ("patient", {"id": "p1"}),
        ("encounter", "https://ehr.example/Encounter/1"), ("need_patient_banner", "true"),
        ("need_patient_banner", None),
        ("intent", {}), ("fhirContext", "Patient/p1"), ("fhirContext", ["Patient/p1"]), ("fhirContext", [{}]),
        ("fhirContext", ["List/1", ""]), ("fhirContext", ["https://ehr.example/List/1"]), ("fhirContext", None),
        ("id_token", {"sub": "x"}), ("smart_style_url", 1), ("tenant", []),
    ],
)  # fmt: skip
def test_a_member_of_the_wrong_form_fails_the_launch_by_name(member: str, value: Any) -> None:
    with pytest.raises(EhrFault) as refused:
        parse(reply(**{member: value}))
    assert f"{member} " in refused.value.happened


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"null", b'"x"', b"{", b'{"scope": NaN}', b"\xff", b"[" * 100000,
        b'{"access_token": "a", "access_token": "b", "token_type": "Bearer", "scope": "x"}',
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_no_token_response(body: bytes) -> None:
    with pytest.raises(EhrFault):
        parse(TokenReply(status=200, body=body))


def test_what_was_asked_and_not_granted_is_named() -> None:
    context = parse(reply(scope="launch patient/*.rs"))[1]
    assert context.missing == ("openid", "patient/Observation.cu")


def test_a_wider_grant_covers_what_was_asked() -> None:
    assert parse(reply(scope="launch openid patient/*.cruds"))[1].missing == ()


def test_two_granted_scopes_are_never_merged_into_one() -> None:
    assert not tokens.holds("patient/Observation.c patient/Observation.u", "patient/Observation.cu")
    assert tokens.holds("patient/Observation.cu", "patient/Observation.u")


@pytest.mark.parametrize("scope", ["", "launch openid", "patient/", "patient/Observation.sr", "patient/*"])
def test_a_grant_without_any_access_is_no_launch(scope: str) -> None:
    with pytest.raises(LaunchError, match="no access"):
        parse(reply(scope=scope))


def test_patient_scopes_without_a_patient_are_no_launch() -> None:
    with pytest.raises(LaunchError, match="no patient"):
        parse(reply(patient="ABSENT"))


def test_user_scopes_need_no_patient() -> None:
    assert parse(reply(patient="ABSENT", scope="user/Observation.rs"))[1].patient is None


def test_an_ehr_that_cannot_now_is_unavailable_and_says_for_how_long() -> None:
    for status in (429, 500, 503):
        with pytest.raises(EhrUnavailable) as waiting:
            parse(TokenReply(status=status, body=b"<html>", retry_after=7.0))
        assert waiting.value.retry_after == 7.0


def test_a_grant_the_ehr_does_not_honour_has_ended() -> None:
    with pytest.raises(GrantEnded):
        parse(reply(400, error="invalid_grant"))


def test_another_oauth_error_is_named_and_its_description_is_not_repeated() -> None:
    with pytest.raises(LaunchError) as refused:
        parse(reply(401, error="invalid_client", error_description="call 0800-evil"))
    assert refused.value.code == "invalid_client"
    assert "evil" not in f"{refused.value.happened}{refused.value.advice}"


@pytest.mark.parametrize("error", ["ABSENT", 7, "<script>", "x" * 99, ""])
def test_an_error_without_the_form_of_one_is_a_fault_and_not_repeated(error: Any) -> None:
    with pytest.raises(EhrFault) as refused:
        parse(reply(400, error=error))
    assert str(error) not in refused.value.happened or error == ""


@pytest.mark.parametrize("status", [201, 204, 302, 307, 404])
def test_a_status_that_is_no_answer_is_a_fault(status: int) -> None:
    with pytest.raises(EhrFault):
        parse(reply(status))


OLD = Tokens(access="old", refresh="rt", expires=0.0, scopes="patient/*.rs")


def test_a_refresh_replaces_the_refresh_token_when_it_brings_one() -> None:
    assert tokens.parse_refresh(reply(refresh_token="rt2"), previous=OLD, now=0.0).refresh == "rt2"


def test_a_refresh_keeps_the_refresh_token_when_it_brings_none() -> None:
    assert tokens.parse_refresh(reply(), previous=OLD, now=0.0).refresh == "rt"


def test_a_refresh_without_scope_keeps_what_was_granted() -> None:
    assert tokens.parse_refresh(reply(scope="ABSENT"), previous=OLD, now=0.0).scopes == "patient/*.rs"


def test_a_refresh_of_the_wrong_form_is_a_fault() -> None:
    with pytest.raises(EhrFault):
        tokens.parse_refresh(reply(access_token=None), previous=OLD, now=0.0)


def test_a_token_is_fresh_until_shortly_before_its_end() -> None:
    held = Tokens(access="at", refresh="rt", expires=100.0, scopes="")
    assert held.fresh(69.0)
    assert not held.fresh(70.0)


def test_a_token_that_cannot_be_renewed_is_used_to_its_end() -> None:
    held = Tokens(access="at", expires=100.0, scopes="")
    assert held.fresh(99.0)
    assert not held.fresh(100.0)


def test_a_token_that_the_ehr_refused_is_not_fresh() -> None:
    held = Tokens(access="at", refresh="rt", expires=100.0, scopes="")
    assert not held.fresh(0.0, refused="at")
    assert held.fresh(0.0, refused="another")


def test_no_token_shows_in_a_representation() -> None:
    shown = repr(
        (Tokens(access="secret-a", refresh="secret-r", expires=0.0, scopes=""), reply(access_token="secret-b"))
    )
    assert "secret" not in shown


def test_context_without_a_role_is_what_the_app_was_launched_in() -> None:
    said = [{"reference": "ImagingStudy/1"}, {"reference": "List/1", "role": "https://ehr.example/roles/home"}]
    found = parse(reply(fhirContext=said))[1].fhir_context
    assert [each["role"] for each in found] == ["launch", "https://ehr.example/roles/home"]


def test_an_ehr_of_smart_2_0_says_its_context_as_bare_references() -> None:
    found = parse(reply(fhirContext=["ImagingStudy/1", "List/a-b.c"]))[1].fhir_context
    assert [(each["reference"], each["role"]) for each in found] == [
        ("ImagingStudy/1", "launch"),
        ("List/a-b.c", "launch"),
    ]


@pytest.mark.parametrize("role", ["", None, 7])
def test_a_role_that_is_no_word_fails_the_launch(role: Any) -> None:
    with pytest.raises(EhrFault, match="fhirContext"):
        parse(reply(fhirContext=[{"reference": "List/1", "role": role}]))
