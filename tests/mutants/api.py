"""Mutants of reads and searches: parameters that are ignored, and statements that are not so."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.mutants.mutant import Asked, Mutant
from tests.mutants.turning import answered, fhir, on, resources, told, without_parameter

Made = Callable[[], Mutant]
METADATA = on("GET", "metadata")


def _mutant(*caught_by: str, **parts: Any) -> Made:
    return lambda: Mutant(frozenset(caught_by), suites=("api",), **parts)


def _search(type: str, query: str | None = None) -> Callable[[Asked], bool]:
    return lambda asked: on("GET", type, query=query)(asked) and fhir(asked) == type


def _ignores(type: str, *names: str, caught_by: tuple[str, ...]) -> Made:
    return _mutant(*caught_by, before=without_parameter(_search(type), *names))


def _emptied(document: Any) -> Any:
    return {name: value for name, value in document.items() if name != "entry"}


def _needs_system(asked: Asked) -> bool:
    return _search("Condition", "category=")(asked) and "%7C" not in asked.query


def _swapped(mutant: Mutant, asked: Asked) -> None:
    if _search("Observation")(asked):
        asked.query = asked.query.replace("date=ge", "date=lt")


def _advertises(row: Mapping[str, Any], *, of: str | None = None) -> Any:
    """A type, or a search parameter of a type, that is not there."""

    def change(document: Any) -> Any:
        listed = document["rest"][0]["resource"]
        if of is None:
            listed.append(row)
        for each in listed:
            if each["type"] == of:
                each["searchParam"].append(row)
        return document

    return told(METADATA, change)


def _formats(document: Any) -> Any:
    return {**document, "format": [*document["format"], "application/fhir+xml"]}


def _without(type: str, name: str) -> Any:
    def change(document: Any) -> Any:
        for each in resources(document):
            if each.get("resourceType") == type:
                each.pop(name, None)
        return document

    return told(on("GET", type), change)


def _untagged(document: Any) -> Any:
    for each in resources(document):
        each.get("meta", {}).pop("tag", None)
    return document


def _moved(document: Any) -> Any:
    for entry in document.get("entry", ()):
        entry["fullUrl"] = "http://elsewhere.example/fhir/Observation/x"
    return document


def _unfollowed(document: Any) -> Any:
    return {**document, "link": [each for each in document["link"] if each["relation"] != "next"]}


def _drowned(mutant: Mutant, asked: Asked) -> None:
    """A search by POST forgets what it is asked."""
    if asked.method == "POST" and fhir(asked) == "Condition/_search":
        asked.body = b"_count=1"
        asked.headers["content-length"] = "8"


def _another(document: Any) -> Any:
    return {**document, "id": "another"} if document.get("resourceType") == "Procedure" else document


def _stranger(document: Any) -> Any:
    stranger = {"resource": {"resourceType": "Condition", "id": "stranger"}, "search": {"mode": "include"}}
    return {**document, "entry": [*document.get("entry", ()), stranger]}


MUTANTS: Mapping[str, Made] = {
    "Condition ignores category": _ignores("Condition", "category", caught_by=("condition_is_searched",)),
    "Observation ignores code": _ignores("Observation", "code", caught_by=("observation_is_searched",)),
    "Encounter ignores date": _ignores("Encounter", "date", caught_by=("encounter_is_searched",)),
    "MedicationRequest ignores intent": _ignores("MedicationRequest", "intent", caught_by=("medicationrequest_is_searched",)),
    "Patient ignores name": _mutant("patient_is_searched", after=told(_search("Patient", "name="), _emptied)),
    "codes without their system are not found": _mutant("condition_is_searched", after=told(_needs_system, _emptied)),
    "comparators are mistaken": _mutant("observation_is_searched", before=_swapped),
    "order is ignored": _ignores("Observation", "_sort", caught_by=("records_are_sorted",)),
    "the length of a page is ignored": _ignores("Observation", "_count", caught_by=("a_page_is_as_long_as_asked",)),
    "there is never a next page": _mutant("a_page_is_as_long_as_asked", after=told(_search("Observation"), _unfollowed)),
    "summaries are ignored": _ignores("Observation", "_summary", caught_by=("records_are_counted",)),
    "parts are not marked": _mutant("records_are_counted", after=told(_search("Observation", "_elements"), _untagged)),
    "times of change are ignored": _ignores("Observation", "_lastUpdated", caught_by=("records_are_found_by_change",)),
    "what is unknown is left out all the same": _ignores(
        "Observation", "no-such-parameter", caught_by=("what_is_not_understood_is_said",)),
    "bad dates are left out": _mutant(
        "what_is_not_understood_is_said", before=without_parameter(_search("Observation", "no-date"), "date")),
    "a parameter is advertised that is not there": _mutant(
        "every_parameter_that_is_advertised_is_taken", after=_advertises({"name": "nonsense", "type": "token"}, of="Condition")),
    "a type is advertised that is not there": _mutant(
        "every_type_that_is_advertised_is_searched",
        after=_advertises({"type": "Nonsense", "interaction": [{"code": "search-type"}]})),
    "XML is advertised and not spoken": _mutant("every_format_that_is_advertised_is_spoken", after=told(METADATA, _formats)),
    "entries are elsewhere": _mutant("an_entry_says_where_it_is", after=told(_search("Observation"), _moved)),
    "searches by POST forget what is asked": _mutant("condition_is_searched_by_post", before=_drowned),
    "reads answer another resource": _mutant("procedure_is_read", after=told(on("GET", "Procedure/"), _another)),
    "Practitioners are not read": _mutant(
        "encounter_leads_to_what_is_there", "practitioner_is_read", before=answered(on("GET", "Practitioner/"), 404)),
    "Conditions lack their code": _mutant("condition_has_what_is_required", after=_without("Condition", "code")),
    "documents have no content": _mutant("documentreference_has_what_is_required", after=_without("DocumentReference", "content")),
    "what comes along is no Provenance": _mutant(
        "provenance_comes_with_records", after=told(_search("Procedure", "_revinclude"), _stranger)),
    "the statement does not say when": _mutant(
        "the_statement_is_whole", after=told(METADATA, lambda document: {n: v for n, v in document.items() if n != "date"})),
    "JSON is not JSON": _mutant("json_is_spoken", before=answered(lambda asked: METADATA(asked) and asked.headers.get("accept") == "application/json", 406)),
}  # fmt: skip
SHORT = ("Condition ignores category", "a parameter is advertised that is not there")
