"""The fuzzer's short form, its long form, and the proof that each of its rules sees what it is for."""

import json
import logging
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.fuzz import __main__ as command
from tests.fuzz.campaign import GROWTH_LIMIT, Report, campaign
from tests.fuzz.making import make
from tests.fuzz.mutations import MARK, change_json
from tests.fuzz.records import CANARY
from tests.fuzz.seeds import Seed
from tests.fuzz.wire import App
from tests.fuzz.world import World

SEED = 4
pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")


def told(report: Report) -> str:
    """What a person needs to repeat the findings."""
    return "\n\n".join(
        f"{each.rule}: {each.says} (--seed {SEED} --only {each.number})\n{each.sent.shown()}"
        for each in report.findings
    )


def test_mutated_requests_are_answered_in_the_servers_own_words() -> None:
    report = campaign(4_000, SEED)
    assert not report.findings, told(report)
    assert report.growth <= GROWTH_LIMIT
    assert report.requests == 4_000
    assert {200, 201, 204, 303, 400, 401, 403, 404} <= set(report.statuses)


@pytest.mark.campaign
def test_a_million_mutated_requests_are_answered_in_the_servers_own_words() -> None:
    report = campaign(1_000_000, SEED)
    command.keep(report, SEED)
    assert not report.findings, told(report)
    assert report.growth <= GROWTH_LIMIT


def _with(change: Callable[[dict[str, Any], dict[str, Any], World], None]) -> Callable[[App, World], App]:
    """An application with a hole: ``change(scope, message, world)`` alters what is about to be sent."""

    def before(app: App, world: World) -> App:
        async def holed(scope: Any, receive: Any, send: Any) -> None:
            async def tell(message: dict[str, Any]) -> None:
                change(scope, message, world)
                await send(message)

            await app(scope, receive, tell)

        return holed

    return before


def _fails(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message["type"] == "http.response.start" and message["status"] == 404:
        message["status"] = 500


def _raises(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message.get("status") == 422:
        raise RuntimeError("not caught")


def _echoes(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message["type"] == "http.response.body" and b"<" not in message["body"]:
        message["body"] += scope["query_string"]


def _redirects(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message.get("status") == 303:
        message["headers"] = [(b"location", b"https://app.example.evil/callback")]


def _splits(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message.get("status") == 303:
        message["headers"] = [*message["headers"], (b"x-said", b"a\r\nb: c")]


def _logs(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message.get("status") == 401:
        logging.getLogger("chartgate.hole").warning("refused %s", scope["query_string"] + MARK.encode())


def _is_kept(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message["type"] == "http.response.start":
        message["headers"] = [pair for pair in message["headers"] if pair[0] != b"cache-control"]


def _writes(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message.get("status") == 400:
        world.database.raw.execute("DELETE FROM auth_codes")


def _leaks(scope: dict[str, Any], message: dict[str, Any], world: World) -> None:
    if message["type"] == "http.response.body" and b"no such resource" in message["body"]:
        message["body"] = json.dumps({"resourceType": "OperationOutcome", "said": CANARY}).encode()


@pytest.mark.parametrize(
    ("rule", "hole"),
    [("no 5xx", _fails), ("no 5xx", _raises), ("no echo", _echoes), ("redirects", _redirects), ("headers", _splits),
     ("no exception in logs", _logs), ("words", _is_kept), ("nothing half-done", _writes), ("nobody else's", _leaks)],
)  # fmt: skip
def test_a_hole_is_noticed_and_shrunk(rule: str, hole: Any) -> None:
    report = campaign(400, SEED, before=_with(hole))
    found = [each for each in report.findings if each.rule == rule]
    assert found, f"400 requests did not show a server that breaks {rule!r}"
    assert all(each.says != "not when repeated" for each in found)


def test_a_request_is_the_same_each_time_it_is_made() -> None:
    seeds = [
        Seed(method="GET", path="/ehr/spec/fhir/Patient", query=[("name", "a")]),
        Seed(method="POST", path="/ehr/spec/launch", json={"a": [1]}),
    ]
    assert [make(seeds, 9, n) for n in range(200)] == [make(seeds, 9, n) for n in range(200)]
    assert [make(seeds, 9, n) for n in range(200)] != [make(seeds, 8, n) for n in range(200)]


def test_a_changed_document_leaves_the_good_one_as_it_was() -> None:
    good = {"a": [{"b": "c"}, {"d": {"e": "f"}}], "g": "h"}
    kept = json.dumps(good)
    changed = [change_json(Random(n), good) for n in range(300)]
    assert json.dumps(good) == kept
    assert sum(each != good for each in changed) > 250
