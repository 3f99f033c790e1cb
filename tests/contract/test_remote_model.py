"""One contract, two kinds of model: the same answers, in this process and behind a URL; and what a service may not do."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gateway.cli  # noqa: F401 -- registers every command
from gateway.cli.application import application
from gateway.model_folders import model_scaffold, models, remote_contract, remote_models
from vocabulary.chart import Chart, FeatureValue

Reply = Callable[[BaseHTTPRequestHandler, dict[str, Any], int], None]


@contextmanager
def service(reply: Reply) -> Iterator[tuple[str, list[float]]]:
    """A service on loopback; the times of the requests that reached it."""
    asked: list[float] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(time.monotonic())
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            reply(self, body, len(asked))

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/score", asked
        server.shutdown()


def say(answering: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    answering.send_response(status)
    for name, value in {"content-length": str(len(content)), **headers}.items():
        answering.send_header(name.replace("_", "-"), value)
    answering.end_headers()
    answering.wfile.write(content)


def scaffold(place: Path) -> Path:
    model_scaffold.make(place / "a-model", "a-model")
    return place / "a-model"


def remote(place: Path, url: str, *, seconds: float = 2.0) -> models.Model:
    path = place / "model.toml"
    path.write_text(path.read_text().replace('entry = "model:predict"', f'url = "{url}"'))
    manifest = models.read_manifest(place)
    predict = remote_models.caller(manifest, pauses=(0.05, 0.05), seconds=seconds)
    return models.Model(manifest=manifest, predict=predict, directory=place)


def chart(age: int, systolic: float) -> Chart:
    features = {"age": FeatureValue(value=age, unit="a"), "systolic": FeatureValue(value=systolic, unit="mm[Hg]")}
    return Chart(patient="Patient/p", as_of=0.0, features=features)


CHARTS = (chart(65, 148.0), chart(40, 120.0), chart(5, 100.0))


def test_a_model_behind_a_url_says_what_it_says_in_this_process(tmp_path: Path) -> None:
    here = models.load(scaffold(tmp_path / "one"))

    def reply(answering: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        features = {name: each["value"] for name, each in body["features"].items()}
        say(answering, 200, json.dumps(here.predict(features, CHARTS[0])).encode())

    with service(reply) as (url, asked):
        there = remote(scaffold(tmp_path / "two"), url)
        for each in CHARTS:
            assert models.answer(there, each) == models.answer(here, each)
    assert len(asked) == 3
    assert "abstained" in models.answer(here, CHARTS[2])


@pytest.mark.parametrize("status", [429, 502, 503, 504, 0])
def test_what_says_nothing_about_the_question_is_asked_again(tmp_path: Path, status: int) -> None:
    def reply(answering: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        if number < 3 and status:
            say(answering, status, b"")
        elif number < 3:
            answering.connection.shutdown(socket.SHUT_RDWR)
        else:
            say(answering, 200, b'{"value": 0.5}')

    with service(reply) as (url, asked):
        assert models.answer(remote(scaffold(tmp_path), url), CHARTS[0])["value"] == 0.5
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("status", "content", "tries"),
    [
        (503, b"", 3), (500, b"", 1), (404, b"", 1), (302, b"", 1), (200, b"[1]", 1), (200, b"<html>", 1),
        (200, b'"' + b"x" * 1_100_000 + b'"', 1),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_after_as_many_tries(
    tmp_path: Path, status: int, content: bytes, tries: int
) -> None:
    reply: Reply = lambda answering, body, number: say(answering, status, content, location="/x")  # noqa: E731
    with service(reply) as (url, asked), pytest.raises(models.ModelError):
        models.answer(remote(scaffold(tmp_path), url), CHARTS[0])
    assert len(asked) == tries


def silent(answering: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
    time.sleep(3)


def trickling(answering: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
    answering.send_response(200)
    answering.send_header("content-length", "1000")
    answering.end_headers()
    for _ in range(60):
        answering.wfile.write(b" ")
        answering.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("reply", [silent, trickling])
def test_a_service_that_takes_its_time_is_left_when_the_time_is_up(tmp_path: Path, reply: Reply) -> None:
    with service(reply) as (url, _):
        there, began = remote(scaffold(tmp_path), url, seconds=0.6), time.monotonic()
        with pytest.raises(models.ModelError):
            models.answer(there, CHARTS[0])
        assert time.monotonic() - began < 2.8, "it takes three seconds"


def answering(change: Callable[[dict[str, Any], int], dict[str, Any] | None]) -> Reply:
    """A service with the scaffold's own code, but for what ``change`` makes of its answer."""

    def reply(asked: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        features = {name: each["value"] for name, each in body["features"].items()}
        adult = 18 <= features["age"] <= 110
        score = 0.001 * features["age"] + 0.001 * features["systolic"]
        said = {"value": round(score, 4)} if adult else {"abstained": "the model is for adults"}
        made = change(said, number)
        say(asked, 500 if made is None else 200, json.dumps(made).encode())

    return reply


def results(place: Path, reply: Reply) -> dict[str, str]:
    with service(reply) as (url, _):
        path = scaffold(place)
        found = remote_contract.check(remote_contract.service(path, now=time.time(), url=url))
    return {each.check: each.result for each in found}


GOOD = {
    "answers": "pass", "known_members": "pass", "same_again": "pass", "many_at_once": "pass", "without_the_optional": "skip",
    "at_the_limits": "pass",
}  # fmt: skip


@pytest.mark.parametrize(("change", "failed"), [
    (lambda said, number: said, set()),
    (lambda said, number: None, {"answers"}),
    (lambda said, number: {**said, "colour": "red"}, {"known_members"}),
    (lambda said, number: {**said, "value": number / 100} if "value" in said else said, {"same_again"}),
    (lambda said, number: {"value": 1.5} if "abstained" in said else said, {"at_the_limits"}),
    (lambda said, number: said if number < 5 else None, {"many_at_once", "at_the_limits"}),
])  # fmt: skip
def test_the_contract_test_finds_what_a_service_does_wrong(tmp_path: Path, change: Any, failed: set[str]) -> None:
    found = results(tmp_path, answering(change))
    assert {name for name, result in found.items() if result == "fail"} == failed
    if not failed:
        assert found == GOOD
    if "answers" in failed:
        assert set(found.values()) == {"fail", "skip"}


def test_a_feature_that_need_not_be_there_may_be_null(tmp_path: Path) -> None:
    path = scaffold(tmp_path)
    file = path / "model.toml"
    head, _, rest = file.read_text().partition('name = "systolic"')
    file.write_text(head + 'name = "systolic"' + rest.replace("required = true", "required = false", 1))

    def reply(asked: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        known = body["features"]["systolic"]["value"] is not None
        say(asked, 200 if known else 500, b'{"value": 0.5}')

    with service(reply) as (url, _):
        found = remote_contract.check(remote_contract.service(path, now=time.time(), url=url))
    assert [each.check for each in found if each.result == "fail"] == ["without_the_optional"]


def checked(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(application, ["models", "check", *words])
    return done.exit_code, done.output


def test_the_command_asks_the_service_and_says_what_it_does_wrong(tmp_path: Path) -> None:
    path = str(scaffold(tmp_path))
    with service(answering(lambda said, number: said)) as (url, asked):
        code, said = checked(path, "--url", url, "--json")
        assert (code, json.loads(said)["ok"]) == (0, True)
        assert len(asked) == 16
    code, said = checked(path, "--url", url, "--json")
    assert code == 1
    assert "did not answer" in json.loads(said)["service"][0]["text"]
    assert checked(path, "--ask")[0] == 3
    assert checked(path, "--url", "http://models.example.org/x")[0] == 3
