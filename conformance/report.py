"""A run as JSON, JUnit XML and a page, and as a table for a terminal. None holds a token, a secret or a body."""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from conformance.run import SUITE_VERSION, Report


def as_json(report: Report) -> dict[str, Any]:
    """The members of product.md §6."""
    return {
        "suite_version": SUITE_VERSION, "target": report.target, "started": report.started, "seconds": report.seconds,
        "summary": dict(report.summary), "stopped": list(report.stopped),
        "checks": [
            {
                "id": item.id, "suite": item.suite, "title": item.title, "requirements": list(item.requirements),
                "result": item.result, "problems": list(item.problems), "evidence": list(item.evidence),
            }
            for item in report.checks
        ],
    }  # fmt: skip


def as_junit(report: Report) -> bytes:
    """JUnit XML, as CI systems read it."""
    root = ElementTree.Element("testsuites")
    for suite in dict.fromkeys(item.suite for item in report.checks):
        items = [item for item in report.checks if item.suite == suite]
        counts = {word: str(sum(item.result == word for item in items)) for word in ("fail", "error", "skip")}
        node = ElementTree.SubElement(
            root, "testsuite", name=suite, tests=str(len(items)), failures=counts["fail"], errors=counts["error"],
            skipped=counts["skip"],
        )  # fmt: skip
        for item in items:
            case = ElementTree.SubElement(node, "testcase", classname=f"conformance.{suite}", name=item.id)
            word = {"fail": "failure", "error": "error", "skip": "skipped"}.get(item.result)
            if word:
                ElementTree.SubElement(case, word, message="; ".join(item.problems))
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def as_html(report: Report) -> str:
    """One page without scripts, readable on a phone."""
    counts = ", ".join(f"{number} {word}" for word, number in report.summary.items())
    rows = "".join(
        f'<tr class="{item.result}"><td>{escape(item.suite)}</td><td>{escape(item.title)}'
        f"<br><small>{escape(' '.join(item.requirements))}</small></td><td>{item.result}</td>"
        f"<td>{escape('; '.join(item.problems))}</td></tr>"
        for item in sorted(report.checks, key=lambda item: ("fail", "error", "skip", "pass").index(item.result))
    )
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:60rem;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}"
        "td,th{text-align:left;padding:.4rem;border-bottom:1px solid #ccc;vertical-align:top}"
        ".fail td,.error td{background:#fde8e6}"
        ".skip td{background:#f2f2f2}small{color:#555}@media(max-width:40rem){tr,td{display:block}th{display:none}}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Conformance: {escape(counts)}</title><style>{style}</style></head><body><h1>Conformance</h1>"
        f"<p>{escape(report.target)}<br>{escape(report.started)}, {report.seconds} s<br><strong>{escape(counts)}</strong></p>"
        f"<p>{escape('; '.join(report.stopped))}</p><table><thead><tr><th>suite</th><th>check</th><th>result</th>"
        f"<th>problems</th></tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


def write(report: Report, directory: Path, formats: Iterable[str]) -> list[Path]:
    """The report's files. Raises ValueError for a format that is none of json, junit, html."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for format in formats:
        name, content = _file(report, format)
        (directory / name).write_bytes(content)
        written.append(directory / name)
    return written


def _file(report: Report, format: str) -> tuple[str, bytes]:
    if format == "json":
        return "conformance.json", json.dumps(as_json(report), indent=1).encode()
    if format == "junit":
        return "conformance.xml", as_junit(report)
    if format == "html":
        return "conformance.html", as_html(report).encode()
    raise ValueError("a report is json, junit or html")


def print_table(report: Report, console: Any) -> None:
    """What did not pass, and the counts; ``console`` is Rich's."""
    from rich.table import Table

    table = Table("suite", "check", "result", "problems", title=f"Conformance of {report.target}")
    for item in report.checks:
        if item.result != "pass":
            table.add_row(item.suite, item.title, item.result, "; ".join(item.problems))
    if table.row_count:
        console.print(table)
    for line in report.stopped:
        console.print(f"stopped: {line}", markup=False)
    console.print(", ".join(f"{number} {word}" for word, number in report.summary.items()))
