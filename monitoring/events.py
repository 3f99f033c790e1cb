"""What happened, as numbers and words: the only thing the monitors are told. Never a resource, never a patient datum."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

What = Literal["output", "refusal", "delivery", "copies", "worklist", "kept_less", "checker"]
"""``checker``: what a further checker said of a text, its name in ``state``: journalled, and no counter."""

COUNTERS: Mapping[What, tuple[str, tuple[str, ...]]] = {
    "output": ("chartgate_outputs", ("model", "version", "kind", "state")),
    "refusal": ("chartgate_refusals", ("model", "reason")),
    "delivery": ("chartgate_deliveries", ("ehr", "resource_type", "state")),
    "copies": ("chartgate_copies", ("ehr", "resource_type")),
    "kept_less": ("chartgate_kept_less", ("ehr", "resource_type")),
    "worklist": ("chartgate_recall_worklists", ("ehr", "model", "version")),
}
"""Metric name (``_total`` is appended by the exposition) and labels of each event: product.md §6, "Metrics"."""


class Event(Struct, frozen=True, kw_only=True):
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


def labels(event: Event) -> tuple[str, ...]:
    """The label values of the event's counter, in COUNTERS' order."""
    return tuple(getattr(event, name) for name in COUNTERS[event.what][1])


def count(events: Iterable[Event]) -> dict[tuple[What, tuple[str, ...]], int]:
    """How often each counter, with its labels, goes up."""
    totals: dict[tuple[What, tuple[str, ...]], int] = {}
    for event in events:
        key = (event.what, labels(event))
        totals[key] = totals.get(key, 0) + 1
    return totals
