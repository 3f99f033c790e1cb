"""Introspection (SMART App Launch 2.2 token-introspection, RFC 7662) and revocation (RFC 7009)."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.suites.smart.answers import needing, number, one, opens, opens_nothing, refused, refusing, words
from conformance.suites.smart.ids import smart

CONTEXT = ("patient", "encounter", "intent", "need_patient_banner", "tenant", "smart_style_url", "fhirContext")
DEAD = {"active": False}


@check(*smart(271, 272))
def a_live_token_is_active(evidence: Evidence) -> Problems:
    """Introspection says active true of a live token."""
    answer = evidence.seen("introspect")
    if answer.status != 200 or answer.table.get("active") is not True:
        yield f"answered {answer.status}, or active is not true"


@check(*smart(273))
def introspection_says_the_scope(evidence: Evidence) -> Problems:
    """scope is the one of the token answer."""
    if words(evidence.seen("introspect")) != words(evidence.seen("introspected token")):
        yield "scope is not that of the token"


@check(*smart(274))
def introspection_says_the_client(evidence: Evidence) -> Problems:
    """client_id is the client that the token was given to."""
    if evidence.seen("introspect").table.get("client_id") != evidence["introspecting client"]:
        yield "client_id is not the client's"


@check(*smart(275, 276))
def introspection_says_when_the_token_ends(evidence: Evidence) -> Problems:
    """exp is a whole number that agrees with expires_in."""
    ends = number(evidence.seen("introspect").table.get("exp"))
    life = number(evidence.seen("introspected token").table.get("expires_in"))
    if ends is None or life is None:
        yield "exp, or expires_in, is no whole number"
    elif abs(ends - evidence.seen("introspected token").at - life) > 120:
        yield "exp is not when expires_in ends"


@check(*smart(277))
def introspection_says_the_context(evidence: Evidence) -> Problems:
    """The launch context is the one beside the token."""
    token = evidence.seen("introspected token").table
    for name in CONTEXT:
        if name in token and evidence.seen("introspect").table.get(name) != token[name]:
            yield f"{name} is not that of the token answer"


def _claims(answer: Exchange) -> Mapping[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(str(answer.table["id_token"]).split(".")[1] + "=="))
    except (KeyError, IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@check(*smart(278, 279))
def introspection_says_who_signed_in(evidence: Evidence) -> Problems:
    """iss and sub are those of the id_token that came with the token."""
    claims = _claims(evidence.seen("introspected token"))
    for name in ("iss", "sub"):
        if name in claims and evidence.seen("introspect").table.get(name) != claims[name]:
            yield f"{name} is not that of the id_token"


@check(*smart(280))
def introspection_says_the_user(evidence: Evidence) -> Problems:
    """fhirUser is that of the id_token."""
    claims = _claims(evidence.seen("introspected token"))
    if "fhirUser" in claims and evidence.seen("introspect").table.get("fhirUser") != claims["fhirUser"]:
        yield "fhirUser is not that of the id_token"


def _dead(answer: Exchange) -> Problems:
    if answer.status != 200 or answer.table != DEAD:
        yield f"answered {answer.status}, or more than active false"


def _kept(answer: Exchange) -> Problems:
    if answer.table.get("active") is True:
        yield "told of a live token"


def _unknown(answer: Exchange) -> Problems:
    """Refused, or told nothing."""
    if answer.table != DEAD:
        yield from refused(answer, "invalid_client", "invalid_request", "invalid_token", "unauthorized_client")


def _bearer(answer: Exchange) -> Problems:
    """Refused as RFC 6750 has it, where the header says why, or as RFC 6749 has it, where the body does."""
    if answer.status != 401 or "error=" not in answer.headers.get("www-authenticate", ""):
        yield from refused(answer, "invalid_token", "invalid_client")


def _revoked(answer: Exchange) -> Problems:
    """200; a server need not revoke access tokens, and says so then (RFC 7009 §2, §2.2.1)."""
    if answer.table.get("error") == "unsupported_token_type":
        raise NotOffered("revocation of access tokens")
    yield from opens(answer)


@check("rfc7009#2.1")
def a_revoked_token_opens_nothing(evidence: Evidence) -> Problems:
    """A token that was revoked is refused at once."""
    yield from _revoked(evidence.seen("revoke"))
    yield from opens_nothing(evidence.seen("after revoke"))


def _active(answer: Exchange) -> Problems:
    if answer.status != 200 or answer.table.get("active") is not True:
        yield f"answered {answer.status}, or active is not true"


INTROSPECTION: tuple[Check, ...] = (
    a_live_token_is_active, introspection_says_the_scope, introspection_says_the_client,
    introspection_says_when_the_token_ends, introspection_says_the_context, introspection_says_who_signed_in,
    introspection_says_the_user,
    one("introspect garbage", "introspection_says_nothing_of_garbage",
        "What is no token is answered with active false and nothing else.", ("rfc7662#2.2",), _dead),
    one("introspect revoked", "introspection_says_nothing_of_a_revoked_token",
        "A revoked token is answered with active false and nothing else.", ("rfc7662#2.2",), _dead),
    one("introspect after its end", "introspection_says_nothing_of_an_ended_token",
        "A token that has expired is answered with active false and nothing else.", ("rfc7662#2.2",), _dead),
    one("introspect nothing", "introspection_wants_a_token", "Introspection without a token is refused.",
        ("rfc7662#2.1-token",), refusing("invalid_request")),
    one("introspect as nobody", "introspection_wants_to_know_who_asks", "Introspection by nobody is refused.",
        ("rfc7662#2.1-authorization",), refusing("invalid_client", "invalid_request", "invalid_token")),
    one("introspect as a false bearer", "introspection_wants_a_live_bearer",
        "Introspection with a bearer that is none is refused.", ("rfc7662#2.3",), _bearer),
    one("introspect as a public client", "introspection_tells_no_public_client",
        "A client that proves nothing is told nothing.", ("rfc7662#4",), _unknown),
    one("introspect as another client", "introspection_tells_no_other_client",
        "A client without leave for it is told nothing of another's token.", ("rfc7662#4",), _kept),
    one("introspect as a bearer", "introspection_serves_a_bearer", "Who may introspect may do so with a bearer.",
        smart(282), _active),
    one("introspect as a resource server", "introspection_serves_a_resource_server",
        "A client with leave for it is told of tokens of any client.", smart(283), _active),
)  # fmt: skip
REVOCATION: tuple[Check, ...] = (
    one("revoke", "a_token_is_revoked", "Revocation is answered with 200.", ("rfc7009#2.2",), _revoked),
    one("revoke again", "a_token_is_revoked_twice", "Revoking what is revoked is answered with 200.", ("rfc7009#2.2",),
        _revoked),
    a_revoked_token_opens_nothing,
    one("before revoke", "a_stranger_revokes_nothing", "A token that strangers tried to revoke goes on.",
        ("rfc7009#2.1-client",), opens),
    one("revoke as nobody", "revocation_wants_to_know_who_asks", "Revocation by nobody is refused.",
        ("rfc7009#2.1-authentication",), refusing("invalid_client", "invalid_request")),
)  # fmt: skip
CHECKS: tuple[Check, ...] = (
    *needing("introspection_endpoint")(INTROSPECTION), *needing("revocation_endpoint")(REVOCATION),
)  # fmt: skip
