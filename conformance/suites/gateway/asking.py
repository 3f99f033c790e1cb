"""What the app asks at the authorization endpoint (SMART App Launch 2.2 app-launch §obtain-authorization-code)."""

import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Missing, NotOffered
from conformance.suites.gateway.ehr import SMART
from conformance.suites.gateway.looking import authorization, pages, query, record, records
from conformance.suites.smart.ids import smart

LAUNCHES = ("honest", "honest again", "standalone")
BITS = 122
"""SMART: state has at least 122 bits of entropy."""
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
FHIR_SCOPE = re.compile(
    r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.((?=[cruds])c?r?u?d?s?|read|write|\*)(\?[^\s\"\\]+)?"
)
WORDS = re.compile(r"openid|fhirUser|profile|launch(/[a-z]+(\?role=\S+)?)?|offline_access|online_access")


def _each(evidence: Evidence, find: Callable[[str, dict[str, str]], Problems]) -> Problems:
    """The problems of every launch that went well."""
    for name in LAUNCHES:
        for problem in find(name, dict(authorization(evidence, name))):
            yield f"{name}: {problem}"


@check(*smart(29, 226, 227))
def the_app_discovers_the_ehr(evidence: Evidence) -> Problems:
    """The app asks for the smart-configuration below the FHIR base by GET, and takes JSON."""
    asked = [
        each for _, found in records(evidence) for each in found["asked"] if urlsplit(each.url).path == SMART
    ]  # fmt: skip
    if not asked:
        raise Missing("a request for discovery")
    for each in asked:
        accepted = each.sent.get("accept", "*/*")
        if each.method != "GET":
            yield f"discovery was asked by {each.method}"
        if "json" not in accepted and "*/*" not in accepted:
            yield "Accept does not take application/json"


@check(*smart(379))
def the_app_takes_addresses_from_the_fhir_base(evidence: Evidence) -> Problems:
    """Relative addresses in the configuration are meant from the FHIR base."""
    if record(evidence, "relative addresses")["authorize"] is None:
        yield "no authorization request came after relative addresses"
    pages(record(evidence, "relative addresses"))


@check(*smart(50, 51, 32))
def the_app_asks_for_a_code(evidence: Evidence) -> Problems:
    """The authorization request has response_type=code in its query."""
    yield from _each(
        evidence, lambda name, asked: _unless(asked.get("response_type") == "code", "response_type is not code")
    )


def _unless(holds: bool, problem: str) -> Problems:
    if not holds:
        yield problem


@check(*smart(33, 317, 20, 225))
def the_app_says_who_it_is(evidence: Evidence) -> Problems:
    """client_id is the registered one, in every launch."""
    given = evidence["given"].get("client_id") or authorization(evidence, "honest").get("client_id")

    def find(name: str, asked: dict[str, str]) -> Problems:
        if not asked.get("client_id"):
            yield "client_id is missing"
        elif asked["client_id"] != given:
            yield "client_id is not the registered one"

    yield from _each(evidence, find)


@check(*smart(34, 21))
def the_app_says_where_it_is_called_back(evidence: Evidence) -> Problems:
    """redirect_uri is there, the same in every launch, and under TLS unless it is on loopback."""
    given = evidence["given"].get("redirect_uri") or authorization(evidence, "honest").get("redirect_uri")

    def find(name: str, asked: dict[str, str]) -> Problems:
        place = asked.get("redirect_uri", "")
        parts = urlsplit(place)
        if place != given:
            yield "redirect_uri is missing, or not the registered one"
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            yield "redirect_uri is without TLS"

    yield from _each(evidence, find)


@check(*smart(35, 161))
def the_app_echoes_the_launch(evidence: Evidence) -> Problems:
    """launch is the value that the EHR sent."""
    for name in ("honest", "honest again"):
        if authorization(evidence, name).get("launch") != record(evidence, name)["launch"]:
            yield f"{name}: launch is not the EHR's"


@check(*smart(36))
def a_standalone_launch_has_no_launch(evidence: Evidence) -> Problems:
    """A standalone launch sends no launch parameter."""
    if "launch" in authorization(evidence, "standalone"):
        yield "launch is sent, though no EHR launched"


@check(*smart(150, 151, 152, 166))
def a_standalone_launch_asks_for_a_patient(evidence: Evidence) -> Problems:
    """A standalone launch for a patient's records asks for the patient by launch/patient."""
    scopes = authorization(evidence, "standalone").get("scope", "").split()
    if any(scope.startswith("patient/") for scope in scopes) and "launch/patient" not in scopes:
        yield "scope has patient/ and lacks launch/patient"


@check(*smart(150, 151))
def an_ehr_launch_asks_for_its_context(evidence: Evidence) -> Problems:
    """A launch from the EHR asks for its context by the scope launch."""
    scopes = authorization(evidence, "honest").get("scope", "").split()
    if not any(scope == "launch" or scope.startswith("launch/") for scope in scopes):
        yield "scope lacks launch"


@check(*smart(37))
def the_app_says_what_it_needs(evidence: Evidence) -> Problems:
    """scope is there."""
    yield from _each(evidence, lambda name, asked: _unless(bool(asked.get("scope", "").strip()), "scope is missing"))


@check(*smart(120, 121, 122, 124, 125, 132, 135, 137, 141, 146, 153, 155, 156, 157))
def the_apps_scopes_are_in_the_language_of_scopes(evidence: Evidence) -> Problems:
    """Every scope is one of SMART or OpenID Connect, letters in their order, or a full URI."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        strange = [
            scope for scope in asked.get("scope", "").split()
            if not FHIR_SCOPE.fullmatch(scope) and not WORDS.fullmatch(scope) and "://" not in scope
        ]  # fmt: skip
        if strange:
            yield f"{len(strange)} of the scopes are none of the guide's"

    yield from _each(evidence, find)


SCOPE_URIS = ("http://smarthealthit.org/fhir/scopes/", "http://openid.net/specs/openid-connect-core-1_0#")
"""What SMART and OpenID scopes begin with where they are written as URIs (SMART App Launch 2.2, scopes as URIs)."""


@check(*smart(219, 220))
def scopes_as_addresses_have_their_prefix(evidence: Evidence) -> Problems:
    """A scope that the app writes as a URI begins as the guide has it, and names one of the guide's."""
    scopes = [scope for name in LAUNCHES for scope in authorization(evidence, name).get("scope", "").split()]
    written = [scope for scope in scopes if scope.partition("?")[0].count("://")]
    if not written:
        raise NotOffered("scopes that are written as URIs")
    for scope in written:
        word = next((scope.removeprefix(begin) for begin in SCOPE_URIS if scope.startswith(begin)), "")
        if not (FHIR_SCOPE.fullmatch(word) or WORDS.fullmatch(word)):
            yield "a scope is a URI of another form than the guide's"


@check(*smart(148))
def the_app_does_not_ask_for_everything(evidence: Evidence) -> Problems:
    """No launch asks for system/ scopes, which are for backend services."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        if any(scope.startswith("system/") for scope in asked.get("scope", "").split()):
            yield "scope has system/"

    yield from _each(evidence, find)


@check(*smart(47, 196))
def who_asks_for_the_user_asks_for_openid(evidence: Evidence) -> Problems:
    """fhirUser or profile is asked for together with openid."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        scopes = set(asked.get("scope", "").split())
        if scopes & {"fhirUser", "profile"} and "openid" not in scopes:
            yield "scope has fhirUser without openid"

    yield from _each(evidence, find)


@check(*smart(3, 39))
def the_app_sends_a_state(evidence: Evidence) -> Problems:
    """Every authorization request has a state."""
    yield from _each(evidence, lambda name, asked: _unless(bool(asked.get("state")), "state is missing"))


def _guessed(values: list[str]) -> Problems:
    """Long enough, new each time, and without a common beginning."""
    if any(not value for value in values):
        yield "is missing"
        return
    if len(set(values)) != len(values):
        yield "is the same in two launches"
    elif len({value[:5] for value in values}) == 1:
        yield "begins alike in all launches"
    alphabet = len(set("".join(values)))
    if min(map(len, values)) * math.log2(max(alphabet, 2)) < BITS:
        yield f"has less than {BITS} bits"


def _fresh(evidence: Evidence, name: str) -> list[str]:
    found = [query(one["authorize"]) for _, one in records(evidence) if one["authorize"] is not None]
    if len(found) < 2:
        raise Missing("two authorization requests")
    return [asked.get(name, "") for asked in found]


@check(*smart(2, 40))
def the_state_cannot_be_guessed(evidence: Evidence) -> Problems:
    """state is new in each launch and has 122 bits."""
    for problem in _guessed(_fresh(evidence, "state")):
        yield f"state {problem}"


@check("oidc-core#15.5.2-nonce")
def the_nonce_cannot_be_guessed(evidence: Evidence) -> Problems:
    """Who asks for openid sends a nonce, new in each launch."""
    if "openid" not in authorization(evidence, "honest").get("scope", "").split():
        raise NotOffered("the scope openid")
    for problem in _guessed(_fresh(evidence, "nonce")):
        yield f"nonce {problem}"


@check(*smart(41, 42))
def the_app_says_for_which_server(evidence: Evidence) -> Problems:
    """aud is the FHIR base, the iss of the launch."""
    base = evidence["fhir base"]
    yield from _each(evidence, lambda name, asked: _unless(asked.get("aud") == base, "aud is not the FHIR base"))


@check(*smart(13, 44, 45))
def the_app_sends_a_challenge(evidence: Evidence) -> Problems:
    """code_challenge is one of S256, and code_challenge_method says so."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        if asked.get("code_challenge_method") != "S256":
            yield "code_challenge_method is not S256"
        if CHALLENGE.fullmatch(asked.get("code_challenge", "")) is None:
            yield "code_challenge has not the 43 characters of S256"

    yield from _each(evidence, find)


@check("rfc7636#7.1-fresh")
def the_challenge_is_new_each_time(evidence: Evidence) -> Problems:
    """No two launches have the same challenge."""
    found = _fresh(evidence, "code_challenge")
    if len(set(found)) != len(found):
        yield "code_challenge is the same in two launches"


@check(*smart(211))
def the_app_sends_nothing_that_servers_may_lack(evidence: Evidence) -> Problems:
    """max_age and auth_time are not sent to a server that does not say it knows them."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        if "max_age" in asked or "auth_time" in asked.get("claims", ""):
            yield "max_age, or a claim auth_time, is sent"

    yield from _each(evidence, find)


@check("rfc6749#2.3.1-not-in-the-address")
def no_secret_stands_in_the_request(evidence: Evidence) -> Problems:
    """The authorization request carries no secret, verifier or assertion."""

    def find(name: str, asked: dict[str, str]) -> Problems:
        for member in ("client_secret", "code_verifier", "client_assertion", "access_token"):
            if member in asked:
                yield f"{member} stands in the address"

    yield from _each(evidence, find)


CHECKS: tuple[Check, ...] = (
    the_app_discovers_the_ehr, the_app_takes_addresses_from_the_fhir_base, the_app_asks_for_a_code, the_app_says_who_it_is,
    the_app_says_where_it_is_called_back, the_app_echoes_the_launch, a_standalone_launch_has_no_launch,
    a_standalone_launch_asks_for_a_patient, an_ehr_launch_asks_for_its_context, the_app_says_what_it_needs,
    the_apps_scopes_are_in_the_language_of_scopes, scopes_as_addresses_have_their_prefix, the_app_does_not_ask_for_everything,
    who_asks_for_the_user_asks_for_openid, the_app_sends_a_state, the_state_cannot_be_guessed,
    the_nonce_cannot_be_guessed, the_app_says_for_which_server, the_app_sends_a_challenge,
    the_challenge_is_new_each_time, the_app_sends_nothing_that_servers_may_lack, no_secret_stands_in_the_request,
)  # fmt: skip
