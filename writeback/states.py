"""The life of a delivery and of an output, as tables (product.md §4).

A delivery is one resource of one write. ``leased`` means: a worker is speaking to the EHR about it. ``in_doubt``
means: it was sent and nobody knows whether the EHR has it; only looking (``claimed``, then an answer) leaves doubt.
An event that a state does not know leaves the state as it is: a late answer changes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from vocabulary.output import OutputState
from vocabulary.write import DeliveryState

Event = Literal[
    "claimed",      # a worker took it
    "kept",         # the EHR has it
    "refused",      # the EHR will never take it
    "postponed",    # it was not processed: later
    "lost",         # it was sent, no answer tells what became of it
    "undecided",    # looking brought no answer: look again
    "exhausted",    # the retries are used up
    "lease_lost",   # whoever held it is gone
    "orphaned",     # what it refers to will never exist
    "overdue",      # too old to be written
    "superseded",   # a newer output has taken its place
    "recalled",     # its model version was withdrawn
    "resent",       # a person sends it again
    "reexamined",   # a person has it looked up again
]  # fmt: skip

STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
EVENTS: tuple[Event, ...] = get_args(Event)

CHANGES: Mapping[DeliveryState, Mapping[Event, DeliveryState]] = {
    "ready": {
        "claimed": "leased", "overdue": "expired", "superseded": "superseded", "recalled": "retracted",
    },
    "leased": {
        "kept": "delivered", "refused": "rejected", "postponed": "ready", "lost": "in_doubt", "undecided": "in_doubt",
        "exhausted": "dead", "lease_lost": "in_doubt", "orphaned": "dead", "overdue": "expired",
        "superseded": "superseded",
    },
    "in_doubt": {"claimed": "leased"},
    "delivered": {"recalled": "retracted"},
    "rejected": {"resent": "ready"},
    "dead": {"resent": "ready", "reexamined": "in_doubt"},
    "superseded": {},
    "expired": {},
    "retracted": {},
}  # fmt: skip

SETTLED: frozenset[DeliveryState] = frozenset({"delivered", "rejected", "dead", "superseded", "expired", "retracted"})
"""Nothing will be sent for these by itself; what waits for them waits no longer."""
FINAL: frozenset[DeliveryState] = frozenset({"superseded", "expired", "retracted"})
"""Nothing leaves these."""

OutputEvent = Literal["confirmed", "unwritable", "declined", "overdue", "newer", "settled", "recalled", "resent"]
OUTPUT_EVENTS: tuple[OutputEvent, ...] = get_args(OutputEvent)
OUTPUT_STATES: tuple[OutputState, ...] = get_args(OutputState)

OUTPUT_CHANGES: Mapping[OutputState, Mapping[OutputEvent, frozenset[OutputState]]] = {
    "awaiting_confirmation": {
        "confirmed": frozenset({"pending"}), "unwritable": frozenset({"not_writable"}),
        "declined": frozenset({"declined"}), "overdue": frozenset({"expired"}), "newer": frozenset({"superseded"}),
        "recalled": frozenset({"retracted"}),
    },
    "pending": {
        "settled": frozenset({"delivered", "failed", "expired", "superseded", "retracted"}),
        "recalled": frozenset({"retracted"}),
    },
    "delivered": {"recalled": frozenset({"retracted"})},
    "not_writable": {"resent": frozenset({"pending"}), "recalled": frozenset({"retracted"})},
    "failed": {"resent": frozenset({"pending"}), "recalled": frozenset({"retracted"})},
    **{
        state: {}
        for state in (
            "refused", "abstained", "shadow", "declined", "superseded", "expired", "retracted",
        )
    },
}  # fmt: skip
"""What may become of an output; ``settled`` is decided by ``derive``."""

_ENDS: Mapping[DeliveryState, OutputState] = {
    "delivered": "delivered", "rejected": "failed", "dead": "failed", "superseded": "superseded",
    "expired": "expired", "retracted": "retracted",
}  # fmt: skip


def advance(state: DeliveryState, event: Event) -> DeliveryState:
    """The state after the event; the same state when the event does not concern it."""
    return CHANGES[state].get(event, state)


def derive(primary: DeliveryState, others: Iterable[DeliveryState]) -> OutputState:
    """An output's state from its own deliveries: on its way until all are settled, then what the primary resource
    came to. A Provenance that the EHR refused leaves the output delivered; its own delivery says so."""
    if primary not in SETTLED or any(other not in SETTLED for other in others):
        return "pending"
    return _ENDS[primary]
