"""What happened to outputs and deliveries, as the signals that the monitors are told: numbers and words only."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitoring.signals import Signal
from writeback.changes import Change, CopiesFound, DeliveryChanged


def signals_of(changes: Iterable[Change]) -> list[Signal]:
    """The signals of what changed, in order."""
    return [signal for change in changes for signal in _of(change)]


def _of(change: Change) -> Iterator[Signal]:
    if isinstance(change, CopiesFound):
        yield _copies(change, change.copies)
        return
    if isinstance(change, DeliveryChanged):
        if change.duplicates:
            yield _copies(change, 1 + change.duplicates)
        yield Signal(
            what="delivery", ehr=change.ehr, model=change.model, version=change.version, state=change.state,
            reason=change.cause, resource_type=change.resource_type, value=float(change.losses),
        )  # fmt: skip
        return
    about = Signal(
        what="output", ehr=change.ehr, model=change.model, version=change.version, kind=change.kind, state=change.state
    )
    yield about
    if change.state == "refused":
        yield replace(about, what="refusal", reason=change.reason or "unknown")


def _copies(change: CopiesFound | DeliveryChanged, copies: int) -> Signal:
    return Signal(
        what="copies", ehr=change.ehr, model=change.model, version=change.version, resource_type=change.resource_type,
        value=float(copies),
    )  # fmt: skip
