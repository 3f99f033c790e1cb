"""(c) Durable accepts per second over ``POST /api/outputs``: one gateway process, the load in another. What one accept costs
the gateway's process is given beside it: a busy machine changes that less than accepts a second."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auth.client.registry import RegisteredEhr, save_ehr
from benchmarks.measuring import ROOT, figure
from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.installation import open_installation
from gateway.outputs.rehearsing import rehearse
from gateway.people import apikeys
from gateway.processes import interpreter, process, server
from gateway.processes.process import Options
from gateway.sandbox_ehrs import below
from r4 import codec
from sandbox.capabilities import statement
from writeback.speaking.answers import Answer

CLIENTS, SECONDS, BAR, LONGEST = 64, 4.0, 2500.0, 40.0
BASE = "http://127.0.0.1:1/fhir"
MODEL = """
[model]
id = "bench"
version = "1.0.0"
title = "A model without features"
entry = "model:predict"
[output]
kind = "risk"
codes = [{ system = "urn:chartgate:assessment", code = "bench" }]
range = [0.0, 1.0]
unit = "fraction"
horizon = "P10Y"
[writeback]
policy = "automatic"
valid_for = "P1D"
"""


class Memory:
    """The transport seam: an EHR that answers reads from memory and is away for every write."""

    base = BASE

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if method == "GET" and path.startswith("Patient/"):
            id = path.partition("/")[2]
            return Answer(
                status=200, body=b'{"resourceType":"Patient","id":"' + id.encode() + b'","meta":{"versionId":"1"}}'
            )
        return Answer(status=503, headers={"retry-after": "600"})


def figures() -> list[dict[str, Any]]:
    """Accepts per second."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(_measure())
        real = runner.run(_measure_real())
    rate = found["accepted"] / SECONDS
    return [
        figure("c accepts over HTTP, patient read in memory", rate, "/s", bar="≥ 2,500", holds=rate >= BAR),
        figure("c an accept over HTTP at 64 clients: 99 of 100 within", found["p99"], "ms", bar="≤ 40 ms", holds=found["p99"] <= LONGEST),
        figure("c processor time of an accept over HTTP, event loop and database", found["cpu"] / found["accepted"] * 1e6, "µs"),
        figure("c accepts over HTTP, read from and delivered to the embedded EHR", real, "/s"),
    ]  # fmt: skip


async def _measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        models = _folder(Path(place))
        installation = open_installation(Path(place) / "data")
        ehr = RegisteredEhr(name="bench", issuer=BASE, client_id="bench", networks=("127.0.0.0/8",))
        presented = await installation.database.run(lambda connection, now: _key(connection, now))
        await installation.database.run(lambda c, now: save_ehr(c, now, ehr=ehr, cipher=installation.keyring.cipher))
        listening = server.bind(0)
        port = listening.getsockname()[1]
        async with open_gateway(
            installation, models=(models.parent,), base_url=f"http://localhost:{port}", clock=time.time
        ) as gateway:
            await gateway.learn_ehrs()
            _answer_from_memory(gateway)
            await rehearse(gateway)  # as every process that serves does
            async with server.Server(app_face.application(gateway), [listening]).running():
                interpreter.settle()  # the same
                began = time.process_time()
                found = await _load(port, presented)
                return {**found, "cpu": time.process_time() - began}


def _answer_from_memory(gateway: Gateway) -> None:
    """Puts the memory behind the seam; the worker is not started, so that accepting alone is measured."""
    memory = Memory()
    gateway.senders.sender = lambda ehr, principal: memory  # type: ignore[method-assign,assignment,return-value]
    from writeback.capabilities import parse_capabilities

    found = parse_capabilities(codec.parse(codec.format(statement(base=BASE, date="2026-01-01T00:00:00Z"))))

    async def capabilities(ehr: str) -> Any:
        return found

    gateway.senders.capabilities = capabilities  # type: ignore[method-assign]


def _key(connection: Any, now: float) -> str:
    key = apikeys.new_key(id="0" * 16, name="bench", scopes=("outputs.write",))
    presented = apikeys.format_key(key.id, "s" * 43)
    apikeys.add_key(connection, now, key=key, presented=presented)
    return presented


async def _measure_real() -> float:
    """The same load on a whole sandbox: the patient is read over HTTP, and what is accepted is delivered meanwhile."""
    with tempfile.TemporaryDirectory() as place:
        models = _folder(Path(place))
        data = Path(place) / "data"
        options = Options(port=0, models=(models.parent,))
        async with process.running(data, options, lambda text: None) as running:
            presented = await running.gateway.run(lambda connection, now: _key(connection, now))
            listed = await below.search(running.ehrs[0], "Patient")
            port = int(running.app.rpartition(":")[2])
            interpreter.settle()
            found = await _load(port, presented, "spec", *(patient["id"] for patient in listed))
    return found["accepted"] / SECONDS


def _folder(place: Path) -> Path:
    models = place / "models" / "bench"
    models.mkdir(parents=True)
    (models / "model.toml").write_text(MODEL)
    (models / "model.py").write_text("def predict(features):\n    return {'value': 0.25}\n")
    return models


async def _load(port: int, presented: str, ehr: str = "bench", *patients: str) -> dict[str, float]:
    load = (str(port), presented, str(CLIENTS), str(SECONDS), ehr, *patients)
    arguments = ("-m", "benchmarks.submitter", *load)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    printed, _ = await process.communicate()
    found: dict[str, float] = json.loads(printed)
    return found
