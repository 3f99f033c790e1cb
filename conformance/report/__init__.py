"""Edge: a run as JSON, JUnit XML, a page, a badge and a FHIR TestReport, and as a table. None holds a token, a secret or a
patient's value."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.report import badge, document, fhir, junit, page, terminal
from conformance.report.showing import Shown
from conformance.report.showing import shown as shown
from conformance.run import Report

FORMATS: Mapping[str, tuple[str, Callable[[Shown], bytes]]] = {
    "json": ("conformance.json", lambda shown: _json(document.document(shown))),
    "junit": ("conformance.xml", junit.junit),
    "html": ("conformance.html", lambda shown: page.page(shown).encode()),
    "badge": ("conformance.svg", lambda shown: badge.badge(shown).encode()),
    "fhir": ("conformance.TestReport.json", lambda shown: _json(fhir.test_report(shown))),
}
"""File name and content of each format."""


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def as_json(report: Report | Shown) -> dict[str, Any]:
    """The members of product.md §6, and more."""
    return document.document(_shown(report))


def write(report: Report | Shown, directory: Path, formats: Iterable[str]) -> list[Path]:
    """The report's files. Raises ValueError for a format that is none."""
    said, written = _shown(report), []
    if unknown := set(formats := tuple(formats)) - FORMATS.keys():
        raise ValueError(f"a report is {', '.join(FORMATS)}: {len(unknown)} of those named are not")
    directory.mkdir(parents=True, exist_ok=True)
    for format in formats:
        name, content = FORMATS[format]
        (directory / name).write_bytes(content(said))
        written.append(directory / name)
    return written


def print_table(report: Report | Shown, console: Any) -> None:
    """What did not pass, and the counts; ``console`` is Rich's."""
    terminal.print_table(_shown(report), console)


def _shown(report: Report | Shown) -> Shown:
    return report if isinstance(report, Shown) else shown(report)
