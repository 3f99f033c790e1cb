"""The counters of one process in Prometheus text format."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, generate_latest

from monitoring.events import COUNTERS, Event, What, count

HELP: Mapping[What, str] = {
    "output": "Outputs that entered a state",
    "refusal": "Outputs refused by the gate",
    "delivery": "Deliveries that entered a state",
    "copies": "Deliveries found at an EHR more than once",
}


class Exposition:
    """Counters that start from the journal's totals, so that they never fall when the process restarts."""

    def __init__(self, totals: Mapping[tuple[What, tuple[str, ...]], int]) -> None:
        self._registry = CollectorRegistry()
        self._counters = {
            what: Counter(name, HELP[what], names, registry=self._registry) for what, (name, names) in COUNTERS.items()
        }
        self._add(totals)

    def tell(self, events: Iterable[Event]) -> None:
        """Counts events that are durable: call it after the transaction that recorded them."""
        self._add(count(events))

    def text(self) -> bytes:
        """The exposition, ``text/plain; version=0.0.4``."""
        return generate_latest(self._registry)

    def _add(self, totals: Mapping[tuple[What, tuple[str, ...]], int]) -> None:
        for (what, values), number in totals.items():
            self._counters[what].labels(*values).inc(number)
