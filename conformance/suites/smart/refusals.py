"""Every step of a sign-in done wrongly in one way, which the server has to refuse (SMART App Launch 2.2.0)."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange


def refused(answer: Exchange, *errors: str) -> Problems:
    """A token endpoint refuses with 400 or 401 and one of these OAuth errors (RFC 6749 §5.2)."""
    if answer.status not in (400, 401):
        yield f"answered {answer.status} instead of 400 or 401"
    if answer.table.get("error") not in errors:
        yield f"does not answer one of the errors {', '.join(errors)}"
    if "access_token" in answer.table:
        yield "gave an access token"


def stopped(answer: Exchange, *errors: str) -> Problems:
    """An authorization request ends in an error, on a page or at the redirect address, and never with a code."""
    if "code" in answer.redirected:
        yield "gave a code"
    elif answer.status in (302, 303):
        if answer.redirected.get("error") not in errors:
            yield f"does not redirect with one of the errors {', '.join(errors)}"
    elif not 400 <= answer.status < 500:
        yield f"answered {answer.status}"


def not_redirected(answer: Exchange) -> Problems:
    """What may not redirect is a 4xx page (RFC 6749 §4.1.2.1)."""
    if not 400 <= answer.status < 500:
        yield f"answered {answer.status} instead of an error page"
    if "location" in answer.headers:
        yield "redirected all the same"


@check("rfc6749#4.1.2-code-once")
def a_code_is_used_once(evidence: Evidence) -> Problems:
    """A code that was redeemed is refused."""
    yield from refused(evidence.seen("code twice"), "invalid_grant")


@check("smart-app-launch-2.2.0#launch-once")
def a_launch_is_used_once(evidence: Evidence) -> Problems:
    """A launch parameter that was used signs nobody in again."""
    yield from stopped(
        evidence.seen("launch twice"), "invalid_request", "access_denied", "login_required", "invalid_launch"
    )


@check("rfc7636#4.4.1")
def a_challenge_is_required(evidence: Evidence) -> Problems:
    """An authorization request without code_challenge is refused."""
    yield from stopped(evidence.seen("no challenge"), "invalid_request")


@check("smart-app-launch-2.2.0#pkce-not-plain")
def a_plain_challenge_is_refused(evidence: Evidence) -> Problems:
    """An authorization request with a plain challenge is refused."""
    yield from stopped(evidence.seen("plain challenge"), "invalid_request")


@check("smart-app-launch-2.2.0#aud")
def another_audience_is_refused(evidence: Evidence) -> Problems:
    """An authorization request for another FHIR server is refused."""
    yield from stopped(evidence.seen("wrong aud"), "invalid_request", "invalid_target", "access_denied")


@check("rfc6749#4.1.2.1")
def a_foreign_redirect_address_is_never_followed(evidence: Evidence) -> Problems:
    """An unregistered redirect address gets a page, not a redirect."""
    yield from not_redirected(evidence.seen("foreign redirect"))


@check("rfc9700#2.1-exact-redirect")
def a_redirect_address_is_compared_exactly(evidence: Evidence) -> Problems:
    """A redirect address that only begins like a registered one gets a page, not a redirect."""
    yield from not_redirected(evidence.seen("near redirect"))


@check("rfc6749#4.1.2.1")
def an_unknown_client_is_never_redirected(evidence: Evidence) -> Problems:
    """A client that is not registered gets a page, not a redirect."""
    yield from not_redirected(evidence.seen("unknown client"))


@check("rfc9700#2.1.2")
def the_implicit_grant_is_gone(evidence: Evidence) -> Problems:
    """response_type=token is refused."""
    yield from stopped(evidence.seen("implicit"), "unsupported_response_type", "invalid_request")


@check("rfc7636#4.6")
def the_verifier_must_match(evidence: Evidence) -> Problems:
    """A code with another code_verifier is refused."""
    yield from refused(evidence.seen("wrong verifier"), "invalid_grant")


@check("rfc7636#4.6")
def the_verifier_must_be_there(evidence: Evidence) -> Problems:
    """A code without code_verifier is refused."""
    yield from refused(evidence.seen("no verifier"), "invalid_grant", "invalid_request")


@check("rfc6749#4.1.3")
def the_redirect_address_must_be_the_same(evidence: Evidence) -> Problems:
    """A code with another redirect_uri than it was given for is refused."""
    yield from refused(evidence.seen("other redirect"), "invalid_grant", "invalid_request")


def _assertion(name: str, title: str) -> Check:
    """One way in which a client assertion must not hold."""

    def find(evidence: Evidence) -> Problems:
        yield from refused(evidence.seen(name), "invalid_client")

    find.__doc__, find.__name__ = title, name.replace(" ", "_") + "_is_refused"
    return check("smart-app-launch-2.2.0#client-assertion")(find)


CHECKS: tuple[Check, ...] = (
    a_code_is_used_once,
    a_launch_is_used_once,
    a_challenge_is_required,
    a_plain_challenge_is_refused,
    another_audience_is_refused,
    a_foreign_redirect_address_is_never_followed,
    a_redirect_address_is_compared_exactly,
    an_unknown_client_is_never_redirected,
    the_implicit_grant_is_gone,
    the_verifier_must_match,
    the_verifier_must_be_there,
    the_redirect_address_must_be_the_same,
    _assertion("assertion of another key", "An assertion signed with an unregistered key is refused."),
    _assertion("assertion for another server", "An assertion for another token endpoint is refused."),
    _assertion("assertion expired", "An assertion that has expired is refused."),
    _assertion("assertion unsigned", "An assertion with alg none is refused."),
    _assertion("assertion too long", "An assertion that is valid for a day is refused."),
    _assertion("assertion replayed", "An assertion that was used is refused."),
)
