"""Which scopes are granted, and what they reach (SMART App Launch 2.2 scopes-and-launch-context)."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange
from conformance.reading import codings, resources
from conformance.suites.smart.answers import beyond, forbidden, needing, one, opens, token_given, words
from conformance.suites.smart.collect.granting import CATEGORY, GRANULAR
from conformance.suites.smart.ids import smart

FHIR = ("patient/", "user/", "system/")


def _fhir(answer: Exchange) -> set[str]:
    return {word for word in words(answer) if word.startswith(FHIR)}


@check(*smart(79, 119))
def a_narrowed_grant_says_so(evidence: Evidence) -> Problems:
    """What the person did not allow is not in the scope of the answer."""
    answer = evidence.seen("narrowed token")
    yield from token_given(answer)
    if not _fhir(answer) or beyond(answer, "patient/Patient.rs"):
        yield "scope is not the part that was allowed"


@check(*smart(119, 145))
def a_client_gets_no_more_than_it_is_registered_for(evidence: Evidence) -> Problems:
    """A scope beyond the client's registration is not granted."""
    if beyond(evidence.seen("scopes beyond registration"), "patient/Patient.rs"):
        yield "granted more than patient/Patient.rs, which is all the client is registered for"


@check("smart-app-launch-2.2.0#levels")
def a_launch_gives_no_system_scope(evidence: Evidence) -> Problems:
    """A person's sign-in gives no system/ scope."""
    if any(word.startswith("system/") for word in _fhir(evidence.seen("system scopes of a launch"))):
        yield "granted a system/ scope"


@check(*smart(127))
def old_scopes_are_answered_as_they_were_asked(evidence: Evidence) -> Problems:
    """SMART v1 scopes that were asked for are in the answer in their own spelling."""
    if "patient/*.read" not in words(evidence.seen("v1 token")):
        yield "scope lacks patient/*.read"


@check(*smart(370))
def granular_scopes_are_granted(evidence: Evidence) -> Problems:
    """A scope with a category is granted as it was asked."""
    answer = evidence.seen("granular token")
    if GRANULAR not in words(answer):
        yield "scope lacks the granular one"
    if _fhir(answer) - {GRANULAR}:
        yield "scope has a wider one beside it"


@check(*smart(370), "smart-app-launch-2.2.0#granular-reach")
def granular_scopes_reach_their_category(evidence: Evidence) -> Problems:
    """A scope with a category reaches resources of that category, and no others."""
    answer = evidence.seen("granular read")
    yield from opens(answer)
    system, _, code = CATEGORY.partition("|")
    if any((system, code) not in codings(each, "category") for each in resources(answer)):
        yield "a resource of another category was given"
    if not resources(answer) and resources(evidence.seen("v2 read")):
        yield "nothing was given, or the patient has no resource of this category"


@check(*smart(129))
def malformed_scopes_grant_nothing(evidence: Evidence) -> Problems:
    """Scopes out of order, of unknown types, or with broken queries grant nothing."""
    answer = evidence.seen("scopes beside malformed")
    if beyond(answer, "patient/Patient.rs"):
        yield "a malformed scope was granted"


@check(*smart(95, 266), "smart-app-launch-2.2.0#no-scope-no-access")
def words_open_no_record(evidence: Evidence) -> Problems:
    """A token for openid alone opens no record."""
    if _fhir(evidence.seen("words token")):
        yield "granted a FHIR scope that was not asked for"
    yield from forbidden(evidence.seen("words read"))


@check(*smart(136))
def a_patient_token_reaches_one_patient(evidence: Evidence) -> Problems:
    """A token for one patient does not open another."""
    answer = evidence.seen("another patient")
    if answer.status not in (401, 403, 404):
        yield f"another patient was answered with {answer.status}"


@check(*smart(144), "hl7.fhir.uv.smart-app-launch_2.2.0#scopes-wildcard-type")
def a_wildcard_reaches_every_type(evidence: Evidence) -> Problems:
    """patient/*.rs opens patients and observations alike."""
    yield from opens(evidence.seen("v2 read"))
    yield from opens(evidence.seen("patient"))


CHECKS: tuple[Check, ...] = (
    a_narrowed_grant_says_so, a_client_gets_no_more_than_it_is_registered_for, a_launch_gives_no_system_scope,
    *needing("permission-v2")((granular_scopes_are_granted, granular_scopes_reach_their_category)),
    malformed_scopes_grant_nothing, words_open_no_record, a_patient_token_reaches_one_patient,
    a_wildcard_reaches_every_type,
    one("narrowed read", "a_narrowed_grant_opens_less", "What the person did not allow is not opened.",
        smart(95), forbidden),
    one("malformed read", "malformed_scopes_open_nothing", "A token of malformed scopes opens no record.",
        smart(129), forbidden),
    *needing("permission-v1")([
        old_scopes_are_answered_as_they_were_asked,
        one("v1 read", "old_scopes_open_what_they_did", "A token of patient/*.read reads and searches.", smart(128, 369), opens),
    ]),
    *needing("permission-user")([
        one("another patient of the user", "a_user_token_reaches_what_the_user_reaches",
            "A clinician's user/ token opens another patient too.", smart(140), opens),
    ]),
)  # fmt: skip
