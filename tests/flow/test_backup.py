"""A backup under load, on both databases: what it restores to lacks nothing that was acknowledged before, and sends nothing twice."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cluster import Cluster
from tests.command import chartgate
from tests.flow.outputs_world import Running
from tests.flow.production_world import Serve, made_key, output, register, serving, until
from tests.flow.test_worker_verb import total


@contextmanager
def load(ehr: Running, served: Serve, *, threads: int = 4) -> Iterator[list[str]]:
    """Outputs are sent while the block runs; the ids of those that were acknowledged."""
    accepted: list[str] = []
    ended = threading.Event()

    def send(number: int) -> None:
        with suppress(httpx2.HTTPError):
            while not ended.is_set():
                answer = served.post(output(ehr, patient=number))
                if answer.status_code == 202:
                    accepted.append(answer.json()["id"])
                ended.wait(0.05)  # a steady load, not all that the machine can do

    senders = [threading.Thread(target=send, args=(number,)) for number in range(threads)]
    for each in senders:
        each.start()
    try:
        yield accepted
    finally:
        ended.set()
        for each in senders:
            each.join()


def listed(data: Path) -> dict[str, str]:
    """The state of every output by its id."""
    done = chartgate("outputs", "list", "--limit", "1000", "--data", str(data), "--json")
    assert done.returncode == 0, done.stderr
    return {each["id"]: each["state"] for each in json.loads(done.stdout)}


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What the first installation and the restored one are told by their environments."""
    if request.param == "sqlite":
        yield {}, {}
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    urls = cluster.database(), cluster.database()
    keys = str(tmp_path / "keys.json")
    assert chartgate("ehrs", "keys", "--new", keys).returncode == 0
    yield tuple({"CHARTGATE_DATABASE_URL": url, "CHARTGATE_KEYS_FILE": keys} for url in urls)  # type: ignore[misc]
    for url in urls:
        cluster.drop(url)


def tell(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name in ("CHARTGATE_DATABASE_URL", "CHARTGATE_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_a_backup_under_load_restores_to_everything_acknowledged_before_it(
    ehr: Running, tmp_path: Path, places: tuple[dict[str, str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, file, models = tmp_path / "a", tmp_path / "b", tmp_path / "x.backup", str(ehr.place / "models")
    before = total(ehr, "RiskAssessment")
    with serving(first, "--models", models, environment=places[0]) as up:
        register(ehr, ehr.place / "data", up)
        up.key = made_key(first, "outputs.write", "outputs.read")
        assert until(lambda: up.post(output(ehr)).status_code == 202)
        with load(ehr, up) as accepted:
            assert until(lambda: len(accepted) > 20)
            acknowledged = list(accepted)
            made = chartgate("backup", str(file), "--data", str(first), "--json")
            assert made.returncode == 0, made.stderr
            time.sleep(0.5)
        assert until(lambda: set(listed(first).values()) == {"delivered"})
        everything = set(listed(first))
    assert total(ehr, "RiskAssessment") - before == len(everything)
    tell(monkeypatch, places[1])
    restored = chartgate("restore", str(file), "--data", str(second), "--json")
    assert restored.returncode == 0, restored.stderr
    found = set(listed(second))
    assert set(acknowledged) <= found <= everything
    with serving(second, "--models", models, environment=places[1]) as again:
        assert until(lambda: set(listed(second).values()) == {"delivered"}), listed(second)
        assert again.get("/api/outputs/" + acknowledged[0], key=up.key).status_code == 200
    assert total(ehr, "RiskAssessment") - before == len(everything), "something was sent again"


def installation(place: Path) -> Path:
    assert chartgate("keys", "add", "x", "--scope", "outputs.read", "--data", str(place)).returncode == 0
    return place


def keys_of(place: Path) -> Any:
    return json.loads(chartgate("keys", "list", "--data", str(place), "--json").stdout)


def test_what_was_there_is_set_aside_and_a_changed_file_touches_nothing(tmp_path: Path) -> None:
    data, file = installation(tmp_path / "a"), tmp_path / "x.backup"
    before = keys_of(data)
    assert chartgate("backup", str(file), "--data", str(data)).returncode == 0
    installation(data)
    broken = tmp_path / "broken"
    broken.write_bytes(file.read_bytes()[:-20_000])
    assert chartgate("restore", str(broken), "--data", str(data)).returncode == 3
    assert len(keys_of(data)) == len(before) + 1
    done = chartgate("restore", str(file), "--data", str(data), "--json")
    assert keys_of(data) == before
    aside = data / json.loads(done.stdout)["aside"]
    assert {each.name for each in aside.iterdir()} == {"gateway.db", "keys.json"}


def test_without_its_keys_a_backup_wants_them_and_no_others(tmp_path: Path) -> None:
    data, file, elsewhere = installation(tmp_path / "a"), tmp_path / "x.backup", tmp_path / "b"
    assert chartgate("backup", str(file), "--without-keys", "--data", str(data)).returncode == 0
    refused = chartgate("restore", str(file), "--data", str(elsewhere))
    assert (refused.returncode, "keys" in refused.stderr) == (3, True)
    other = installation(tmp_path / "c")
    assert chartgate("restore", str(file), "--data", str(other)).returncode == 3
    (elsewhere / "keys.json").touch(0o600)
    (elsewhere / "keys.json").write_bytes((data / "keys.json").read_bytes())
    assert chartgate("restore", str(file), "--data", str(elsewhere)).returncode == 0
    assert keys_of(elsewhere) == keys_of(data)


def test_a_backup_of_one_database_does_not_go_into_the_other_nor_over_a_full_one(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, file = installation(tmp_path / "a"), tmp_path / "x.backup"
    assert chartgate("backup", str(file), "--data", str(data)).returncode == 0
    keys = str(tmp_path / "keys.json")
    chartgate("ehrs", "keys", "--new", keys)
    tell(monkeypatch, {"CHARTGATE_DATABASE_URL": database_url, "CHARTGATE_KEYS_FILE": keys})
    refused = chartgate("restore", str(file), "--data", str(tmp_path / "b"))
    assert (refused.returncode, "sqlite" in refused.stderr) == (3, True)
    installation(tmp_path / "b")
    assert chartgate("backup", str(file), "--data", str(tmp_path / "b")).returncode == 0
    refused = chartgate("restore", str(file), "--data", str(tmp_path / "b"))
    assert (refused.returncode, "not empty" in refused.stderr) == (3, True)
    assert chartgate("backup", str(tmp_path / "no" / "where"), "--data", str(tmp_path / "b")).returncode == 3
