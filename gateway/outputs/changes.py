"""What happened to outputs and deliveries, as the events that the monitors are told: numbers and words only."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from monitoring.events import Event
from writeback.changes import Change, CopiesFound, DeliveryChanged, KeptLess, WorklistLeft


def events_of(changes: Iterable[Change]) -> list[Event]:
    """The events of what changed, in order."""
    return [event for change in changes for event in _of(change)]


def _of(change: Change) -> Iterator[Event]:
    if isinstance(change, CopiesFound):
        yield _copies(change, change.copies)
        return
    if isinstance(change, KeptLess):
        yield Event(
            what="kept_less", ehr=change.ehr, model=change.model, version=change.version, reason=change.path[:64],
            resource_type=change.resource_type,
        )  # fmt: skip
        return
    if isinstance(change, WorklistLeft):
        yield Event(
            what="worklist", ehr=change.ehr, model=change.model, version=change.version, value=float(change.left)
        )  # fmt: skip
        return
    if isinstance(change, DeliveryChanged):
        if change.duplicates:
            yield _copies(change, 1 + change.duplicates)
        yield Event(
            what="delivery", ehr=change.ehr, model=change.model, version=change.version, state=change.state,
            reason=change.cause, resource_type=change.resource_type, value=float(change.losses),
        )  # fmt: skip
        return
    about = Event(
        what="output", ehr=change.ehr, model=change.model, version=change.version, kind=change.kind, state=change.state
    )
    yield about
    if change.state == "refused":
        yield replace(about, what="refusal", reason=change.reason or "unknown")


def _copies(change: CopiesFound | DeliveryChanged, copies: int) -> Event:
    return Event(
        what="copies", ehr=change.ehr, model=change.model, version=change.version, resource_type=change.resource_type,
        value=float(copies),
    )  # fmt: skip
