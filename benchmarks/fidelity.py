"""(f) Data fidelity: one record against the instruments over the parse that it needs anyway, records a second of one core with
the counting, and the whole scan with what several records show together."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks.measuring import figure
from fidelity.checks import CHECKS, ids
from fidelity.editions.shipped import shipped
from fidelity.records.bulk import count
from fidelity.records.judging import compile_rules
from fidelity.scan import Scan, Settings
from gateway.sandbox_ehrs import filling
from r4 import codec

LIMIT, LEAST = 10.0, 60_000
REPEATS = 9
NOW = 1_796_000_000.0


def figures() -> list[dict[str, Any]]:
    """Microseconds a record and records a second, by processor time: best of several repeats, for noise only ever adds."""
    lines = [codec.format(each) for each in filling.clean(NOW)]
    results = [line for line in lines if b'"resourceType":"Observation"' in line[:40]]
    judge = compile_rules(terminology=shipped(), as_of=NOW)
    parsed = [orjson.loads(line) for line in results]
    assert _decided(judge(each) for each in parsed)
    own, parse = _each(lambda: [judge(each) for each in parsed], results), _each(lambda: _parse(results), results)
    bulk, whole = _each(lambda: count(lines, judge), lines), _each(lambda: _scan(lines), lines, repeats=3)
    return [
        figure(
            "f the instruments of one Observation, over its parse", own * 1e6, "µs", ratio_to="the parse", ratio=own / parse,
            bar=f"≤ {LIMIT:.0f} µs", holds=own * 1e6 <= LIMIT,
        ),
        figure(
            "f records of the seed parsed, judged and counted, one core", 1 / bulk, "records/s", bar=f"≥ {LEAST:,}",
            holds=1 / bulk >= LEAST,
        ),
        figure("f the whole scan of the seed, one core", 1 / whole, "records/s", ratio_to="the bulk lane", ratio=bulk / whole),
    ]  # fmt: skip


def _decided(seen: Any) -> bool:
    """Whether the records of the seed were judged by nearly every day-one check that one record can decide: a figure of
    instruments that skip would be worth nothing."""
    judged = {id for each in seen for id in ids(each.fails | each.passes)}
    wanted = {check.id for check in CHECKS if check.decided == "record" and check.daily}
    return wanted - judged <= {"VER-03"}  # only ICD-10-CM has dates, and the seed has none


def _parse(lines: list[bytes]) -> None:
    for line in lines:
        orjson.loads(line)


def _scan(lines: list[bytes]) -> None:
    scan = Scan(Settings(judge=compile_rules(terminology=shipped(), as_of=NOW), salt=b"bench"))
    for line in lines:
        scan.add(orjson.loads(line))
    assert Counter(scan.results().tallies)


def _each(work: Callable[[], Any], over: list[bytes], *, repeats: int = REPEATS) -> float:
    """Seconds of processor time for each of them."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, (time.process_time() - began) / len(over))
    return best
