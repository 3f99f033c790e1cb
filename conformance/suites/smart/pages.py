"""The server's own pages: shown to a person, in no frame, and never answered by a request alone."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange
from conformance.suites.smart.answers import not_kept, one

HTML = ("text/html", "application/xhtml+xml")
QUIET = frozenset({
    "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin",
})  # fmt: skip
"""Policies under which another site learns the origin of a page at most (Referrer Policy §3)."""


def _unframed(answer: Exchange) -> Problems:
    policy = answer.headers.get("content-security-policy", "")
    old = answer.headers.get("x-frame-options", "").upper()
    if "frame-ancestors" not in policy and old not in ("DENY", "SAMEORIGIN"):
        yield "neither frame-ancestors nor X-Frame-Options keeps the page out of frames"


def quiet(answer: Exchange) -> Problems:
    """The address does not travel to other sites: of several policies the last that is known holds."""
    if answer.headers.get("referrer-policy", "").rpartition(",")[2].strip().lower() not in QUIET:
        yield "Referrer-Policy lets the address of the page travel"


def _hostile(answer: Exchange) -> Problems:
    body = answer.body.decode("utf-8", "replace")
    if "attacker.example" in body or "javascript:" in body:
        yield "repeats the address that was sent"


@check("rfc9700#4.16-consent", "smart-app-launch-2.2.0#consent")
def a_request_alone_signs_nobody_in(evidence: Evidence) -> Problems:
    """An authorization request from any site, by GET or POST, gets a page and no code."""
    for name in ("page answer", "posted page answer"):
        if "code" in evidence.seen(name).redirected:
            yield f"{name}: a code without a person"


@check("smart-app-launch-2.2.0#sign-in-page")
def a_person_gets_a_page(evidence: Evidence) -> Problems:
    """Who is not signed in gets a page."""
    answer = evidence.seen("page")
    if answer.status != 200 or not answer.headers.get("content-type", "").lower().startswith(HTML):
        yield f"answered {answer.status}, or no page"


CHECKS: tuple[Check, ...] = (
    a_request_alone_signs_nobody_in, a_person_gets_a_page,
    one("page", "the_sign_in_page_is_in_no_frame", "The page for signing in is in no frame of another site.",
        ("rfc9700#4.16",), _unframed),
    one("page", "the_sign_in_page_is_not_kept", "The page for signing in is not kept by caches.", ("rfc9700#4.2-cache",),
        not_kept),
    one("page", "the_sign_in_page_tells_no_referrer", "The address of the page does not travel to other sites.",
        ("rfc9700#4.2.4",), quiet),
    one("foreign redirect", "an_error_page_is_in_no_frame", "The page of an error is in no frame of another site.",
        ("rfc9700#4.16",), _unframed),
    one("foreign redirect", "an_error_page_repeats_nothing", "The page of an error does not repeat what was sent.",
        ("smart-app-launch-2.2.0#no-echo",), _hostile),
)  # fmt: skip
