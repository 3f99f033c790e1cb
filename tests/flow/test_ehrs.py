"""``chartgate ehrs`` on a running gateway, with a second sandbox as the EHR: added, checked, launched from, removed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth.client.ehr import BACKEND_SCOPES, LAUNCH_SCOPES
from gateway import process
from gateway.ehr_file import SettingsRefused
from gateway.process import Options, Running
from gateway.verbs import VerbRefused, perform

Do = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def sandbox(directory: Path) -> AsyncIterator[Running]:
    async with process.running(directory, Options(port=0, persona="spec"), lambda text: None) as running:
        yield running


def doing(directory: Path) -> Do:
    async def do(verb: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(perform, directory, verb, arguments)

    return do


async def registered_there(there: Running, here: Running) -> str:
    """The client id that the EHR gives to the gateway, as its operator would register it."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        keys = (await client.get(f"{here.app}/app/jwks.json")).json()
        answer = await client.post(
            f"{there.ehr['spec'].removesuffix('/fhir')}/auth/register",
            json={
                "client_name": "Chartgate", "redirect_uris": [f"{here.app}/app/callback/hospital"], "jwks": keys,
                "initiate_login_uri": f"{here.app}/app/launch", "token_endpoint_auth_method": "private_key_jwt",
                "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                "scope": " ".join((*LAUNCH_SCOPES, *BACKEND_SCOPES)),
            },
        )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return str(answer.json()["client_id"])


def test_an_ehr_is_added_to_a_running_gateway_checked_launched_from_and_removed(tmp_path: Path) -> None:
    async def story() -> None:
        async with sandbox(tmp_path / "ehr") as there, sandbox(tmp_path / "gateway") as here:
            do, issuer = doing(tmp_path / "gateway"), there.ehr["spec"]
            members = {
                "name": "hospital", "issuer": issuer, "client_id": await registered_there(there, here),
                "networks": ["127.0.0.0/8"],
            }  # fmt: skip
            assert await launch(here, issuer) == 400
            made = await do("ehrs.add", ehr=members)
            assert (made["redirect_path"], made["declared"]) == ("/app/callback/hospital", "command")
            assert await launch(here, issuer) == 303
            assert await launch(here, f"{issuer}/") == 400
            assert "hospital" in here.gateway.senders.names()

            (checked,) = await do("ehrs.check", name="hospital")
            results = {line["check"]: line["result"] for line in checked["lines"]}
            assert "fail" not in results.values(), checked
            assert {name for name, result in results.items() if result != "pass"} == {"tls"}, checked
            assert {"write-news2", "write-summary", "backend-token", "fhir-version", "pkce", "clock"} <= set(results)
            assert len(await do("ehrs.check", name=None)) == 2

            for verb, arguments, why in (
                ("ehrs.add", {"ehr": {**members, "name": "twin"}}, "registered already, as hospital"),
                ("ehrs.remove", {"name": "spec"}, "sandbox's own"), ("ehrs.remove", {"name": "nobody"}, "ehrs list"),
                ("ehrs.check", {"name": "nobody"}, "ehrs list"),
                ("ehrs.add", {"ehr": {**members, "issuer": f"{issuer}?"}}, "issuer cannot be used"),
            ):  # fmt: skip
                with pytest.raises(VerbRefused, match=why):
                    await do(verb, **arguments)

            await do("ehrs.remove", name="hospital")
            assert await launch(here, issuer) == 400
            assert "hospital" not in here.gateway.senders.names()

    asyncio.run(story())


async def launch(here: Running, issuer: str) -> int:
    """The status of an EHR launch: 303 goes on to the EHR, 400 knows no such EHR."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{here.app}/app/launch", params={"iss": issuer, "launch": "x"})).status_code


def test_what_the_file_declares_wins_is_not_changed_by_command_and_goes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "chartgate.toml"
    declared = '[[ehr]]\nname = "hospital"\nissuer = "https://fhir.hospital.example/r4"\nclient_id = "theirs"\n'
    by_hand = {"name": "hospital", "issuer": "https://old.hospital.example/r4", "client_id": "mine"}
    perform(tmp_path, "ehrs.add", {"ehr": by_hand})

    async def story() -> None:
        do = doing(tmp_path)
        async with sandbox(tmp_path):
            found = {each["name"]: each for each in await do("ehrs.list")}
            assert (found["hospital"]["client_id"], found["hospital"]["declared"]) == ("theirs", "file")
            with pytest.raises(VerbRefused, match="declared in chartgate.toml"):
                await do("ehrs.remove", name="hospital")
            with pytest.raises(VerbRefused, match="declared in chartgate.toml"):
                await do("ehrs.add", ehr=by_hand)

    file.write_text(declared)
    asyncio.run(story())
    file.write_text(declared + 'colour = "red"\n')
    with pytest.raises(SettingsRefused, match=r"\[\[ehr\]\] 1: colour"):
        asyncio.run(story())
