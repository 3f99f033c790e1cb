"""Bundles: what is refused alone is refused in an entry, and what no request can say no entry says."""

from typing import Any

from tests.abuse import holes
from tests.abuse.sign_in import FULL, token
from tests.abuse.target import Target

Entry = dict[str, Any]


def _entries(target: Target) -> list[tuple[str, Entry]]:
    chart = target.chart
    own, foreign, two = chart.ref("Observation/o1"), chart.ref("Observation/o2"), chart.ref("Patient/p2")
    new, theirs = chart.new(), chart.new("p2")
    by_search = {**new, "subject": {"reference": f"Patient?identifier=urn:test:abuse|{chart.id('p2')}"}}
    nested = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": foreign}}]}

    def entry(method: str, url: str, resource: Any = None, **more: Any) -> Entry:
        return {**({"resource": resource} if resource else {}), "request": {"method": method, "url": url}, **more}

    return [
        ("read of p2's", entry("GET", foreign)), ("read of p2", entry("GET", two)), ("history of p2's", entry("GET", f"{foreign}/_history")),
        ("search for p2's", entry("GET", f"Observation?subject={two}")), ("search by id", entry("GET", f"Observation?_id={chart.id('o2')}")),
        ("delete of p2's", entry("DELETE", foreign)), ("update of p2's", entry("PUT", foreign, {**theirs, "id": chart.id("o2")})),
        ("theft of p2's", entry("PUT", foreign, {**new, "id": chart.id("o2")})), ("create for p2", entry("POST", "Observation", theirs)),
        ("an absolute address", entry("GET", f"{target.ehr.fhir}/{foreign}")), ("a foreign address", entry("GET", f"https://evil.example/fhir/{foreign}")),
        ("an absolute path", entry("GET", f"/ehr/spec/fhir/{foreign}")), ("a path that climbs", entry("GET", f"{own}/../{chart.id('o2')}")),
        ("an encoded path", entry("GET", f"{own}%2F..%2F{chart.id('o2')}")), ("a subject by search", entry("POST", "Observation", by_search)),
        ("a nested bundle", entry("POST", "", nested)), ("a nested bundle at /", entry("POST", "/", nested)), ("a bundle as a resource", entry("POST", "Bundle", nested)),
        ("an operation", entry("POST", f"{foreign}/$meta-add", {"resourceType": "Parameters"})), ("everything", entry("GET", f"{two}/$everything")),
        ("$expunge", entry("POST", "$expunge", {"resourceType": "Parameters"})), ("a method in small letters", entry("get", foreign)),
        ("a method with a space", entry("GET ", foreign)), ("HEAD", entry("HEAD", foreign)), ("no method", {"request": {"url": foreign}}),
        ("another fullUrl", entry("PUT", foreign, {**new, "id": chart.id("o2")}, fullUrl=f"{target.ehr.fhir}/{own}")),
        ("fullUrl of p2's", entry("POST", "Observation", theirs, fullUrl=f"{target.ehr.fhir}/{foreign}")),
        ("a conditional delete", entry("DELETE", f"Observation?subject={two}")), ("a compartment", entry("GET", f"{two}/Observation")),
        ("a create of a patient", entry("POST", "Patient", {"resourceType": "Patient"})), ("a create of what is shared", entry("POST", "Organization", {"resourceType": "Organization", "name": "x"})),
        ("a graph", entry("POST", "$graphql", {"resourceType": "Parameters"})), ("metadata", entry("GET", "metadata")),
        ("a type that is not the address's", entry("POST", "Condition", theirs)), ("ifNoneExist of p2's", {
            "resource": theirs, "request": {"method": "POST", "url": "Observation", "ifNoneExist": f"_id={chart.id('o2')}"}}),
    ]  # fmt: skip


def bundles(target: Target) -> list[str]:
    bearer = token(target, FULL)
    for what, entry in _entries(target):
        good = {
            "resource": target.chart.new(identifier=[target.chart.identifier("beside")]),
            "request": {"method": "POST", "url": "Observation"},
        }
        with target.untouched(what):
            for kind in ("batch", "transaction"):
                before = len(
                    target.raw("Observation", {"subject": target.chart.ref("Patient/p1"), "_summary": "false"})
                )
                reply = target.fhir(
                    "POST", "", bearer, document={"resourceType": "Bundle", "type": kind, "entry": [entry, good]}
                )
                after = len(target.raw("Observation", {"subject": target.chart.ref("Patient/p1"), "_summary": "false"}))
                searching = "search" in what or what == "a compartment"
                answers = [str(each.get("response", {}).get("status")) for each in reply.json.get("entry", ())]
                got = reply.status < 400 and (not answers or answers[0] < "300")
                target.expect(
                    not got or (searching and "by search" not in what),
                    f"{what} in a {kind} was answered {reply.status} {answers}",
                )
                if kind == "transaction" and reply.status >= 400:
                    target.expect(before == after, f"{what}: half of a transaction was done")
    reading = token(target, "patient/Observation.r")
    search = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": "Observation"}}],
    }
    reply = target.fhir("POST", "", reading, document=search)
    target.expect(not reply.resources and "200" not in str(reply.json.get("entry")), "a search in a batch with r only")
    return target.problems


def test_a16_an_entry_is_a_request_like_any_other(target: Target) -> None:
    assert bundles(target) == []


def test_a16_twin_that_looks_at_the_bundle_and_not_into_it(holed: Any) -> None:
    assert len(bundles(holed(holes.nothing_is_checked))) > 8


def swaps(target: Target) -> list[str]:
    """Names that one entry gives another: what a transaction makes is not what somebody else has."""
    chart, bearer = target.chart, token(target, FULL)
    foreign = f"{target.ehr.fhir}/{chart.ref('Encounter/e2')}"
    encounter = {"resourceType": "Encounter", "status": "in-progress", "subject": chart.to("Patient/p1"),
                 "class": {"code": "IMP", "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode"}}  # fmt: skip
    for name in (foreign, chart.ref("Encounter/e2"), "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"):
        for reference in (chart.ref("Encounter/e2"), foreign):
            entries = [
                {"fullUrl": name, "resource": encounter, "request": {"method": "POST", "url": "Encounter"}},
                {
                    "resource": chart.new(encounter={"reference": reference}),
                    "request": {"method": "POST", "url": "Observation"},
                },
            ]
            with target.untouched("a fullUrl that is p2's"):
                reply = target.fhir(
                    "POST", "", bearer, document={"resourceType": "Bundle", "type": "transaction", "entry": entries}
                )
            if name not in (reference, foreign, chart.ref("Encounter/e2")):
                target.refused(reply, f"a reference to {reference} in a transaction")
    provenance = {"resourceType": "Provenance", "recorded": "2026-01-02T03:04:05Z", "agent": [{"who": {"display": "x"}}],
                  "target": [chart.to("Observation/o2")]}  # fmt: skip
    entries = [{"fullUrl": f"{target.ehr.fhir}/{chart.ref('Observation/o2')}", "resource": chart.new(), "request": {"method": "POST", "url": "Observation"}},
               {"resource": provenance, "request": {"method": "POST", "url": "Provenance"}}]  # fmt: skip
    with target.untouched("a Provenance whose target is renamed"):
        target.fhir("POST", "", bearer, document={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    return target.problems


def test_a16_a_name_in_a_transaction_is_of_that_transaction(target: Target) -> None:
    assert swaps(target) == []
