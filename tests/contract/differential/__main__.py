"""``python -m tests.contract.differential --requests 10000 --seed 1``; ``--keep`` appends the result line.

HAPI is the one at ``--hapi`` or ``CHARTGATE_TEST_HAPI``, else one is started for the run."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway.sandbox_ehrs import hapi as hapi_server
from tests.contract.differential.campaign import Report, campaign, shown
from tests.contract.differential.rows import ROWS

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results" / "differential.jsonl"
SHOWN = 20


def line(report: Report, seed: int) -> dict[str, object]:
    """The result as one line of JSON."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "figure": "differential", "requests": report.requests, "seed": seed, "unexplained": len(report.unexplained),
        "rows": {row.id: report.rows[row.id] for row in ROWS}, "kinds": dict(sorted(report.kinds.items())),
        "seconds": round(report.seconds, 1), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip() or None,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.differential", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hapi", default=os.environ.get("CHARTGATE_TEST_HAPI"))
    parser.add_argument("--keep", action="store_true")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        started = None if said.hapi else hapi_server.start(Path(directory), progress=print)
        try:
            url = said.hapi or (started.url if started else "")
            report = asyncio.run(campaign(url.rstrip("/"), requests=said.requests, seed=said.seed))
        finally:
            if started is not None:
                started.stop()
    for difference in report.unexplained[:SHOWN]:
        print(shown(difference))
    print(json.dumps(line(report, said.seed)))
    if said.keep:
        with RESULTS.open("a") as file:
            file.write(json.dumps(line(report, said.seed)) + "\n")
    return 1 if report.unexplained or report.unused else 0


if __name__ == "__main__":
    sys.exit(main())
