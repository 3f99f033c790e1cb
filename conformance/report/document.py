"""A report as JSON: the members of product.md §6, and more (docs/reference/conformance-report.md)."""

from typing import Any

from conformance.report.showing import Shown, ShownCheck, ShownExchange
from conformance.run import SUITE_VERSION


def document(shown: Shown) -> dict[str, Any]:
    """The JSON document of a report."""
    report = shown.report
    return {
        "suite_version": SUITE_VERSION, "target": shown.target, "started": report.started, "seconds": report.seconds,
        "summary": dict(report.summary), "checks": [_check(item) for item in shown.checks],
        "complete": report.complete, "stopped": list(shown.stopped), "left": list(report.left),
        "writes": report.writes, "slow": report.slow, "owed": [item.id for item in shown.owed],
        "suites": [
            {"suite": name, "seconds": report.took.get(name, 0.0), "summary": dict(shown.counts(name))}
            for name in report.suites
        ],
        "exchanges": [_exchange(each) for each in shown.exchanges],
    }  # fmt: skip


def _check(item: ShownCheck) -> dict[str, Any]:
    return {
        "id": item.id, "suite": item.suite, "requirements": [each.id for each in item.requirements],
        "result": item.result, "problems": list(item.problems), "evidence": list(item.evidence), "title": item.title,
        "level": item.level, "why": item.why, "fix": item.fix, "exchanges": [number for _, number in item.seen],
    }  # fmt: skip


def _exchange(each: ShownExchange) -> dict[str, Any]:
    return {
        "number": each.number, "request": each.line, "command": each.command, "answer": each.answer,
        "seconds": each.seconds,
    }  # fmt: skip
