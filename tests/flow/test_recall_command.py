"""``chartgate recall`` and ``deliveries`` on a running sandbox, as docs/how-to/recall-a-model.md tells it; the server is
killed on the way, and the recall goes on."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from gateway.cli import application
from tests import programs, web
from tests.flow.delivery_world import MODEL
from tests.furnished import furnish

REASON = ("--reason", "Weights of the wrong site.")


class Site:
    """An installation; its server is started, killed and started again."""

    def __init__(self, place: Path) -> None:
        for version in ("1.0.0", "2.0.0"):
            folder = place / "models" / f"echo-{version}"
            folder.mkdir(parents=True)
            (folder / "model.toml").write_text(MODEL.format(id="echo", version=version, policy="automatic"))
            (folder / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
        furnish(place / "data")
        self.models, self.data = str(place / "models"), ("--data", str(place / "data"))

    def start(self) -> None:
        words = ["up", *self.data, "--port", "0", "--persona", "spec", "--models", self.models, "--json"]
        self.process = programs.cli(*words, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        started = json.loads(self.process.stdout.readline())
        self.app, self.ehr = started["app"], started["ehr"]["spec"].removesuffix("/fhir")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(120)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def run(self, *words: str, code: int = 0) -> Any:
        """The command in this process: its verbs go through the server's socket, or open the database, all the same."""
        done = CliRunner().invoke(application, [*words, *self.data, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    def submit(self, key: str, patient: str, version: str) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {
            "model": "echo", "version": version, "ehr": "spec", "patient": f"Patient/{patient}", "kind": "risk",
            "value": 0.25, "unit": "fraction", "as_of": stamp, "inference_id": uuid4().hex,
        }  # fmt: skip
        headers = {"authorization": f"Bearer {key}"}
        answer = web.post(f"{self.app}/api/outputs", json=body, headers=headers)
        return str(answer.json()["id"] if answer.status_code == 202 else answer.status_code)

    def settled(self, ids: list[str]) -> None:
        for _ in range(600):
            states = [self.run_show(id) for id in ids]
            if all(state == "delivered" for state in states):
                return
            time.sleep(0.1)
        raise AssertionError(states)

    def recalls(self) -> list[str]:
        key = {"authorization": f"Bearer {self.run('keys', 'add', 'looker', '--scope', 'recall')['key']}"}
        return [each["id"] for each in web.get(f"{self.app}/api/recalls", headers=key).json()["recalls"]]

    def run_show(self, id: str) -> str:
        headers = {"authorization": f"Bearer {self.reader}"}
        return str(web.get(f"{self.app}/api/outputs/{id}", headers=headers).json()["state"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("recall"))
    made.start()
    yield made
    made.kill()


def test_a_recall_by_command_goes_on_over_a_kill_and_ends_with_nothing_standing(site: Site) -> None:
    key = site.run("keys", "add", "feed", "--scope", "outputs.write")["key"]
    site.reader = site.run("keys", "add", "reader", "--scope", "outputs.read")["key"]
    listed = web.get(f"{site.ehr}/launch", headers={"accept": "application/json"}).json()
    patients = [each["id"] for each in listed["patients"]]
    ids = [site.submit(key, patient, "1.0.0") for patient in patients[:8]]
    other = site.submit(key, patients[8], "2.0.0")
    site.settled([*ids, other])

    begun = site.run("recall", "echo@1.0.0", *REASON, "--patience", "0", code=1)
    assert begun["state"] == "running"
    site.kill()
    without = site.run("recall", "echo@1.0.0", *REASON, code=1)  # nobody is there to do it
    assert (without["id"], without["state"]) == (begun["id"], "running")
    site.start()
    done = site.run("recall", "echo@1.0.0", *REASON)
    assert (done["id"], done["state"], done["standing"], done["items"]) == (begun["id"], "done", 0, [])
    assert done["counts"] == {"retracted": 9}
    assert done["ehrs"] == {"spec": "searched"}
    assert {site.run_show(id) for id in ids} == {"retracted"}
    assert site.run_show(other) == "delivered"
    assert site.submit(key, patients[0], "1.0.0") == "422"
    again = site.run("recall", "echo@1.0.0", *REASON)
    assert again["counts"] == done["counts"]

    story = site.run("outputs", "show", ids[0])
    edit = next(each for each in story["story"] if each["role"] == "edit")
    assert (edit["state"], edit["version"], edit["history"][-1]["event"]) == ("delivered", "2", "kept")
    told = next(each for each in story["story"] if each["role"] == "primary")
    assert [(each["event"], each["status"]) for each in told["history"]] == [("kept", 201)]
    assert told["history"][0]["at"] < edit["since"] < told["changed"]
    found = site.run("deliveries", "list", "--model", "echo", "--state", "retracted", "--limit", "3")
    assert [each["state"] for each in found] == ["retracted"] * 3
    assert site.run("deliveries", "show", edit["delivery"])["delivery"] == edit["delivery"]
    assert site.run("deliveries", "list", "--dead") == []


def test_what_cannot_be_done_is_said(site: Site) -> None:
    for words, code in (
        (("recall", "echo", *REASON), 2), (("recall", "echo@1", "--reason", " "), 2), (("deliveries", "show", "x"), 3),
        (("deliveries", "resend", "0" * 64), 3), (("outputs", "list", "--state", "gone"), 2),
        (("deliveries", "list", "--since", "yesterday"), 2), (("outputs", "list", "--patient", "p1"), 2),
        (("outputs", "feedback", "--since", "yesterday"), 2),
        (("recall", "echo@1.0.0", "--reason", "two\nlines"), 2),
    ):  # fmt: skip
        done = CliRunner().invoke(application, [*words, *site.data])
        assert done.exit_code == code, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert done.output.strip()


def test_a_model_or_version_that_never_was_is_not_recalled_and_is_said_to_be_none(site: Site) -> None:
    before = site.recalls()
    for target, said in (("ecko@1.0.0", "/models"), ("echo@9.9.9", "there is 1.0.0 and 2.0.0"), ("@@1.0.0", "/models")):
        done = CliRunner().invoke(application, ["recall", target, *REASON, *site.data])
        assert done.exit_code == 3, done.output
        assert "never here" in " ".join(done.output.split()) or "was ever here" in " ".join(done.output.split())
        assert said in " ".join(done.output.split())
    assert site.recalls() == before


def test_a_version_that_said_nothing_is_recalled_again_and_again(site: Site) -> None:
    for _ in range(2):
        done = site.run("recall", "news2@1.0.0", *REASON)
        assert (done["state"], done["standing"], done["counts"]) == ("done", 0, {})


def test_without_a_server_the_same_is_known(tmp_path: Path) -> None:
    alone = Site(tmp_path)
    alone.start()
    alone.kill()
    for target, code in (("echo@9.9.9", 3), ("ecko@1.0.0", 3), ("echo@1.0.0", 1)):  # 1: nobody is there to do it
        done = CliRunner().invoke(application, ["recall", target, *REASON, *alone.data])
        assert done.exit_code == code, done.output
