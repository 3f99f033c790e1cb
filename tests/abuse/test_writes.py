"""Writing into another's record, or one's own record into another's; what a write tells; what nobody of a launch writes."""

from typing import Any

from tests.abuse import holes
from tests.abuse.chart import Resource
from tests.abuse.sign_in import FULL, NARROW, practitioner, token
from tests.abuse.target import Target


def performed(target: Target) -> list[str]:
    body = target.chart.new("p2", performer=[target.chart.to("Patient/p1")])
    with target.untouched("a create with performer p1"):
        for scope in (FULL, "patient/Observation.c"):
            target.refused(
                target.fhir("POST", "Observation", token(target, scope), document=body), "create with performer p1"
            )
    made = target.fhir("POST", "Observation", token(target, FULL), document=target.chart.new())
    target.expect(made.status == 201, "one's own record is not written")
    return target.problems


def test_a17_a_performer_does_not_own_what_is_anothers(target: Target) -> None:
    assert performed(target) == []


def test_a17_twin_for_which_being_named_is_enough(holed: Any) -> None:
    assert performed(holed(holes.mentioned_is_owned, holes.references_are_not_checked)) != []


def _memberships(target: Target, second: str) -> list[tuple[str, Resource]]:
    """Creates by p1 in which ``second`` (of p2, or absent) stands where it decides whose the record is."""
    chart = target.chart
    whom, base = f"Patient/{second}", target.ehr.fhir
    two, named, other = (
        {"reference": whom},
        {"reference": f"{base}/{whom}"},
        {"reference": f"https://evil.example/fhir/{whom}"},
    )
    contained = {"contained": [{"resourceType": "Patient", "id": "c"}], "subject": {"reference": "#c"}}
    status: Resource = {"status": "final", "code": {"text": "x"}}
    one = chart.to("Patient/p1")
    return [
        *(("Observation", chart.new(subject=subject) if isinstance(subject, str) else {**chart.new(), "subject": subject})
          for subject in (two, named, other, {"identifier": {"system": "urn:x", "value": whom}}, {"display": whom},
                          {**two, "type": "Patient"}, {"reference": f"{whom} "}, {"reference": f"/{whom}"}, {"reference": f"./{whom}"},
                          {"reference": f"{one['reference']}/../{second}"}, {"reference": f"Patient?identifier={second}"},
                          {"reference": f"{whom}/_history/1"}, {"reference": f"{whom}#x"}, {"reference": f"patient/{second}"}, [one, two])),
        ("Observation", {name: value for name, value in chart.new().items() if name != "subject"}),
        ("Observation", {**chart.new(), **contained}),
        ("Observation", {**chart.new(), **contained, "contained": [{"resourceType": "Patient", "id": "c", "link": [{"other": two, "type": "refer"}]}]}),
        *(("Observation", chart.new(**{name: value})) for name, value in (
            ("performer", [two]), ("focus", [two]), ("focus", [named]), ("performer", [one, two]),
            ("extension", [{"url": "urn:x", "valueReference": two}]))),
        ("DiagnosticReport", {"resourceType": "DiagnosticReport", "subject": one, "performer": [one], "resultsInterpreter": [two], **status}),
        ("Coverage", {"resourceType": "Coverage", "status": "active", "beneficiary": one, "subscriber": two, "payor": [one]}),
        ("Coverage", {"resourceType": "Coverage", "status": "active", "beneficiary": one, "payor": [two]}),
        ("Coverage", {"resourceType": "Coverage", "status": "active", "beneficiary": two, "subscriber": one, "payor": [one]}),
        ("DocumentReference", {"resourceType": "DocumentReference", "status": "current", "subject": one, "author": [two],
                               "content": [{"attachment": {"url": "https://x.example/y"}}]}),
        ("Condition", {"resourceType": "Condition", "subject": two, "asserter": one, "code": {"text": "x"}}),
        ("Communication", {"resourceType": "Communication", "status": "completed", "subject": one, "recipient": [two]}),
        ("CareTeam", {"resourceType": "CareTeam", "subject": one, "participant": [{"member": two}]}),
        ("Task", {"resourceType": "Task", "status": "requested", "intent": "order", "for": one, "focus": two}),
        ("RelatedPerson", {"resourceType": "RelatedPerson", "patient": two}), ("Device", {"resourceType": "Device", "patient": two}),
        ("Basic", {"resourceType": "Basic", "subject": two, "author": one, "code": {"text": "x"}}),
        ("Appointment", {"resourceType": "Appointment", "status": "proposed", "participant": [
            {"actor": one, "status": "accepted"}, {"actor": two, "status": "accepted"}]}),
    ]  # fmt: skip


def memberships(target: Target) -> list[str]:
    bearer = token(target, FULL)
    foreign, absent = (_memberships(target, id) for id in (target.chart.id("p2"), "nobody-" + target.chart.run))
    with target.untouched("a second patient in a create"):
        for (type, body), (_, lost) in zip(foreign, absent, strict=True):
            replies = [target.fhir("POST", type, bearer, document=each) for each in (body, lost)]
            what = f"create of {type} with {sorted(name for name in body if body.get(name) != target.chart.new().get(name))}"
            target.refused(replies[0], what)
            target.alike(what, *replies)
        for name in ("Observation/o2", "Encounter/e2"):
            for element in ("encounter", "hasMember", "derivedFrom", "basedOn"):
                if (element == "encounter") == name.startswith("Encounter"):
                    value = [
                        target.chart.to(name),
                        {"reference": f"{name.partition('/')[0]}/nobody-{target.chart.run}"},
                    ]
                    sent = [target.chart.new(**{element: each if element == "encounter" else [each]}) for each in value]
                    replies = [target.fhir("POST", "Observation", bearer, document=each) for each in sent]
                    target.refused(replies[0], f"create with {element} of p2")
                    target.alike(f"create with {element} of p2", *replies)
    return target.problems


def test_a18_no_second_patient_stands_in_a_record(target: Target) -> None:
    assert memberships(target) == []


def test_a18_twin_that_looks_at_one_membership_path(holed: Any) -> None:
    assert memberships(holed(holes.references_are_not_checked)) != []


def moves(target: Target) -> list[str]:
    chart, bearer = target.chart, token(target, FULL)
    own, foreign = chart.ref("Observation/o1"), chart.ref("Observation/o2")
    mine, theirs = (chart.observation(name, whose, "laboratory", "x") for name, whose in (("o1", "p1"), ("o2", "p2")))
    patient = {"resourceType": "Patient", "id": chart.id("p2"), "name": [{"family": "x"}]}
    fresh = "Observation/fresh-" + chart.run
    cases = [
        ("moves p1's to p2", own, {**mine, "subject": chart.to("Patient/p2")}), ("steals p2's", foreign, {**theirs, "subject": chart.to("Patient/p1")}),
        ("writes p2's", foreign, theirs), ("an id that is not the address's", own, {**mine, "id": chart.id("o2")}),
        ("no id", own, {name: value for name, value in mine.items() if name != "id"}), ("writes p2", chart.ref("Patient/p2"), patient),
        ("an id of p2 at the address of p1", chart.ref("Patient/p1"), patient), ("a type that is not the address's", own, patient),
        ("another type's body", chart.ref("Condition/k1"), mine), ("creates p2's by id", fresh, {**theirs, "id": fresh.partition("/")[2]}),
        ("takes a deleted id of p2's", chart.deleted[1], {**mine, "id": chart.id("x2")}), ("creates a patient", "Patient/fresh-" + chart.run, {**patient, "id": "fresh-" + chart.run}),
        ("takes what was p1's and is p2's", chart.ref("Observation/given"), {**mine, "id": chart.id("given")}),
    ]  # fmt: skip
    before = target.stored("Observation/o1")
    with target.untouched("an update that moves a record"):
        for what, path, body in cases:
            target.refused(target.fhir("PUT", path, bearer, document=body), f"an update that {what}")
            target.refused(
                target.fhir("PUT", path, bearer, document=body, headers=[("if-match", 'W/"1"')]),
                f"{what}, with If-Match",
            )
        for method, path in (
            ("DELETE", chart.ref("Patient/p1")),
            ("DELETE", foreign),
            ("DELETE", chart.ref("Patient/p2")),
        ):
            target.refused(target.fhir(method, path, bearer), f"{method} {path}")
        target.refused(
            target.fhir("POST", "Patient", bearer, document={"resourceType": "Patient"}), "create of a patient"
        )
    target.expect(before == target.stored("Observation/o1"), "p1's own record was changed by a refused update")
    return target.problems


def test_a19_an_update_moves_nothing_from_one_patient_to_another(target: Target) -> None:
    assert moves(target) == []


def test_a19_twin_that_looks_at_the_new_body_only(holed: Any) -> None:
    assert any("steals" in each for each in moves(holed(holes.nothing_is_checked)))


def read_only(target: Target) -> list[str]:
    chart, own = target.chart, target.chart.ref("Observation/o1")
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    before = target.stored("Observation/o1")
    for scope in (NARROW, "patient/*.rs", "patient/*.read", "patient/*.rs user/*.rs"):
        bearer = token(target, scope, user=practitioner(target))
        for kind in ("application/json-patch+json", "application/merge-patch+json", "application/fhir+json"):
            for document in (patch, [], {"status": "amended"}, {"resourceType": "Parameters"}):
                target.refused(
                    target.fhir("PATCH", own, bearer, document=document, type=kind), f"PATCH as {kind} with {scope}"
                )
        target.refused(
            target.fhir("PUT", own, bearer, document=chart.observation("o1", "p1", "laboratory", "x")), "PUT"
        )
        target.refused(target.fhir("POST", "Observation", bearer, document=chart.new()), "POST")
        target.refused(target.fhir("DELETE", own, bearer), "DELETE")
        target.refused(
            target.fhir("PUT", f"Observation?_id={chart.id('o1')}", bearer, document=chart.new()), "conditional PUT"
        )
        target.refused(target.fhir("DELETE", f"Observation?_id={chart.id('o1')}", bearer), "conditional DELETE")
        target.refused(
            target.fhir(
                "PATCH", f"Observation?_id={chart.id('o1')}", bearer, document=patch, type="application/json-patch+json"
            ),
            "conditional PATCH",
        )
    target.expect(before == target.stored("Observation/o1"), "a token for reading changed a record")
    return target.problems


def test_a21_who_may_read_does_not_write(target: Target) -> None:
    assert read_only(target) == []


def test_a21_twin_that_lets_writes_pass_that_touch_no_patient(holed: Any) -> None:
    assert read_only(holed(holes.nothing_is_checked)) != []


def write_only(target: Target) -> list[str]:
    chart = target.chart
    never = (chart.own, *chart.secrets)
    wanted = [("prefer", "return=representation")]
    for scope in ("patient/Observation.c", "patient/Observation.cu", "patient/Observation.u", "patient/*.write"):
        bearer = token(target, scope)
        condition = [*wanted, ("if-none-exist", f"identifier=urn:test:abuse|{chart.id('o1')}")]
        replies = [
            target.fhir("POST", "Observation", bearer, document=chart.new(), headers=condition, never=never),
            target.fhir("POST", "Observation", bearer, document=chart.new(), headers=wanted, never=never),
            target.fhir("PUT", chart.ref("Observation/x1-new"), bearer, headers=wanted, never=never,
                        document=chart.observation("x1-new", "p1", "laboratory", "x")),
            target.fhir("PATCH", chart.ref("Observation/o1"), bearer, headers=wanted, never=never, type="application/json-patch+json",
                        document=[{"op": "add", "path": "/language", "value": "en"}]),
            target.fhir("GET", chart.ref("Observation/o1"), bearer, never=never),
            target.fhir("GET", "Observation", bearer, never=never),
        ]  # fmt: skip
        entry = {"resource": chart.new(), "request": {"method": "POST", "url": "Observation"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        replies.append(target.fhir("POST", "", bearer, document=bundle, headers=wanted, never=never))
        for place, reply in enumerate(replies):
            shown = {reply.json.get("resourceType"), *(each["resourceType"] for each in reply.resources)} & {
                "Observation"
            }
            target.expect(not shown, f"answer {place} with {scope} holds the record")
    return target.problems


def test_a23_who_may_not_read_is_not_shown_what_was_written(target: Target) -> None:
    assert write_only(target) == []


def test_a23_twin_that_does_as_the_client_prefers(holed: Any) -> None:
    assert write_only(holed(holes.answers_are_not_checked)) != []


def shared(target: Target) -> list[str]:
    chart = target.chart
    bodies: list[Resource] = [
        {"resourceType": "Practitioner", "name": [{"family": "x"}]}, {"resourceType": "Organization", "name": "x"},
        {"resourceType": "Location", "name": "x"}, {"resourceType": "Medication", "code": {"text": "x"}},
        {"resourceType": "PractitionerRole", "practitioner": chart.to("Practitioner/dr")},
        {"resourceType": "Device", "serialNumber": "x"},
    ]  # fmt: skip
    there = {"Practitioner": "dr2", "Organization": "org", "Location": "loc", "Medication": "med", "Device": "dev0"}
    before = [target.stored(f"{type}/{name}") for type, name in there.items()]
    for scope in (
        FULL,
        "user/*.cruds patient/*.cruds",
        "patient/Device.cruds patient/Practitioner.cruds patient/Organization.cruds",
    ):
        bearer = token(target, scope, user=practitioner(target))
        for body in bodies:
            type = body["resourceType"]
            target.refused(target.fhir("POST", type, bearer, document=body), f"create of {type} with {scope}", 401, 403)
            made = {**body, "id": "shared-" + chart.run}
            target.refused(
                target.fhir("PUT", f"{type}/{made['id']}", bearer, document=made), f"upsert of {type} with {scope}"
            )
            if type in there:
                place = {**body, "id": chart.id(there[type])}
                target.refused(
                    target.fhir("PUT", f"{type}/{place['id']}", bearer, document=place),
                    f"update of {type} with {scope}",
                )
                target.refused(
                    target.fhir("DELETE", f"{type}/{place['id']}", bearer), f"deletion of {type} with {scope}"
                )
    target.expect(
        before == [target.stored(f"{type}/{name}") for type, name in there.items()], "what is shared was changed"
    )
    return target.problems


def test_a40_what_is_shared_is_written_by_system_scopes_only(target: Target) -> None:
    assert shared(target) == []


def test_a40_twin_for_which_reading_and_writing_reach_alike(holed: Any) -> None:
    assert shared(holed(holes.shared_is_written_by_all)) != []
