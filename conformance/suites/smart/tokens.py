"""Token answers: what is in them, and what the token opens (SMART App Launch 2.2 app-launch §step-5, §step-6)."""

import re

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing
from conformance.suites.smart.answers import (
    beyond,
    is_json,
    names_bearer,
    needing,
    not_kept,
    number,
    one,
    opens,
    opens_nothing,
    readable,
    token_given,
    words,
)
from conformance.suites.smart.ids import smart

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 §2.1."""


@check(*smart(73, 74, 84, 85))
def a_code_gives_a_token(evidence: Evidence) -> Problems:
    """A code is answered with a JSON object that has an access token of the characters of RFC 6750."""
    answer = evidence.seen("token")
    yield from token_given(answer)
    yield from is_json(answer)
    if TOKEN.fullmatch(str(answer.table.get("access_token", ""))) is None:
        yield "access_token has other characters than a bearer token may have"


@check(*smart(75))
def a_token_is_a_bearer_token(evidence: Evidence) -> Problems:
    """token_type is Bearer."""
    if str(evidence.seen("token").table.get("token_type", "")).lower() != "bearer":
        yield "token_type is not Bearer"


@check(*smart(76, 88))
def a_token_says_how_long_it_lives(evidence: Evidence) -> Problems:
    """expires_in is a number of seconds."""
    if (number(evidence.seen("token").table.get("expires_in")) or 0) <= 0:
        yield "expires_in is no number of seconds"


@check(*smart(91))
def a_token_lives_an_hour_at_most(evidence: Evidence) -> Problems:
    """An access token lives an hour at most."""
    if (number(evidence.seen("token").table.get("expires_in")) or 0) > 3600:
        yield "expires_in is more than 3600"


@check(*smart(78))
def a_token_says_what_it_is_good_for(evidence: Evidence) -> Problems:
    """scope is there, and reaches no record beyond what was asked for, in whatever spelling."""
    answer = evidence.seen("token")
    if not words(answer):
        yield "scope is missing"
    if extra := beyond(answer, evidence["scopes asked"]):
        yield f"{len(extra)} of the scopes granted were never asked for"


def _pragma(answer: Exchange) -> Problems:
    if "no-cache" not in answer.headers.get("pragma", "").lower():
        yield "Pragma lacks no-cache"


@check(*smart(89, 365))
def offline_access_gives_a_refresh_token(evidence: Evidence) -> Problems:
    """Who is granted offline_access gets a refresh token."""
    answer = evidence.seen("token")
    if words(answer) and "offline_access" not in words(answer):
        raise Missing("offline_access: it was not granted")
    if not isinstance(answer.table.get("refresh_token"), str):
        yield "offline_access is granted without a refresh_token"


@check(*smart(17))
def a_browser_app_reads_its_tokens(evidence: Evidence) -> Problems:
    """A page at the origin of a registered app may read the token answer."""
    yield from readable(evidence.seen("token"))


@check(*smart(17))
def a_browser_app_reads_records(evidence: Evidence) -> Problems:
    """A page at the origin of a registered app may read FHIR answers."""
    yield from readable(evidence.seen("patient"))


@check(*smart(77, 94, 265))
def a_token_ends(evidence: Evidence) -> Problems:
    """A token that has expired opens nothing."""
    yield from opens_nothing(evidence.seen("read after its end"))


@check("rfc6749#5.1-no-token-in-errors")
def an_error_is_json_and_says_why(evidence: Evidence) -> Problems:
    """An error of the token endpoint is JSON with the member error, and is not cached."""
    answer = evidence.seen("code twice")
    yield from is_json(answer)
    if not isinstance(answer.table.get("error"), str):
        yield "has no error"
    yield from not_kept(answer)


@check(*smart(252))
def an_error_describes_itself(evidence: Evidence) -> Problems:
    """An error of the token endpoint says in words what is wrong, or where that stands."""
    if not {"error_description", "error_uri"} & set(evidence.seen("code twice").table):
        yield "has neither error_description nor error_uri"


@check("rfc6750#3-scheme")
def no_token_is_told_the_scheme(evidence: Evidence) -> Problems:
    """A FHIR request without a token is 401 and names the scheme Bearer."""
    answer = evidence.seen("patient without a token")
    yield from opens_nothing(answer)
    yield from names_bearer(answer)


CHECKS: tuple[Check, ...] = (
    a_code_gives_a_token, a_token_is_a_bearer_token, a_token_says_how_long_it_lives, a_token_lives_an_hour_at_most,
    a_token_says_what_it_is_good_for,
    one("token", "token_answer_is_not_cached", "The token answer forbids caches to keep it.", smart(86), not_kept),
    one("token", "token_answer_is_not_cached_by_old_caches", "The token answer says Pragma: no-cache.", smart(87), _pragma),
    *needing("permission-offline")((offline_access_gives_a_refresh_token,)),
    *needing("client-public")((a_browser_app_reads_its_tokens, a_browser_app_reads_records)), a_token_ends,
    an_error_is_json_and_says_why, an_error_describes_itself, no_token_is_told_the_scheme,
    one("patient", "the_launched_patient_is_read", "The patient in context can be read with the token.",
        smart(95, 136, 367), opens),
)  # fmt: skip
