"""``/api/outputs`` of a running sandbox, driven as a caller from outside would: accepted once, refused by name, delivered."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests import web
from tests.flow.outputs_world import Running, running, settled


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cg")) as made:
        yield made


def element(answer: httpx2.Response) -> str:
    document = answer.json()
    assert document["resourceType"] == "OperationOutcome"
    return str(document["issue"][0].get("expression", [""])[0])


def test_an_output_is_accepted_delivered_and_read_back(up: Running) -> None:
    answer = up.post(up.body(), idempotency="once")
    assert answer.status_code == 202
    shown = settled(up, answer.headers["location"])
    assert shown["state"] == "delivered"
    kinds = {part["resource_type"]: part for part in shown["deliveries"]}
    assert set(kinds) == {"RiskAssessment", "Provenance"}
    assert all(part["id"] and part["version"] == "1" and part["losses"] == [] for part in kinds.values())


def test_the_same_again_is_200_with_the_same_body_and_another_body_is_409(up: Running) -> None:
    body = up.body()
    first, again = up.post(body, idempotency="twice"), up.post(body, idempotency="twice")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    other = up.post({**body, "value": 0.3}, idempotency="twice")
    assert other.status_code == 409
    assert element(other) == "Idempotency-Key"
    renamed = up.post({**body, "value": 0.3})
    assert (renamed.status_code, element(renamed)) == (409, "inference_id")


def test_a_value_out_of_range_is_refused_recorded_counted_and_alerted(up: Running) -> None:
    answer = up.post(up.body(value=0.75))
    assert (answer.status_code, element(answer)) == (422, "value")
    assert "0.75" not in answer.text
    shown = up.get(answer.headers["location"]).json()
    assert (shown["state"], shown["refusal"]["reason"], shown["deliveries"]) == ("refused", "out_of_range", [])
    metrics = web.get(f"{up.app}/metrics").text
    assert 'chartgate_refusals_total{model="echo",reason="out_of_range"}' in metrics
    alerts = up.get("/api/alerts").json()["alerts"]
    assert any(alert["monitor"] == "M-OUT-01" and alert["model"] == "echo" for alert in alerts)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"unit": "percent"}, "unit"), ({"as_of": "2199-01-01T00:00:00Z"}, "as_of"),
        ({"as_of": "2001-01-01T00:00:00Z"}, "as_of"), ({"inputs": ["Observation/nothing-here"]}, "inputs[0]"),
        ({"encounter": "Encounter/nothing-here"}, "encounter"), ({"interval": [0.3, 0.4]}, "interval"),
        ({"components": [{"code": "x", "value": 0.1, "unit": "fraction"}]}, "components[0].code"),
    ],
)  # fmt: skip
def test_what_the_gate_refuses_is_recorded_and_named(up: Running, changes: dict[str, Any], named: str) -> None:
    answer = up.post(up.body(**changes))
    assert (answer.status_code, element(answer)) == (422, named)
    assert up.get(answer.headers["location"]).json()["state"] == "refused"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": "nobody"}, "model"), ({"version": "9"}, "version"), ({"ehr": "elsewhere"}, "ehr"),
        ({"patient": "Patient/nobody"}, "patient"), ({"patient": "Group/1"}, "patient"), ({"value": "0.25"}, "value"),
        ({"value": True}, "value"), ({"value": None}, "value"), ({"kind": "hunch"}, "kind"),
        ({"as_of": "yesterday"}, "as_of"), ({"inputs": ["../../Patient"]}, "inputs[0]"), ({"surprise": 1}, "body"),
        ({"inference_id": ""}, "inference_id"), ({"inference_id": None}, "inference_id"),
    ],
)  # fmt: skip
def test_a_malformed_body_is_named_and_nothing_is_stored(up: Running, changes: dict[str, Any], named: str) -> None:
    before = len(up.get("/api/outputs").json()["outputs"])
    answer = up.post(up.body(**changes))
    assert (answer.status_code, element(answer)) == (422, named)
    assert "location" not in answer.headers
    assert len(up.get("/api/outputs").json()["outputs"]) == before


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'{"model":"a","model":"b"}', b'{"value":NaN}', b'{"value":Infinity}', b'{"value":-Infinity}',
        b'{"text":"\\ud800"}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b"\xff\xfe", b'{"value":1e400}', b'{"value":1e999999999}',
    ],
    ids=range(13),
)  # fmt: skip
def test_hostile_bodies_are_4xx_with_an_outcome(up: Running, content: bytes) -> None:
    answer = up.post(None, content=content)
    assert answer.status_code == 422
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_hostile_numbers_in_a_whole_body_are_refused_by_name(up: Running) -> None:
    for number in ("1e400", "-1e400", "1e999999999", "9" * 5000, "-0.0000000001"):
        body = json.dumps(up.body())
        answer = up.post(None, content=body.replace('"value": 0.25', f'"value": {number}').encode())
        assert answer.status_code == 422
        assert element(answer) in ("value", "body")


def test_a_body_over_the_limit_is_413_and_another_type_415(up: Running) -> None:
    assert up.post(None, content=b'{"text":"' + b"a" * 1_100_000 + b'"}').status_code == 413
    assert up.post(up.body(), kind="text/plain").status_code == 415


def test_keys_decide_who_may_do_what(up: Running) -> None:
    assert up.post(up.body(), key="cg_00000000_" + "a" * 43).status_code == 401
    assert up.post(up.body(), key=up.reader).status_code == 403
    assert web.post(f"{up.app}/api/outputs", json=up.body()).status_code == 401
    assert up.get("/api/alerts", key=up.reader).status_code == 403
    location = up.post(up.body()).headers["location"]
    assert up.get(location, key=up.reader).status_code == 200
    confirm = web.post(
        f"{up.app}{location}/confirm",
        json={"reason": "x"},
        headers={"authorization": f"Bearer {up.key}"},
    )
    assert confirm.status_code == 403


def test_an_input_of_another_patient_is_refused_and_an_older_output_superseded(up: Running) -> None:
    other = next(each for each in up.encounters if each["patient"] != up.patients[0])
    foreign = up.post(up.body(encounter=f"Encounter/{other['id']}"))
    assert (foreign.status_code, element(foreign)) == (422, "encounter")
    patient = f"Patient/{up.patients[1]}"
    assert up.post(up.body(patient=patient)).status_code == 202
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    older = up.post(up.body(patient=patient, as_of=hour_ago))
    assert (older.status_code, older.json()["state"]) == (202, "superseded")


def test_parallel_repeats_are_accepted_once(up: Running) -> None:
    import concurrent.futures

    body = up.body(patient=f"Patient/{up.patients[2]}")
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: up.post(body, idempotency="race"), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_the_wrong_host_gets_421_with_the_right_address(up: Running) -> None:
    swapped = up.app.replace("localhost", "127.0.0.1")
    answer = web.get(f"{swapped}/api/alerts")
    assert answer.status_code == 421
    assert up.app in answer.text
    assert web.get(f"{up.fhir.replace('127.0.0.1', 'localhost')}/metadata").status_code == 421


def test_health_and_openapi_are_served(up: Running) -> None:
    assert web.get(f"{up.app}/health/ready").json() == {"status": "ready"}
    assert "/api/outputs" in web.get(f"{up.app}/api/openapi.json").json()["paths"]
