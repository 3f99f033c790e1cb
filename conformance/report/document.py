"""A report as JSON: the members of product.md §6, and more (docs/reference/conformance-report.md)."""

from typing import Any

from conformance.readiness import Readiness
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
        "baseline": _comparison(shown), "readiness": [_readiness(each) for each in shown.readiness],
        "bundle": dict(shown.bundle) if shown.bundle else None,
    }  # fmt: skip


def _comparison(shown: Shown) -> dict[str, Any] | None:
    found = shown.comparison
    if found is None:
        return None
    return {"worse": list(found.worse), "better": list(found.better), "known": list(found.known)}


def _readiness(found: Readiness) -> dict[str, Any]:
    return {
        "profile": found.profile.name, "title": found.profile.title, "status": found.profile.status,
        "summary": dict(found.counts),
        "criteria": [
            {
                "id": each.criterion.id, "paragraph": each.criterion.paragraph, "state": each.state, "why": each.why,
                "text": each.criterion.text, "checks": list(each.criterion.checks),
            }
            for each in found.standings
        ],
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
