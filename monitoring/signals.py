"""What happened, as numbers and words: the only thing the monitors are told. Never a resource, never a patient datum."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

What = Literal["output", "refusal", "delivery", "copies", "grounding", "checker", "change"]
"""``grounding``: a count of one text, named in ``reason``; ``checker``: the same of what a further checker said, its name in
``state``; ``change``: a change marker. These are journalled and are no counters."""

COUNTERS: Mapping[What, tuple[str, tuple[str, ...]]] = {
    "output": ("chartgate_outputs", ("model", "version", "kind", "state")),
    "refusal": ("chartgate_refusals", ("model", "reason")),
    "delivery": ("chartgate_deliveries", ("ehr", "resource_type", "state")),
    "copies": ("chartgate_copies", ("ehr", "resource_type")),
}
"""Metric name (``_total`` is appended by the exposition) and labels of each signal: product.md §6, "Metrics"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One event. Which members are set follows from ``what`` (the labels in COUNTERS); ``value`` is the number an
    output carried, when it carried one."""

    what: What
    ehr: str
    model: str = ""
    version: str = ""
    kind: str = ""
    state: str = ""
    reason: str = ""
    resource_type: str = ""
    value: float | None = None


def labels(signal: Signal) -> tuple[str, ...]:
    """The label values of the signal's counter, in COUNTERS' order."""
    return tuple(getattr(signal, name) for name in COUNTERS[signal.what][1])


def count(signals: Iterable[Signal]) -> dict[tuple[What, tuple[str, ...]], int]:
    """How often each counter, with its labels, goes up."""
    totals: dict[tuple[What, tuple[str, ...]], int] = {}
    for signal in signals:
        key = (signal.what, labels(signal))
        totals[key] = totals.get(key, 0) + 1
    return totals
