"""``chartgate worker``: several processes on one PostgreSQL, each output at the EHR once."""

import asyncio
import json
import os
import signal
import subprocess
import time
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from auth.client.ehr import RegisteredEhr
from auth.client.registry import save_ehr
from gateway.installation import Installation, open_replica
from gateway.keyring import FILE, MADE_HERE, make_key_file
from r4 import codec
from sandbox.capabilities import statement
from tests import programs, web
from tests.command import chartgate
from tests.flow.outputs_world import MODEL, Running, running
from tests.flow.test_delivery_faults import judge
from vocabulary import manifest as manifests
from vocabulary.output import Output
from writeback.capabilities import parse_capabilities
from writeback.gate import Admitted
from writeback.labels import Names
from writeback.ledger import outputs
from writeback.planning import plan

OUTPUTS, MODELS = 200, 40
WORKER = ["worker", "--json"]


def manifest_of(model: str) -> Any:
    text = MODEL.replace('id = "echo"', f'id = "{model}"')
    return manifests.parse(tomllib.loads(text, parse_float=Decimal))


async def accept(installation: Installation, up: Running) -> None:
    """Outputs of some models for each patient: no two of them in one lane."""
    offered = parse_capabilities(codec.parse(codec.format(statement(base=up.fhir, date="2026-01-01T00:00:00Z"))))
    names = Names(ehr="spec", namespace=installation.keyring.namespace)
    now = time.time()
    known = [manifest_of(f"echo-{number}") for number in range(MODELS)]

    async def one(number: int) -> None:
        model, manifest = f"echo-{number % MODELS}", known[number % MODELS]
        said = Output(
            model=model, version="1.0.0", ehr="spec", patient=f"Patient/{up.patients[number // MODELS]}", kind="risk",
            as_of=now - 1, inference_id=str(number), value=Decimal("0.25"), unit="fraction",
        )  # fmt: skip
        write = plan(said, manifest, admitted=Admitted(), names=names, capabilities=offered, now=now)
        made = outputs.Submission(
            id=f"{number:032x}", output=said, manifest=manifest, judged=Admitted(), verdict=None, principal="backend",
            submitter="test", write=write,  # type: ignore[arg-type]
        )  # fmt: skip
        await installation.database.run(lambda connection, now: outputs.accept(connection, now, submission=made))

    await asyncio.gather(*(one(number) for number in range(OUTPUTS)))


def total(up: Running, type: str) -> int:
    headers = {"authorization": f"Bearer {judge(up)}"}
    bundle = web.get(f"{up.fhir}/{type}?_summary=count", headers=headers, timeout=30).json()
    return int(bundle["total"])


def register(installation: Installation, up: Running) -> None:
    ehr = RegisteredEhr(name="spec", issuer=up.fhir, client_id="chartgate", networks=("127.0.0.0/8",))
    cipher = installation.keyring.cipher
    installation.database.run_now(lambda connection, now: save_ehr(connection, now, ehr=ehr, cipher=cipher))


def share_keys(sandbox: Path, shared: Path) -> None:
    """The keys that the sandbox knows the gateway by, as somebody would hand them to replicas."""
    document = json.loads((sandbox / FILE).read_text())
    del document[MADE_HERE]
    shared.mkdir()
    (shared / FILE).touch(0o600)
    (shared / FILE).write_text(json.dumps(document))


def start(data: Path, url: str) -> programs.Program:
    environment = {**os.environ, "CHARTGATE_DATABASE_URL": url}
    words = [*WORKER, "--data", str(data)]
    return programs.cli(*words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(worker: programs.Program) -> dict[str, Any]:
    worker.send_signal(signal.SIGTERM)
    said, errors = worker.communicate(timeout=120)
    assert worker.returncode == 0, errors[-2000:]
    done: dict[str, Any] = json.loads(said)
    return done


def test_two_workers_on_one_database_deliver_every_output_once(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path) as up:
        before = total(up, "RiskAssessment"), total(up, "Provenance")
        share_keys(tmp_path / "data", tmp_path / "shared")
        installation = open_replica(tmp_path / "shared", database_url)
        try:
            register(installation, up)
            asyncio.run(accept(installation, up))
            slow = web.put(f"{up.fhir.removesuffix('/fhir')}/faults", json={"active": ["slow-headers:1@write"]})
            assert slow.status_code == 200, "so that what there is lasts until the second worker is there too"
            workers = [start(tmp_path / "shared", database_url) for _ in range(2)]
            until = time.monotonic() + 60
            while installation.database.run_now(outputs.count_moving) and time.monotonic() < until:
                time.sleep(0.1)
            left = installation.database.run_now(outputs.count_moving)
            done = [ended(worker)["attempts"] for worker in workers]
        finally:
            installation.close()
        assert left == 0
        assert min(done) > 0
        assert (total(up, "RiskAssessment"), total(up, "Provenance")) == (before[0] + OUTPUTS, before[1] + OUTPUTS)


@pytest.mark.parametrize("url", [None, "sqlite:///x.db", "postgresql://127.0.0.1:1/nowhere"])
def test_a_worker_without_postgresql_ends_with_what_to_do(
    tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHARTGATE_DATABASE_URL", raising=False)
    make_key_file(tmp_path / "keys.json")
    if url is not None:
        monkeypatch.setenv("CHARTGATE_DATABASE_URL", url)
    done = chartgate("worker", "--json", "--data", str(tmp_path))
    assert done.returncode == 3
    assert "CHARTGATE_DATABASE_URL" in done.stderr
