"""``python -m tests.fuzz --requests 20000 --seed 1``; ``--only NUMBER`` repeats one; ``--keep`` appends the result line."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import GROWTH_LIMIT, Report, campaign

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "fuzz.jsonl"


def line(report: Report, seed: int) -> dict[str, object]:
    """The result as one line of JSON."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "figure": "fuzz", "requests": report.requests, "seed": seed, "findings": len(report.findings),
        "seconds": round(report.seconds, 1), "ms_each": round(1000 * report.seconds / max(report.requests, 1), 3),
        "cpu_ms_each": round(1000 * report.cpu / max(report.requests, 1), 3),
        "slowest_cpu_seconds": round(report.slowest, 3), "growth_mib": report.growth,
        "statuses": {str(status): count for status, count in sorted(report.statuses.items())},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit.stdout.strip() or None,
    }  # fmt: skip


def keep(report: Report, seed: int) -> None:
    """Appends the result line."""
    with RESULTS.open("a") as file:
        file.write(json.dumps(line(report, seed)) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", action="store_true")
    said = parser.parse_args()
    report = campaign(said.requests, said.seed, only=said.only)
    for finding in report.findings:
        print(
            f"\n--- {finding.rule}: {finding.says}\n--- --seed {said.seed} --only {finding.number}\n{finding.sent.shown()}"
        )
        if finding.got is not None:
            print(f"--- answer {finding.got.status}\n{finding.got.body[:1500].decode('utf-8', 'replace')}")
    print(json.dumps(line(report, said.seed)))
    if said.keep:
        keep(report, said.seed)
    return 1 if report.findings or report.growth > GROWTH_LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
