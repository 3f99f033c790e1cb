"""``chartgate ehrs`` on a running gateway, with a second sandbox as the EHR: added, checked, launched from, removed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth.client.ehr import BACKEND_SCOPES, LAUNCH_SCOPES
from gateway.ehrs.file import SettingsRefused, register_declared
from gateway.installation import open_installation
from gateway.processes import process
from gateway.processes.process import Options, Running
from gateway.verbs import VerbRefused, perform
from tests import web

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
    async with httpx2.AsyncClient(**web.HOW) as client:
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

            await rotated(do, here)
            await do("ehrs.remove", name="hospital")
            assert await launch(here, issuer) == 400
            assert "hospital" not in here.gateway.senders.names()

    asyncio.run(story())


async def rotated(do: Do, here: Running) -> None:
    """New keys in the running gateway: published, given to its own sandbox, and to no EHR that was handed the old ones."""
    before = await published(here)
    assert len(await do("ehrs.rotate", keys="signing", at_once=False)) == 2
    assert len(await published(here) - before) == 2
    await do("ehrs.rotate", keys="encryption")
    await do("ehrs.rotate", keys="signing", at_once=True)
    assert not before & await published(here)
    for name, result in (("spec", "pass"), ("hospital", "fail")):
        (checked,) = await do("ehrs.check", name=name)
        assert {line["check"]: line["result"] for line in checked["lines"]}["backend-token"] == result
    with pytest.raises(VerbRefused, match="signing or encryption"):
        await do("ehrs.rotate", keys="session")


async def published(here: Running) -> set[str]:
    async with httpx2.AsyncClient(**web.HOW) as client:
        return {key["kid"] for key in (await client.get(f"{here.app}/app/jwks.json")).json()["keys"]}


async def launch(here: Running, issuer: str) -> int:
    """The status of an EHR launch: 303 goes on to the EHR, 400 knows no such EHR."""
    async with httpx2.AsyncClient(**web.HOW) as client:
        return (await client.get(f"{here.app}/app/launch", params={"iss": issuer, "launch": "x"})).status_code


def test_what_the_file_declares_wins_is_not_changed_by_command_and_goes_with_the_file(tmp_path: Path) -> None:
    file, told = tmp_path / "chartgate.toml", list[str]()
    declared = '[[ehr]]\nname = "hospital"\nissuer = "https://fhir.hospital.example/r4"\nclient_id = "theirs"\n'
    by_hand = {"name": "hospital", "issuer": "https://old.hospital.example/r4", "client_id": "mine"}

    def start() -> dict[str, Any]:
        """What every start does with the file, and the registrations after it."""
        installation = open_installation(tmp_path)
        try:
            asyncio.run(register_declared(installation, told.append))
        finally:
            installation.close()
        return {each["name"]: each for each in perform(tmp_path, "ehrs.list", {})}

    perform(tmp_path, "ehrs.add", {"ehr": by_hand})
    assert start()["hospital"]["client_id"] == "mine"
    file.write_text(declared)
    assert (start()["hospital"]["client_id"], len(told)) == ("theirs", 1)
    for verb, arguments in (("ehrs.remove", {"name": "hospital"}), ("ehrs.add", {"ehr": by_hand})):
        with pytest.raises(VerbRefused, match=r"declared in chartgate\.toml"):
            perform(tmp_path, verb, arguments)
    perform(tmp_path, "ehrs.add", {"ehr": {**by_hand, "name": "other"}})
    file.write_text(declared.replace("fhir.hospital", "old.hospital"))
    with pytest.raises(SettingsRefused, match="another EHR is registered with"):
        start()
    file.unlink()
    assert set(start()) == {"other"}


def test_a_file_with_a_member_that_is_not_known_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "chartgate.toml").write_text('[[ehr]]\ncolour = "red"\n')
    with pytest.raises(SettingsRefused, match=r"\[\[ehr\]\] 1: colour"):
        asyncio.run(_start(tmp_path))


async def _start(directory: Path) -> None:
    async with sandbox(directory):
        pass
