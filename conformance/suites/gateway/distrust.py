"""How the app takes an EHR, or somebody in its name, that does not do as it should."""

from collections import Counter
from collections.abc import Callable, Iterator

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Missing
from conformance.suites.gateway.cases import READING, UNKNOWN_ISSUERS, UNUSABLE
from conformance.suites.gateway.ehr import SMART, TOKEN
from conformance.suites.gateway.looking import (
    Record,
    fhir_requests,
    last_page,
    pages,
    record,
    served,
    token_requests,
)
from conformance.suites.smart.ids import smart

MOST = 3
"""How often the same may be asked: once, and again with a renewed token."""
SCRIPT = b"<script>alert('conformance')</script>"
Find = Callable[[Evidence], Problems]


def made(id: str, title: str, requirements: tuple[str, ...], find: Find) -> Check:
    """A check of a function that was made for it."""
    find.__doc__, find.__name__ = title, id
    return check(*requirements)(find)


def _launch_from(name: str) -> Check:
    """An issuer that is not registered, or only nearly."""

    def find(evidence: Evidence) -> Problems:
        found = record(evidence, f"launch from {name}")
        if found["astray"] or any("/.well-known/" in each.url for each in found["asked"]):
            yield "something was fetched for an issuer that is not registered"
        if pages(found)[-1].status < 400:
            yield f"the launch was answered with {pages(found)[-1].status} instead of an error"

    title = f"A launch from an issuer that is not registered ({name}) is refused before anything is fetched."
    return made(f"a_launch_from_{name.replace(' ', '_')}_is_refused", title, ("smart-auth#B08", *smart(20)), find)


def _no_token_asked(name: str, id: str, title: str, *requirements: str) -> Check:
    """A callback that does not add up: no token is asked for, and the person is told."""

    def find(evidence: Evidence) -> Problems:
        found = record(evidence, name)
        if not found["callback"]:
            raise Missing(f"a callback ({name})")
        if token_requests(found, "authorization_code"):
            yield "a token was asked for all the same"
        yield from _told(found)

    return made(id, title, requirements, find)


def _told(found: Record) -> Iterator[str]:
    """The person sees an error, not a crash and not success."""
    page = last_page(found)
    if page.status < 400:
        yield f"the person was answered with {page.status}, as if all was well"
    elif page.status >= 500 and page.status not in (502, 503, 504):
        yield f"the app broke: {page.status}"


@check(*smart(4, 60), "rfc6749#10.12")
def a_callback_is_used_once(evidence: Evidence) -> Problems:
    """The same callback a second time asks for no second token."""
    found = record(evidence, "callback twice")
    if "callback again" not in found:
        raise Missing("a second callback")
    if len(token_requests(found, "authorization_code")) > 1:
        yield "the second callback asked for a token too"


@check(*smart(6))
def a_callback_opens_no_redirect(evidence: Evidence) -> Problems:
    """What stands in the callback's address beside code and state leads nowhere."""
    found = record(evidence, "further address")
    for page in pages(found):
        if page.headers.get("location", "").endswith("/next"):
            yield "the callback redirected to an address that it was given"
    if found["astray"]:
        yield "the app fetched an address that it was given"


@check(*smart(5))
def what_came_is_never_run(evidence: Evidence) -> Problems:
    """An error that is a script is not repeated on the page."""
    if any(SCRIPT in page.body for page in pages(record(evidence, "error that is a script"))):
        yield "the page holds the script that came"


def _foreign(name: str, id: str, what: str) -> Check:
    """A configuration that names an endpoint elsewhere: a mix-up."""

    def find(evidence: Evidence) -> Problems:
        found = served(evidence, name, SMART)
        if found["astray"]:
            yield f"{len(found['astray'])} requests went to another origin than the EHR's"
        if any(page.headers.get("location", "").endswith(("/authorize",)) and "/fhir/auth/" not in
               page.headers.get("location", "").partition("?")[0] for page in pages(found)):  # fmt: skip
            yield "the person was sent to another origin than the EHR's"

    title = f"A configuration whose {what} is at another origin sends nothing there."
    return made(id, title, ("smart-auth#B08", *smart(1)), find)


@check("rfc7636#7.2-clients", *smart(45))
def a_server_that_offers_plain_gets_no_plain_challenge(evidence: Evidence) -> Problems:
    """Where plain is offered too, the app stops or goes on with S256."""
    yield from _no_plain(served(evidence, "discovery with plain", SMART))


@check("rfc7636#7.2-clients", *smart(45))
def a_server_without_s256_gets_no_plain_challenge(evidence: Evidence) -> Problems:
    """Where only plain is offered, the app stops, or goes on with S256."""
    yield from _no_plain(served(evidence, "discovery without S256", SMART))


def _no_plain(found: Record) -> Problems:
    if found["authorize"] is not None and "code_challenge_method=S256" not in found["authorize"].url:
        yield "the app went on with another challenge than S256"


def _unusable(what: str, path: str, how: str) -> Check:
    """An answer that nothing can be done with: told to the person, followed nowhere, in bounded time."""
    name = f"{what} {how}"

    def find(evidence: Evidence) -> Problems:
        found = served(evidence, name, path)
        if found.get("unanswered"):
            yield "the app did not answer its own person in time"
            return
        if found["astray"]:
            yield "a redirect was followed to another origin"
        page = last_page(found)
        if SCRIPT.replace(b"'", b"&#39;") in page.body or SCRIPT in page.body:
            yield "the page repeats what the EHR sent"
        if page.status >= 500 and page.status not in (502, 503, 504):
            yield f"the app broke: {page.status}"
        if what != "records" and page.status < 400:
            yield f"the person was answered with {page.status}, as if all was well"

    title = (
        f"{what.capitalize()} answered so that nothing can be done with it ({how}): the app says so and stays whole."
    )
    return made(f"{what}_{how.replace(' ', '_')}_is_taken", title, ("smart-auth#unusable-answers",), find)


def _waits(what: str, path: str, how: str) -> Check:
    """429 and 503 with Retry-After: not asked again before."""

    def find(evidence: Evidence) -> Problems:
        found = served(evidence, f"{what} {how}", path)
        asked = [each for each in found["asked"] if each.url.partition("?")[0].endswith(path)]
        if len(asked) > 1 and asked[-1].at - asked[0].at < 29 and len({each.url for each in asked}) < len(asked):
            yield "the same was asked again before Retry-After"

    title = f"{what.capitalize()} with Retry-After ({how}): the app does not ask the same again before."
    return made(f"{what}_{how.replace(' ', '_')}_is_waited_for", title, ("rfc9110#10.2.3",), find)


@check("rfc6749#5.1-expires-in")
def a_token_without_expires_in_is_used(evidence: Evidence) -> Problems:
    """expires_in is only recommended: a token without it is used."""
    found = record(evidence, "no expires_in")
    if last_page(found).status >= 400:
        yield "the launch stopped"


def _not_used(name: str, id: str, title: str, *requirements: str) -> Check:
    """A token answer that must not be used: the app says so, and reads nothing."""

    def find(evidence: Evidence) -> Problems:
        found = served(evidence, name, TOKEN)
        if [each for each in fhir_requests(found) if "secret-backend" not in each.sent.get("authorization", "")]:
            yield "records were asked for all the same"
        yield from _told(found)

    return made(id, title, requirements, find)


@check("rfc9700#4.12-climbing")
def a_next_link_stays_below_the_base(evidence: Evidence) -> Problems:
    """A next link that leads out of the FHIR base is not followed with the token."""
    found = served(evidence, "next link that climbs", READING)
    if any("/elsewhere/" in each.url for each in found["asked"]):
        yield "the link was followed"


@check(*smart(97, 98))
def a_foreign_next_link_is_not_followed(evidence: Evidence) -> Problems:
    """A next link to another server is not followed."""
    if served(evidence, "foreign next link", READING)["astray"]:
        yield "the link was followed"


@check("rfc6750#3.1-clients")
def a_refused_token_is_not_tried_without_end(evidence: Evidence) -> Problems:
    """Where records are refused with 401, the app does not ask the same again and again."""
    asked = Counter(each.url for each in fhir_requests(served(evidence, "records refused", READING)))
    if max(asked.values(), default=0) > MOST:
        yield f"the same was asked more than {MOST} times"


NO_TOKEN = (
    ("wrong state", "a_wrong_state_is_refused", "A callback with another state asks for no token.", *smart(4, 60)),
    ("no state", "a_missing_state_is_refused", "A callback without state asks for no token.", *smart(4, 60)),
    ("another browser", "a_state_is_its_browsers", "A callback in another browser asks for no token.", *smart(61)),
    ("wrong issuer", "a_wrong_issuer_is_refused", "A callback whose iss is another asks for no token.", "rfc9207#2.4"),
    ("no issuer", "a_missing_issuer_is_refused", "A callback without the iss that was advertised asks for no token.",
     "rfc9207#2.4"),
    ("access denied", "a_denial_is_told", "A denial is told to the person, and no token is asked for.",
     "rfc6749#4.1.2.1-clients"),
    ("error of another issuer", "a_forged_error_is_refused", "An error in the name of another issuer asks for no token.",
     "rfc9207#2.4"),
    ("error that is a script", "an_unknown_error_is_told", "An unknown error is told, and no token is asked for.",
     "rfc6749#4.1.2.1-clients"),
    ("no code", "a_missing_code_is_told", "A callback without a code asks for no token.", "rfc6749#4.1.2.1-clients"),
)  # fmt: skip
NOT_USED = (
    ("another token type", "another_token_type_is_not_used", "A token of another type than Bearer is not used.", "rfc6749#7.1"),
    ("no access token", "a_missing_token_is_told", "An answer without a token is told to the person.", "rfc6749#5.1-clients"),
    ("token with a line break", "a_token_with_a_line_break_is_not_used", "A token that breaks a header line is not used.",
     "rfc6750#2.1"),
    ("no record granted", "no_granted_record_is_told", "Where no record was granted, none is asked for.", *smart(147)),
    ("no patient", "a_missing_patient_is_told", "Where no patient comes, no record is asked for.",
     "smart-app-launch-2.2.0#patient-needed"),
    ("patient that climbs", "a_patient_that_climbs_is_not_used", "A patient that is no id is not used in an address.",
     "smart-auth#B11"),
)  # fmt: skip
PLACES = (("discovery", SMART), ("token", TOKEN), ("records", READING))

CHECKS: tuple[Check, ...] = (
    *map(_launch_from, UNKNOWN_ISSUERS), *(_no_token_asked(*row) for row in NO_TOKEN), a_callback_is_used_once,
    a_callback_opens_no_redirect, what_came_is_never_run,
    _foreign("foreign authorization endpoint", "a_foreign_authorization_endpoint_is_not_used", "authorization_endpoint"),
    _foreign("foreign token endpoint", "a_foreign_token_endpoint_is_not_used", "token_endpoint"),
    _foreign("foreign keys", "foreign_keys_are_not_fetched", "jwks_uri"),
    a_server_that_offers_plain_gets_no_plain_challenge, a_server_without_s256_gets_no_plain_challenge,
    *(_unusable(what, path, how) for what, path in PLACES for how in UNUSABLE),
    *(_waits(what, path, how) for what, path in PLACES for how in ("busy for a while", "down for a while")),
    a_token_without_expires_in_is_used, *(_not_used(*row) for row in NOT_USED),
    a_next_link_stays_below_the_base, a_foreign_next_link_is_not_followed, a_refused_token_is_not_tried_without_end,
)  # fmt: skip
