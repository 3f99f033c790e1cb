"""Edge: traces and metrics for OpenTelemetry (OTLP over HTTP), where the extra ``otel`` is installed and a standard ``OTEL_*``
variable says where they go; otherwise nothing at all. Names, ids of ours and counts only: never a patient datum, never the text
of a failure.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from monitoring.events import COUNTERS
from monitoring.exposition import GAUGES, SIGNAL_LABELS, Exposition
from vocabulary.signal import LEVELS, Signal
from writeback.speaking.claims import Claimed, Ending

logger = logging.getLogger("chartgate.telemetry")

NAME = "chartgate"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
KINDS: Mapping[str, str] = {
    "traces": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "metrics": "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
}  # fmt: skip
"""What goes out, and the variable that says where, besides ``ENDPOINT`` (OpenTelemetry, protocol exporter configuration)."""
SETTINGS = (
    ENDPOINT,
    *KINDS.values(),
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
)
Tell = Callable[..., None]
"""Adds to a span what is known at its end: names and counts by keyword."""


def _nothing(**more: Any) -> None: ...


class Telemetry:
    """``tracer`` and ``meter`` are OpenTelemetry's, or None: then nothing happens. ``ends`` are done at the end."""

    def __init__(self, tracer: Any = None, meter: Any = None, ends: Sequence[Callable[[], Any]] = ()) -> None:
        self._tracer, self._meter, self._ends = tracer, meter, ends
        self._turn = threading.Lock()
        self._signals: dict[tuple[str, ...], Signal] = {}

    def span(self, name: str, **given: Any) -> AbstractContextManager[Tell]:
        """What happens inside, as a span of that name below the one it happens in."""
        return nullcontext(_nothing) if self._tracer is None else self._span(name, given)

    @contextmanager
    def _span(self, name: str, given: Mapping[str, Any]) -> Iterator[Tell]:
        quiet = {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(f"{NAME}.{name}", attributes=_named(given), **quiet) as span:
            try:
                yield lambda **more: span.set_attributes(_named(more))
            except Exception as failure:  # its class alone: its text may hold what was read
                span.set_attribute("error.type", type(failure).__name__)
                span.set_status(import_module("opentelemetry.trace").StatusCode.ERROR)
                raise

    def delivery(self, rows: Sequence[Claimed]) -> AbstractContextManager[Callable[[Mapping[int, Ending]], None]]:
        """One attempt to deliver; what came of it is told by delivery."""
        return self._delivery(rows)

    @contextmanager
    def _delivery(self, rows: Sequence[Claimed]) -> Iterator[Callable[[Mapping[int, Ending]], None]]:
        first = rows[0]
        types = sorted({row.type for row in rows})
        with self.span("delivery", ehr=first.ehr, deliveries=len(rows), types=types, attempt=first.attempt) as tell:
            yield lambda endings: tell(events=sorted({each.event for each in endings.values()}))

    def hear(self, folded: Sequence[tuple[Any, Sequence[Signal]]]) -> None:
        """The signals of each watch that was saved: what the gauges tell, in the process that folds."""
        if self._meter is not None:
            with self._turn:
                self._signals |= {_key(each): each for _, signals in folded for each in signals}

    def measure(self, exposition: Exposition) -> None:
        """The counters and signals of ``/metrics``, under the same names, whenever somebody collects them."""
        if self._meter is None:
            return
        observation = import_module("opentelemetry.metrics").Observation
        for what, (name, labels) in COUNTERS.items():

            def counted(options: Any, what: str = what, labels: tuple[str, ...] = labels) -> list[Any]:
                found = exposition.totals().items()
                return [
                    observation(n, dict(zip(labels, values, strict=True)))
                    for (kind, values), n in found
                    if kind == what
                ]

            self._meter.create_observable_counter(name, [counted])
        for name, told in GAUGES.items():

            def read(options: Any, name: str = name) -> list[Any]:
                with self._turn:
                    held = list(self._signals.items())
                return [
                    observation(value, dict(zip(SIGNAL_LABELS, key, strict=True)))
                    for key, signal in held if (value := _value(name, signal)) is not None
                ]  # fmt: skip

            self._meter.create_observable_gauge(name, [read], description=told)

    def close(self) -> None:
        """Sends what waits, and ends."""
        for end in self._ends:
            end()


OFF = Telemetry()


def _named(given: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{NAME}.{name}": value for name, value in given.items() if value is not None}


def _key(signal: Signal) -> tuple[str, ...]:
    return tuple(str(getattr(signal, name)) for name in SIGNAL_LABELS)


def _value(name: str, signal: Signal) -> float | None:
    if name.endswith("_level"):
        return float(LEVELS.index(signal.level))
    return signal.value if name.endswith("_value") else float(signal.n)


def of(environment: Mapping[str, str]) -> Telemetry:
    """What the variables ask for; ``OFF`` where they ask for nothing, or the extra is not there."""
    wanted = {kind: address for kind in KINDS if (address := _address(environment, kind))}
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return OFF
    try:
        return _started(wanted, name=environment.get("OTEL_SERVICE_NAME", NAME))
    except ImportError:
        logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but the extra is not there: pip install 'chartgate[otel]'")
        return OFF


def _address(environment: Mapping[str, str], kind: str) -> str:
    """Where one kind goes: its own address as it is, or the common one and ``/v1/traces`` or ``/v1/metrics``."""
    if own := environment.get(KINDS[kind]):
        return own
    return f"{base.rstrip('/')}/v1/{kind}" if (base := environment.get(ENDPOINT)) else ""


def _started(wanted: Mapping[str, str], *, name: str) -> Telemetry:
    """Exporters on threads of the SDK's own; ``service.name`` says whose it is. Raises ImportError."""
    resource = import_module("opentelemetry.sdk.resources").Resource.create({"service.name": name})
    tracing, measuring = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.metrics")
    http = "opentelemetry.exporter.otlp.proto.http"
    spans, readers = tracing.TracerProvider(resource=resource, shutdown_on_exit=False), []
    if "traces" in wanted:
        exporter = import_module(f"{http}.trace_exporter").OTLPSpanExporter(endpoint=wanted["traces"])
        spans.add_span_processor(import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor(exporter))
    if "metrics" in wanted:
        exporter = import_module(f"{http}.metric_exporter").OTLPMetricExporter(endpoint=wanted["metrics"])
        readers.append(import_module("opentelemetry.sdk.metrics.export").PeriodicExportingMetricReader(exporter))
    meters = measuring.MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
    return assembled(spans if "traces" in wanted else None, meters if readers else None)


def assembled(spans: Any, meters: Any) -> Telemetry:
    """Of providers that somebody made; None for what is not told."""
    return Telemetry(
        None if spans is None else spans.get_tracer(NAME), None if meters is None else meters.get_meter(NAME),
        ends=[each.shutdown for each in (spans, meters) if each is not None],
    )  # fmt: skip
