"""Launches with faults and contexts, as the launcher makes them."""

from typing import Any

import pytest

from tests.flow.sign_in_world import BASE, World, automatic, back, drive


@pytest.mark.parametrize("fault", ["access_denied", "invalid_scope", "temporarily_unavailable", "server_error"])
def test_a_fault_of_the_launch_answers_the_request_with_its_error(fault: str) -> None:
    async def act(world: World) -> None:
        launch = await world.launch(patient="p1", faults=[f"authorize-{fault.replace('_', '-')}"])
        said = back(await world.browser().open(world.url(launch=launch)))
        assert (said["error"], said["state"], said["iss"]) == (fault, "st", BASE)

    drive(act)


def test_pkce_is_unchecked_only_where_the_launch_names_that_fault() -> None:
    async def act(world: World) -> None:
        weak = await world.token(await automatic(world, "pkce-unchecked"), code_verifier="w" * 43)
        strong = await world.token(await automatic(world), code_verifier="w" * 43)
        asked = await world.browser().send("GET", world.url(faults="pkce-unchecked", launch=await world.launch(patient="p1", automatic=True)))  # fmt: skip
        assert (weak.status_code, strong.status_code) == (200, 400)
        assert (await world.token(asked, code_verifier="w" * 43)).status_code == 400

    drive(act)


def test_faults_of_token_and_refresh_strike_at_their_stage() -> None:
    async def act(world: World) -> None:
        refused = await world.token(await automatic(world, "token-invalid-client"))
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        expired = (await world.token(await automatic(world, "access-token-expired"))).json()
        assert await world.read(expired["access_token"]) == 401
        stale = (await world.token(await automatic(world, "refresh-invalid-grant"))).json()
        assert await world.read(stale["access_token"]) == 200
        assert (await world.refresh(stale["refresh_token"])).json()["error"] == "invalid_grant"

    drive(act)


def test_faults_of_the_redirect_change_what_the_app_must_check() -> None:
    async def act(world: World) -> None:
        assert "state" not in back(await automatic(world, "redirect-no-state"))
        assert back(await automatic(world, "redirect-wrong-state"))["state"] != "st"
        assert back(await automatic(world, "redirect-wrong-iss"))["iss"] != BASE

    drive(act)


def test_a_fault_that_is_not_in_the_table_is_refused() -> None:
    async def act(world: World) -> None:
        answer = await world.http.post(f"{BASE}/launch", json={"client_id": "app", "faults": ["made-up"]})
        assert answer.status_code == 400
        assert "made-up" not in answer.text
        listed = (await world.http.get(f"{BASE}/launch", headers={"accept": "application/json"})).json()
        assert "pkce-unchecked" in listed["faults"]

    drive(act)


@pytest.mark.parametrize(("context", "member"), [
    ({"reference": "Patient/p1"}, "fhirContext[0].role"), ({"reference": "ImagingStudy/1", "role": ""}, "fhirContext[0].role"),
    ({"role": "launch"}, "fhirContext[0]"), ("ImagingStudy/1", "fhirContext[0]"),
])  # fmt: skip
def test_a_context_that_breaks_a_rule_is_refused_by_name(context: Any, member: str) -> None:
    async def act(world: World) -> None:
        answer = await world.http.post(f"{BASE}/launch", json={"client_id": "app", "fhirContext": [context]})
        assert answer.status_code == 400
        assert member in answer.json()["error_description"]

    drive(act)


def test_a_context_scope_is_granted_when_the_launch_holds_what_it_asks_for() -> None:
    async def act(world: World) -> None:
        for context, granted in (([{"reference": "ImagingStudy/1"}], True), ([{"reference": "List/1"}], False)):
            launch = await world.launch(patient="p1", automatic=True, fhirContext=context)
            answer = await world.browser().send("GET", world.url(launch=launch, scope="launch patient/*.rs launch/imagingstudy"))  # fmt: skip
            token = (await world.token(answer)).json()
            assert token["fhirContext"] == context
            assert ("launch/imagingstudy" in token["scope"].split()) is granted

    drive(act)


def test_the_launchers_form_says_what_is_wrong_and_keeps_what_was_chosen() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.send("GET", f"{BASE}/launch?intent=a%22b", headers={"accept": "text/html"})
        assert 'value="a&#34;b"' in page.text
        wrong = await browser.submit(page, {"patient": "p1", "encounter": "e2"}, holds="client_id")
        assert wrong.status_code == 400
        assert "Encounter is not one of this patient." in wrong.text
        assert 'value="a&#34;b"' in wrong.text
        right = await browser.submit(page, {"patient": "", "encounter": "e2"}, holds="client_id")
        assert right.headers["location"].startswith("https://app.example/launch?iss=")
        elsewhere = await browser.submit(page, holds="client_id", headers={"origin": "https://evil.example"})
        assert elsewhere.status_code == 403

    drive(act)
