"""From an output through the journal to ``/api/monitors`` and ``/metrics``; and labels on their way to it (a real server)."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import web
from tests.command import chartgate
from tests.flow.outputs_world import Running, made_key, running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str, str]]:
    """A server with outputs of several encounters, one of them said twice and one out of range; a key that may label, and one
    that may not read monitors."""
    place = tmp_path_factory.mktemp("monitors")
    with running(place) as up:
        data = ["--data", str(place / "data")]
        labelling = made_key(data, "labels.write")
        for number, encounter in enumerate(up.encounters[:4]):
            about = {"patient": f"Patient/{encounter['patient']}", "encounter": f"Encounter/{encounter['id']}"}
            for time_ in range(1 + (number == 0)):
                said = up.post(up.body(value=0.1 + 0.05 * number, inference_id=f"e{number}-{time_}", **about))
                assert said.status_code == 202, said.text
        assert up.post(up.body(value=0.9, inference_id="far")).status_code == 422
        yield up, labelling, made_key(data, "outputs.read")


def label(world: tuple[Running, str, str], body: Any, *, key: str | None = None) -> httpx2.Response:
    up, labelling, _ = world
    headers = {"authorization": f"Bearer {key or labelling}", "content-type": "application/json"}
    return web.post(f"{up.app}/api/labels", content=json.dumps(body).encode(), headers=headers)


def now(ahead: float = 0.0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))


def signals(up: Running, query: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    found = up.get(f"/api/monitors?model=echo{query}").json()
    return {(each["monitor"], each["source"]): each for each in found["signals"]}


def test_an_encounter_counts_once_and_an_output_out_of_range_is_critical(world: tuple[Running, str, str]) -> None:
    up, _, _ = world
    for _ in range(600):
        found = signals(up)
        if found.get(("M-OUT-01", "range")) and found.get(("M-OUT-02", "distribution"), {}).get("n") == 5:
            break
        time.sleep(0.1)
    assert found["M-OUT-01", "range"]["level"] == "critical"
    assert found["M-OUT-02", "distribution"]["n"] == 5
    assert found["M-OUT-02", "distribution"]["level"] == "learning"
    assert set(signals(up, "&monitor=M-OUT-01&level=critical")) == {("M-OUT-01", "range")}
    assert signals(up, "&level=warning") == {}


def test_the_catalogue_and_the_thresholds_are_shown(world: tuple[Running, str, str]) -> None:
    shown = world[0].get("/api/monitors").json()
    assert {"M-IN-01", "M-OUT-04", "M-PERF-02", "M-SUB-01", "M-HAL-04"} <= {each["id"] for each in shown["monitors"]}
    assert all(each["owners"] and each["action"] and each["review"] for each in shown["monitors"])
    assert shown["thresholds"] == {"version": 0, "key": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [("nothing=1", 422), ("model=a&model=b", 422), ("level=loud", 422), ("version=%C3%97", 422), ("ehr=", 422)],
)
def test_a_query_that_is_not_known_is_refused(world: tuple[Running, str, str], query: str, status: int) -> None:
    assert world[0].get(f"/api/monitors?{query}").status_code == status


def test_a_method_that_an_address_does_not_take_is_told_all_that_it_takes(world: tuple[Running, str, str]) -> None:
    """RFC 9110 §15.5.6: Allow lists the methods of the address, and those are the documented ones."""
    up = world[0]
    documented = {
        path: {method.upper() for method in said if method in ("get", "post")}
        for path, said in web.get(f"{up.app}/api/openapi.json").json()["paths"].items()
    }
    documented["/api/outputs/search"].add("GET")  # of the output whose id that might be
    for methods in documented.values():
        methods |= {"HEAD"} if "GET" in methods else set()  # it goes with GET (§9.3.2)
    assert any(methods == {"GET", "HEAD", "POST"} for methods in documented.values())
    for path, methods in documented.items():
        answer = web.request("PUT", up.app + path.replace("{id}", "x"))
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, methods), path


def test_monitors_are_for_those_who_may_read_them(world: tuple[Running, str, str]) -> None:
    up, labelling, reader = world
    assert up.get("/api/monitors", key=reader).status_code == 403
    assert up.get("/api/monitors", key=labelling).status_code == 403
    assert web.get(f"{up.app}/api/monitors").status_code == 401


def test_metrics_say_the_same_in_a_form_that_prometheus_reads(world: tuple[Running, str, str]) -> None:
    up, _, _ = world
    signals(up)
    families = {family.name: family for family in text_string_to_metric_families(web.get(f"{up.app}/metrics").text)}
    levels = {
        (sample.labels["monitor"], sample.labels["source"]): sample.value
        for sample in families["chartgate_signal_level"].samples
    }
    assert levels["M-OUT-01", "range"] == 3
    assert {sample.labels["state"] for sample in families["chartgate_outputs"].samples} >= {"refused"}
    assert {name for sample in families["chartgate_signal_level"].samples for name in sample.labels} == {
        "model", "version", "ehr", "monitor", "source", "stratum",
    }  # fmt: skip


def test_a_label_is_taken_once_and_the_same_again_is_the_same(world: tuple[Running, str, str]) -> None:
    body = {"inference_id": "e1-0", "label": True, "observed_at": now()}
    first, again = label(world, body), label(world, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["mature"] is True
    assert label(world, {**body, "inference_id": None, "output": first.json()["output"]}).status_code == 200


def test_another_label_of_an_output_that_counts_already_is_a_conflict(world: tuple[Running, str, str]) -> None:
    body = {"inference_id": "e2-0", "label": True, "observed_at": now(-1)}
    assert label(world, body).status_code == 201
    statuses = set()
    for _ in range(600):
        statuses.add(label(world, {**body, "label": False, "observed_at": now()}).status_code)
        if 409 in statuses:
            break
        time.sleep(0.1)
    assert 409 in statuses


@pytest.mark.parametrize(
    ("change", "status", "element"),
    [
        ({"inference_id": "unknown"}, 404, "inference_id"),
        ({"inference_id": None, "output": "unknown"}, 404, "output"),
        ({"output": "both"}, 422, "output"),
        ({"inference_id": None}, 422, "output"),
        ({"label": "yes"}, 422, "label"),
        ({"label": 2}, 422, "label"),
        ({"label": None}, 422, "label"),
        ({"observed_at": "2020-01-01T00:00:00Z"}, 422, "observed_at"),
        ({"observed_at": now(7200)}, 422, "observed_at"),
        ({"observed_at": "today"}, 422, "observed_at"),
        ({"ehr": "epic"}, 404, "inference_id"),
        ({"patient": "Patient/secret"}, 422, "body"),
    ],
)
def test_a_label_that_cannot_be_meant_is_refused_by_name(
    world: tuple[Running, str, str], change: dict[str, Any], status: int, element: str
) -> None:
    said = label(world, {"inference_id": "e3-0", "label": False, "observed_at": now(), **change})
    assert (said.status_code, said.json()["issue"][0]["expression"]) == (status, [element])
    assert "secret" not in said.text


def test_only_a_key_for_labels_tells_labels(world: tuple[Running, str, str]) -> None:
    body = {"inference_id": "e3-0", "label": False, "observed_at": now()}
    assert label(world, body, key=world[0].key).status_code == 403
    assert label(world, body, key="cg_0").status_code == 401


def test_the_whole_is_in_the_document_of_the_api(world: tuple[Running, str, str]) -> None:
    paths = web.get(f"{world[0].app}/api/openapi.json").json()["paths"]
    assert {"/api/labels", "/api/monitors"} <= set(paths)


def test_a_document_of_thresholds_that_nobody_trusted_signed_stops_the_start(tmp_path: Any) -> None:
    (tmp_path / "thresholds.json").write_text("{}")
    done = chartgate("up", "--data", str(tmp_path), "--port", "0", "--json")
    assert done.returncode == 3
    assert "thresholds" in done.stderr
