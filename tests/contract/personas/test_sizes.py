"""US Core 9, Writing Clinical Notes: a server takes notes of 5 MiB inline, as plain text and as PDF."""

import base64

import pytest

from gateway.routes.fhir import BODY_LIMIT
from tests.contract.personas.world import World

FIVE_MIB = 5 * 1024 * 1024


@pytest.mark.parametrize("content_type", ["text/plain", "application/pdf"])
def test_a_note_of_five_mebibytes_is_taken_and_kept(world: World, content_type: str) -> None:
    body = world.body("uscore9", "DocumentReference")
    data = base64.b64encode(b"x" * FIVE_MIB).decode()
    body["content"] = [{"attachment": {"contentType": content_type, "data": data}}]
    id = world.create("uscore9", "DocumentReference", body)
    kept = world.ask("uscore9", "GET", f"DocumentReference/{id}").json()
    assert kept["content"][0]["attachment"] == {"contentType": content_type, "data": data}


def test_a_body_beyond_the_limit_is_413(world: World) -> None:
    body = world.body("uscore9", "DocumentReference")
    body["description"] = "x" * BODY_LIMIT
    assert world.ask("uscore9", "POST", "DocumentReference", body).status_code == 413
