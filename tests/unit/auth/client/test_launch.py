"""A launch asks for exactly what it must, and takes back only its own EHR's answer (smart-auth B08, B09)."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from auth import pkce
from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, LaunchError
from auth.client.launch import ENTROPY, PendingLaunch, asked, begin, complete
from auth.discovery import SmartConfiguration

ISSUER = "https://ehr.example/r4"
ENDPOINTS = {
    "authorization_endpoint": "https://ehr.example/auth/authorize",
    "token_endpoint": "https://ehr.example/auth/token",
    "jwks_uri": "https://ehr.example/auth/jwks",
    "issuer": "https://ehr.example",
}


def ehr(**members: Any) -> RegisteredEhr:
    return RegisteredEhr(**{"name": "spec", "issuer": ISSUER, "client_id": "gateway", **members})


def configuration(**members: Any) -> SmartConfiguration:
    return SmartConfiguration(**{**ENDPOINTS, **members})


def started(
    launch: str | None = "xyz", entropy: bytes = bytes(range(ENTROPY)), **members: Any
) -> tuple[dict[str, str], PendingLaunch]:
    url, begun = begin(
        configuration(**members), ehr(), launch=launch, redirect_uri="http://localhost/app/callback/spec",
        entropy=entropy,
    )  # fmt: skip
    assert url.startswith("https://ehr.example/auth/authorize?")
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(query)) == len(query)
    return dict(query), begun


def test_an_ehr_launch_asks_with_everything_smart_requires() -> None:
    query, begun = started()
    assert query == {
        "response_type": "code",
        "client_id": "gateway",
        "redirect_uri": "http://localhost/app/callback/spec",
        "scope": " ".join(ehr().scopes),
        "state": begun.state,
        "aud": ISSUER,
        "code_challenge": pkce.challenge(begun.verifier),
        "code_challenge_method": "S256",
        "launch": "xyz",
        "nonce": begun.nonce,
    }


def test_a_standalone_launch_asks_for_a_patient_and_carries_no_launch() -> None:
    query, _ = started(launch=None)
    assert "launch" not in query
    assert {"launch/patient"} <= set(query["scope"].split())
    assert "launch" not in query["scope"].split()


def test_a_launch_that_does_not_ask_who_signs_in_sends_no_nonce() -> None:
    url, _ = begin(
        configuration(), ehr(scopes=("launch", "patient/*.rs")), launch="x", redirect_uri="http://localhost/c",
        entropy=bytes(ENTROPY),
    )  # fmt: skip
    assert "nonce" not in dict(parse_qsl(urlsplit(url).query))


def test_state_verifier_and_nonce_share_no_randomness() -> None:
    _, one = started()
    for at, names in ((0, ("state",)), (40, ("verifier",)), (95, ("nonce",))):
        changed = bytearray(range(ENTROPY))
        changed[at] ^= 255
        _, other = started(entropy=bytes(changed))
        differing = {name for name in ("state", "verifier", "nonce") if getattr(one, name) != getattr(other, name)}
        assert differing == set(names)


def test_a_verifier_is_long_enough_for_pkce() -> None:
    assert len(started()[1].verifier) == 43


def test_less_randomness_than_needed_is_refused() -> None:
    with pytest.raises(ValueError, match="random"):
        started(entropy=bytes(ENTROPY - 1))


def test_an_endpoint_with_a_query_of_its_own_keeps_it() -> None:
    url, _ = begin(
        configuration(authorization_endpoint="https://ehr.example/auth?tenant=1"), ehr(), launch="x",
        redirect_uri="http://localhost/c", entropy=bytes(ENTROPY),
    )  # fmt: skip
    assert dict(parse_qsl(urlsplit(url).query))["tenant"] == "1"
    assert url.count("?") == 1


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/x",
        "http://ehr.example/x",
        "https://ehr.example@evil.example/x",
        "https://ehr.example:444/x",
    ],
)
def test_an_endpoint_at_another_origin_is_refused_by_name(member: str, elsewhere: str) -> None:
    with pytest.raises(EhrFault, match=member):
        started(**{member: elsewhere})


def test_an_endpoint_at_a_declared_origin_is_used() -> None:
    declared = ehr(origins=("https://login.example",))
    _, begun = begin(
        configuration(token_endpoint="https://login.example/token"), declared, launch="x",
        redirect_uri="http://localhost/c", entropy=bytes(ENTROPY),
    )  # fmt: skip
    assert begun.token_endpoint == "https://login.example/token"


def test_an_ehr_without_a_place_to_sign_in_is_refused() -> None:
    with pytest.raises(EhrFault, match="authorization_endpoint"):
        started(authorization_endpoint=None)


def test_secrets_of_a_pending_launch_do_not_show() -> None:
    _, begun = started()
    assert not {begun.state, begun.verifier, begun.nonce} & set(repr(begun).replace("'", " ").split())


def test_scopes_are_asked_once_each() -> None:
    assert asked(("launch", "a", "launch/patient", "a"), standalone=True) == ("launch/patient", "a")


def test_the_answer_of_the_ehr_that_was_asked_becomes_a_token_request() -> None:
    _, begun = started(authorization_response_iss_parameter_supported=True)
    request = complete(begun, [("state", begun.state), ("code", "c1"), ("iss", "https://ehr.example")])
    assert request.url == "https://ehr.example/auth/token"
    assert dict(request.form) == {
        "grant_type": "authorization_code",
        "code": "c1",
        "redirect_uri": begun.redirect_uri,
        "code_verifier": begun.verifier,
    }


@pytest.mark.parametrize("iss", ["https://evil.example", "https://ehr.example/", "HTTPS://ehr.example", ""])
@pytest.mark.parametrize("advertised", [True, False])
def test_an_answer_with_another_issuer_is_refused(iss: str, advertised: bool) -> None:
    _, begun = started(authorization_response_iss_parameter_supported=advertised)
    with pytest.raises(LaunchError, match="did not come from"):
        complete(begun, [("code", "c1"), ("iss", iss)])


def test_an_answer_without_issuer_is_refused_where_one_was_advertised() -> None:
    _, begun = started(authorization_response_iss_parameter_supported=True)
    with pytest.raises(LaunchError, match="did not come from"):
        complete(begun, [("code", "c1")])


def test_an_answer_without_issuer_is_taken_where_none_was_advertised() -> None:
    _, begun = started()
    assert dict(complete(begun, [("code", "c1")]).form)["code"] == "c1"


def test_an_error_with_a_forged_issuer_is_refused_as_forged_before_it_is_read() -> None:
    _, begun = started()
    with pytest.raises(LaunchError, match="did not come from"):
        complete(begun, [("error", "access_denied"), ("iss", "https://evil.example")])


def test_a_refusal_of_the_ehr_is_told_in_plain_words() -> None:
    _, begun = started()
    with pytest.raises(LaunchError) as refused:
        complete(begun, [("error", "access_denied"), ("error_description", "visit evil.example")])
    assert refused.value.code == "access_denied"
    assert "evil" not in refused.value.happened + refused.value.advice


@pytest.mark.parametrize("error", ["<script>", "", "x" * 100])
def test_an_error_of_no_known_form_is_told_without_repeating_it(error: str) -> None:
    _, begun = started()
    with pytest.raises(LaunchError) as refused:
        complete(begun, [("error", error)])
    assert refused.value.code == "invalid_request"
    assert not error or error not in refused.value.happened + refused.value.advice


@pytest.mark.parametrize("parameters", [[], [("code", "")], [("code", "x" * 9000)]])
def test_an_answer_without_a_code_is_refused(parameters: list[tuple[str, str]]) -> None:
    _, begun = started()
    with pytest.raises(LaunchError, match="code"):
        complete(begun, parameters)


@pytest.mark.parametrize("name", ["code", "iss", "state", "error", "x"])
def test_a_repeated_parameter_is_refused(name: str) -> None:
    _, begun = started()
    with pytest.raises(LaunchError, match="twice"):
        complete(begun, [("code", "c1"), (name, "https://ehr.example"), (name, "https://ehr.example")])


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "launch/encounter", "launch/medicationrequest?role=home", "user/Practitioner.r", "patient/*.cruds", "online_access",
        "patient/Observation.read",
    ],
)  # fmt: skip
@pytest.mark.parametrize("launch", ["xyz", None])
def test_a_registered_scope_is_asked_as_it_is_written(scope: str, launch: str | None) -> None:
    url, begun = begin(
        configuration(), ehr(scopes=("openid", scope)), launch=launch, redirect_uri="r", entropy=bytes(range(ENTROPY))
    )
    assert scope in dict(parse_qsl(urlsplit(url).query))["scope"].split()
    assert scope in begun.asked


def test_nothing_is_asked_that_a_server_need_not_know() -> None:
    query, _ = started()
    assert not {"max_age", "auth_time", "prompt", "resource", "response_mode"} & set(query)
