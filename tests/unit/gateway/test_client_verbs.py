"""``chartgate clients``: the owner of an installation registers, lists and removes the clients of its sandbox EHRs."""

import asyncio
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx2
import pytest

from gateway.processes import process
from gateway.processes.process import Options
from gateway.verbs import VerbRefused, perform
from tests.command import chartgate

BACK = "https://app.example/callback"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose sandbox has run once."""
    directory = tmp_path_factory.mktemp("clients") / "data"

    async def once() -> None:
        async with process.running(directory, Options(port=0, persona="spec"), lambda text: None):
            pass

    asyncio.run(once())
    return directory


def clients(directory: Path, *arguments: str) -> "CompletedProcess[str]":
    return chartgate("clients", *arguments, "--data", str(directory))


def told(directory: Path, *arguments: str) -> Any:
    done = clients(directory, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_client_is_added_listed_and_removed_without_a_server(installation: Path) -> None:
    made = told(
        installation, "add", "An app", "--redirect-uri", BACK, "--method", "client_secret_basic", "--scope", "patient/*.rs",
        "--state-code", "https://other.example|keys",
    )  # fmt: skip
    assert (made["client_name"], made["redirect_uris"], made["scope"]) == ("An app", [BACK], "patient/*.rs")
    assert made["state_codes"] == ["https://other.example|keys"]
    listed = {each["client_id"]: each for each in told(installation, "list")}
    assert {**listed[made["client_id"]], "client_secret": made["client_secret"]} == made
    assert "chartgate" in listed
    assert told(installation, "remove", made["client_id"]) == {"client_id": made["client_id"]}
    assert made["client_id"] not in {each["client_id"] for each in told(installation, "list")}


REFUSED: dict[str, tuple[str, ...]] = {
    "no address": ("add", "x"),
    "an address by script": ("add", "x", "--redirect-uri", "javascript:alert(1)"),
    "no such method": ("add", "x", "--redirect-uri", BACK, "--method", "mtls"),
    "no such EHR": ("list", "--ehr", "nobody"),
    "an EHR elsewhere": ("list", "--ehr", "../spec"),
    "no such client": ("remove", "nobody"),
    "the gateway itself": ("remove", "chartgate"),
    "a code without system": ("add", "x", "--redirect-uri", BACK, "--state-code", "keys"),
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_exit_code_3_with_a_sentence(installation: Path, arguments: tuple[str, ...]) -> None:
    done = clients(installation, *arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_key_set_is_exit_code_2(installation: Path) -> None:
    assert clients(installation, "add", "x", "--jwks", "/nowhere").returncode == 2


def test_while_a_server_runs_it_does_the_verb_and_a_removed_clients_token_is_dead(tmp_path: Path) -> None:
    async def story() -> None:
        async with process.running(tmp_path, Options(port=0, persona="spec"), lambda text: None) as running:
            metadata = {
                "client_name": "service", "token_endpoint_auth_method": "client_secret_basic", "scope": "system/*.rs",
                "grant_types": ["client_credentials"],
            }  # fmt: skip
            made = await asyncio.to_thread(perform, tmp_path, "clients.add", {"ehr": "spec", "metadata": metadata})
            base = running.ehr["spec"]
            async with httpx2.AsyncClient(trust_env=False, timeout=30.0) as client:
                said = await client.post(
                    base.replace("/fhir", "/auth/token"), auth=(made["client_id"], made["client_secret"]),
                    data={"grant_type": "client_credentials", "scope": "system/Patient.rs"},
                )  # fmt: skip
                bearer = {"authorization": f"Bearer {said.json()['access_token']}"}
                assert (await client.get(f"{base}/Patient?_count=1", headers=bearer)).status_code == 200
                gone = {"ehr": "spec", "id": made["client_id"]}
                await asyncio.to_thread(perform, tmp_path, "clients.remove", gone)
                assert (await client.get(f"{base}/Patient?_count=1", headers=bearer)).status_code == 401
                with pytest.raises(VerbRefused):
                    await asyncio.to_thread(perform, tmp_path, "clients.remove", gone)

    asyncio.run(story())
