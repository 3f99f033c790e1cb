"""Operations and kinds of request that reach over the compartment, and what an app may never start on a server."""

from typing import Any

from tests.abuse import holes, holes_of_requests
from tests.abuse.chart import LAB
from tests.abuse.sign_in import FULL, NARROW, practitioner, token
from tests.abuse.target import Target


def everything(target: Target) -> list[str]:
    one, two = target.chart.ref("Patient/p1"), target.chart.ref("Patient/p2")
    for scope, types in ((NARROW, {"Observation", "Patient"}), ("patient/Patient.rs", {"Patient"}), (FULL, None)):
        bearer = token(target, scope)
        for query in (
            "",
            "?_type=Observation",
            "?_type=Condition,Encounter",
            "?_type=Patient",
            "?_count=1",
            "?_since=2000-01-01",
            "?start=2000",
        ):
            reply = target.fhir("GET", f"{one}/$everything{query}", bearer)
            shown = {each["resourceType"] for each in reply.resources} - {"OperationOutcome"}
            target.expect(types is None or shown <= types, f"$everything{query} with {scope} shows {sorted(shown)}")
            for link in reply.json.get("link", ()):
                if link.get("relation") == "next":
                    target.fhir("GET", link["url"].partition("/fhir/")[2], bearer)
        foreign, absent = (target.fhir("GET", f"{name}/$everything", bearer) for name in (two, "Patient/there-is-none"))
        target.alike("$everything of p2", foreign, absent)
        target.refused(foreign, "$everything of p2")
        for path in (
            "Patient/$everything",
            f"{target.chart.ref('Encounter/e2')}/$everything",
            f"{target.chart.ref('Group/group')}/$everything",
        ):
            target.refused(target.fhir("GET", path, bearer), path)
    labs = token(target, f"patient/Observation.rs?category={LAB}")
    target.fhir("GET", f"{one}/$everything", labs, never=(target.chart.vital, *target.chart.secrets))
    return target.problems


EXPORTS = (
    "$export", "Patient/$export", "Group/{group}/$export", "Patient/{p1}/$export", "Patient/{p2}/$export", "$export?_type=Observation",
    "$export-poll-status?_jobId=61ebe359-bfdc-4613-8bf2-c5e300945f0a", "$graphql?query=%7BPatientList%7Bid%7D%7D",
    "Patient/{p2}/$graphql?query=%7Bid%20name%7Bfamily%7D%7D", "Patient/{p2}/$summary", "Patient/$summary",
    "Observation/$lastn", "Observation/$lastn?patient=Patient/{p2}", "Observation/$stats", "Patient/{p2}/$docref",
    "DocumentReference/$docref?patient={p2}", "Encounter/{e2}/$everything", "$get-resource-counts", "$list-configs",
)  # fmt: skip


def exports(target: Target) -> list[str]:
    names = {name: target.chart.id(name) for name in ("p1", "p2", "e2", "group")}
    for scope in (FULL, NARROW, "patient/*.rs user/*.rs", "user/*.cruds"):
        never = () if "user/" in scope else None
        bearer = token(target, scope, user=practitioner(target))
        for path in EXPORTS:
            if "user/" in scope and path not in EXPORTS[:8]:
                continue  # a practitioner may see p2; an export or a graph is still nobody's but a backend service's
            for method in ("GET", "POST"):
                sent = {} if method == "GET" else {"document": {"resourceType": "Parameters"}}
                headers = [("prefer", "respond-async")]
                reply = target.fhir(method, path.format(**names), bearer, headers=headers, never=never, **sent)
                target.refused(reply, f"{method} {path} with {scope}")
                target.expect(not reply.header("content-location"), f"{path} was started")
            target.refused(
                target.fhir("DELETE", path.format(**names).partition("?")[0], bearer, never=never), f"DELETE {path}"
            )
    return target.problems


def test_a26_everything_is_what_the_scopes_name_of_one_patient(target: Target) -> None:
    assert everything(target) == []


def test_a26_twin_for_which_an_operation_is_a_read(holed: Any) -> None:
    made = holed(holes_of_requests.operations_are_reads, holes.nothing_is_checked)
    assert any("showed" in each for each in everything(made))
    assert any("Patient/$export" in each and "showed" in each for each in exports(made.again()))


def test_a26_an_export_is_for_nobody_who_was_launched(target: Target) -> None:
    assert exports(target) == []


OPERATIONS = (
    "Patient/$match", "Patient/$member-match", "$expunge", "Observation/$expunge", "Observation/{o1}/$expunge", "Observation/{o2}/$expunge",
    "$reindex", "$mark-all-resources-for-reindexing", "$perform-reindexing-pass", "Observation/{o2}/$meta-delete", "Observation/{o2}/$meta-add",
    "Observation/{o1}/$meta-add", "Observation/{o2}/$meta", "$meta", "Patient/$meta", "$process-message", "PlanDefinition/x/$apply", "$diff",
    "Observation/{o2}/$diff", "Observation/{o2}/_history/1/$diff", "$hapi.fhir.replace-references", "Patient/$merge", "$import", "Patient/{p2}/$merge",
    "$delete-expunge", "$reindex-terminology", "$invalidate-expansion", "$hapi.fhir.merge", "ValueSet/$expand", "StructureMap/$transform",
    "Observation/{o1}/$nonsense", "$", "$$", "Observation/$everything/{o2}", "Subscription/$trigger-subscription", "Library/$evaluate",
)  # fmt: skip


def operations(target: Target) -> list[str]:
    names = {name: target.chart.id(name) for name in ("p1", "p2", "o1", "o2")}
    bearer = token(target, FULL)
    tag = {"name": "meta", "valueMeta": {"tag": [{"system": "urn:x", "code": "y"}]}}
    known = {
        "name": "resource",
        "resource": {"resourceType": "Patient", "name": [{"family": target.chart.run}], "birthDate": "1960-02-03"},
    }
    document = {
        "resourceType": "Parameters",
        "parameter": [tag, known, {"name": "expungeEverything", "valueBoolean": True}],
    }
    before = target.stored("Observation/o1")
    with target.untouched("an operation"):
        for path in OPERATIONS:
            target.refused(target.fhir("POST", path.format(**names), bearer, document=document), f"POST {path}")
            target.refused(target.fhir("GET", path.format(**names), bearer), f"GET {path}")
        for query in ("_cascade=delete", "_expunge=true", "_cascade=delete&_expunge=true"):
            for name in ("Patient/p1", "Patient/p2", "Encounter/e2", "Observation/o2"):
                target.refused(
                    target.fhir("DELETE", f"{target.chart.ref(name)}?{query}", bearer), f"DELETE {name}?{query}"
                )
            headers = [("x-cascade", "delete")]
            target.refused(target.fhir("DELETE", target.chart.ref("Patient/p1"), bearer, headers=headers), "X-Cascade")
            own = target.chart.ref("Observation/cascaded")
            target.fhir("PUT", own, bearer, document=target.chart.observation("cascaded", "p1", "laboratory", "x"))
            target.refused(target.fhir("DELETE", f"{own}?{query}", bearer), f"own DELETE with {query}")
    target.expect(before == target.stored("Observation/o1"), "an operation changed a record")
    return target.problems


def remote_profiles(target: Target) -> list[str]:
    """``$validate`` fetches nothing, and is for who may write the type."""
    target.runner.get_loop().called.clear()
    new, profile = target.chart.new(), "http://169.254.169.254/latest/StructureDefinition/x"
    named = [
        {"name": "resource", "resource": new},
        {"name": "profile", "valueUri": profile},
        {"name": "mode", "valueCode": "create"},
    ]
    document = {"resourceType": "Parameters", "parameter": named}
    for scope in (FULL, NARROW):
        bearer = token(target, scope)
        target.refused(
            target.fhir("POST", "Observation/$validate", bearer, document=document), "$validate with a profile"
        )
        target.refused(
            target.fhir("POST", f"Observation/$validate?profile={profile}", bearer, document=new), "$validate?profile="
        )
        for profiled in ({**new, "meta": {"profile": [profile]}},):
            target.fhir("POST", "Observation/$validate", bearer, document=profiled)
        for name in ("Observation/o2", "Patient/p2"):
            for method in ("GET", "POST"):
                target.refused(
                    target.fhir(method, f"{target.chart.ref(name)}/$validate", bearer), f"$validate of {name}"
                )
    target.refused(
        target.fhir("POST", "Observation/$validate", token(target, NARROW), document=new), "$validate by a reader"
    )
    target.expect(not target.runner.get_loop().called, "$validate called out")
    return target.problems


def test_a27_no_operation_reaches_over_the_compartment(target: Target) -> None:
    assert operations(target) == []


def test_a27_validation_fetches_no_profile(target: Target) -> None:
    assert remote_profiles(target) == []


def test_a27_twin_for_which_an_operation_is_a_read(holed: Any) -> None:
    made = holed(holes_of_requests.operations_are_reads, holes.nothing_is_checked)
    assert remote_profiles(made) != []
    assert any("$expunge" in each for each in operations(made.again()))
