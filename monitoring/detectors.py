"""Which signals are a state change by themselves. Detectors over windows of signals come on top of these rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitoring.signals import Signal


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A monitor of the catalogue whose first event is already an alert."""

    monitor: str
    severity: str
    owners: tuple[str, ...]


REFUSAL_RULES: Mapping[str, Rule] = {
    # M-OUT-01: an output outside the declared clinical range, not a number, or of the wrong type or unit is critical at
    # the first one, blocks write-back, and goes to both teams. Source: fidelity-monitoring catalogue, monitor M-OUT-01.
    reason: Rule(monitor="M-OUT-01", severity="critical", owners=("engineering", "clinical_informatics"))
    for reason in ("out_of_range", "not_finite", "wrong_unit", "wrong_type")
} | {
    # M-HAL-02: a text that cites another patient's record is critical at once. M-HAL-03: one that the chart contradicts is
    # not written; more than a share of them is critical, which takes a window. Source: the same catalogue.
    "foreign_citation": Rule(monitor="M-HAL-02", severity="critical", owners=("engineering", "clinical_informatics")),
    "contradicted_text": Rule(monitor="M-HAL-03", severity="warning", owners=("clinical_informatics",)),
}


COPIES = Rule(monitor="M-WB-COPIES", severity="critical", owners=("engineering",))
"""An EHR has a delivery more than once: what must never happen, so that the first is an alert. Our own; the catalogue has
no monitor for it."""


def triggered(signals: Iterable[Signal]) -> list[tuple[Rule, Signal]]:
    """The rules that these signals break, each with the signal that did."""
    return [(rule, signal) for signal in signals if (rule := _rule(signal)) is not None]


def _rule(signal: Signal) -> Rule | None:
    if signal.what == "copies":
        return COPIES
    return REFUSAL_RULES.get(signal.reason) if signal.what == "refusal" else None
