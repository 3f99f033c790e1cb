"""Posts outputs, in a process of its own: ``python -m benchmarks.submitter PORT KEY CLIENTS SECONDS EHR [PATIENT…]``."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

import uvloop

from benchmarks.wire import Sent, Wire

ACCEPTED = frozenset({202})


async def submit(port: int, key: str, clients: int, seconds: float, ehr: str, patients: Sequence[str]) -> None:
    """Posts for some seconds on so many connections; prints how many were accepted, and within how many milliseconds 99 of 100
    were. Raises AssertionError for an answer that is not 202."""
    until, base = time.perf_counter() + seconds, f"http://localhost:{port}"
    found = await asyncio.gather(*(_client(base, key, number, until, ehr, patients) for number in range(clients)))
    waited = sorted(each for taken in found for each in taken)
    print(json.dumps({"accepted": len(waited), "p99": waited[len(waited) * 99 // 100] * 1e3 if waited else 0.0}))


async def _client(base: str, key: str, number: int, until: float, ehr: str, patients: Sequence[str]) -> list[float]:
    """The seconds that each took."""
    taken: list[float] = []
    async with Wire(base) as wire:
        while time.perf_counter() < until:
            count = len(taken) + 1
            patient = patients[count % len(patients)] if patients else f"p{number}-{count}"
            sent = _sent(key, f"{number}-{count}", ehr, patient)
            began = time.perf_counter()
            await wire.send(sent, ACCEPTED)
            taken.append(time.perf_counter() - began)
    return taken


def _sent(key: str, name: str, ehr: str, patient: str) -> Sent:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    body = json.dumps({
        "model": "bench", "version": "1.0.0", "ehr": ehr, "patient": f"Patient/{patient}", "kind": "risk", "value": 0.25,
        "unit": "fraction", "as_of": stamp, "inference_id": name,
    }).encode()  # fmt: skip
    return Sent("POST", "api/outputs", body, key, "application/json", (f"Idempotency-Key: {name}",))


if __name__ == "__main__":
    port, key, clients, seconds, ehr, *patients = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(submit(int(port), key, int(clients), float(seconds), ehr, patients))
