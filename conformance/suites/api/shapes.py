"""How a server answers searches, and whether what it says of itself is so (FHIR R4 §3.1.1, §3.1.0.6, CapabilityStatement)."""

from datetime import datetime
from typing import Any

from conformance import capability
from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing, NotOffered
from conformance.reading import entries, link, resources
from conformance.suites.api.matching import span, values
from conformance.suites.api.uscore import PARAMETERS


@check("fhir-r4#capabilities-honest")
def every_type_that_is_advertised_is_searched(evidence: Evidence) -> Problems:
    """Every type whose search is advertised is searched: 200 with a searchset."""
    capability.rest(evidence)
    for type, answer in evidence["types searched"].items():
        if answer.status != 200 or answer.table.get("type") != "searchset":
            yield f"{type}: answered {answer.status}, or no searchset"


@check("fhir-r4#capabilities-honest")
def every_parameter_that_is_advertised_is_taken(evidence: Evidence) -> Problems:
    """Every search parameter that is advertised for a US Core type is understood, one with the other."""
    capability.rest(evidence)
    for type, row in evidence["parameters searched"].items():
        for name, answer in row.items():
            if answer.status != 200:
                yield f"{type}, {name}: answered {answer.status}"


@check("fhir-r4#formats")
def every_format_that_is_advertised_is_spoken(evidence: Evidence) -> Problems:
    """Every media type that is advertised is answered in that type."""
    capability.rest(evidence)
    for name, answer in evidence["formats"].items():
        said = _media(answer.headers.get("content-type", ""))
        if answer.status != 200 or said != _media(name):
            yield f"{name}: answered {answer.status} as {said or 'nothing'}"


SAME = {"application/json": "application/fhir+json", "text/json": "application/fhir+json",
        "application/xml": "application/fhir+xml", "text/xml": "application/fhir+xml"}  # fmt: skip
"""Names of a format that R4 takes for the same (§3.1.0.1.9)."""


def _media(said: str) -> str:
    name = said.partition(";")[0].strip().lower()
    return SAME.get(name, name)


@check("fhir-r4#formats")
def json_is_spoken(evidence: Evidence) -> Problems:
    """application/json and _format=json are answered as JSON; a format that does not exist is 406, or JSON."""
    for name in ("plain json", "json by parameter"):
        if evidence.seen(name).table.get("resourceType") != "CapabilityStatement":
            yield f"{name}: answered {evidence.seen(name).status}, or no JSON"
    if evidence.seen("strange format").status >= 500:
        yield f"a strange format: answered {evidence.seen('strange format').status}"


@check("fhir-r4#head")
def head_is_get_without_a_body(evidence: Evidence) -> Problems:
    """HEAD, where it is served, is answered with status and type of GET, and without a body."""
    answer, whole = evidence.seen("head"), evidence.seen("metadata")
    if answer.status in (404, 405, 501):
        raise NotOffered("HEAD")
    if answer.status != whole.status or answer.body:
        yield f"answered {answer.status}, or with a body"
    if _media(answer.headers.get("content-type", "")) != _media(whole.headers.get("content-type", "")):
        yield "the type is another than that of GET"


@check("fhir-r4#capabilities-whole")
def the_statement_is_whole(evidence: Evidence) -> Problems:
    """The CapabilityStatement has what it must: status, date, kind, fhirVersion, format, rest with mode server."""
    said = evidence.seen("metadata").table
    for name in ("status", "date", "kind", "fhirVersion", "format", "rest"):
        if not said.get(name):
            yield f"{name} is missing"
    if not str(said.get("fhirVersion", "")).startswith("4.0"):
        yield "fhirVersion is not 4.0"
    if not capability.types(evidence):
        yield "no resource type is named"


@check("fhir-r4#search-paging")
def a_page_is_as_long_as_asked(evidence: Evidence) -> Problems:
    """_count=2 gives no more than two records on a page, and a link to the next where there are more."""
    answer, all = evidence.seen("two a page"), resources(evidence.seen("some observations"))
    if len(all) < 3:
        raise Missing("a patient with three Observations")
    if answer.status != 200 or not 0 < len(resources(answer)) <= 2:
        yield f"answered {answer.status} with {len(resources(answer))} records"
    if link(answer) is None:
        yield "there is no link to the next page"
    if link(answer, "self") is None:
        yield "there is no link to itself"


@check("fhir-r4#search-entries")
def an_entry_says_where_it_is(evidence: Evidence) -> Problems:
    """Each entry of a searchset has fullUrl, which ends with type and id, and search.mode."""
    for entry in entries(evidence.seen("two a page")):
        resource: Any = entry.get("resource") or {}
        if resource.get("resourceType") == "OperationOutcome":
            continue
        if not str(entry.get("fullUrl")).endswith(f"{resource.get('resourceType')}/{resource.get('id')}"):
            yield "fullUrl is not the resource's"
        if (entry.get("search") or {}).get("mode") not in ("match", "include", "outcome"):
            yield "search.mode is missing"


@check("fhir-r4#search-sort")
def records_are_sorted(evidence: Evidence) -> Problems:
    """_sort=date puts the oldest first, _sort=-date the newest."""
    if "date" not in capability.parameters(evidence, "Observation"):
        raise NotOffered("date of Observation")
    if len([each for record in resources(evidence.seen("some observations")) for each in _times(record)]) < 2:
        raise Missing("a patient with two Observations that say when")
    for name, newest in (("newest first", True), ("oldest first", False)):
        answer = evidence.seen(name)
        times = [each for record in resources(answer) for each in _times(record)]
        if answer.status != 200 or len(times) < 2 or times != sorted(times, reverse=newest):
            yield f"{name}: answered {answer.status}, or in another order"


def _times(record: Any) -> list[datetime]:
    """When it begins; nothing for a record that says no time."""
    found = [each for path in PARAMETERS["date"].paths for each in values(record, path)][:1]
    try:
        return [span(each)[0] for each in found]
    except ValueError:
        return []


@check("fhir-r4#search-summary")
def records_are_counted(evidence: Evidence) -> Problems:
    """_summary=count gives a total and no records; _elements gives those elements and marks the rest as left out."""
    counted, some = evidence.seen("counted"), evidence.seen("some elements")
    if not resources(evidence.seen("some observations")):
        raise Missing("a patient with Observations")
    total = str(counted.table.get("total", 0))
    if counted.status != 200 or resources(counted) or not total.isdigit() or total == "0":
        yield f"_summary=count: answered {counted.status}, or with records, or without a total"
    for each in resources(some):
        if "status" not in each:
            yield "_elements: what was asked for is missing"
        if "SUBSETTED" not in str((each.get("meta") or {}).get("tag")):
            yield "_elements: a part of a record is not marked as one"


@check("fhir-r4#search-last-updated")
def records_are_found_by_change(evidence: Evidence) -> Problems:
    """_lastUpdated finds what was changed since, and nothing of the future."""
    if not resources(evidence.seen("some observations")):
        raise Missing("a patient with Observations")
    if not resources(evidence.seen("changed since ever")):
        yield "found nothing that was ever changed"
    if resources(evidence.seen("changed after all")):
        yield "found what was changed in the future"


@check("fhir-r4#search-errors")
def what_is_not_understood_is_said(evidence: Evidence) -> Problems:
    """With Prefer: handling=strict an unknown parameter is 400; a value that is no date is 4xx, with an OperationOutcome."""
    for name in ("strict", "bad date"):
        answer: Exchange = evidence.seen(name)
        if not 400 <= answer.status < 500 or answer.table.get("resourceType") != "OperationOutcome":
            yield f"{name}: answered {answer.status}, or without an OperationOutcome"


CHECKS: tuple[Check, ...] = (
    the_statement_is_whole, every_type_that_is_advertised_is_searched, every_parameter_that_is_advertised_is_taken,
    every_format_that_is_advertised_is_spoken, json_is_spoken, head_is_get_without_a_body,
    a_page_is_as_long_as_asked, an_entry_says_where_it_is,
    records_are_sorted, records_are_counted, records_are_found_by_change, what_is_not_understood_is_said,
)  # fmt: skip
