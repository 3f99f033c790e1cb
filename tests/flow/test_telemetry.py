"""OpenTelemetry with the real SDK: what is told of a launch and of an output up to its delivery, to a real OTLP receiver, and that no
patient stands in it; off without its variables."""

import asyncio
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.processes import telemetry
from gateway.processes.telemetry import OFF
from monitoring.exposition import Exposition
from tests.flow.delivery_world import PATIENT, World, opened
from tests.flow.grounding_world import TRUE, drive, post
from vocabulary.signal import Signal


class Told:
    """Everything that a telemetry told, in memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        spans = TracerProvider(shutdown_on_exit=False)
        spans.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.telemetry = telemetry.assembled(spans, meters)

    def spans(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    def metrics(self) -> dict[str, dict[tuple[tuple[str, Any], ...], float]]:
        data = json.loads(self.reader.get_metrics_data().to_json())  # type: ignore[union-attr]
        found: dict[str, dict[tuple[tuple[str, Any], ...], float]] = {}
        for scope in (each for resource in data["resource_metrics"] for each in resource["scope_metrics"]):
            for metric in scope["metrics"]:
                points = metric["data"]["data_points"]
                found[metric["name"]] = {tuple(sorted(p["attributes"].items())): p["value"] for p in points}
        return found


def test_an_output_is_told_from_chart_to_delivery_and_nothing_of_its_patient(tmp_path: Path) -> None:
    told = Told()

    async def act(world: World) -> None:
        world.gateway.telemetry = told.telemetry
        world.gateway.worker._around = told.telemetry.delivery
        told.telemetry.measure(world.gateway.exposition)
        answer = await post(world, TRUE)
        assert answer.status_code == 202
        refused = await post(world, "No evidence of hypertension. Potassium 4.1 mmol/L.")
        assert refused.status_code == 422
        with pytest.raises(ValueError, match="secret"), told.telemetry.span("model", model="echo"):
            raise ValueError("Hypertension secret")

    drive(act, tmp_path)
    by_name = {each.name: dict(each.attributes) for each in told.spans()}
    assert set(by_name) >= {"chartgate.chart", "chartgate.gate", "chartgate.model"}
    gates = [dict(each.attributes) for each in told.spans() if each.name == "chartgate.gate"]
    assert [each["chartgate.state"] for each in gates] == ["awaiting_confirmation", "refused"]
    assert by_name["chartgate.chart"]["chartgate.resources"] > 0
    failed = next(each for each in told.spans() if each.name == "chartgate.model")
    assert failed.attributes["error.type"] == "ValueError"
    assert failed.events == ()
    counters = told.metrics()["chartgate_outputs"]
    assert sum(counters.values()) == 2
    everything = json.dumps([json.loads(each.to_json()) for each in told.spans()]) + json.dumps(str(told.metrics()))
    for datum in (PATIENT, PATIENT.partition("/")[2] + '"', "ypertension", "4.1", "Condition/", "Observation/"):
        assert datum not in everything


def test_a_delivery_is_told_with_what_came_of_it(tmp_path: Path) -> None:
    told = Told()

    async def act(world: World) -> None:
        world.gateway.worker._around = told.telemetry.delivery
        key = await world.key("outputs.write")
        assert (await world.client.post("/api/outputs", json=world.body(), headers=key)).status_code == 202
        await world.settle()

    async def run() -> None:
        async with opened(tmp_path) as world:
            await act(world)

    asyncio.run(run())
    spans = [dict(each.attributes) for each in told.spans()]
    assert {each.name for each in told.spans()} == {"chartgate.delivery"}
    assert sum(each["chartgate.deliveries"] for each in spans) >= 3
    assert {event for each in spans for event in each["chartgate.events"]} == {"kept"}
    assert PATIENT not in json.dumps(spans)


def test_signals_are_gauges_under_the_names_of_metrics() -> None:
    told = Told()
    told.telemetry.measure(Exposition({("output", ("echo", "1", "risk", "pending")): 3}))
    signal = Signal(
        monitor="M-IN-01", model="echo", version="1", ehr="spec", source="pulse", level="warning", value=0.3, n=40
    )
    told.telemetry.hear([(("echo", "1", "spec"), [signal])])
    found = told.metrics()
    labels = tuple(
        sorted(
            {
                "model": "echo",
                "version": "1",
                "ehr": "spec",
                "monitor": "M-IN-01",
                "source": "pulse",
                "stratum": "",
            }.items()
        )
    )
    assert found["chartgate_signal_level"] == {labels: 2.0}
    assert found["chartgate_signal_value"] == {labels: 0.3}
    assert found["chartgate_signal_count"] == {labels: 40.0}
    assert list(found["chartgate_outputs"].values()) == [3]


class Collector(http.server.BaseHTTPRequestHandler):
    taken: list[tuple[str, bytes]] = []  # noqa: RUF012 -- one a test module

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.taken.append((self.path, gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def collector() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_standard_variables_send_it_to_a_collector_by_otlp(collector: str) -> None:
    made = telemetry.of({"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SERVICE_NAME": "gate-1"})
    made.measure(Exposition({("output", ("echo", "1", "risk", "pending")): 3}))
    with made.span("launch", ehr="spec"), made.span("gate", model="echo", none=None):
        pass
    made.close()
    traces = ExportTraceServiceRequest.FromString(next(body for path, body in Collector.taken if path == "/v1/traces"))
    (resource,) = traces.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "gate-1"
    spans = {each.name: each for each in resource.scope_spans[0].spans}
    assert spans["chartgate.gate"].parent_span_id == spans["chartgate.launch"].span_id
    assert [each.key for each in spans["chartgate.gate"].attributes] == ["chartgate.model"]
    metrics = ExportMetricsServiceRequest.FromString(
        next(body for path, body in Collector.taken if path == "/v1/metrics")
    )
    assert "chartgate_outputs" in {each.name for each in metrics.resource_metrics[0].scope_metrics[0].metrics}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "x"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1", "OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_without_its_variables_it_is_off_and_costs_nothing(environment: dict[str, str]) -> None:
    assert telemetry.of(environment) is OFF
    OFF.measure(Exposition({}))
    OFF.hear([])
    with OFF.span("gate", model="echo") as tell:
        tell(state="pending")
    OFF.close()
