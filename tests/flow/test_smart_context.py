"""Launch context in the token response (SMART App Launch 2.2 scopes §launch-context, §fhir-context)."""

from typing import Any

import pytest

from tests.flow.smart_server import FHIR, World, drive


async def _said(world: World, scope: str = "launch patient/*.rs", **launch: Any) -> dict[str, Any]:
    return await world.signed_in(await world.register(), scope=scope, launch=launch)


MEMBERS: dict[str, tuple[dict[str, Any], Any]] = {
    "patient": ({}, "p1"),
    "encounter": ({"encounter": "e1"}, "e1"),
    "need_patient_banner": ({"need_patient_banner": True}, True),
    "intent": ({"intent": "reconcile-medications"}, "reconcile-medications"),
    "smart_style_url": ({"smart_style_url": "https://ehr.example/style.json"}, "https://ehr.example/style.json"),
    "tenant": ({"tenant": "hospital-7"}, "hospital-7"),
}


@pytest.mark.parametrize("member", MEMBERS)
def test_what_the_launch_brought_stands_beside_the_token(member: str) -> None:
    async def act(world: World) -> None:
        launch, value = MEMBERS[member]
        said = await _said(world, **launch)
        assert said[member] == value
        assert type(said[member]) is type(value)
        assert "access_token" in said

    drive(act)


def test_a_banner_that_is_not_needed_is_said_too() -> None:
    async def act(world: World) -> None:
        assert (await _said(world, need_patient_banner=False))["need_patient_banner"] is False

    drive(act)


def test_what_the_launch_did_not_bring_is_not_there() -> None:
    async def act(world: World) -> None:
        said = await _said(world)
        assert not {"encounter", "intent", "need_patient_banner", "tenant", "fhirContext"} & set(said)

    drive(act)


def test_the_style_can_be_read() -> None:
    async def act(world: World) -> None:
        answer = await world.http.get(
            (await _said(world))["smart_style_url"], headers={"origin": "https://any.example"}
        )
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert all(isinstance(name, str) for name in answer.json())

    drive(act)


CONTEXT = [
    {"reference": "Observation/laboratory-p1"},
    {"reference": "ImagingStudy/i1", "role": "https://ehr.example/role/focus", "type": "ImagingStudy"},
    {"canonical": "http://ehr.example/Questionnaire/q|1", "type": "Questionnaire"},
    {"identifier": {"system": "urn:s", "value": "v"}, "type": "Task", "role": "launch"},
]


def test_further_context_is_a_list_of_objects() -> None:
    async def act(world: World) -> None:
        assert (await _said(world, fhirContext=CONTEXT))["fhirContext"] == CONTEXT

    drive(act)


@pytest.mark.parametrize(
    "entry",
    [
        {"reference": "Patient/p1"}, {"reference": "Encounter/e1"}, {"reference": "Observation/o", "role": ""},
        {"reference": "Observation/o", "role": "mine"}, {"type": "Observation"}, {},
    ],
)  # fmt: skip
def test_context_that_the_guide_forbids_is_not_launched(entry: dict[str, Any]) -> None:
    """Requirements 177 and 188: no Patient or Encounter without a role of its own; other roles are absolute URIs."""

    async def act(world: World) -> None:
        client = await world.register()
        body = {"client_id": client.id, "patient": "p1", "fhirContext": [entry], "automatic": True}
        assert (await world.http.post(f"{world.ehr.base}/launch", json=body)).status_code == 400

    drive(act)


def test_context_comes_again_with_every_refresh() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(
            client,
            scope="launch offline_access patient/*.rs",
            launch={"encounter": "e1", "intent": "i", "fhirContext": CONTEXT},
        )
        again = (await world.refresh(client, said["refresh_token"])).json()
        for member in ("patient", "encounter", "intent", "fhirContext", "smart_style_url"):
            assert again[member] == said[member]

    drive(act)


@pytest.mark.parametrize("scope", ["launch/patient patient/Patient.rs", "patient/Patient.rs", "launch patient/*.rs"])
def test_where_a_patient_scope_is_granted_there_is_a_patient(scope: str) -> None:
    async def act(world: World) -> None:
        said = await _said(world, scope)
        assert said["patient"] == "p1"
        without = await world.register()
        answer = await world.authorize(without, scope="patient/Patient.rs", launch={"patient": None})
        assert "error=invalid_scope" in answer.headers["location"]

    drive(act)


def test_launch_words_ask_for_the_context_that_comes() -> None:
    async def act(world: World) -> None:
        said = await _said(world, "launch launch/patient launch/encounter patient/*.rs", encounter="e1")
        assert {"launch/patient", "launch/encounter"} <= set(said["scope"].split())
        assert (said["patient"], said["encounter"]) == ("p1", "e1")
        without = await _said(world, "launch launch/encounter patient/*.rs")
        assert "launch/encounter" not in without["scope"].split()

    drive(act)


def test_the_token_is_for_this_fhir_base() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        for aud in ("https://other.example/fhir", f"{FHIR}x", world.ehr.base, ""):
            answer = await world.authorize(client, aud=aud)
            assert "error=invalid_request" in answer.headers["location"]

    drive(act)
