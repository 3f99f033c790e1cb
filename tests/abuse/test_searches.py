"""Searching around the compartment: parameters that name somebody else, oracles, counts, pages, ``_search`` bodies."""

from typing import Any
from urllib.parse import urlencode

from tests.abuse import holes, holes_of_requests
from tests.abuse.chart import CATEGORIES, LAB, SYSTEM
from tests.abuse.sign_in import FULL, NARROW, token
from tests.abuse.target import FORM, Target

SEARCHES = (
    "patient={p1}&patient={p2}", "patient={p1},{p2}", "patient={p2}", "subject=Patient/{p2}", "%70atient={p2}",
    "Patient={p2}", "PATIENT={p2}", "pAtient={p2}", "subject:Patient={p2}", "subject:Patient={p1},{p2}", "patient:not={p1}",
    "patient:missing=true", "patient:missing=false", "patient:identifier={system}%7C{o2}", "patient:exact={p2}",
    "subject:identifier={system}%7C{o2}", "subject={base}/Patient/{p2}", "subject=https://evil.example/fhir/Patient/{p2}",
    "subject=Patient/{p2}/_history/1", "subject=Patient/{p1},Patient/{p2}", "patient={p2}%00", "patient={p1};patient={p2}",
    "patient={p1}%26patient={p2}", "patient[]={p2}", "patient%5B%5D={p2}", "patient+={p2}", "+patient={p2}", "patient%00={p2}",
    "subject=Patient/{p2}&subject=Patient/{p1}", "subject:Device={p2}", "_id={o2}", "_id={p1},{o2}", "_id:not={o1}",
    "identifier={system}%7C{o2}", "identifier={o2}", "identifier:not=x", "performer=Patient/{p1}", "focus=Patient/{p1}",
    "encounter=Encounter/{e2}", "encounter:Encounter={e2}", "has-member=Observation/{o2}", "code:not=x", "status=final",
    "category:not=x", "_lastUpdated=gt2000-01-01", "_sort=-date&_count=500", "_count=500", "_count=-1", "_count=99999999", "",
)  # fmt: skip


def names(target: Target) -> dict[str, str]:
    found = {name: target.chart.id(name) for name in ("p1", "p2", "o1", "o2", "e2", "k2", "dev2")}
    return {**found, "system": SYSTEM, "base": target.ehr.fhir}


def whom(target: Target) -> list[str]:
    for scope in (NARROW, FULL):
        bearer = token(target, scope)
        for query in SEARCHES:
            target.fhir("GET", "Observation", bearer, query=query.format(**names(target)))
        for query in ("", "_id={p2}", "_id={p1},{p2}", "link=Patient/{p1}", "birthdate=1960-02-03", "_id:not={p1}"):
            reply = target.fhir("GET", "Patient", bearer, query=query.format(**names(target)))
            shown = {each["id"] for each in reply.resources}
            target.expect(shown <= {target.chart.id("p1")}, f"Patient?{query} shows {len(shown)} patients")
            total = reply.json.get("total", 0)
            target.expect(total <= 1, f"Patient?{query} counts {total}")
    for search in MENTIONS:
        target.fhir("GET", search.format(**names(target)), token(target, FULL))
    own = target.fhir("GET", "Observation", token(target, NARROW), query="_count=500")
    target.expect(target.chart.id("o1") in {each["id"] for each in own.resources}, "one's own record is not found")
    return target.problems


MENTIONS = (
    "Condition?asserter=Patient/{p1}", "Coverage?subscriber=Patient/{p1}", "CareTeam?participant=Patient/{p1}",
    "Communication?recipient=Patient/{p1}", "Task?requester=Patient/{p1}", "Basic?author=Patient/{p1}",
    "Condition?asserter=Patient/{p1}&subject=Patient/{p2}", "Basic?author:Patient={p1}", "Task?patient={p2}",
    "Provenance?target=Observation/{o2}", "Provenance?patient={p1}", "Device?patient={p2}", "Device?patient:missing=false",
    "DocumentReference?subject=Patient/{p2}", "RelatedPerson?patient={p2}", "Encounter?_id={e2}", "Condition?_id={k2}",
)  # fmt: skip
"""Searches by a parameter that mentions p1 in what is p2's."""


def test_a03_a_search_stays_with_the_patient_whoever_it_names(target: Target) -> None:
    assert whom(target) == []


def test_a03_twin_that_searches_as_it_was_told(holed: Any) -> None:
    assert whom(holed(holes.nothing_is_checked)) != []


def test_a03_twin_that_counts_who_is_mentioned_as_owner(holed: Any) -> None:
    assert whom(holed(holes.mentioned_is_owned, holes.nothing_is_narrowed)) != []


ORACLES = (
    "_has:Observation:patient:code-value-quantity=x$gt5", "_has:Observation:subject:identifier={system}%7C{o1}",
    "_has:Observation:patient:_id={o1}", "_has:Observation:subject:_id={o2}", "_has:Coverage:beneficiary:status=active",
    "_has:Observation:subject:_has:Provenance:target:_id=x", "_has%3AObservation%3Apatient%3Acode=x", "_HAS:Observation:patient:code=x",
    "_has:Observation:patient:code:not=x", "_has:Observation:subject:date:missing=true", "_has:Observation:subject:identifier:not={system}%7C{o1}",
)  # fmt: skip


def reverse_chains(target: Target) -> list[str]:
    for scope in ("patient/Patient.rs", "patient/*.rs"):
        for query in ORACLES:
            reply = target.fhir("GET", "Patient", token(target, scope), query=query.format(**names(target)))
            target.refused(reply, f"Patient?{query}")
    return target.problems


def test_a08_a_reverse_chain_is_no_oracle(target: Target) -> None:
    assert reverse_chains(target) == []


def test_a08_twin_that_ignores_what_it_does_not_know(holed: Any) -> None:
    assert len(reverse_chains(holed(holes_of_requests.unknown_parameters_are_dropped))) == 2 * len(ORACLES)


CHAINS = (
    "subject:Patient.birthdate=1960-02-03", "subject.birthdate=1960-02-03", "patient.name=x", "patient.family:exact=x",
    "patient.gender:not=male", "subject:Patient.birthdate:missing=false", "subject:Patient.name:contains=x", "subject:Patient.gender:not:not=male",
    "subject:Patient.link=Patient/{p1}", "encounter.subject={p2}", "has-member.subject=Patient/{p2}", "_sort=subject.birthdate",
    "_sort=patient.name", "_sort=subject:Patient.birthdate", "_filter=subject%20eq%20Patient/{p2}", "_text=x", "_content=x",
    "_list={o2}", "_list=$current-allergies", "_query=everything", "_contained=both", "_contained=true", "_containedType=contained",
    "_source=x", "_type=Observation,Patient", "unknown=1", "value-string:unknown=1",
)  # fmt: skip


def chains(target: Target) -> list[str]:
    for query in CHAINS:
        for scope in ("patient/Observation.rs", "patient/*.rs"):
            reply = target.fhir("GET", "Observation", token(target, scope), query=query.format(**names(target)))
            target.refused(reply, f"Observation?{query}")
    return target.problems


def test_a09_chains_and_text_searches_are_no_oracle(target: Target) -> None:
    assert chains(target) == []


def test_a09_twin_that_ignores_what_it_does_not_know(holed: Any) -> None:
    assert len(chains(holed(holes_of_requests.unknown_parameters_are_dropped))) > len(CHAINS)


COUNTS = ("_summary=count", "_total=accurate", "_total=estimate", "_count=0", "_count=1", "_count=0&_total=accurate",
          "_summary=count&_total=none", "category=" + CATEGORIES + "%7Cvital-signs&_summary=count", "")  # fmt: skip


def counts(target: Target) -> list[str]:
    for scope, category in ((f"patient/Observation.rs?category={LAB}", LAB), ("patient/Observation.rs", None)):
        told = {"subject": target.chart.ref("Patient/p1")} | ({"category": category} if category else {})
        there = target.counted("Observation", told)
        for query in COUNTS:
            reply = target.fhir("GET", "Observation", token(target, scope), query=query, never=(target.chart.secret,))
            total = reply.json.get("total", 0)
            target.expect(total <= there, f"{scope}: {query} counts {total} of {there}")
    for type in (
        "Patient",
        "Provenance",
        "Device",
        "Group",
        "List",
        "DocumentReference",
        "Binary",
        "AuditEvent",
        "Task",
    ):
        visible = len(target.fhir("GET", type, token(target, FULL), query="_count=500").resources)
        for query in COUNTS[:6]:
            total = target.fhir("GET", type, token(target, FULL), query=query).json.get("total", 0)
            target.expect(total <= visible, f"{type}?{query} counts {total}, and shows {visible}")
    return target.problems


def test_a10_a_count_counts_what_may_be_seen(target: Target) -> None:
    assert counts(target) == []


def test_a10_twin_that_takes_every_count_for_harmless(holed: Any) -> None:
    problems = counts(holed(holes.nothing_is_narrowed))
    assert any("_summary=count counts" in each for each in problems)


BODIES = (
    ("", "subject=Patient/{p2}", FORM), ("?subject=Patient/{p1}", "subject=Patient/{p2}", FORM),
    ("?subject=Patient/{p2}", "subject=Patient/{p1}", FORM), ("?subject=Patient/{p2}", "", FORM),
    ("", "subject=Patient/{p1}&subject=Patient/{p2}", FORM), ("", "_id={o2}", FORM), ("?_id={o2}", "_id={o1}", FORM),
    ("", "subject=Patient/{p2}", FORM + "; charset=utf-7"), ("", "subject=Patient/{p2}", FORM + "; charset=utf-16"),
    ("", "patient={p2}", "application/X-WWW-form-urlencoded"), ("", "%70atient={p2}", FORM),
)  # fmt: skip
WRONG = (
    "application/json",
    "application/fhir+json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "",
    "application/xml",
)


def bodies(target: Target) -> list[str]:
    for scope in (NARROW, FULL):
        bearer = token(target, scope)
        for query, body, type in BODIES:
            said = {"body": body.format(**names(target)).encode(), "headers": [("content-type", type)]}
            target.fhir("POST", "Observation/_search" + query.format(**names(target)), bearer, **said)
        for type in WRONG:
            for body in (f"subject=Patient/{target.chart.id('p2')}", "--x\r\n\r\n--x--", '{"subject": "Patient/p2"}'):
                said = {"body": body.encode(), "headers": [("content-type", type)]}
                target.refused(
                    target.fhir("POST", "Observation/_search", bearer, **said), f"_search as {type or 'nothing'}"
                )
        twice = [("content-type", FORM), ("content-type", "application/fhir+json")]
        reply = target.fhir("POST", "Observation/_search", bearer, body=b"status=final", headers=twice)
        target.refused(reply, "_search with two content types")
        for path in ("_search", "Patient/{p2}/Observation/_search", "Observation/%5fsearch", "Observation/_search/",
                     "Observation/{o2}/_search", "Observation/_search/{o2}"):  # fmt: skip
            target.fhir("POST", path.format(**names(target)), bearer, form={"_count": "500"})
        target.fhir("GET", "Observation/_search", bearer, form={"subject": target.chart.ref("Patient/p2")})
    return target.problems


def test_a28_a_search_body_says_nothing_that_the_address_may_not(target: Target) -> None:
    assert bodies(target) == []


def test_a28_twin_that_looks_at_the_address_only(holed: Any) -> None:
    assert any("showed" in each for each in bodies(holed(holes.nothing_is_checked)))


COMPARTMENTS = (
    "Patient/{p2}/Observation", "Patient/{p2}/*", "Patient/{p2}/Condition", "Encounter/{e2}/Observation", "Encounter/{e2}/*",
    "Device/{dev2}/Observation", "Patient/{p1}/Observation?subject=Patient/{p2}", "Patient/{p1}/*", "Patient/{p1}/Patient",
    "Patient/{p1}/Group", "Patient/{p1}/List", "Patient/{p1}/AuditEvent", "Patient/{p1}/Basic", "Patient/{p1}/Coverage",
    "Patient/{p1}/Task", "Patient/{p1}/Provenance", "Patient/{p1}/CareTeam", "Patient/{p1}/Observation?_include=*",
    "Patient/{p1}/Communication", "Patient/{p1},{p2}/Observation", "Patient/{p1}/RelatedPerson", "Patient/{p1}/Device",
)  # fmt: skip


def compartments(target: Target) -> list[str]:
    for scope in (NARROW, FULL):
        bearer = token(target, scope)
        for path in COMPARTMENTS:
            target.fhir("GET", path.format(**names(target)), bearer)
        foreign, absent = (target.fhir("GET", f"{name}/Observation?{urlencode({'_count': 5})}", bearer)
                           for name in (target.chart.ref("Patient/p2"), "Patient/there-is-none"))  # fmt: skip
        told = [(reply.status, len(reply.resources), reply.json.get("total")) for reply in (foreign, absent)]
        target.expect(told[0] == told[1], f"the compartment of p2 is told as {told[0]}, of nobody as {told[1]}")
        target.expect(not foreign.resources, "the compartment of p2 is listed")
        target.refused(
            target.fhir("GET", f"{target.chart.ref('Patient/p1')}/Condition", token(target, NARROW)), "no scope"
        )
    return target.problems


def test_a32_a_compartment_is_a_search_like_any_other(target: Target) -> None:
    assert compartments(target) == []


def test_a32_twin_that_takes_the_address_for_the_permission(holed: Any) -> None:
    assert compartments(holed(holes_of_requests.compartments_are_searched, holes.nothing_is_checked)) != []
