"""How figures are taken and told: medians of repeats, ratios within one run, and what each has to reach."""

import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

ROOT = Path(__file__).resolve().parents[1]
SEED = 1


def per_call(work: Callable[[], Any], *, calls: int, repeats: int = 7) -> float:
    """Seconds of one call: the best of several repeats, for noise only ever adds."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - began) / calls)
    return best


async def started(server: uvicorn.Server) -> tuple[int, asyncio.Task[None]]:
    """A server that serves: its port, and what is done when it has ended. It ends with the process that began this one,
    however that goes: what a measurement began must not outlive it."""
    parent, serving = os.getppid(), asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)

    async def watch() -> None:
        while os.getppid() == parent:
            await asyncio.sleep(0.5)
        server.should_exit = server.force_exit = True

    watching = asyncio.create_task(watch())
    serving.add_done_callback(lambda _: watching.cancel())
    return server.servers[0].sockets[0].getsockname()[1], serving


def middle(values: list[float]) -> float:
    return statistics.median(values)


def commit() -> str:
    """The commit that was measured, with a plus sign when the tree has changes."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    ratio_to: str | None = None,
    ratio: float | None = None,
    bar: str | None = None,
    holds: bool | None = None,
) -> dict[str, Any]:
    """One line of ``benchmarks/results/latest.json`` (product.md §6)."""
    return {
        "figure": name, "value": round(value, 3), "unit": unit, "ratio_to": ratio_to,
        "ratio": None if ratio is None else round(ratio, 2), "bar": bar, "holds": holds, "seed": SEED, "commit": commit(),
    }  # fmt: skip
