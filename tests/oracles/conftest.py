"""One real server for the strangers: ``python -m gateway.cli up --port 0 --json`` as a subprocess, and apps registered with it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import programs, web
from tests.furnished import furnish
from tests.oracles.strangers import BACK, KEYS, SCOPE


@pytest.fixture(scope="session")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The FHIR base of a running sandbox EHR."""
    directory = tmp_path_factory.mktemp("oracles")
    furnish(directory)
    words = ["up", "--data", str(directory), "--persona", "spec", "--port", "0", "--json"]
    with (directory / "log").open("w") as log:
        environment = {**os.environ, "CHARTGATE_DATA": str(directory)}
        running = programs.cli(*words, stdout=subprocess.PIPE, stderr=log, env=environment)
    try:
        assert running.stdout is not None
        said = next((line for line in running.stdout if line.startswith("{")), "")
        assert said, (directory / "log").read_text()
        yield json.loads(said)["ehr"]["spec"]
    finally:
        running.terminate()
        running.wait(120)
        if running.stdout is not None:
            running.stdout.close()


@pytest.fixture(scope="session")
def configuration(fhir: str) -> dict[str, Any]:
    """The server's smart-configuration."""
    return dict(web.get(f"{fhir}/.well-known/smart-configuration").json())


Register = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def register(configuration: dict[str, Any]) -> Register:
    """``register(method, **members)`` gives a client's registration."""

    def post(method: str, **members: Any) -> dict[str, Any]:
        body = {
            "client_name": f"Stranger {method}", "redirect_uris": [BACK], "token_endpoint_auth_method": method, "scope": f"{SCOPE} system/*.rs",
            "grant_types": ["authorization_code", "refresh_token", *(["client_credentials"] if method != "none" else [])],
            "initiate_login_uri": "http://127.0.0.1:9/launch", **members,
        }  # fmt: skip
        if method == "private_key_jwt":
            body["jwks"] = KEYS.as_dict(private=False)
        answer = web.post(configuration["registration_endpoint"], json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return post


@pytest.fixture(scope="session")
def launch(fhir: str) -> Callable[[str], dict[str, str]]:
    """``launch(client_id)`` prepares a launch that signs in by itself; gives ``launch`` and the ``patient`` in it."""
    address = f"{fhir.removesuffix('/fhir')}/launch"

    def prepare(client_id: str) -> dict[str, str]:
        listed = web.get(address, headers={"accept": "application/json"}).json()
        patient, user = listed["patients"][0]["id"], listed["users"][0]["reference"]
        body = {"client_id": client_id, "patient": patient, "user": user, "automatic": True}
        answer = web.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return {**answer.json(), "patient": patient, "user": user}

    return prepare


@pytest.fixture(scope="session")
def follow() -> Callable[[str], str]:
    """``follow(url)`` opens an authorization address as a browser would and gives where it is sent."""

    def open_address(url: str) -> str:
        answer = web.get(url, follow_redirects=False)
        assert answer.status_code in (302, 303), answer.text
        return str(answer.headers["location"])

    return open_address
