"""``python -m tests.fuzz.adapters --inputs 20000 --seed 1``: bytes, guided by the coverage that they bring, through the
adapters.

Where atheris is not installed, or with ``--blind``, the bytes are random ones. ``--only HEX`` repeats one input; ``--keep``
appends the result line; ``--corpus DIR`` keeps what brought something new for the next run. A finding is shrunk.
"""

import argparse
import importlib.util
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "fuzz.jsonl"
LONGEST = 320
"""Bytes of an input: every choice that one can make."""
FINDINGS_LIMIT = 40
SHRINKS = 400
INSTRUMENTED = ["writeback", "vocabulary", "gateway.bodies"]
"""Rooms whose ways are followed: what reads the input and what is made of it. The validator is a judge here."""
PRESENT = importlib.util.find_spec("atheris") is not None


@dataclass(kw_only=True)
class Report:
    """What came of a run; ``findings`` are (rule, what it says, the shrunk bytes in hex)."""

    inputs: int = 0
    guided: bool = False
    seconds: float = 0.0
    cpu: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[tuple[str, str], str] = field(default_factory=dict)
    commit: str | None = field(default_factory=lambda: head())

    def line(self, seed: int) -> dict[str, Any]:
        """The result as one line of JSON."""
        return {
            "figure": "fuzz-adapters", "inputs": self.inputs, "guided": self.guided, "seed": seed,
            "findings": len(self.findings), "seconds": round(self.seconds, 1),
            "ms_each": round(1000 * self.seconds / max(self.inputs, 1), 3),
            "cpu_ms_each": round(1000 * self.cpu / max(self.inputs, 1), 3), "slowest_cpu_seconds": round(self.slowest, 3),
            "resident_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "outcomes": dict(self.outcomes.most_common()),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": self.commit,
        }  # fmt: skip


def head() -> str | None:
    """The commit that is judged: of the time when the run begins."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or None


class Run:
    """Judges inputs one after the other and counts."""

    def __init__(self, product: Any) -> None:
        from tests.fuzz.adapter_judge import judge

        self._judge, self._product = judge, product
        self.report, self._began, self._used = Report(), time.perf_counter(), time.process_time()

    def take(self, data: bytes) -> None:
        """One input."""
        began = time.thread_time()
        it = self._judge(data, self._product)
        report = self.report
        report.slowest = max(report.slowest, time.thread_time() - began)
        report.inputs += 1
        report.outcomes[it.outcome or "unhandled"] += 1
        for fault in it.faults:
            if fault not in report.findings and len(report.findings) < FINDINGS_LIMIT:
                report.findings[fault] = (data if fault[0] == "time" else self._shrunk(data, fault)).hex()
        report.seconds, report.cpu = time.perf_counter() - self._began, time.process_time() - self._used

    def _shrunk(self, data: bytes, fault: tuple[str, str]) -> bytes:
        """Fewer bytes, and more of them noughts, that show the same."""
        tries, width = 0, len(data)
        while width >= 1 and tries < SHRINKS:
            for at in range(0, len(data), width):
                for other in (data[:at] + data[at + width :], data[:at] + bytes(width) + data[at + width :]):
                    tries += 1
                    if other != data and len(other) <= len(data) and fault in self._judge(other, self._product).faults:
                        data = other
                        break
            width //= 2
        return data


def starts(seed: int, count: int) -> list[bytes]:
    """Inputs to begin with."""
    drawn = random.Random(seed)
    return [drawn.randbytes(drawn.randrange(16, LONGEST)) for _ in range(count)]


def blind(run: Run, inputs: int, seed: int, *, until: str | None = None) -> Report:
    """Random bytes, and what one byte makes of them; no more of them than show that the rule ``until`` is broken."""
    drawn, data = random.Random(seed), b""
    for number in range(inputs):
        if number % 4 == 0:
            data = drawn.randbytes(drawn.randrange(16, LONGEST))
        else:
            at = drawn.randrange(len(data))
            data = data[:at] + drawn.randbytes(1) + data[at + 1 :]
        run.take(data)
        if until in {rule for rule, _ in run.report.findings}:
            break
    return run.report


def guided(make: Callable[[], Run], said: argparse.Namespace, done: Callable[[Report], None]) -> None:
    """Bytes that libFuzzer makes of those that went new ways. Never returns: ``done`` has the report."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        run = make()
    for data in starts(said.seed, min(said.inputs // 4, 400)):
        run.take(data)

    def one(data: bytes) -> None:
        run.take(data)
        if run.report.inputs >= said.inputs or run.report.seconds >= said.seconds:
            run.report.guided = True
            done(run.report)

    corpus = Path(said.corpus)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(starts(said.seed, 200)):
        (corpus / f"start-{said.seed}-{number}").write_bytes(data)
    atheris.Setup(
        [sys.argv[0], f"-seed={said.seed}", f"-max_len={LONGEST}", "-len_control=0", "-timeout=120", "-rss_limit_mb=0",
         f"-runs={said.inputs * 2}", "-print_final_stats=0", "-verbosity=0", str(corpus)],
        one,
    )  # fmt: skip
    atheris.Fuzz()


def end(report: Report, seed: int, *, keep: bool) -> int:
    """Says what was found; 1 when there was anything."""
    for (rule, says), data in report.findings.items():
        print(f"--- {rule}: {says}\n--- --only {data}")
    line = json.dumps(report.line(seed))
    print(line, flush=True)
    if keep:
        with RESULTS.open("a") as file:
            file.write(line + "\n")
    return 1 if report.findings else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.adapters", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no more than these, if guided")
    parser.add_argument("--only")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--blind", action="store_true")
    parser.add_argument("--hole", help="the name of a planted fault")
    parser.add_argument("--corpus", default="")
    said = parser.parse_args()

    def make() -> Run:
        from tests.fuzz.adapter_holes import HOLES
        from tests.fuzz.adapter_judge import Product

        return Run(HOLES[said.hole] if said.hole else Product())

    if said.only is not None:
        run = make()
        run.take(bytes.fromhex(said.only))
        return end(run.report, said.seed, keep=False)
    if said.blind or not PRESENT:
        return end(blind(make(), said.inputs, said.seed), said.seed, keep=said.keep)
    return _guided(make, said)


def _guided(make: Callable[[], Run], said: argparse.Namespace) -> int:
    """libFuzzer ends the process by itself; so does the last input, with the right code."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        said.corpus = said.corpus or place

        def done(report: Report) -> None:
            code = end(report, said.seed, keep=said.keep)
            if said.corpus == place:
                subprocess.run(["rm", "-r", place], check=False)
            os._exit(code)

        guided(make, said, done)
    return 3


if __name__ == "__main__":
    sys.exit(main())
