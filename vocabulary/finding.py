"""A finding is the result of one instrument on one chart; a verdict is what the findings add up to for one model."""

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

Result = Literal["pass", "fail", "skip"]
Severity = Literal["info", "warning", "critical"]
Owner = Literal["engineering", "clinical_informatics", "both"]
Fitness = Literal["fit", "caveats", "unfit"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """``check`` is the catalogue's stable id (``STR-05``). ``detail`` is plain words without any patient value;
    ``pointers`` name resources as ``Type/salted hash``, never ids or values."""

    check: str
    result: Result
    severity: Severity = "info"
    owner: Owner = "engineering"
    feature: str | None = None
    kahn: str = ""
    failed: int = 0
    """Records (or, of a feature, 1) that failed, of ``judged``; with the feature's resource type and codes as the stratum."""
    judged: int = 0
    detail: str = ""
    pointers: tuple[str, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """``fitness`` for one model; ``reasons`` say why it is not ``fit``, a sentence each, naming the feature."""

    fitness: Fitness
    findings: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    converted: tuple[tuple[str, str], ...] = ()
    """Feature and unit: its value came in another unit and was converted to this one."""
    refused: tuple[tuple[str, str], ...] = ()
    """Feature and reason: there is a record of it that was not used."""


def format_verdict(verdict: Verdict) -> dict[str, Any]:
    """The JSON form of a verdict: fitness, reasons, what was converted and refused, and the findings that did not pass."""
    return {
        "fitness": verdict.fitness,
        "reasons": list(verdict.reasons),
        "converted": [{"feature": feature, "to": unit} for feature, unit in verdict.converted],
        "refused": [{"feature": feature, "reason": reason} for feature, reason in verdict.refused],
        "findings": [
            {
                "check": finding.check, "result": finding.result, "severity": finding.severity,
                "owner": finding.owner, "feature": finding.feature, "kahn": finding.kahn, "failed": finding.failed,
                "judged": finding.judged, "detail": finding.detail,
            }
            for finding in verdict.findings
            if finding.result == "fail"
        ],
    }  # fmt: skip
