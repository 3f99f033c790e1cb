"""``serve`` as product.md says: the app face only, a key for the metrics, health that tells the truth, and an end that loses nothing."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.command import chartgate
from tests.flow.outputs_world import Running
from tests.flow.production_world import EHR, Serve, made_key, output, register, serving, until
from tests.flow.test_worker_verb import total


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("production")


@pytest.fixture(scope="module")
def served(place: Path, ehr: Running) -> Iterator[Serve]:
    with serving(place / "gateway", "--models", str(ehr.place / "models")) as made:
        register(ehr, ehr.place / "data", made)
        made.key = made_key(made.data, "outputs.write", "outputs.read", "metrics.read", "monitors.read")
        yield made


ELSEWHERE = ("/ehr/spec/fhir/metadata", "/ehr/spec/launch", "/ehr/spec/faults", "/ehr/spec/auth/register", "/ehr", "/enter",
             "/enter?token=x", "/docs", "/redoc", "/deliveries/", "/api", "/nothing", "/static/../../etc/passwd")  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
def test_what_it_does_not_have_is_404_whatever_the_method_and_wherever_it_comes_from(
    served: Serve, method: str
) -> None:
    for path in ELSEWHERE:
        assert served.get(path, method=method).status_code == 404, path
        assert served.get(path, method=method, origin="https://elsewhere.example").status_code == 404, path
    assert served.get("/app/jwks.json").status_code == 200  # the twin: what it has


def test_another_name_and_another_sites_post_are_refused_but_a_probe_is_answered(served: Serve) -> None:
    assert served.get("/", host="elsewhere.example").status_code == 421
    assert served.get("/app/logout", method="POST", origin="https://elsewhere.example").status_code == 403
    assert served.get("/health/ready", host="10.0.0.7:8700").status_code == 200
    assert served.get("/").status_code == 401


def test_the_metrics_want_a_key_that_may_read_them(served: Serve, place: Path) -> None:
    other = made_key(served.data, "outputs.read")
    assert served.get("/metrics").status_code == 401
    assert served.get("/metrics", key=other).status_code == 403
    assert served.get("/metrics", key="cg_00000000_" + "a" * 43).status_code == 401
    assert "chartgate_outputs" in served.get("/metrics", key=served.key).text


def test_health_names_an_ehr_to_whoever_has_a_key_only(served: Serve) -> None:
    assert until(lambda: "ehrs" in served.get("/health/ready", key=served.key).json()["checks"])
    bare = served.get("/health/ready")
    assert bare.json()["status"] == "ready"
    assert EHR not in bare.text
    assert EHR in served.get("/health/ready", key=served.key).text
    assert served.get("/health/ready", key="wrong").status_code == 401


def test_an_end_under_load_loses_nothing_that_was_accepted_and_sends_nothing_twice(
    ehr: Running, served: Serve, place: Path
) -> None:
    """Last in this file: it ends the process, and starts another on what it left."""
    before, accepted, ended = total(ehr, "RiskAssessment"), [], threading.Event()

    def send(number: int) -> None:
        with suppress(httpx2.HTTPError):
            while not ended.is_set():
                answer = served.post(output(ehr, patient=number))
                if answer.status_code == 202:
                    accepted.append(answer.headers["location"])

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for each in senders:
        each.start()
    assert until(lambda: len(accepted) > 20)
    seconds = served.end()
    ended.set()
    for each in senders:
        each.join()
    assert (served.process.returncode, seconds < 30) == (0, True)
    with serving(place / "gateway", "--models", str(ehr.place / "models")) as again:
        key = made_key(again.data, "outputs.read")
        listed = lambda: json.loads(chartgate("outputs", "list", "--limit", "1000", *data_of(again), "--json").stdout)  # noqa: E731
        assert until(lambda: {each["state"] for each in listed()} == {"delivered"})
        assert {again.get(each, key=key).status_code for each in accepted} == {200}
        assert total(ehr, "RiskAssessment") - before == len(listed()) >= len(accepted)


def data_of(served: Serve) -> tuple[str, str]:
    return "--data", str(served.data)
