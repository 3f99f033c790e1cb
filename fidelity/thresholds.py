"""When counts of a check are a problem. Thresholds stand apart from the checks: counts that were stored are judged again,
by others, without a scan. A check that is compared with a baseline is judged there (``fidelity.baseline.moved``).

Source of the defaults: the project's fidelity reference §1.2, after DataQualityDashboard, per check with at least 200
records.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fidelity.checks import BY_ID, Check, Grade

Level = Literal["ok", "warn", "critical", "not judged"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Shares of what was judged above which a check warns, and is critical; ``fewest`` judged for that."""

    warn: float
    critical: float
    fewest: int = 200


DEFAULTS: Mapping[Grade, Threshold | None] = {
    "fatal": Threshold(0.001, 0.01),
    "convention": Threshold(0.05, 0.20),
    "characterisation": None,  # a rate: it is no fault by itself, only beside a baseline
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The defaults by grade, and a site's own by id (None: this check is never a problem there)."""

    grades: Mapping[Grade, Threshold | None] = field(default_factory=lambda: DEFAULTS)
    checks: Mapping[str, Threshold | None] = field(default_factory=dict)

    def of(self, check: Check) -> Threshold | None:
        """The threshold of one check."""
        return self.checks.get(check.id, self.grades[check.grade])


def level(id: str, passed: int, failed: int, thresholds: Thresholds) -> Level:
    """How the counts of one check are to be taken. With fewer judged than the threshold asks for, one failure of a check
    that is more than informative warns: nobody waits for the two hundredth wrong patient. Raises KeyError for an unknown
    id."""
    check, judged = BY_ID[id], passed + failed
    threshold = thresholds.of(check)
    if threshold is None or not judged:
        return "not judged"
    share = failed / judged
    if judged < threshold.fewest:
        return "warn" if failed and check.severity != "info" else "ok"
    if share > threshold.critical:
        return "critical"
    return "warn" if share > threshold.warn else "ok"
