"""What a token of one patient reaches: that patient, and nothing else by any way (SMART App Launch 2.2.0, scopes)."""

from conformance import capability
from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing
from conformance.reading import names, resources
from conformance.suites.smart.answers import names_bearer
from conformance.suites.smart.ids import smart

ABSENT = "there-is-nobody-of-this-id"
DENIED = (401, 403, 404)
"""How what a token does not reach is told: SMART names no status."""


def leaks(answer: Exchange, other: str) -> Problems:
    """Nothing of another patient stands in the answer, but for the address that was asked in what is said about it."""
    if answer.table.get("resourceType") == "OperationOutcome":
        return
    if f"Patient/{other}".encode() in answer.body or f'"{other}"'.encode() in answer.body:
        yield "the answer names another patient"


@check("rfc6750#3")
def no_token_is_401(evidence: Evidence) -> Problems:
    """A request without a token is 401 and names the scheme."""
    answer = evidence.seen("no token")
    if answer.status != 401:
        yield f"answered {answer.status}"
    yield from names_bearer(answer)


@check("rfc6750#3.1")
def a_garbage_token_is_401(evidence: Evidence) -> Problems:
    """A token that is none is 401."""
    if evidence.seen("garbage token").status != 401:
        yield f"answered {evidence.seen('garbage token').status}"


@check("rfc9700#4.3.2")
def a_token_in_the_address_is_refused(evidence: Evidence) -> Problems:
    """A token as a query parameter opens nothing."""
    if evidence.seen("token in address").status not in (400, 401, 403):
        yield f"answered {evidence.seen('token in address').status}"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def the_own_patient_is_read(evidence: Evidence) -> Problems:
    """The patient in context can be read."""
    answer = evidence.seen("own patient")
    if answer.status != 200 or answer.table.get("id") != evidence["own"]:
        yield f"answered {answer.status}, or another resource"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def another_patient_is_not_read(evidence: Evidence) -> Problems:
    """Another patient cannot be read."""
    answer = evidence.seen("foreign patient")
    if answer.status not in DENIED:
        yield f"answered {answer.status}"
    yield from leaks(answer, evidence["other"])


@check("chartgate#foreign-is-absent")
def foreign_and_absent_are_told_alike(evidence: Evidence) -> Problems:
    """Another patient is answered exactly as one that does not exist."""
    foreign, absent = evidence.seen("foreign patient"), evidence.seen("absent patient")
    said = foreign.body.replace(str(evidence["other"]).encode(), ABSENT.encode())
    if foreign.status != absent.status or said != absent.body:
        yield "the two answers differ, so that patients can be guessed"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def a_search_for_patients_finds_one(evidence: Evidence) -> Problems:
    """A search for all patients finds the patient in context only."""
    answer = evidence.seen("all patients")
    if answer.status != 200 and not 400 <= answer.status < 500:
        yield f"answered {answer.status}"
    elif answer.status == 200 and answer.table.get("resourceType") != "Bundle":
        yield "is no Bundle"
    if {each.get("id") for each in resources(answer)} - {evidence["own"]}:
        yield "found other patients"
    if str(answer.table.get("total", 0)) not in ("0", "1"):
        yield "its total counts other patients"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def own_records_are_found(evidence: Evidence) -> Problems:
    """Records of the patient in context are found."""
    answer = evidence.seen("own observations")
    if answer.status != 200 or answer.table.get("resourceType") != "Bundle":
        yield f"answered {answer.status}, or no Bundle"
    if not resources(answer):
        yield "found nothing, so that nothing is shown by what else is not found"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def foreign_records_are_not_found(evidence: Evidence) -> Problems:
    """A search for another patient's records finds none of them."""
    answer = evidence.seen("foreign observations")
    if answer.status != 200 and not 400 <= answer.status < 500:
        yield f"answered {answer.status}"
    if resources(answer):
        yield "found records of another patient"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def a_search_without_patient_stays_with_one(evidence: Evidence) -> Problems:
    """A search that names no patient finds the own records only."""
    answer = evidence.seen("observations")
    if 400 <= answer.status < 500:
        raise Missing("a search without a patient that is answered")
    if any(not names(each.get("subject"), f"Patient/{evidence['own']}") for each in resources(answer)):
        yield "found a record of another patient"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def foreign_history_is_not_read(evidence: Evidence) -> Problems:
    """Another patient's history cannot be read."""
    capability.require(evidence, "Patient", "history-instance")
    answer = evidence.seen("foreign history")
    if answer.status not in DENIED:
        yield f"answered {answer.status}"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def a_list_of_ids_finds_the_own_one(evidence: Evidence) -> Problems:
    """A search by the ids of two patients finds one."""
    if {resource.get("id") for resource in resources(evidence.seen("foreign include"))} - {evidence["own"]}:
        yield "found another patient"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#patient-scopes")
def a_posted_search_is_guarded(evidence: Evidence) -> Problems:
    """A search by POST is guarded like one by GET."""
    if {resource.get("id") for resource in resources(evidence.seen("post search"))} - {evidence["own"]}:
        yield "found another patient"


@check("fhir-r4#batch", *smart(130))
def a_batch_is_guarded_entry_by_entry(evidence: Evidence) -> Problems:
    """A batch reads the own patient and not another."""
    capability.require_whole(evidence, "batch")
    answer = evidence.seen("batch")
    if answer.status != 200:
        yield f"answered {answer.status}"
    found = [each.get("id") for each in resources(answer)]
    if evidence["other"] in found:
        yield "read another patient"
    if evidence["own"] not in found:
        yield "did not read the own patient"


@check("hl7.fhir.uv.smart-app-launch_2.2.0#scopes", writes=True)
def a_write_without_scope_is_403(evidence: Evidence) -> Problems:
    """A token that may only read cannot create."""
    capability.require(evidence, "Observation", "create")
    if evidence.seen("write without scope").status != 403:
        yield f"answered {evidence.seen('write without scope').status}"


@check("chartgate#no-5xx")
def no_strange_address_breaks_the_server(evidence: Evidence) -> Problems:
    """An address that is written strangely is refused or answered, and is no server error."""
    for name, answer in evidence["strange addresses"].items():
        if answer.status >= 500:
            yield f"{name}: answered {answer.status}"


@check("chartgate#raw-paths")
def a_strange_address_leads_to_nobody_else(evidence: Evidence) -> Problems:
    """Dots, slashes, zero bytes and second parameters that are escaped in an address lead to no other patient."""
    for name, answer in evidence["strange addresses"].items():
        for problem in leaks(answer, evidence["stranger's other"]):
            yield f"{name}: {problem}"


@check("fhir-r4#search-unknown-parameter")
def an_unknown_parameter_is_no_server_error(evidence: Evidence) -> Problems:
    """A search parameter that the server does not know is refused or left out, and is no server error."""
    if evidence.seen("unknown parameter").status >= 500:
        yield f"answered {evidence.seen('unknown parameter').status}"


CHECKS: tuple[Check, ...] = (
    no_token_is_401, a_garbage_token_is_401, a_token_in_the_address_is_refused, the_own_patient_is_read,
    another_patient_is_not_read, foreign_and_absent_are_told_alike, a_search_for_patients_finds_one,
    own_records_are_found, foreign_records_are_not_found, a_search_without_patient_stays_with_one,
    foreign_history_is_not_read, a_list_of_ids_finds_the_own_one, a_posted_search_is_guarded,
    a_batch_is_guarded_entry_by_entry, a_write_without_scope_is_403, an_unknown_parameter_is_no_server_error,
    no_strange_address_breaks_the_server, a_strange_address_leads_to_nobody_else,
)  # fmt: skip
