"""Records that are several patients' or nobody's: provenance, devices, groups, lists, documents, subscriptions."""

import base64
from typing import Any

from tests.abuse import holes
from tests.abuse.sign_in import FULL, token
from tests.abuse.target import Target


def provenance(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    absent = target.fhir("GET", "Provenance/there-is-none", bearer)
    target.alike("a Provenance of p1 and p2", target.fhir("GET", chart.ref("Provenance/prov-both"), bearer), absent)
    own = target.fhir("GET", chart.ref("Provenance/prov-only"), bearer)
    target.expect(own.status == 200, "one's own Provenance is not read")
    for query in (
        "",
        f"target={chart.ref('Observation/o2')}",
        f"target={chart.ref('Observation/o1')}",
        "_include=Provenance:target",
    ):
        target.fhir("GET", "Provenance", bearer, query=query)
    agent: dict[str, Any] = {
        "resourceType": "Provenance",
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"display": "x"}}],
    }
    own_target, nobody = chart.to("Observation/o1"), {"reference": f"Observation/nobody-{chart.run}"}
    with target.untouched("a Provenance"):
        for targets in ([chart.to("Observation/o2")], [own_target, chart.to("Observation/o2")], [chart.to("Patient/p2")],
                        [own_target, {"reference": f"{target.ehr.fhir}/{chart.ref('Observation/o2')}"}],
                        [own_target, {"reference": f"{chart.ref('Observation/given')}/_history/1"}]):  # fmt: skip
            reply = target.fhir("POST", "Provenance", bearer, document={**agent, "target": targets})
            target.refused(reply, f"a Provenance with {len(targets)} targets")
            lost = [nobody if each != own_target else each for each in targets]
            target.alike(
                "a Provenance of p2's",
                reply,
                target.fhir("POST", "Provenance", bearer, document={**agent, "target": lost}),
            )
        for targets in ([], [{"display": "x"}], [{"identifier": {"value": "x"}}], [{"reference": "https://evil.example/fhir/Patient/x"}],
                        [chart.to("Practitioner/dr")], [chart.to("Device/dev0")]):  # fmt: skip
            target.refused(
                target.fhir("POST", "Provenance", bearer, document={**agent, "target": targets}),
                f"a Provenance of {targets}",
            )
        moved = {**agent, "id": chart.id("prov-only"), "target": [own_target, chart.to("Observation/o2")]}
        target.refused(
            target.fhir("PUT", chart.ref("Provenance/prov-only"), bearer, document=moved), "an update of a Provenance"
        )
        entity = {"role": "source", "what": chart.to("Observation/o2")}
        target.refused(
            target.fhir("POST", "Provenance", bearer, document={**agent, "target": [own_target], "entity": [entity]}),
            "an entity of p2",
        )
    return target.problems


def test_a33_a_provenance_is_within_reach_with_all_its_targets(target: Target) -> None:
    assert provenance(target) == []


def test_a33_twin_for_which_one_target_is_enough(holed: Any) -> None:
    assert any("p1 and p2" in each for each in provenance(holed(holes.one_target_is_enough)))


def pivots(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    for name in (
        "Device/dev2",
        "Group/group",
        "List/list",
        "Task/task3",
        "Patient/p2",
        "RelatedPerson/rp2",
        "AuditEvent/audit",
    ):
        type = name.partition("/")[0]
        reply, absent = target.fhir("GET", chart.ref(name), bearer), target.fhir("GET", f"{type}/there-is-none", bearer)
        target.refused(reply, f"GET {name}")
        target.expect(reply.status == 403 or reply.shape == absent.shape, f"{name} is told from an absent one")
        for query in ("", f"_id={chart.id(name.partition('/')[2])}"):
            target.fhir("GET", type, bearer, query=query)
    for type in ("Linkage", "Person", "Subscription", "MessageHeader", "Composition", "Account", "Schedule"):
        for path in (type, f"{type}?patient={chart.ref('Patient/p1')}", f"{type}/x", f"{type}/x/_history"):
            target.refused(target.fhir("GET", path, bearer), path)
    own = target.fhir("GET", chart.ref("Device/dev1"), bearer)
    target.expect(own.status == 200, "one's own device is not read")
    members = [{"entity": chart.to("Patient/p1")}, {"entity": chart.to("Patient/p2")}]
    items = [{"item": chart.to("Observation/o2")}]
    link = [{"other": chart.to("Patient/p2"), "type": "refer"}]
    with target.untouched("a pivot"):
        for what, method, path, body in (
            ("a group with p2", "POST", "Group", {"resourceType": "Group", "type": "person", "actual": True, "member": members}),
            ("a list of p2's", "POST", "List", {"resourceType": "List", "status": "current", "mode": "working", "entry": items}),
            ("a list for p1 of p2's", "POST", "List", {"resourceType": "List", "status": "current", "mode": "working", "entry": items, "subject": chart.to("Patient/p1")}),
            ("a link to p2", "PUT", chart.ref("Patient/p1"), {"resourceType": "Patient", "id": chart.id("p1"), "name": [{"family": chart.own}], "link": [*link, *link]}),
            ("a device taken from p2", "PUT", chart.ref("Device/dev2"), {"resourceType": "Device", "id": chart.id("dev2"), "patient": chart.to("Patient/p1")}),
            ("a person", "POST", "Person", {"resourceType": "Person", "link": [{"target": chart.to("Patient/p2")}]}),
            ("a linkage", "POST", "Linkage", {"resourceType": "Linkage", "item": [{"type": "source", "resource": chart.to("Patient/p1")}, {"type": "alternate", "resource": chart.to("Patient/p2")}]}),
            ("an audit event", "POST", "AuditEvent", {"resourceType": "AuditEvent", "type": {"code": "rest"}, "recorded": "2026-01-02T03:04:05Z",
                "agent": [{"requestor": True}], "source": {"observer": {"display": "x"}}, "entity": [{"what": chart.to("Patient/p1")}]}),
        ):  # fmt: skip
            target.refused(target.fhir(method, path, bearer, document=body), what)
    return target.problems


def test_a34_nothing_that_links_patients_leads_to_the_other(target: Target) -> None:
    assert pivots(target) == []


def test_a34_twin_for_which_a_member_is_an_owner(holed: Any) -> None:
    assert any("Group" in each for each in pivots(holed(holes.mentioned_is_owned)))


def binaries(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    foreign, absent = chart.ref("Binary/bin2"), "Binary/there-is-none"
    for accept in ("application/fhir+json", "text/plain", "*/*", "application/octet-stream"):
        replies = [target.fhir("GET", name, bearer, headers=[("accept", accept)]) for name in (foreign, absent)]
        target.refused(replies[0], f"Binary of p2 as {accept}")
        target.alike(f"Binary of p2 as {accept}", *replies)
    for path in (
        "Binary",
        f"Binary?_id={chart.id('bin2')}",
        f"{foreign}/_history",
        f"{foreign}/_history/1",
        f"{foreign}/$binary-access-read",
    ):
        target.fhir("GET", path, bearer)
    context = [("x-security-context", chart.ref("Patient/p1"))]
    for headers in (context, [("x-security-context", chart.ref("DocumentReference/doc1"))]):
        target.refused(target.fhir("GET", foreign, bearer, headers=headers), "Binary with X-Security-Context")
    data = base64.b64encode(b"x").decode()
    with target.untouched("a Binary"):
        for whom in ("Patient/p1", "Patient/p2", "DocumentReference/doc2"):
            body = {
                "resourceType": "Binary",
                "contentType": "text/plain",
                "data": data,
                "securityContext": chart.to(whom),
            }
            target.refused(
                target.fhir("PUT", foreign, bearer, document={**body, "id": chart.id("bin2")}), f"Binary for {whom}"
            )
            if whom != "Patient/p1":
                target.refused(
                    target.fhir("POST", "Binary", bearer, document=body, headers=context), f"a new Binary for {whom}"
                )
        target.refused(
            target.fhir("POST", "Binary", bearer, body=b"<html>", headers=[("content-type", "text/html"), *context]),
            "raw Binary",
        )
    target.runner.get_loop().called.clear()
    document = {"resourceType": "DocumentReference", "status": "current", "subject": chart.to("Patient/p1"),
                "content": [{"attachment": {"contentType": "text/plain", "url": "http://169.254.169.254/latest/meta-data"}}]}  # fmt: skip
    target.fhir("POST", "DocumentReference", bearer, document=document)
    stolen = {**document, "content": [{"attachment": {"url": foreign}}]}
    made = target.fhir("POST", "DocumentReference", bearer, document=stolen)
    target.refused(target.fhir("GET", foreign, bearer), f"Binary named by a document of one's own ({made.status})")
    target.expect(not target.runner.get_loop().called, "an attachment was fetched")
    return target.problems


def test_a35_a_binary_is_nobodys_without_its_document(target: Target) -> None:
    assert binaries(target) == []


def test_a35_twin_for_which_the_security_context_is_the_owner(holed: Any) -> None:
    assert any("Binary of p2" in each for each in binaries(holed(holes.mentioned_is_owned)))


ENDPOINTS = (
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1:1/hook",
    "http://localhost:8700/",
    "https://evil.example/hook",
    "file:///etc/passwd",
)


def subscriptions(target: Target) -> list[str]:
    bearer = token(target, FULL)
    target.runner.get_loop().called.clear()
    for endpoint in ENDPOINTS:
        for criteria in ("Observation?", f"Observation?subject={target.chart.ref('Patient/p2')}", "Patient?"):
            body = {"resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": criteria,
                    "channel": {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json"}}  # fmt: skip
            target.refused(target.fhir("POST", "Subscription", bearer, document=body), f"a subscription to {endpoint}")
            named = {**body, "id": "s-" + target.chart.run}
            target.refused(
                target.fhir("PUT", f"Subscription/{named['id']}", bearer, document=named), "an upserted subscription"
            )
            entry = {"resource": body, "request": {"method": "POST", "url": "Subscription"}}
            for kind in ("batch", "transaction"):
                reply = target.fhir(
                    "POST", "", bearer, document={"resourceType": "Bundle", "type": kind, "entry": [entry]}
                )
                target.expect("201" not in str(reply.json.get("entry")), f"a subscription in a {kind}")
    target.expect(not target.runner.get_loop().called, "a subscription called out")
    return target.problems


def test_a36_nobody_subscribes(target: Target) -> None:
    assert subscriptions(target) == []


def test_a36_twin_that_serves_subscriptions(holed: Any) -> None:
    assert subscriptions(holed(holes.subscriptions_are_served, holes.nothing_is_checked)) != []
