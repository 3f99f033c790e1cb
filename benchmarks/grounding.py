"""(k) What grounding costs: a sentence against an index, and the index of a chart."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import SEED, figure
from monitoring.grounding.checker import check
from monitoring.grounding.index import Index, build
from monitoring.grounding.tokens import sentences
from tests.grounding.charts import charts, snapshot
from tests.grounding.generate import sentences as labelled

LIMIT = 30.0


def figures() -> list[dict[str, Any]]:
    """Microseconds of a sentence, over texts made of labelled sentences of every chart, clean and perturbed; and of the
    largest chart's index, which is built once for each text."""
    texts = [_text(resources, build(snapshot(patient, resources))) for patient, resources in charts().items()]
    number = sum(len(list(sentences(text))) for text, _ in texts)

    def all() -> None:
        for text, index in texts:
            check(text, index)

    all()
    sentence = _processor(all, repeats=25) / number * 1e6
    patient, resources = max(charts().items(), key=lambda each: len(each[1]))
    largest = snapshot(patient, resources)
    index = _processor(lambda: build(largest), repeats=15) * 1e3
    return [
        figure("k a sentence grounded, index built", sentence, "µs", bar="≤ 30 µs", holds=sentence <= LIMIT),
        figure(f"k the index of a chart of {len(resources)} resources", index, "ms"),
    ]


def _processor(work: Callable[[], Any], *, repeats: int) -> float:
    """Processor seconds of one run: the best of several, for noise only ever adds. A run is longer than a time slice, so
    that wall time would measure the neighbours."""
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def _text(resources: list[dict[str, Any]], index: Index) -> tuple[str, Index]:
    return "\n".join(each.text for each in labelled(resources, SEED)), index
