"""Edge: a run against an earlier one: what has become worse, and what better."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.probe import CannotRun
from conformance.run import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Ids of checks. ``worse``: a pass that is none any more, or a failure that is new; ``better``: a pass that was none;
    ``known``: a failure that was one."""

    worse: tuple[str, ...]
    better: tuple[str, ...]
    known: tuple[str, ...]


def load_baseline(path: Path) -> Mapping[str, str]:
    """The results of an earlier report, by check. Raises CannotRun."""
    try:
        checks: Any = json.loads(path.read_text())["checks"]
        return {str(item["id"]): str(item["result"]) for item in checks}
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise CannotRun("--baseline must name the JSON report of an earlier run") from failure


def compare(before: Mapping[str, str], report: Report) -> Comparison:
    """What changed. A check that was not judged before counts as new."""
    now = {item.id: item.result for item in report.checks}
    bad = ("fail", "error")
    return Comparison(
        worse=tuple(id for id, result in now.items() if _worse(before.get(id), result)),
        better=tuple(id for id, result in now.items() if result == "pass" and before.get(id) in (*bad, "skip")),
        known=tuple(id for id, result in now.items() if result in bad and before.get(id) in bad),
    )


def _worse(before: str | None, now: str) -> bool:
    if before == "pass":
        return now != "pass"
    return now in ("fail", "error") and before not in ("fail", "error")
