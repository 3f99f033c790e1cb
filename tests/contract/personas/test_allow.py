"""The Allow of a persona's 405 names what its CapabilityStatement offers, and nothing that it would refuse."""

import pytest

from sandbox.personas import PERSONAS
from tests.contract.personas.world import World

OFFERS = {"GET": {"read"}, "HEAD": {"read"}, "PUT": {"update"}, "PATCH": {"patch"}, "DELETE": {"delete"}}


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("type", ["Observation", "RiskAssessment", "Communication"])
def test_what_a_405_allows_is_offered(world: World, name: str, type: str) -> None:
    answer = world.ask(name, "POST", f"{type}/x", {"resourceType": type, "id": "x"})
    assert answer.status_code == 405
    said = {each for each in answer.headers["allow"].split(", ") if each}
    stated = world.ask(name, "GET", "metadata").json()["rest"][0]["resource"]
    offered = {each["code"] for row in stated if row["type"] == type for each in row["interaction"]}
    assert said == {method for method, codes in OFFERS.items() if codes & offered}
