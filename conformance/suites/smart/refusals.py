"""Every step of a sign-in done wrongly in one way, which the server has to refuse: a row each."""

from collections.abc import Iterable
from dataclasses import replace

from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Missing
from conformance.suites.smart.answers import (
    INVALID_CLIENT,
    INVALID_GRANT,
    Judge,
    needing,
    not_redirected,
    one,
    opens_nothing,
    refusing,
    stopping,
)
from conformance.suites.smart.collect.codes import PARALLEL
from conformance.suites.smart.ids import smart

Row = tuple[str, str, str, tuple[str, ...], Judge]
"""Evidence, id and title of the check, requirements, judge."""
PKCE = stopping("invalid_request")
RESPONSE = stopping("unsupported_response_type", "invalid_request")
LAUNCH = stopping("invalid_request", "access_denied", "login_required", "invalid_launch")
EXACT = ("rfc9700#2.1-exact-redirect", *smart(18))
GRANT, FORM = refusing(*INVALID_GRANT), refusing(*INVALID_GRANT, "invalid_request")
CLIENT = refusing(*INVALID_CLIENT)

REQUESTS: tuple[Row, ...] = (
    ("no challenge", "a_challenge_is_required", "An authorization request without code_challenge is refused.",
     ("rfc7636#4.4.1", "smart-app-launch-2.2.0#pkce-always"), PKCE),
    ("plain challenge", "a_plain_challenge_is_refused", "An authorization request with a plain challenge is refused.",
     smart(15), PKCE),
    ("no challenge method", "a_challenge_without_method_is_refused",
     "A challenge without a method, which would be plain, is refused.", (*smart(15), "rfc7636#4.3"), PKCE),
    ("short challenge", "a_malformed_challenge_is_refused", "A challenge that is none of S256 is refused.",
     ("rfc7636#4.2",), PKCE),
    ("wrong aud", "another_audience_is_refused", "An authorization request for another FHIR server is refused.",
     ("smart-app-launch-2.2.0#aud", *smart(96)), stopping("invalid_request", "invalid_target")),
    ("no aud", "an_audience_is_required", "An authorization request that does not say for which server is refused.",
     ("smart-app-launch-2.2.0#aud",), stopping("invalid_request", "invalid_target")),
    ("no state", "a_state_is_required", "An authorization request without state is refused.",
     ("smart-app-launch-2.2.0#state-required",), stopping("invalid_request")),
    ("no scope", "a_scope_is_required", "An authorization request without scope is refused.",
     ("smart-app-launch-2.2.0#scope-required",), stopping("invalid_scope", "invalid_request")),
    ("implicit", "the_implicit_grant_is_gone", "response_type=token is refused.", ("rfc9700#2.1.2",), RESPONSE),
    ("implicit id_token", "the_implicit_grant_of_openid_is_gone", "response_type=id_token token is refused.",
     ("rfc9700#2.1.2",), RESPONSE),
    ("no response type", "a_response_type_is_required", "An authorization request without response_type is refused.",
     ("rfc6749#3.1.1",), RESPONSE),
    ("state twice", "a_repeated_parameter_is_refused", "A parameter that is given twice is refused.",
     ("rfc6749#3.1-once",), stopping("invalid_request")),
    ("unknown client", "an_unknown_client_is_never_redirected", "A client that is not registered gets a page, not a redirect.",
     ("rfc6749#4.1.2.1",), not_redirected),
    ("no client", "no_client_is_never_redirected", "A request without client_id gets a page, not a redirect.",
     ("rfc6749#4.1.2.1",), not_redirected),
    ("foreign redirect", "a_foreign_redirect_address_is_never_followed",
     "An unregistered redirect address gets a page, not a redirect.", ("rfc6749#4.1.2.1", *smart(18)), not_redirected),
    ("foreign redirect and an error", "an_error_opens_no_redirect",
     "An error is not told to an unregistered address: no open redirect.", ("rfc9700#4.11", *smart(18)), not_redirected),
    ("script as redirect", "a_script_is_no_redirect_address", "A script as redirect address gets a page.",
     ("rfc9700#4.11",), not_redirected),
    ("no redirect", "a_redirect_address_is_required", "A request without redirect_uri gets a page, not a redirect.",
     EXACT, not_redirected),
)  # fmt: skip
LAUNCHES: tuple[Row, ...] = (
    ("unknown launch", "an_unknown_launch_is_refused", "A launch parameter that nobody prepared signs nobody in.",
     ("smart-app-launch-2.2.0#launch-bound",), LAUNCH),
    ("launch twice", "a_launch_is_used_once", "A launch parameter that was used signs nobody in again.",
     ("smart-app-launch-2.2.0#launch-once",), LAUNCH),
    ("launch of another client", "a_launch_is_its_clients", "A launch that was prepared for another client is refused.",
     ("smart-app-launch-2.2.0#launch-bound",), LAUNCH),
)  # fmt: skip
"""Of launches from an EHR."""
NEAR = (
    ("redirect with a longer path", "a_longer_path"), ("redirect with dot segments", "dot_segments"),
    ("redirect with a query", "a_query"), ("redirect with a fragment", "a_fragment"),
    ("redirect with a user", "a_user"), ("redirect at another port", "another_port"),
    ("redirect in capitals", "capitals"), ("redirect with a longer host", "a_longer_host"),
)  # fmt: skip
CODES: tuple[Row, ...] = (
    ("code twice", "a_code_is_used_once", "A code that was redeemed is refused.", ("rfc6749#4.1.2-code-once",), GRANT),
    ("unknown code", "an_unknown_code_is_refused", "A code that nobody issued is refused.", ("rfc6749#5.2",), GRANT),
    ("no code", "a_code_is_required", "A token request without a code is refused.", ("rfc6749#4.1.3",), FORM),
    ("code of another client", "a_code_is_its_clients", "A code that another client redeems is refused.",
     ("rfc6749#4.1.3-client",), GRANT),
    ("other redirect", "the_redirect_address_must_be_the_same",
     "A code with another redirect_uri than it was given for is refused.", ("rfc6749#4.1.3-redirect",), FORM),
    ("no redirect at the token endpoint", "the_redirect_address_must_be_said_again",
     "A code without the redirect_uri that it was given for is refused.", ("rfc6749#4.1.3-redirect",), FORM),
    ("wrong verifier", "the_verifier_must_match", "A code with another code_verifier is refused.",
     ("rfc7636#4.6", *smart(31)), GRANT),
    ("no verifier", "the_verifier_must_be_there", "A code without code_verifier is refused.",
     ("rfc7636#4.6", *smart(31)), FORM),
    ("empty verifier", "an_empty_verifier_is_refused", "A code with an empty code_verifier is refused.",
     ("rfc7636#4.6", *smart(31)), FORM),
    ("challenge as verifier", "the_challenge_is_no_verifier", "The challenge as verifier, as in plain, is refused.",
     ("rfc7636#4.6", *smart(15, 31)), GRANT),
    ("read after code twice", "a_code_used_twice_ends_its_tokens",
     "What a code gave ends when it is used a second time.", ("rfc6749#4.1.2-replay-revokes",), opens_nothing),
)  # fmt: skip
LATE: Row = ("late code", "a_code_lives_a_minute", "A code is refused after a minute.", smart(58), GRANT)
CLIENTS: tuple[Row, ...] = (
    ("wrong secret", "a_wrong_secret_is_refused", "A client with a wrong secret is refused.",
     ("rfc6749#2.3.1", *smart(356)), CLIENT),
    ("no secret", "a_secret_is_required", "A client that is registered with a secret is refused without.",
     ("rfc6749#3.2.1", *smart(356)), CLIENT),
    ("another client's secret", "a_client_is_who_authenticates",
     "A request in the name of one client with the credentials of another is refused.", ("rfc6749#3.2.1",), CLIENT),
    ("no assertion", "a_key_is_required", "A client that is registered with a key is refused without an assertion.",
     ("rfc6749#3.2.1", *smart(357)), CLIENT),
    ("two credentials", "a_client_authenticates_in_one_way", "A request that authenticates in two ways is refused.",
     ("rfc6749#2.3",), refusing("invalid_client", "invalid_request")),
)  # fmt: skip


def _beside_a_good_one(item: Check) -> Check:
    """The same, where the request as it should be is answered with a code: who refuses all shows nothing by it."""

    def find(evidence: Evidence) -> Problems:
        if not evidence.seen("authorize").redirected.get("code"):
            raise Missing("an authorization request that is answered with a code")
        yield from item.find(evidence)

    return replace(item, find=find)


def _near() -> Iterable[Check]:
    for name, short in NEAR:
        title = (
            f"A registered redirect address with {short.replace('_', ' ')} is not that address: a page, no redirect."
        )
        yield one(name, f"a_redirect_with_{short}_is_refused", title, EXACT, not_redirected)


@check("rfc6749#4.1.2-code-once")
def a_code_is_used_once_in_parallel(evidence: Evidence) -> Problems:
    """Of parallel requests with one code, one at most gets a token."""
    found = [evidence.seen(f"parallel code {number}") for number in range(1, PARALLEL + 1)]
    given = sum("access_token" in answer.table for answer in found)
    if given > 1:
        yield f"{given} of {PARALLEL} requests got a token"


CHECKS: tuple[Check, ...] = (
    *map(_beside_a_good_one, (*(one(*row) for row in REQUESTS), *_near())),
    *needing("launch-ehr")(one(*row) for row in LAUNCHES),
    *(one(*row) for row in CODES), a_code_is_used_once_in_parallel, *marked([one(*LATE)], slow=True),
    *(one(*row) for row in CLIENTS),
)  # fmt: skip
