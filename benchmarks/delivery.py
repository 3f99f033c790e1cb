"""(d) Resources delivered per second to a trivial HTTP receiver: one worker, outputs accepted before."""

import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.intake import MODEL
from benchmarks.measuring import ROOT, figure
from gateway.database import Database, open_sqlite
from r4 import codec
from sandbox.capabilities import statement
from vocabulary import manifest as manifests
from vocabulary.output import Output
from writeback import outputs, tables
from writeback.capabilities import parse_capabilities
from writeback.gate import Admitted
from writeback.labels import Names
from writeback.planning import plan
from writeback.settings import PACE
from writeback.terms import Terms
from writeback.transport import HttpSender, open_session
from writeback.worker import Worker

OUTPUTS, BAR = 3000, 3000.0
NAMES = Names(ehr="bench", namespace="urn:chartgate:installation:bench")


def figures() -> list[dict[str, Any]]:
    """Resources per second: each output is a RiskAssessment and its Provenance."""
    import tomllib

    import uvloop

    manifest = manifests.parse(tomllib.loads(MODEL, parse_float=Decimal))
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver", "receive"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert receiver.stdout is not None
        base = f"http://127.0.0.1:{int(receiver.stdout.readline())}"
        with tempfile.TemporaryDirectory() as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rate = runner.run(_measure(Path(place), base, manifest))
    finally:
        receiver.kill()
        receiver.wait()
        receiver.stdout.close()
    return [figure("d resources delivered to a trivial receiver", rate, "/s", bar="≥ 3,000", holds=rate >= BAR)]


async def _measure(place: Path, base: str, manifest: Any) -> float:
    database = open_sqlite(place / "bench.db", metadata=[tables.metadata])
    now = time.time()
    await asyncio.gather(*(_accept(database, manifest, now, number) for number in range(OUTPUTS)))
    session = open_session(base=base)
    sender = HttpSender(base=base, session=session)
    worker = Worker(
        run=database.run, senders=lambda ehr, principal: sender, ehrs=lambda: ("bench",), namespace=NAMES.namespace,
        pace=replace(PACE, in_flight=64), terms=_unread,
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    began = time.perf_counter()
    while await database.run(outputs.count_moving):
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    worker.stop()
    await serving
    await session.close()
    database.close()
    return 2 * OUTPUTS / seconds


async def _accept(database: Database, manifest: Any, now: float, number: int) -> None:
    output = Output(
        model="bench", version="1.0.0", ehr="bench", patient=f"Patient/p{number}", kind="risk", as_of=now - 1,
        inference_id=str(number), value=Decimal("0.25"), unit="fraction",
    )  # fmt: skip
    write = plan(output, manifest, admitted=Admitted(), names=NAMES, capabilities=CAPABILITIES, now=now)
    submission = outputs.Submission(
        id=f"{number:032x}", output=output, manifest=manifest, judged=Admitted(), verdict=None, principal="backend",
        submitter="bench", write=write,
    )  # fmt: skip
    await database.run(lambda connection, now: outputs.accept(connection, now, submission=submission))


async def _unread(ehr: str) -> Terms:
    return Terms(read_back=0.0)


CAPABILITIES = parse_capabilities(
    codec.parse(codec.format(statement(base="http://x/fhir", date="2026-01-01T00:00:00Z")))
)
