"""Which findings explain others, how many warnings a day people are told, how long an alert may wait: tables. Pure.

Sources: the product's monitoring design §4 (inhibition, budget, deadlines); Alertmanager's words for inhibition and silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from monitoring.alerting.calendar import PLANNED
from vocabulary.alert import Alert, Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Inhibition:
    """While an alert of ``cause`` stands, those of ``effect`` of the same model and EHR are not told; ``same_source``: only
    those of the same feature."""

    cause: str
    effect: tuple[str, ...]
    why: str
    same_source: bool = False


INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(
        cause="VOL-02", effect=("M-IN-01", "M-IN-02", "M-IN-03", "M-IN-04", "M-OUT-02", "M-OUT-03"),
        why="a feed with a gap shifts whatever is computed from it",
    ),
    Inhibition(
        cause="M-OUT-04", effect=("M-IN-01", "M-IN-02", "M-IN-04", "M-OUT-02", "M-OUT-03", "M-SUB-01"),
        why="where outputs stick or stop, distributions say nothing more",
    ),
    Inhibition(
        cause="M-IN-03", effect=("M-IN-01", "M-IN-02"), same_source=True,
        why="a feature that goes missing has another distribution: it is one fault",
    ),
    Inhibition(
        cause="REF-", effect=("M-IN-01", "M-IN-02", "M-IN-03"), why="references that do not resolve lose the feature's values"
    ),
    Inhibition(
        cause="TIM-", effect=("M-IN-01", "M-IN-02"), why="values of wrong times are other values than the model's"
    ),
)  # fmt: skip

BUDGET = 3
"""New warnings a day that a model's people are told one by one; what is more goes into the day's digest."""
DAY = 86400.0
ACKNOWLEDGE: Mapping[Severity, float | None] = {"critical": 30 * 60.0, "warning": DAY, "info": None}
"""Seconds that an alert may wait for somebody to acknowledge it before it is escalated."""
TOLD: Mapping[Severity, str] = {"critical": "at once", "warning": "at once", "info": "weekly"}


def explained(alert: Alert, standing: tuple[Alert, ...]) -> str:
    """The id of a standing alert that explains this one, or empty. A planned change explains no critical one."""
    for cause in standing:
        if PLANNED == cause.monitor != alert.monitor and cause.source == alert.planned and alert.severity != "critical":
            return cause.id
    for row in INHIBITIONS:
        if alert.monitor not in row.effect:
            continue
        for cause in standing:
            if cause.id != alert.id and _explains(row, cause, alert):
                return cause.id
    return ""


def _explains(row: Inhibition, cause: Alert, alert: Alert) -> bool:
    same = (cause.model, cause.version, cause.ehr) == (alert.model, alert.version, alert.ehr)
    heavy = cause.severity == "critical" or not row.cause.endswith("-")
    return (
        same
        and heavy
        and cause.state != "resolved"
        and cause.monitor.startswith(row.cause)
        and (not row.same_source or cause.source == alert.source)
    )


def over_budget(severity: Severity, told_today: int) -> bool:
    """Whether one more goes into the digest."""
    return severity == "warning" and told_today >= BUDGET


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """Empty members stand for anything. It ends by itself at ``until``, and who set it and why is kept."""

    id: str
    until: float
    by: str
    why: str
    monitor: str = ""
    model: str = ""
    ehr: str = ""
    source: str = ""

    def covers(self, alert: Alert, now: float) -> bool:
        """Whether it keeps this alert quiet now."""
        wanted = ("monitor", "model", "ehr", "source")
        return self.until > now and all(getattr(self, name) in ("", getattr(alert, name)) for name in wanted)
