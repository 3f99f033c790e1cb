"""Answers of exports: manifests and files, read and judged (https://hl7.org/fhir/uv/bulkdata/STU2)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from conformance.check import Problems
from conformance.evidence import Evidence, Exchange, Missing, split
from conformance.probe import BYTES

PATIENCE = 60.0
"""Seconds that an export is waited for: it may take as long as it likes, and is not seen to end then."""
FILES = 20
"""How many files of an export are fetched."""


def asks_for_types(address: str) -> bool:
    """Whether a kick-off names types. ``_type`` is the server's choice (Bulk Data 2.0.0, query parameters)."""
    return "_type=" in address


def listed(manifest: Exchange, member: str = "output") -> list[Mapping[str, Any]]:
    """The rows of a manifest."""
    found = manifest.table.get(member)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def lines(file: Exchange) -> list[Any]:
    """The lines of a file, each as JSON; None for one that is none. A last line that was cut with its file is left out."""
    found = file.body.split(b"\n")
    return [_line(line) for line in (found[:-1] if cut(file) else found) if line.strip()]


def cut(file: Exchange) -> bool:
    """Whether it is longer than what is looked at."""
    return len(file.body) >= BYTES


def ended(evidence: Evidence, name: str) -> Exchange:
    """The last answer of a status. Raises Missing for an export that had not ended when it was no longer waited for."""
    answer = evidence.seen(name)
    if answer.status in (202, 429):
        raise Missing(f"the end of an export within {PATIENCE:.0f} seconds")
    return answer


def _line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def problems_of(answer: Exchange, asked: str) -> Problems:
    """What is wrong with the manifest of the export that was asked for at this address."""
    said = answer.table
    if not _instant(said.get("transactionTime")):
        yield "transactionTime is no instant"
    if _address(str(said.get("request"))) != _address(asked):
        yield "request is not what was asked"
    if not isinstance(said.get("requiresAccessToken"), bool):
        yield "requiresAccessToken is missing"
    for member in ("output", "error"):
        if not isinstance(said.get(member), list):
            yield f"{member} is no list"
    if any("type" not in row or "://" not in str(row.get("url")) for row in listed(answer)):
        yield "a row of output lacks type or an absolute url"


def _address(text: str) -> tuple[str, ...]:
    """An address without regard to what is escaped in it, and the parameters in any order."""
    parts = split(text)
    return (
        parts.scheme,
        parts.netloc,
        unquote(parts.path),
        *sorted(f"{name}={value}" for name, value in parse_qsl(parts.query)),
    )


def _instant(said: Any) -> bool:
    try:
        return datetime.fromisoformat(str(said).replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
