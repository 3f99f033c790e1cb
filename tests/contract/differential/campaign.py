"""A run: the same requests to both sides, and which row of the table each difference falls under."""

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.contract.differential import sides
from tests.contract.differential.asking import FORM, Asking
from tests.contract.differential.bundling import Bundling
from tests.contract.differential.erring import Erring
from tests.contract.differential.observing import Case, Seen, Step, observe
from tests.contract.differential.records import records
from tests.contract.differential.rows import ROWS, Difference
from tests.contract.differential.sides import Side
from tests.contract.differential.writing import Writing

SHARES = (("parameters", 0.22), ("searches", 0.14), ("single", 0.28), ("writes", 0.22), ("bundles", 0.14))
"""Parts of the corpus by kind of request, as shares of all requests."""
COMPOSITE = "DocumentReference?relationship=DocumentReference/none$appends"
"""Asked in every run, for one row of the table is about it alone."""
SEARCHES = frozenset({"parameter", "combined", "sorted", "paged", "included", "chained", "reversed"})


@dataclass
class Report:
    """``rows`` counts differences by row; ``unexplained`` are those that fit none; ``kinds`` counts requests."""

    requests: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    unexplained: list[Difference] = field(default_factory=list)

    @property
    def unused(self) -> list[str]:
        """Rows that no difference of this run fits."""
        return [row.id for row in ROWS if not self.rows[row.id]]


def corpus(random: Random, found: list[dict[str, Any]], run: str, requests: int) -> list[Case]:
    """Cases with at least this many requests in all."""
    asking = Asking(random, found, run)
    each = list(asking.each())
    random.shuffle(each)
    writing = Writing(random, found, run)
    drawn = {
        "searches": asking.drawn, "single": Erring(random, found, run).drawn, "writes": writing.drawn,
        "bundles": Bundling(random, found, run).drawn,
    }  # fmt: skip
    cases = [Case(kind="parameter", steps=(Step(method="GET", path=COMPOSITE),))]
    for name, share in SHARES:
        wanted, have = round(requests * share), 0
        while have < wanted:
            cases.append(each.pop() if name == "parameters" and each else drawn.get(name, asking.drawn)())
            have += len(cases[-1].steps)
    return [*cases, writing.referred()]


async def campaign(url: str, *, requests: int, seed: int) -> Report:
    """Runs the corpus of a seed against both sides; HAPI is at ``url``."""
    run, random, begun = f"d{uuid.uuid4().hex[:7]}", Random(seed), time.monotonic()
    found = records(random, run)
    cases = corpus(random, found, run, requests)
    searches = sum(
        len(case.steps) == 1 and case.kind in SEARCHES for case in cases
    )  # they come first, and before writes
    async with sides.embedded(found) as embedded, sides.hapi(url, found, run) as hapi:
        ours = [seen for some in (cases[:searches], cases[searches:]) for seen in await _all(embedded, some)]
        theirs = [seen for some in (cases[:searches], cases[searches:]) for seen in await _all(hapi, some)]
    report = judged(cases, ours, theirs)
    report.seconds = time.monotonic() - begun
    return report


async def _all(side: Side, cases: list[Case]) -> list[tuple[Seen, ...]]:
    return await asyncio.gather(*(observe(side, case) for case in cases))


def judged(cases: list[Case], ours: list[tuple[Seen, ...]], theirs: list[tuple[Seen, ...]]) -> Report:
    """What agrees, and what does not by row."""
    report = Report()
    for case, mine, other in zip(cases, ours, theirs, strict=True):
        for step, one, two in zip(case.steps, mine, other, strict=True):
            report.requests += 1
            report.kinds[case.kind] += 1
            if not same(one, two):
                _place(report, Difference(case, step, one, two))
    return report


def same(one: Seen, other: Seen) -> bool:
    """Whether two answers agree; a total that only one side tells is none to compare."""
    untold = None in (one.total, other.total)
    return one == other if not untold else one._replace(total=None) == other._replace(total=None)


def _place(report: Report, difference: Difference) -> None:
    row = next((row for row in ROWS if row.covers(difference)), None)
    if row is None:
        report.unexplained.append(difference)
    else:
        report.rows[row.id] += 1


def shown(difference: Difference) -> str:
    """A difference that no row explains, for whoever has to decide."""
    step: Step = difference.step
    lines = [
        f"--- {difference.case.kind}: {step.method} {step.path or '/'} {dict(step.headers)}",
        f"    {difference.query}",
    ]
    if step.body is not None and step.headers.get("content-type") != FORM:
        lines.append(f"    {step.body[:1500].decode('utf-8', 'replace')}")
    for name, one, other in zip(Seen._fields, difference.embedded, difference.hapi, strict=True):
        if one != other:
            lines.append(f"    {name}: embedded {str(one)[:300]}, HAPI {str(other)[:300]}")
    return "\n".join(lines)
