"""What a scan found, as JSON and for people. The members ``source model resources unreadable checks`` and, of a check, ``id
pass fail skip owner severity`` are the contract of ``chartgate fidelity scan --json``; the others may grow."""

from collections.abc import Mapping
from typing import Any

from fidelity.checks import BIT, CHECKS, Check
from fidelity.tallies import Results, Stratum, Tally, totals
from fidelity.thresholds import Level, Thresholds, level

STRATA = 20
"""Strata told of one check: those with the most failures."""
COUNTED: Mapping[str, str] = {
    "STR-05": "patients and features", "TIM-07": "patients and features", "VER-05": "code systems", "VER-07": "codes",
    "PLA-06": "codes", "TIM-08": "feeds", "VOL-01": "feeds", "VOL-02": "streams", "VOL-03": "searches",
}  # fmt: skip
"""What a check counts, where it is not records."""


def format_report(
    results: Results, *, source: str, model: str, version: str, thresholds: Thresholds | None = None
) -> dict[str, Any]:  # fmt: skip
    """The report of one scan. ``thresholds`` default to those of the catalogue; the counts are the same under any."""
    by_check = totals(results)
    rules = thresholds or Thresholds()
    return {
        "source": source, "model": model, "resources": results.resources, "unreadable": results.unreadable,
        "checks": [_check(check, by_check[check.id], results, rules) for check in CHECKS], "version": version,
    }  # fmt: skip


def _check(check: Check, tally: Tally, results: Results, rules: Thresholds) -> dict[str, Any]:
    judged = tally.passed + tally.failed
    records = check.id not in COUNTED
    moved = list(results.moved) if check.id == "STR-02" else []
    return {
        "id": check.id, "pass": tally.passed, "fail": tally.failed,
        "skip": max(0, results.resources - judged) if records or not judged else 0,
        "owner": check.owner, "severity": check.severity,
        "title": check.title, "kahn": check.kahn, "dimension": check.dimension, "of": COUNTED.get(check.id, "records"),
        "share": round(tally.failed / judged, 6) if judged else None,
        "level": "warn" if moved else level(check.id, tally.passed, tally.failed, rules), "moved": moved,
        "strata": _strata(check, results), "pointers": list(results.pointers.get(BIT[check.id], ())),
    }  # fmt: skip


def _strata(check: Check, results: Results) -> list[dict[str, Any]]:
    failed = [(stratum, tally) for (id, stratum), tally in results.tallies.items() if id == check.id and tally.failed]
    failed.sort(key=lambda item: (-item[1].failed, item[0]))
    return [_stratum(stratum, tally) for stratum, tally in failed[:STRATA]]


def _stratum(stratum: Stratum, tally: Tally) -> dict[str, Any]:
    return {
        "source": stratum.source, "type": stratum.type, "code": stratum.code, "category": stratum.category,
        "pass": tally.passed, "fail": tally.failed,
    }  # fmt: skip


def rejudge(report: Mapping[str, Any], thresholds: Thresholds) -> dict[str, Any]:
    """A stored report under other thresholds: the same counts, other levels."""
    checks = [
        {**check, "level": "warn" if check["moved"] else level(check["id"], check["pass"], check["fail"], thresholds)}
        for check in report["checks"]
    ]
    return {**report, "checks": checks}


def problems(report: Mapping[str, Any]) -> list[tuple[str, Level]]:
    """The checks that warn or are critical, worst first: what makes a scan end with exit code 1."""
    worst: tuple[Level, ...] = ("critical", "warn")
    return [(check["id"], grade) for grade in worst for check in report["checks"] if check["level"] == grade]
