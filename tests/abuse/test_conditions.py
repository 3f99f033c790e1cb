"""Conditional writes that another patient's record meets, by search or by version: they find nothing, and tell nothing."""

from typing import Any

from tests.abuse import holes
from tests.abuse.chart import SYSTEM
from tests.abuse.sign_in import FULL, token
from tests.abuse.target import Reply, Target


def _conditions(target: Target) -> list[str]:
    """What p2's records meet: one of them, several, all of them."""
    chart = target.chart
    return [
        f"identifier={SYSTEM}|{chart.id('o2')}", f"identifier={SYSTEM}|{chart.id('several')}", f"_id={chart.id('o2')}",
        f"subject={chart.ref('Patient/p2')}", f"identifier={SYSTEM}|{chart.id('o2')}&subject={chart.ref('Patient/p2')}",
        f"performer={chart.ref('Patient/p1')}", f"identifier={SYSTEM}|{chart.id('given')}", f"subject:Patient={chart.id('p2')}",
        f"subject:Patient.name=x&identifier={SYSTEM}|{chart.id('o2')}", f"_has:Provenance:target:_id=x&identifier={SYSTEM}|{chart.id('o2')}",
    ]  # fmt: skip


def _told(reply: Reply) -> tuple[int, bool, str]:
    """What an answer to a conditional write tells: the status, whether there is a body, and which version it names."""
    return reply.status, bool(reply.body), reply.header("etag")


def _attempts(target: Target, condition: str, bearer: str) -> list[tuple[str, Reply]]:
    run = target.chart.run if target.chart.run in condition else "nobody"
    meeting = [{"system": SYSTEM, "value": f"{name}-{run}"} for name in ("o2", "several", "given")]
    new = target.chart.new(identifier=meeting)
    patch = {"document": [{"op": "add", "path": "/language", "value": "en"}], "type": "application/json-patch+json"}
    entry = {"resource": new, "request": {"method": "POST", "url": "Observation", "ifNoneExist": condition}}
    put = {"resource": new, "request": {"method": "PUT", "url": f"Observation?{condition}"}}
    remove = {"request": {"method": "DELETE", "url": f"Observation?{condition}"}}
    made = [
        (
            "If-None-Exist",
            target.fhir("POST", "Observation", bearer, document=new, headers=[("if-none-exist", condition)]),
        )
    ]
    query = condition.replace("|", "%7C")
    made.append(("conditional update", target.fhir("PUT", f"Observation?{query}", bearer, document=new)))
    made.append(("conditional delete", target.fhir("DELETE", f"Observation?{query}", bearer)))
    made.append(("conditional patch", target.fhir("PATCH", f"Observation?{query}", bearer, **patch)))
    for kind in ("batch", "transaction"):
        for one in (entry, put, remove):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": [one]}
            reply = target.fhir("POST", "", bearer, document=bundle)
            answers = [each.get("response", {}) for each in reply.json.get("entry", ())]
            said = tuple((str(answer.get("status")), bool(answer.get("etag"))) for answer in answers)
            told = Reply(reply.status, (("etag", str(said)),), b"")
            made.append((f"{one['request']['method']} in a {kind}", told))
    return made


def conditions(target: Target) -> list[str]:
    for scope in (FULL, "patient/Observation.cud"):
        bearer = token(target, scope)
        with target.untouched("a conditional write"):
            for condition in _conditions(target):
                attempts = _attempts(target, condition, bearer)
                nobody = condition.replace(target.chart.run, "nobody")
                for (what, found), (_, absent) in zip(attempts, _attempts(target, nobody, bearer), strict=True):
                    same = _told(found) == _told(absent)
                    target.expect(same, f"{what} by {condition} tells {_told(found)}, by an absent one {_told(absent)}")
                    named = found.header("location") + found.header("content-location")
                    target.expect(
                        not any(name in named for name in target.chart.seconds()), f"{what} names p2's record"
                    )
    several = {"resourceType": "Observation", **target.chart.new()}
    for _ in range(2):
        target.fhir(
            "POST",
            "Observation",
            token(target, FULL),
            document={**several, "identifier": [target.chart.identifier("mine")]},
        )
    own = f"identifier={SYSTEM}%7C{target.chart.id('mine')}"
    target.refused(target.fhir("DELETE", f"Observation?{own}", token(target, FULL)), "a deletion of several")
    target.refused(
        target.fhir("PUT", f"Observation?{own}", token(target, FULL), document=several), "an update of several"
    )
    return target.problems


def test_a22_a_condition_finds_nothing_of_another(target: Target) -> None:
    assert conditions(target) == []


def test_a22_twin_that_looks_for_the_condition_everywhere(holed: Any) -> None:
    assert any("If-None-Exist" in each for each in conditions(holed(holes.conditions_are_not_narrowed)))


def oracles(target: Target) -> list[str]:
    chart = target.chart
    absent = "Observation/nobody-" + chart.run
    patch = {"document": [{"op": "add", "path": "/language", "value": "en"}], "type": "application/json-patch+json"}
    with target.untouched("a version that is guessed"):
        for scope in ("patient/Observation.u", "patient/Observation.ud", FULL):
            for match in (None, 'W/"1"', 'W/"2"', 'W/"99"', "*"):
                headers = [("if-match", match)] if match else []
                for foreign in (chart.ref("Observation/o2"), chart.ref("Observation/given")):
                    for method in ("PUT", "DELETE", "PATCH"):
                        if method == "PUT" and match is None and scope == FULL:
                            continue  # a new id is created there, a foreign one never
                        sent = [_sent(target, method, name, patch) for name in (foreign, absent)]
                        replies = [target.fhir(method, name, token(target, scope), headers=headers, **said)
                                   for name, said in zip((foreign, absent), sent, strict=True)]  # fmt: skip
                        target.refused(replies[0], f"{method} of {foreign}")
                        target.alike(f"{method} with If-Match {match} and {scope}", *replies)
    twice = chart.ref("Observation/twice")
    target.fhir("PUT", twice, token(target, FULL), document=chart.observation("twice", "p1", "laboratory", "x"))
    replies = [target.fhir("DELETE", twice, token(target, FULL)) for _ in range(3)]
    target.expect({each.status for each in replies} <= {200, 204, 404, 410}, "a deletion repeated is refused otherwise")
    return target.problems


def _sent(target: Target, method: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
    if method != "PUT":
        return patch if method == "PATCH" else {}
    return {"document": {**target.chart.new(), "id": name.partition("/")[2]}}


def test_a24_a_version_tells_nothing_of_a_foreign_record(target: Target) -> None:
    assert oracles(target) == []


def test_a24_twin_that_compares_the_version_first(holed: Any) -> None:
    assert oracles(holed(holes.versions_are_compared_first)) != []
