"""Entries of many models through their watches."""

from collections.abc import Callable, Sequence
from typing import Any

from monitoring.entries import Entry, place
from monitoring.packing import unpack
from monitoring.plan import Plan
from monitoring.watch import Watch, counts
from vocabulary.signal import SignalChanged

Place = tuple[str, str, str]
Watches = dict[Place, Watch | None]
"""By model, version and EHR; None where the model is not known here."""


def begin(plan: Plan | None, packed: bytes | None) -> Watch | None:
    """The watch of a plan, from its packed state where there is one; None without a plan. Raises ValueError for a state that
    is none."""
    if plan is None:
        return None
    return Watch(plan) if packed is None else Watch.of(plan, unpack(packed))


def fold(
    watches: Watches, entries: Sequence[Entry], begin: Callable[[Place], Watch | None] = lambda place: None
) -> list[SignalChanged]:
    """Each entry through its model's watch, ticks through all that have begun by then, however the entries are portioned;
    ``begin`` makes a watch that is not there. The changes of each watch come in its order, those of several by time."""
    lots: dict[Place, list[Entry]] = {key: [] for key in watches}
    begun = {key for key, watch in watches.items() if watch is not None and watch.last}
    for entry in entries:
        key = place(entry)
        if key is None:
            for other, lot in lots.items():
                if other in begun:
                    lot.append(entry)
            continue
        if key not in watches:
            watches[key] = begin(key)
        lots.setdefault(key, []).append(entry)
        begun |= {key} if counts(entry) else set()
    changed: list[Any] = []
    for key, lot in lots.items():
        watch = watches[key]
        if watch is not None and lot:
            changed += watch.fold(lot)
    return sorted(changed, key=lambda change: change.signal.since)
