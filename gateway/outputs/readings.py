"""Edge: what a model was given of a chart, kept with its output: each value with its resource, version and time."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from gateway.tables import readings
from vocabulary.chart import Chart
from vocabulary.instant import format_instant


def describe(chart: Chart, *, read: float, grounding: dict[str, Any] | None = None) -> bytes | None:
    """``{"read", "values": [{"name", "value", "unit", "at", "sources", "caveats"}], "absent": [{"name", "why"}]}``;
    times are FHIR instants, sources versioned references. For a text also ``"grounding"`` (``Grounding.shown``). None for a
    model that reads no feature and whose output is no text."""
    if not chart.features and not chart.absent and grounding is None:
        return None
    said = {
        "read": format_instant(read),
        "values": [
            {
                "name": name, "value": value.value, "unit": value.unit, "sources": list(value.sources),
                "at": None if value.at is None else format_instant(value.at), "caveats": list(value.caveats),
            }
            for name, value in chart.features.items()
        ],
        "absent": [{"name": name, "why": why} for name, why in chart.absent.items()],
        **({"grounding": grounding} if grounding is not None else {}),
    }  # fmt: skip
    return json.dumps(said).encode()  # not FHIR: our own notes


def save_readings(connection: Connection, now: float, *, output: str, body: bytes) -> None:
    """Keeps what the model of a new output was given."""
    connection.execute(insert(readings).values(output=output, body=body))


def find_readings(connection: Connection, now: float, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the models of these outputs were given, by output, as ``describe`` says it."""
    rows = connection.execute(select(readings).where(readings.c.output.in_(list(ids)[:500])))
    return {row.output: json.loads(row.body) for row in rows}  # not FHIR: our own notes
