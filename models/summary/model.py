"""A short summary of a chart by a fixed template: no weights, no guesses, each sentence with its source.

It exists so that the text lane is real: drafts, confirmation, and groundedness checks that can be right.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

NOTICE = "AI-generated draft, not reviewed"
MOST = 25
"""Entries a section names; the rest are counted."""
NAME_LENGTH = 120

MEASUREMENTS = {
    "systolic": "systolic blood pressure", "diastolic": "diastolic blood pressure", "pulse": "heart rate",
    "respiration_rate": "respiratory rate", "spo2": "oxygen saturation", "temperature": "body temperature",
    "bmi": "body mass index", "total_cholesterol": "total cholesterol", "hdl": "HDL cholesterol",
    "creatinine": "creatinine", "egfr": "estimated glomerular filtration rate", "glucose": "glucose",
    "hba1c": "haemoglobin A1c", "haemoglobin": "haemoglobin", "potassium": "potassium", "sodium": "sodium",
}  # fmt: skip


def predict(features: dict[str, Any], chart: Any) -> dict[str, Any]:
    """The chart's problems, active medication orders and last measurements as plain text, newest first."""
    records = {_versioned(item): item for read in chart.reads.values() for item in read.resources}
    lines = [f"{NOTICE}: summary of the chart as of {_day(chart.as_of)}.", "", "Problems:"]
    lines += _section(_of(chart, "problems", records), _problem, "No current problem is recorded.")
    lines += ["", "Medication orders:"]
    lines += _section(_of(chart, "medications", records), _medication, "No active medication order is recorded.")
    lines += ["", "Last measurements:"]
    lines += list(_measurements(chart)) or ["No measurement was found."]
    return {"text": "\n".join(lines) + "\n"}


def _of(chart: Any, name: str, records: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    value = chart.features.get(name)
    found = [records[source] for source in value.sources if source in records] if value is not None else []
    return sorted(found, key=lambda item: (_dated(item), _address(item)), reverse=True)


def _section(records: Sequence[dict[str, Any]], sentence: Any, none: str) -> list[str]:
    if not records:
        return [none]
    lines = [f"{sentence(record)} [{_address(record)}]" for record in records[:MOST]]
    rest = len(records) - MOST
    return [*lines, f"{rest} older entries are not listed."] if rest > 0 else lines


def _problem(record: dict[str, Any]) -> str:
    state = _code(record.get("clinicalStatus")) or "status not recorded"
    return f"- {_name(record.get('code'))}, {state}{_since(record, 'since')}."


def _medication(record: dict[str, Any]) -> str:
    concept = record.get("medicationCodeableConcept")
    reference = record.get("medicationReference") or {}
    name = _name(concept) if concept else _plain(reference.get("display")) or "a medication named by reference"
    return f"- {name}, active{_since(record, 'ordered')}."


def _measurements(chart: Any) -> Iterator[str]:
    for name, label in MEASUREMENTS.items():
        value = chart.features.get(name)
        if value is None or isinstance(value.value, str | bool) or not value.sources:
            continue
        when = f" on {_day(value.at)}" if value.at is not None else ""
        unit = f" {value.unit}" if value.unit and value.unit != "1" else ""
        yield f"- {label}: {value.value:.10g}{unit}{when}. [{value.sources[0].partition('/_history/')[0]}]"


def _since(record: dict[str, Any], word: str) -> str:
    day = _dated(record)
    return f", {word} {day}" if day else ""


def _dated(record: dict[str, Any]) -> str:
    found = record.get("authoredOn") or record.get("onsetDateTime") or record.get("recordedDate")
    return found[:10] if isinstance(found, str) else ""


def _name(concept: Any) -> str:
    """The words the chart itself uses, made harmless: one line, no brackets that could pass for a citation."""
    concept = concept if isinstance(concept, dict) else {}
    codings = concept.get("coding") if isinstance(concept.get("coding"), list) else []
    shown = [item.get("display") or item.get("code") for item in codings or [] if isinstance(item, dict)]
    return _plain(next((text for text in (concept.get("text"), *shown) if text), None)) or "an entry without a name"


def _plain(text: Any) -> str:
    if not isinstance(text, str):
        return ""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return re.sub(r"\s+", " ", printable.replace("[", "(").replace("]", ")")).strip()[:NAME_LENGTH]


def _code(concept: Any) -> str:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    return _plain(first.get("code"))


def _address(record: dict[str, Any]) -> str:
    return f"{record.get('resourceType')}/{record.get('id') or 'without-id'}"


def _versioned(record: dict[str, Any]) -> str:
    meta = record.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return f"{_address(record)}/_history/{version}" if isinstance(version, str) and version else _address(record)


def _day(point: float) -> str:
    return datetime.fromtimestamp(point, UTC).strftime("%Y-%m-%d")
