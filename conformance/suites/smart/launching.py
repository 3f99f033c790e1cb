"""Launches that go as they should: the answer of the authorization endpoint, and the context beside the token."""

from urllib.parse import parse_qsl

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing, NotOffered, split
from conformance.suites.smart.answers import (
    code_given,
    needing,
    not_kept,
    one,
    opens,
    sent,
    stopped,
    token_given,
    words,
)
from conformance.suites.smart.ids import smart

LAUNCHES = (("authorize", "state"), ("standalone authorize", "standalone state"), ("posted authorize", "posted state"))
RELATIVE_ROLES = ("launch",)


@check(*smart(48, 53, 56, 57, 352))
def an_ehr_launch_gives_a_code(evidence: Evidence) -> Problems:
    """The authorization request of an EHR launch, by GET, is answered with a code at the redirect address."""
    yield from code_given(evidence.seen("authorize"))


@check(*smart(353))
def a_standalone_launch_gives_a_code(evidence: Evidence) -> Problems:
    """The authorization request of a standalone launch is answered with a code."""
    yield from code_given(evidence.seen("standalone authorize"))


@check(*smart(49, 354))
def a_posted_request_gives_a_code(evidence: Evidence) -> Problems:
    """The authorization request by POST is answered with a code, and the code with a token."""
    yield from code_given(evidence.seen("posted authorize"))
    yield from token_given(evidence.seen("posted token"))


@check(*smart(59))
def the_state_comes_back(evidence: Evidence) -> Problems:
    """The state comes back as it was sent, by GET, by POST and in a standalone launch."""
    evidence.seen("authorize")
    for name, state in LAUNCHES:
        if name in evidence and evidence.seen(name).redirected.get("state") != evidence[state]:
            yield f"{name}: state did not come back as it was sent"


@check(*smart(54, 59), "rfc6749#4.1.2.1-state")
def an_error_goes_back_with_its_state(evidence: Evidence) -> Problems:
    """A request that is refused after its client is known goes back to the app, with error and state."""
    answer = evidence.seen("implicit")
    if answer.status not in (302, 303) or "error" not in answer.redirected:
        yield f"answered {answer.status} instead of a redirect with an error"
    elif answer.redirected.get("state") != sent(answer).get("state"):
        yield "the error came back without the state"


@check("rfc9207#iss")
def authorization_names_its_issuer(evidence: Evidence) -> Problems:
    """Where the server says so, the answer carries its issuer."""
    if evidence.seen("authorize").redirected.get("iss") != _issuer(evidence):
        yield "iss is not the issuer"


@check("rfc9207#iss-of-errors")
def an_error_names_its_issuer(evidence: Evidence) -> Problems:
    """Where the server says so, an error carries its issuer too."""
    if evidence.seen("implicit").redirected.get("iss") != _issuer(evidence):
        yield "iss of an error is not the issuer"


def _issuer(evidence: Evidence) -> object:
    """The issuer of a server that says it is named in its answers (RFC 9207 §3). Raises NotOffered."""
    configuration = evidence.seen("smart").table
    if configuration.get("authorization_response_iss_parameter_supported") is not True:
        raise NotOffered("authorization_response_iss_parameter_supported")
    return configuration.get("issuer")


@check("rfc9700#2.1-no-token-in-front")
def no_token_travels_through_the_browser(evidence: Evidence) -> Problems:
    """The redirect carries a code, and never a token."""
    evidence.seen("authorize")
    for name, _ in LAUNCHES:
        if name in evidence and TOKENS & _carried(evidence.seen(name)):
            yield f"{name}: the redirect carries a token"


TOKENS = frozenset({"access_token", "refresh_token", "id_token", "token"})


def _carried(answer: Exchange) -> set[str]:
    """The names of the parameters of a redirect, behind ``#`` too."""
    place = split(answer.headers.get("location", ""))
    return {name for part in (place.query, place.fragment) for name, _ in parse_qsl(part, keep_blank_values=True)}


@check("rfc6750#5.3-no-referrer")
def the_redirect_leaks_no_code(evidence: Evidence) -> Problems:
    """The redirect with the code is not kept by caches."""
    yield from not_kept(evidence.seen("authorize"))


def _context(answer: Exchange, evidence: Evidence, name: str) -> Problems:
    """A member is what the launch had."""
    launched = evidence["launched"]
    if name not in launched:
        raise Missing(f"a launch with {name}")
    if answer.table.get(name) != launched[name]:
        yield f"{name} is not the launch's"


def _member(name: str, numbers: tuple[int, ...], title: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        yield from _context(evidence.seen("token"), evidence, name)

    find.__doc__, find.__name__ = title, f"the_context_has_{name.lower()}"
    return check(*smart(*numbers))(find)


@check(*smart(172, 178, 188, 190))
def fhir_context_is_well_formed(evidence: Evidence) -> Problems:
    """fhirContext is a list of objects, each with reference, canonical or identifier, and a role that is a URI."""
    found = evidence.seen("token").table.get("fhirContext")
    if found is None:
        raise NotOffered("fhirContext")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        yield "fhirContext is no list of objects"
        return
    for each in found:
        if not {"reference", "canonical", "identifier"} & set(each):
            yield "an object names neither reference, canonical nor identifier"
        role = str(each.get("role", "launch"))
        if not role or (role not in RELATIVE_ROLES and ":" not in role):
            yield "a role is empty, or neither an absolute URI nor one of the guide's"
        if each.get("type") in ("Patient", "Encounter") and role == "launch":
            yield "holds a Patient or an Encounter that was launched"


@check(*smart(164, 165))
def a_patient_scope_needs_a_patient(evidence: Evidence) -> Problems:
    """Where no patient is chosen, no patient/ scope is granted."""
    yield from stopped(evidence.seen("no patient chosen"), "invalid_scope", "invalid_request", "access_denied")


@check(*smart(167, 363))
def a_standalone_launch_brings_a_patient(evidence: Evidence) -> Problems:
    """A standalone launch with launch/patient has a patient beside the token, who can be read."""
    if not isinstance(evidence.seen("standalone token").table.get("patient"), str):
        yield "patient is missing"
    yield from opens(evidence.seen("standalone patient"))


@check(*smart(165, 149))
def what_was_not_launched_is_not_granted(evidence: Evidence) -> Problems:
    """A scope launch/encounter that is granted has an encounter beside it."""
    answer = evidence.seen("token")
    if "launch/encounter" in words(answer) and not isinstance(answer.table.get("encounter"), str):
        yield "launch/encounter is granted without an encounter"


def _encounter(answer: Exchange) -> Problems:
    if not isinstance(answer.table.get("encounter"), str):
        yield "encounter is missing"


CHECKS: tuple[Check, ...] = (
    an_ehr_launch_gives_a_code, *needing("launch-standalone")((a_standalone_launch_gives_a_code,)),
    *needing("authorize-post")((a_posted_request_gives_a_code,)), the_state_comes_back,
    an_error_goes_back_with_its_state, authorization_names_its_issuer, an_error_names_its_issuer,
    no_token_travels_through_the_browser, the_redirect_leaks_no_code,
    _member("patient", (168, 169, 170, 361), "The patient in context is the one that was launched."),
    _member("encounter", (171, 362), "The encounter in context is the one that was launched."),
    _member("need_patient_banner", (173, 359), "Whether the app shall show who the patient is comes as a truth value."),
    _member("intent", (174,), "The intent of the launch comes with the token."),
    _member("tenant", (176,), "The organization that launches comes as an opaque string."),
    _member("fhirContext", (177,), "What else was open comes in fhirContext."),
    fhir_context_is_well_formed, a_patient_scope_needs_a_patient,
    *needing("context-standalone-patient")((a_standalone_launch_brings_a_patient,)),
    what_was_not_launched_is_not_granted,
    one("encounter", "the_launched_encounter_is_read", "The encounter in context can be read.", smart(171), opens),
    *needing("context-standalone-encounter")([
        one("standalone encounter token", "a_standalone_launch_brings_an_encounter",
            "A standalone launch with launch/encounter has an encounter beside the token.", smart(167, 364), _encounter),
    ]),
    *needing("context-style")([
        one("style", "the_style_is_read", "smart_style_url leads to the style as JSON.", smart(175, 360), opens),
    ]),
)  # fmt: skip
