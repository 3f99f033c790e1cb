"""Which events are a state change by themselves. Detectors over windows of events come on top of these rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitoring.events import Event
from vocabulary.alert import Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A monitor of the catalogue whose first event is already an alert. ``source`` is that of the monitor's series, so that
    the alert and what the series says later are one."""

    monitor: str
    severity: Severity
    owners: tuple[str, ...]
    source: str = ""


REFUSAL_RULES: Mapping[str, Rule] = {
    # M-OUT-01: an output outside the declared clinical range, not a number, or of the wrong type or unit is critical at
    # the first one, blocks write-back, and goes to both teams. Source: fidelity-monitoring catalogue, monitor M-OUT-01.
    reason: Rule(monitor="M-OUT-01", severity="critical", owners=("engineering", "clinical_informatics"))
    for reason in ("out_of_range", "not_finite", "wrong_unit", "wrong_type")
} | {
    # M-HAL-02: a text that cites another patient's record is critical at once. M-HAL-03: one that the chart contradicts is
    # not written; more than a share of them is critical, which takes a window. Source: the same catalogue.
    "foreign_citation": Rule(
        monitor="M-HAL-02", severity="critical", owners=("engineering", "clinical_informatics"), source="citations"
    ),
    "contradicted_text": Rule(
        monitor="M-HAL-03", severity="warning", owners=("clinical_informatics",), source="contradicted"
    ),
}


COPIES = Rule(monitor="M-WB-COPIES", severity="critical", owners=("engineering",))
"""An EHR has a delivery more than once: what must never happen, so that the first is an alert. Our own; the catalogue has
no monitor for it."""


DEAD = Rule(monitor="M-WB-DEAD", severity="warning", owners=("engineering",))
"""An EHR refused a delivery, or the retries are exhausted: whoever said it is told, at the first. Our own rule, for the case of
the unknown queue (VA OIG, 14 July 2022): 11,000 orders not delivered, and no notice to the sender."""


LABEL = Rule(monitor="M-WB-LABEL", severity="critical", owners=("engineering", "clinical_informatics"))
"""An EHR keeps what a model said so that nobody can tell that a machine said it: neither the label nor words in its place were
there when it was read back. Source: fhir-writeback reference, delivery recipe, row 5."""


KEPT = Rule(monitor="M-WB-KEPT", severity="warning", owners=("engineering",))
"""An EHR keeps less of what it is sent than it did before: a release of its, or a new setting, loses an element in silence. Our
own rule: what an EHR keeps is read back of each delivery, and nobody compares deliveries of a month ago."""


WORKLIST = Rule(monitor="M-WB-WORKLIST", severity="warning", owners=("clinical_informatics",))
"""A recall is done but for what only a person can take back at an EHR: until somebody does, it stands in charts. Our own rule: a
worklist that nobody is told of is not worked on."""


MISSED = Rule(monitor="M-SCH-MISSED", severity="warning", owners=("engineering",))
"""A scheduled run did not happen within its grace, or left patients out. Our own rule: silence of a score is read as calm (Wright
et al., JAMIA 23, 2016: failures to fire are hardest to see), and M-OUT-04 needs a history before it notices."""


def triggered(events: Iterable[Event]) -> list[tuple[Rule, Event]]:
    """The rules that these events break, each with the event that did."""
    return [(rule, event) for event in events if (rule := _rule(event)) is not None]


def _rule(event: Event) -> Rule | None:
    if event.what == "copies":
        return COPIES
    if event.what == "kept_less":
        return KEPT
    if event.what == "worklist":
        return WORKLIST
    if event.what == "delivery" and event.state in ("dead", "rejected"):
        return DEAD
    if event.what == "delivery" and event.reason == "label_lost":
        return LABEL
    return REFUSAL_RULES.get(event.reason) if event.what == "refusal" else None
