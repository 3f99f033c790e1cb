"""Clients that authenticate as they should are taken: the twins of all that are refused (SMART App Launch 2.2.0)."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange
from conformance.suites.smart.answers import needing
from conformance.suites.smart.ids import smart


def taken(answer: Exchange) -> Problems:
    """A token answer that is one."""
    if answer.status != 200 or not isinstance(answer.table.get("access_token"), str):
        yield f"answered {answer.status}, or no token"


@check("rfc6749#2.3.1", *smart(356))
def a_good_secret_is_taken(evidence: Evidence) -> Problems:
    """A client that sends its own secret by Basic gets a token.

    The secret and the id are form-encoded before they are joined and encoded (RFC 6749 section 2.3.1).
    """
    yield from taken(evidence.seen("symmetric token"))


@check(*smart(355))
def a_public_client_gets_a_token(evidence: Evidence) -> Problems:
    """A public client that proves its code by PKCE gets a token."""
    yield from taken(evidence.seen("public token"))


CHECKS: tuple[Check, ...] = (
    *needing("client-confidential-symmetric")((a_good_secret_is_taken,)),
    *needing("client-public")((a_public_client_gets_a_token,)),
)
