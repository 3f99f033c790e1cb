"""Refresh tokens: what they renew, for whom, and when they end (SMART App Launch 2.2 app-launch §step-7)."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing
from conformance.suites.smart.answers import (
    beyond,
    forbidden,
    needing,
    number,
    one,
    opens,
    opens_nothing,
    refusing,
    token_given,
    words,
)
from conformance.suites.smart.ids import smart

GRANT = refusing("invalid_grant")
SCOPE = refusing("invalid_scope", "invalid_grant")


@check(*smart(101, 110), "rfc6749#6")
def a_refresh_token_renews(evidence: Evidence) -> Problems:
    """A refresh token gives an access token, also after a request for more that was refused."""
    yield from token_given(evidence.seen("refresh"))


@check(*smart(111, 112, 113))
def the_refresh_answer_is_complete(evidence: Evidence) -> Problems:
    """The answer has token_type, expires_in as a number, and scope."""
    answer = evidence.seen("refresh")
    if str(answer.table.get("token_type", "")).lower() != "bearer":
        yield "token_type is not bearer"
    if (number(answer.table.get("expires_in")) or 0) <= 0:
        yield "expires_in is no number of seconds"
    if not words(answer):
        yield "scope is missing"


@check(*smart(109, 114))
def a_refresh_without_scope_gives_the_same(evidence: Evidence) -> Problems:
    """Without a scope a refresh gives the scopes that were granted."""
    if words(evidence.seen("refresh")) != words(evidence.seen("offline token")):
        yield "the scopes are not those of the first answer"


@check(*smart(115))
def a_refresh_gives_less_when_less_is_asked(evidence: Evidence) -> Problems:
    """A refresh for a part of the scopes gives that part and says so."""
    answer = evidence.seen("refresh narrower")
    yield from token_given(answer)
    if not words(answer) or beyond(answer, "patient/Patient.rs"):
        yield "scope is not the part that was asked for"


def _kept(answer: Exchange) -> Problems:
    cached, pragma = (answer.headers.get(name, "").lower() for name in ("cache-control", "pragma"))
    if "no-store" not in cached or "no-cache" not in pragma:
        yield "Cache-Control lacks no-store, or Pragma no-cache"


@check(*smart(118))
def a_refresh_keeps_the_context(evidence: Evidence) -> Problems:
    """The context beside a renewed token is that of the first."""
    for name in ("patient", "encounter"):
        said = evidence.seen("refresh").table.get(name)
        if said is not None and said != evidence.seen("offline token").table.get(name):
            yield f"{name} is another than before"


@check("rfc9700#4.14.2")
def a_public_client_gets_a_new_refresh_token(evidence: Evidence) -> Problems:
    """A public client gets a new refresh token at each use."""
    answer = evidence.seen("public refresh")
    yield from token_given(answer)
    if answer.table.get("refresh_token") in (None, evidence["public refresh first"]):
        yield "the refresh token is not replaced"


@check(*smart(100, 366))
def online_access_renews_while_the_session_lasts(evidence: Evidence) -> Problems:
    """online_access gives a token that renews."""
    first = evidence.seen("online token")
    if words(first) and "online_access" not in words(first):
        raise Missing("online_access: it was not granted")
    if not isinstance(first.table.get("refresh_token"), str):
        yield "online_access is granted without a refresh_token"
    else:
        yield from token_given(evidence.seen("online refresh"))


OFFLINE: tuple[Check, ...] = (
    a_refresh_token_renews, the_refresh_answer_is_complete, a_refresh_without_scope_gives_the_same,
    a_refresh_gives_less_when_less_is_asked, a_refresh_keeps_the_context, a_public_client_gets_a_new_refresh_token,
    one("refresh", "a_refresh_is_not_cached", "The answer to a refresh forbids caches to keep it.", smart(86, 87), _kept),
    one("read after refresh", "a_renewed_token_reads", "A renewed token opens what the first did.", smart(110), opens),
    one("read beyond the narrower", "a_narrower_token_opens_less", "A token renewed for less opens no more than that.",
        smart(95, 115), forbidden),
    one("refresh wider", "a_refresh_gives_no_more_than_was_granted",
        "A refresh that asks for more than was granted is refused.", (*smart(104), "rfc6749#6"), SCOPE),
    one("refresh with another resource level", "a_refresh_gives_no_other_level",
        "A refresh that asks for user/ scopes where patient/ ones were granted is refused.", smart(104), SCOPE),
    one("refresh unknown", "an_unknown_refresh_token_is_refused", "A refresh token that nobody issued is refused.",
        ("rfc6749#5.2",), GRANT),
    one("refresh as nobody", "a_refresh_needs_its_client", "A refresh without client authentication is refused.",
        ("rfc6749#6-authentication",), refusing("invalid_client", "invalid_request")),
    one("refresh by another client", "a_refresh_token_is_its_clients", "A refresh token that another client presents is refused.",
        smart(103), refusing("invalid_grant", "invalid_client")),
    one("refresh revoked", "a_revoked_refresh_token_is_refused", "A refresh token that was revoked is refused.",
        ("rfc7009#2.1-refresh",), GRANT),
    one("read after refresh revoked", "a_revoked_refresh_token_ends_its_tokens",
        "Revoking a refresh token ends the access tokens that it gave.", ("rfc7009#2.1-cascade",), opens_nothing),
    one("public refresh twice", "a_replaced_refresh_token_is_refused",
        "A public client's refresh token that was replaced is refused.", ("rfc9700#4.14.2",), GRANT),
    one("public refresh after twice", "a_reused_refresh_token_ends_the_grant",
        "When a replaced refresh token comes back, its successor is refused too.", ("rfc9700#4.14.2-reuse",), GRANT),
    one("public read after twice", "a_reused_refresh_token_ends_its_tokens",
        "When a replaced refresh token comes back, access tokens end too.", ("rfc9700#4.14.2-reuse",), opens_nothing),
)  # fmt: skip
CHECKS: tuple[Check, ...] = (
    *needing("permission-offline", "refresh_token")(OFFLINE),
    *needing("permission-online")((online_access_renews_while_the_session_lasts,)),
)
