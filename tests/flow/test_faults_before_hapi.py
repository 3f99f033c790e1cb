"""Faults strike in front of another server as they do in front of the embedded store."""

import uuid

import pytest

from tests.flow.fault_world import listening


@pytest.mark.parametrize("name", ["answer-lost", "stale-reads"])
def test_faults_strike_before_hapi_too(hapi_seeded: str, name: str) -> None:
    with listening(hapi_seeded) as world:
        ids = world.send("GET", "fhir/Patient?_count=1").json()["entry"][0]["resource"]["id"]
        key = uuid.uuid4().hex
        body = world.observation(identifier=[{"system": "urn:test", "value": key}])
        world.switch(name)
        answer = world.send("POST", "fhir/Observation", {**body, "subject": {"reference": f"Patient/{ids}"}})
        assert answer.status == (0 if name == "answer-lost" else 201)
        assert name == "answer-lost" or world.send("GET", f"fhir/Observation/{answer.json()['id']}").status == 404
        assert world.copies(key) == 1
