"""What the app does with what it was given: tokens, scopes, the patient; and what it shows of it."""

from urllib.parse import urlsplit

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing, NotOffered
from conformance.suites.gateway.ehr import PATIENT, USER
from conformance.suites.gateway.looking import (
    Record,
    all_fhir_requests,
    fhir_requests,
    last_page,
    pages,
    record,
    records,
)
from conformance.suites.smart.answers import not_kept
from conformance.suites.smart.ids import smart
from conformance.suites.smart.pages import quiet

GIVEN = ("secret-access-", "secret-refresh-", "secret-code-", "secret-backend-")
WRITING = ("POST", "PUT", "PATCH", "DELETE")


@check("smart-app-launch-2.2.0#launch-ends-well")
def an_honest_launch_ends_on_a_page(evidence: Evidence) -> Problems:
    """A launch that nothing speaks against ends on a page of the app, from the EHR and standalone."""
    for name in ("honest", "honest again", "standalone"):
        status = last_page(record(evidence, name)).status
        if status != 200:
            yield f"{name}: the person ended on an answer of {status}"


def _bearer(exchange: Exchange) -> str:
    kind, _, token = exchange.sent.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


@check(*smart(93, 264))
def records_are_asked_with_the_token_as_bearer(evidence: Evidence) -> Problems:
    """Requests for records carry an access token that was given, as bearer."""
    for each in all_fhir_requests(evidence):
        if not _bearer(each).startswith(("secret-access-", "secret-backend-")):
            yield f"a {each.method} below the FHIR base has no token that was given as bearer"


@check("rfc9700#4.3.2-clients")
def no_token_stands_in_an_address(evidence: Evidence) -> Problems:
    """No token stands in the address of a request."""
    for _, found in records(evidence):
        for each in (*found["asked"], *found["astray"]):
            if any(secret in each.url for secret in GIVEN):
                yield "an address holds a token or a code"


@check(*smart(1, 97, 98, 267, 268))
def what_was_given_goes_nowhere_else(evidence: Evidence) -> Problems:
    """Tokens, codes and assertions reach no other address than the EHR's."""
    for name, found in records(evidence):
        for each in found["astray"]:
            if any(secret.encode() in each.content for secret in GIVEN) or "authorization" in each.sent:
                yield f"{name}: an address elsewhere was given a token, a code or a credential"


@check(*smart(147))
def only_what_was_granted_is_attempted(evidence: Evidence) -> Problems:
    """With a token for the patient alone, nothing else is read and nothing is written."""
    found = _signed_in(evidence, "narrowed")
    for each in fhir_requests(found):
        path = urlsplit(each.url).path.removeprefix("/fhir/")
        if _bearer(each).startswith("secret-access-") and (each.method in WRITING or not path.startswith("Patient")):
            yield f"a {each.method} of {path.split('/')[0]} was attempted, which was not granted"


@check(*smart(147))
def nothing_is_written_that_was_not_granted(evidence: Evidence) -> Problems:
    """With a token that only reads, nothing is written."""
    for each in fhir_requests(_signed_in(evidence, "read only")):
        if _bearer(each).startswith("secret-access-") and each.method in WRITING and not each.url.endswith("_search"):
            yield f"a {each.method} was attempted, which was not granted"


def _signed_in(evidence: Evidence, name: str) -> Record:
    found = record(evidence, name)
    if not any(urlsplit(each.url).path.endswith("/auth/token") for each in found["asked"]):
        raise Missing(f"a sign-in that came to a token ({name})")
    return found


@check("smart-app-launch-2.2.0#one-patient")
def only_the_patient_in_context_is_read(evidence: Evidence) -> Problems:
    """A launch reads the patient in context and no other."""
    for each in all_fhir_requests(evidence):
        path = urlsplit(each.url).path.removeprefix("/fhir/").split("/")
        if path[0] == "Patient" and len(path) > 1 and path[1] not in (PATIENT, "_search"):
            yield "another Patient was asked for"


@check(*smart(202))
def the_user_is_read_where_fhir_user_says(evidence: Evidence) -> Problems:
    """An app that reads its user reads the resource that fhirUser names."""
    type = USER.partition("/")[0]
    paths = [urlsplit(each.url).path.removeprefix("/fhir/") for each in all_fhir_requests(evidence)]
    asked = [path for path in paths if path.partition("/")[0] == type]
    if not asked:
        raise NotOffered("reading the user")
    if any(path.partition("/_history")[0] != USER for path in asked):
        yield "another resource of the user's type was asked for"


@check(*smart(7), "rfc6750#5.3-cookies")
def no_token_stands_in_a_cookie(evidence: Evidence) -> Problems:
    """No cookie of the app holds a token or a code."""
    for name, found in records(evidence):
        for page in pages(found):
            if any(secret in page.headers.get("set-cookie", "") for secret in GIVEN):
                yield f"{name}: a cookie holds a token or a code"


@check("rfc6750#5.2-pages")
def no_token_stands_in_a_page(evidence: Evidence) -> Problems:
    """No page of the app, and no address that it leads to, holds a token."""
    for name, found in records(evidence):
        for page in pages(found):
            text = page.body.decode("utf-8", "replace") + page.headers.get("location", "")
            if any(secret in text for secret in GIVEN):
                yield f"{name}: a page or its redirect holds a token or a code"


@check("rfc6265#cookies")
def the_apps_cookies_are_guarded(evidence: Evidence) -> Problems:
    """Cookies of a launch are HttpOnly and Secure."""
    for page in pages(record(evidence, "honest")):
        line = page.headers.get("set-cookie", "").lower()
        if line and ("httponly" not in line or "secure" not in line):
            yield "a cookie lacks HttpOnly or Secure"


@check("rfc6749#10.12-callback-not-kept")
def the_callback_is_not_kept(evidence: Evidence) -> Problems:
    """What answers the callback, whose address holds the code, is not kept by caches and tells no referrer."""
    found = record(evidence, "honest")["callback"]
    if not found:
        raise Missing("a callback")
    yield from not_kept(found[0])
    yield from quiet(found[0])


@check("rfc9700#4.16-apps")
def the_apps_pages_are_framed_by_its_ehr_only(evidence: Evidence) -> Problems:
    """The app's pages say by whom they may be framed."""
    shown = [page for page in pages(record(evidence, "honest")) if page.status == 200]
    if not shown:
        raise Missing("a page")
    policy = shown[-1].headers.get("content-security-policy", "")
    if "frame-ancestors" not in policy and "x-frame-options" not in shown[-1].headers:
        yield "neither frame-ancestors nor X-Frame-Options says who may frame the page"


CHECKS: tuple[Check, ...] = (
    an_honest_launch_ends_on_a_page,
    records_are_asked_with_the_token_as_bearer, no_token_stands_in_an_address, what_was_given_goes_nowhere_else,
    only_what_was_granted_is_attempted, nothing_is_written_that_was_not_granted, only_the_patient_in_context_is_read,
    the_user_is_read_where_fhir_user_says,
    no_token_stands_in_a_cookie, no_token_stands_in_a_page, the_apps_cookies_are_guarded, the_callback_is_not_kept,
    the_apps_pages_are_framed_by_its_ehr_only,
)  # fmt: skip
