"""Edge: counters of one process, and the signals as they stand, in Prometheus text format 0.0.4. Between portions it sleeps for
no time at all, so that on a thread it keeps no event loop from running."""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from monitoring.evaluations import unpack_signals
from monitoring.events import COUNTERS, Event, What, count
from vocabulary.signal import LEVELS, Signal

HELP: Mapping[What, str] = {
    "output": "Outputs that entered a state",
    "refusal": "Outputs refused by the gate",
    "delivery": "Deliveries that entered a state",
    "copies": "Deliveries found at an EHR more than once",
    "kept_less": "Paths that an EHR kept before and keeps no longer",
    "worklist": "Recalls that ended with records that only a person at the EHR can take back",
}
GAUGES: Mapping[str, str] = {
    "chartgate_signal_level": "Level of a monitor's signal: 0 learning, 1 quiet, 2 warning, 3 critical",
    "chartgate_signal_value": "Value of a monitor's signal",
    "chartgate_signal_count": "Encounters, labels or claims behind a monitor's signal",
}
SIGNAL_LABELS = ("model", "version", "ehr", "monitor", "source", "stratum")
"""All bounded: by the manifests, the catalogue of monitors and the groups that are followed; no code, no patient."""
PORTION = 200
Key = tuple[What, tuple[str, ...]]
Bounds = Mapping[str, Collection[str]]
"""The values that a label may have, by the label's name: a series without that label is left out. Empty: everything."""
EVERYWHERE: Bounds = {}


class Exposition:
    """Counters that start from the journal's totals, so that they never fall when the process restarts."""

    def __init__(self, totals: Mapping[Key, int]) -> None:
        self._totals: dict[Key, int] = {}
        self._turn = threading.Lock()
        self._add(totals)

    def tell(self, events: Iterable[Event]) -> None:
        """Counts events that are durable: call it after the transaction that recorded them."""
        self._add(count(events))

    def totals(self) -> dict[Key, int]:
        """Every counter as it stands."""
        with self._turn:
            return dict(self._totals)

    def text(self, packed: Sequence[bytes] = (), bounds: Bounds = EVERYWHERE) -> bytes:
        """The exposition of the counters and of the ``packed`` signals of each watch, within ``bounds``."""
        totals = self.totals()
        lines: list[str] = []
        for number, line in enumerate(_counters(totals, bounds)):
            lines.append(line)
            if number % PORTION == 0:
                time.sleep(0)
        parts: dict[str, list[str]] = {name: [] for name in GAUGES}
        for body in packed:
            for signal in unpack_signals(body):
                _write(parts, signal, bounds)
            time.sleep(0)
        for name, samples in parts.items():
            lines += [f"# HELP {name} {GAUGES[name]}", f"# TYPE {name} gauge", *samples]
        return ("\n".join(lines) + "\n").encode()

    def _add(self, totals: Mapping[Key, int]) -> None:
        with self._turn:
            for key, number in totals.items():
                self._totals[key] = self._totals.get(key, 0) + number


def _counters(totals: Mapping[Key, int], bounds: Bounds) -> Iterator[str]:
    for what, (name, names) in COUNTERS.items():
        yield f"# HELP {name}_total {HELP[what]}\n# TYPE {name}_total counter"
        for (kind, values), number in totals.items():
            if kind == what and _within(names, values, bounds):
                yield f"{name}_total{{{_labels(names, values)}}} {number}.0"


def _write(parts: Mapping[str, list[str]], signal: Signal, bounds: Bounds) -> None:
    values = (signal.model, signal.version, signal.ehr, signal.monitor, signal.source, signal.stratum)
    if not _within(SIGNAL_LABELS, values, bounds):
        return
    labels = _labels(SIGNAL_LABELS, values)
    parts["chartgate_signal_level"].append(f"chartgate_signal_level{{{labels}}} {LEVELS.index(signal.level)}.0")
    if signal.value is not None:
        parts["chartgate_signal_value"].append(f"chartgate_signal_value{{{labels}}} {signal.value!r}")
    parts["chartgate_signal_count"].append(f"chartgate_signal_count{{{labels}}} {signal.n}.0")


def _within(names: Sequence[str], values: Sequence[str], bounds: Bounds) -> bool:
    return not bounds or all(
        label in names and values[names.index(label)] in allowed for label, allowed in bounds.items()
    )  # fmt: skip


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)])


def _escaped(value: str) -> str:
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value
