"""Backend services: short tokens, within what was authorized before, for clients that authenticate."""

from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.suites.smart.answers import (
    beyond,
    forbidden,
    needing,
    not_kept,
    number,
    one,
    opens,
    refused,
    refusing,
    token_given,
    words,
)
from conformance.suites.smart.ids import smart

SCOPE = ("invalid_scope", "invalid_request")


@check(*smart(240, 253, 254))
def backend_services_get_a_token(evidence: Evidence) -> Problems:
    """Client credentials with an assertion give an access token."""
    yield from token_given(evidence.seen("backend"))


@check(*smart(255, 256, 258))
def the_backend_answer_is_complete(evidence: Evidence) -> Problems:
    """The answer has token_type, expires_in as a number, and scope."""
    answer = evidence.seen("backend")
    if str(answer.table.get("token_type", "")).lower() != "bearer":
        yield "token_type is not bearer"
    if (number(answer.table.get("expires_in")) or 0) <= 0:
        yield "expires_in is no number of seconds"
    if not words(answer):
        yield "scope is missing"


@check(*smart(257, 261, 262))
def backend_services_give_a_short_token(evidence: Evidence) -> Problems:
    """The token lives five minutes at most."""
    if (number(evidence.seen("backend").table.get("expires_in")) or 0) > 300:
        yield "the token lives longer than 300 seconds"


@check(*smart(248))
def backend_services_get_no_refresh_token(evidence: Evidence) -> Problems:
    """There is no refresh token: an assertion can be made at any time."""
    if "refresh_token" in evidence.seen("backend").table:
        yield "gave a refresh token"


@check(*smart(241, 250, 259))
def a_backend_gets_no_more_than_it_is_registered_for(evidence: Evidence) -> Problems:
    """Scopes beyond what the client is authorized for are refused or left out, and the answer says so."""
    answer = evidence.seen("backend beyond its registration")
    if "access_token" not in answer.table:
        yield from refused(answer, *SCOPE)
    elif not words(answer) or beyond(answer, "system/Patient.rs"):
        yield "granted more than system/Patient.rs, which is all the client is registered for"


def _kept(answer: Exchange) -> Problems:
    yield from token_given(answer)
    yield from not_kept(answer)


BACKEND: tuple[Check, ...] = (
    backend_services_get_a_token, the_backend_answer_is_complete, backend_services_give_a_short_token,
    backend_services_get_no_refresh_token, a_backend_gets_no_more_than_it_is_registered_for,
    one("backend", "the_backend_answer_is_not_cached", "The backend's token answer forbids caches to keep it.",
        ("rfc6749#5.1-no-store",), _kept),
    one("backend read", "a_backend_token_reads", "A backend token opens what its scope says.", smart(142), opens),
    one("narrow read", "a_narrow_backend_token_reads", "A token for one type opens that type.", smart(142), opens),
    one("read beyond scope", "a_read_beyond_the_scope_is_refused", "A type that the scope does not name is not read.",
        smart(243, 266), forbidden),
    *marked(
        [one("write beyond scope", "a_write_beyond_the_scope_is_refused", "What may be read is not written.",
             smart(266), forbidden)],
        writes=True,
    ),
    one("unknown grant type", "an_unknown_grant_type_is_refused", "An unknown grant_type is 400 unsupported_grant_type.",
        smart(251), refusing("unsupported_grant_type", "invalid_request")),
    one("no grant type", "a_grant_type_is_required", "A token request without grant_type is refused.",
        smart(251), refusing("unsupported_grant_type", "invalid_request")),
    one("password grant", "the_password_grant_is_gone", "grant_type=password is refused.", ("rfc9700#2.4",),
        refusing("unsupported_grant_type", "unauthorized_client", "invalid_request", "invalid_client")),
    one("backend for a patient", "a_backend_gets_no_patient_scope", "Client credentials give no patient/ scope.",
        smart(250), refusing(*SCOPE)),
    one("backend without scope", "a_backend_says_which_scope", "Client credentials without scope are refused.",
        smart(241), refusing(*SCOPE)),
    one("backend by a public client", "a_public_client_is_no_backend", "Client credentials are for who can authenticate.",
        ("rfc6749#4.4",), refusing("unauthorized_client", "invalid_client", "invalid_grant")),
)  # fmt: skip
CHECKS: tuple[Check, ...] = needing("client_credentials")(BACKEND)
