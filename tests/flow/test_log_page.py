"""The log of requests and decisions: what an app did, why it was refused, and nothing of what it sent."""

import re
from typing import Any

import pytest

from tests.flow.smart_server import BASE, World, drive
from tests.flow.test_chart_pages import signed_in

SCOPE = "launch patient/Patient.r patient/Observation.rs"
SECRET = "swordfish-value"


async def refusals(world: World) -> str:
    """An app is let in and refused in several ways; its client id."""
    client = await world.register(client_name="Growth chart", scope=SCOPE)
    token = (await world.signed_in(client, scope=SCOPE))["access_token"]
    await world.fhir(token, "GET", "Patient/p1")
    await world.fhir(token, "GET", "Condition?patient=p1")
    await world.fhir(token, "GET", f"Observation?patient=p1&code={SECRET}")
    await world.fhir(token, "GET", f"Observation?nonsense={SECRET}")
    await world.fhir(None, "GET", "Patient/p1")
    await world.http.post(f"{BASE}/auth/token", data={"grant_type": "password", "client_id": client.id})
    return client.id


async def rows(world: World, **said: str) -> list[dict[str, Any]]:
    answer = await world.http.get(f"{BASE}/log/rows", params=said, headers=await signed_in(world, "clinician"))
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def test_a_refusal_says_what_was_needed_and_what_was_granted() -> None:
    async def act(world: World) -> None:
        await refusals(world)
        condition = next(row for row in await rows(world) if row["of"].startswith("Condition"))
        assert (condition["client"], condition["what"], condition["status"]) == ("Growth chart", "search", 403)
        assert condition["decision"] == "refused: forbidden"
        assert (condition["needs"], condition["granted"]) == ("patient/Condition.s", "none for Condition")
        assert condition["why"] == "The token's scopes do not permit this."
        read = next(row for row in await rows(world) if row["of"] == "Patient/p1" and row["status"] == 200)
        assert (read["decision"], read["patient"], read["needs"]) == ("allowed", "p1", "")

    drive(act)


def test_sign_in_and_token_refusals_are_rows_too_the_newest_first_with_ids_and_no_values() -> None:
    async def act(world: World) -> None:
        await refusals(world)
        found = await rows(world)
        assert {"launch", "code", "token", "read", "search", "request"} <= {row["what"] for row in found}
        assert [row["number"] for row in found] == sorted((row["number"] for row in found), reverse=True)
        assert any(row["what"] == "token" and row["status"] == 400 for row in found)
        assert any(row["of"] == "Observation?patient&code" for row in found)
        page = await world.http.get(f"{BASE}/log", headers=await signed_in(world, "clinician"))
        assert SECRET not in page.text + str(found)

    drive(act)


def test_the_log_is_filtered_by_client_and_by_refusal_and_goes_on_after_a_number() -> None:
    async def act(world: World) -> None:
        client = await refusals(world)
        every = await rows(world)
        assert {row["client"] for row in await rows(world, client=client)} == {"Growth chart"}
        refused = await rows(world, refused="1")
        assert 0 < len(refused) < len(every)
        assert all(row["refused"] for row in refused)
        assert await rows(world, after=str(every[0]["number"])) == []
        assert len(await rows(world, after=str(every[2]["number"]))) == 2

    drive(act)


@pytest.mark.parametrize(
    "query", ["?before=99999999999999999999", "?before=x", "?client=%00%ff", "/rows?after=-1", "?before=1&client=x"]
)
def test_no_address_of_the_log_breaks_it(query: str) -> None:
    async def act(world: World) -> None:
        await refusals(world)
        answer = await world.http.get(f"{BASE}/log{query}", headers=await signed_in(world, "clinician"))
        assert answer.status_code == 200

    drive(act)


def test_without_scripts_the_page_loads_itself_again_until_it_is_held() -> None:
    async def act(world: World) -> None:
        await refusals(world)
        browser = await signed_in(world, "clinician")
        live = await world.http.get(f"{BASE}/log", headers=browser)
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in live.text
        policy = live.headers["content-security-policy"]
        assert "script-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        held = await world.http.get(f"{BASE}/log?still=1", headers=browser)
        assert "http-equiv" not in held.text
        assert "script-src" not in held.headers["content-security-policy"]
        assert re.search(r'data-last="[1-9]\d*"', live.text)

    drive(act)
