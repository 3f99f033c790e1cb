"""With a persona on, nothing is told of another patient's records: what is foreign is answered as what is absent."""

from typing import Any

import pytest

from sandbox.personas import PERSONAS, rules
from tests.contract.personas.world import World

NAMED = [name for name in PERSONAS if name != "spec"]
READ = ("Observation", "DocumentReference", "Condition")


@pytest.fixture
def foreign(world: World) -> dict[str, str]:
    """A record of p2 of each type, made by the specification's EHR, and where stores are apart by every EHR."""
    return {type: f"{type}/foreign-{world.run}" for type in READ}


def furnish(world: World, name: str, foreign: dict[str, str]) -> None:
    from gateway.sandbox_ehrs import below
    from r4.interaction import Interaction

    for type, reference in foreign.items():
        body = {**world.body("spec", type), "id": reference.partition("/")[2]}
        body["subject"] = {"reference": f"Patient/{world.id('p2')}"}
        update = Interaction(action="update", type=type, id=body["id"], body=body)
        assert world.loop.run_until_complete(below.perform(world.ehrs[name], update)).status in (200, 201)


def shape(world: World, name: str, method: str, path: str, body: Any, token: str) -> tuple[int, bytes, dict[str, str]]:
    answer = world.ask(name, method, path, body, token=token)
    return answer.status_code, answer.content, dict(answer.headers)


@pytest.mark.parametrize("name", NAMED)
def test_a_foreign_record_is_answered_as_an_absent_one(world: World, name: str, foreign: dict[str, str]) -> None:
    world.ahead += 60
    furnish(world, name, foreign)
    token = world.token(name, "patient/*.cruds", user=None, patient="p1")
    for type, reference in foreign.items():
        absent = f"{type}/absent-{world.run}"
        for method in ("GET", "DELETE", "PATCH"):
            body = {"resourceType": "Parameters"} if method == "PATCH" else None
            there, nowhere = (shape(world, name, method, each, body, token) for each in (reference, absent))
            assert there == nowhere, (method, type)
        update = (
            "update" in (PERSONAS[name].one(rules.Offers, type) or rules.Offers(type=type, source="R4")).interactions
        )
        if PERSONAS[name].one(rules.OwnIds) or (PERSONAS[name].narrow and not update):
            for wrong in ({}, {"status": "no"}, {"status": "amended"}):
                body = {**world.body(name, type), **wrong}
                said = [{**body, "id": each.partition("/")[2]} for each in (reference, absent)]
                there, nowhere = (
                    shape(world, name, "PUT", each, body, token)
                    for each, body in zip((reference, absent), said, strict=True)
                )
                assert there == nowhere, (type, wrong)


@pytest.mark.parametrize("name", NAMED)
def test_the_scopes_decide_before_the_persona(world: World, name: str) -> None:
    world.ahead += 60
    token = world.token(name, "patient/Patient.r", user=None, patient="p1")
    for method, path in (("POST", "RiskAssessment"), ("DELETE", "Observation/none"), ("GET", "Flag?_count=1")):
        body = {"resourceType": "RiskAssessment"} if method == "POST" else None
        answer = world.ask(name, method, path, body, token=token)
        assert answer.status_code == 403
        assert world.run.encode() not in answer.content


@pytest.mark.parametrize("name", NAMED)
def test_what_a_persona_loses_opens_nothing_and_what_stays_is_judged(world: World, name: str) -> None:
    world.ahead += 60
    token = world.token(name, "patient/*.cruds", user=None, patient="p1")
    body = world.body(name, "Observation")
    for foreign in ({"subject": {"reference": f"Patient/{world.id('p2')}"}},
                    {"encounter": {"reference": f"Encounter/{world.id('other')}"}}):  # fmt: skip
        answer = world.ask(name, "POST", "Observation", {**body, **foreign}, token=token)
        assert answer.status_code >= 400
        assert world.id("p2") not in answer.text


def test_a_refused_or_repeated_vital_is_stored_once(world: World) -> None:
    body = world.body("epic", "Observation")
    for _ in range(3):
        world.ask("epic", "POST", "Observation", body)
    at = body["effectiveDateTime"]
    found = world.ask("epic", "GET", f"Observation?patient={world.id('p1')}&date={at}").json()["entry"]
    assert len(found) == 1
