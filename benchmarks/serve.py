"""(v) What a replica of ``serve`` on PostgreSQL costs: the time until it is ready, processor time and memory while nothing happens,
and how long it takes to stop under load, with every output that it accepted."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2

from benchmarks.measuring import figure, middle
from tests import cluster
from tests.command import chartgate
from tests.flow import outputs_world, production_world
from tests.flow.outputs_world import Running
from tests.flow.production_world import Serve

STARTS, CLIENTS = 3, 8
IDLE, LOAD = 30.0, 3.0
"""Seconds that an idle replica is watched; and that it is under load before it is told to stop."""
READY, STOP, MEMORY, CPU = 3.0, 10.0, 150.0, 1.0
TICK = os.sysconf("SC_CLK_TCK")


def figures() -> list[dict[str, Any]]:
    """Seconds, per cent of a core and megabytes of one replica beside another."""
    place = cluster.binaries()
    if place is None:
        raise RuntimeError(cluster.INSTALL)
    with (
        cluster.running(place) as postgres, tempfile.TemporaryDirectory(prefix="chartgate-") as directory,
        outputs_world.running(Path(directory)) as ehr,
    ):  # fmt: skip
        at = Path(directory)
        told = {"CHARTGATE_DATABASE_URL": postgres.database(), "CHARTGATE_KEYS_FILE": str(at / "keys.json")}
        chartgate("ehrs", "keys", "--new", told["CHARTGATE_KEYS_FILE"])
        ready = [_start(at / f"start-{number}", ehr, told) for number in range(STARTS)]
        with _replica(at / "one", ehr, told) as one, _replica(at / "two", ehr, told) as two:
            idle, memory = _idle(two.process.pid), _megabytes(two.process.pid)
            seconds, lost, loaded = _stopped(one, two, ehr, told)
    wall, work = (middle([each[place] for each in ready]) for place in (0, 1))
    return [
        figure("v s replica of serve: start to ready", wall, "s", bar="≤ 3 s", holds=wall <= READY),
        figure("v s replica of serve: processor time until it is ready", work, "s"),
        figure("v replica of serve, idle: processor time", idle, "% of a core", bar="≤ 1 %", holds=idle <= CPU),
        figure("v replica of serve, idle: memory", memory, "MB", bar="≤ 150 MB", holds=memory <= MEMORY),
        figure("v replica of serve, after load: memory", loaded, "MB", bar="≤ 150 MB", holds=loaded <= MEMORY),
        figure("v s graceful stop under load", seconds, "s", bar="≤ 10 s", holds=seconds <= STOP),
        figure("v outputs accepted by the replica that stopped, and lost", lost, "", bar="0", holds=lost == 0),
    ]


@contextmanager
def _replica(data: Path, ehr: Running, told: Mapping[str, str]) -> Iterator[Serve]:
    models = ["--models", str(ehr.place / "models")]
    with production_world.serving(data, *models, environment=told) as served:
        if not production_world.until(lambda: served.get("/health/ready").is_success):
            raise TimeoutError("the replica did not become ready")
        yield served


def _start(data: Path, ehr: Running, told: Mapping[str, str]) -> tuple[float, float]:
    """Seconds until it is ready, and of processor time."""
    began = time.monotonic()
    with _replica(data, ehr, told) as served:
        return time.monotonic() - began, _processor(served.process.pid)


def _idle(pid: int) -> float:
    """Per cent of a core."""
    before = _processor(pid)
    time.sleep(IDLE)
    return 100.0 * (_processor(pid) - before) / IDLE


def _processor(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _stopped(one: Serve, two: Serve, ehr: Running, told: Mapping[str, str]) -> tuple[float, int, float]:
    """Seconds of the stop, outputs that were acknowledged and that the other replica does not know, megabytes before."""
    production_world.register(ehr, ehr.place / "data", one)
    with mock.patch.dict(os.environ, told):
        key = production_world.made_key(one.data, "outputs.write", "outputs.read", "monitors.read")
    one.key = two.key = key
    production_world.until(lambda: one.get("/health/ready", key=key).json()["checks"].get("ehrs") == "ok")
    accepted: list[str] = []
    clients = [threading.Thread(target=_load, args=(one, ehr, number, accepted)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(LOAD)
    memory = _megabytes(one.process.pid)
    seconds = one.end()
    for client in clients:
        client.join(30)
    return seconds, sum(two.get(each, key=key).status_code != 200 for each in accepted), memory


def _load(served: Serve, ehr: Running, number: int, accepted: list[str]) -> None:
    """Posts outputs until nobody answers any more."""
    while True:
        try:
            answer = served.post(production_world.output(ehr, patient=number))
        except httpx2.HTTPError:
            return
        if answer.status_code == 202:
            accepted.append(answer.headers["location"])
