"""(s) How long ``chartgate up`` takes until it answers: an installation that is new and seeds its EHR, and one that is there."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, figure, middle

STARTS = 5
FIRST, AGAIN = 4.0, 2.0
"""Seconds to ``/health/ready``: with the seed, and without."""
PATIENCE = 60.0


def figures() -> list[dict[str, Any]]:
    """Seconds of a first and of a later start, the middle of several."""
    first, again = [], []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="chartgate-") as directory:
            first.append(start(Path(directory)))
            again.append(start(Path(directory)))
    return [
        figure("s first start to ready, with the seed", middle(first), "s", bar="≤ 4 s", holds=middle(first) <= FIRST),
        figure("s later start to ready", middle(again), "s", bar="≤ 2 s", holds=middle(again) <= AGAIN),
    ]


def start(directory: Path) -> float:
    """Seconds from the start of the process until it is ready; the process is ended again."""
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "up", "--port", "0", "--data", str(directory), "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        line = child.stdout.readline() if child.stdout else b""
        _await_ready(json.loads(line)["app"], until=began + PATIENCE)
        return time.monotonic() - began
    finally:
        child.terminate()
        child.communicate(timeout=PATIENCE)


def _await_ready(app: str, *, until: float) -> None:
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{app}/health/ready", timeout=5.0) as reply:
                if reply.status == 200:
                    return
        except urllib.error.URLError:
            time.sleep(0.01)
    raise TimeoutError("the server did not become ready")
