"""An alert: a monitor's state change past a threshold, and who gets it."""

from dataclasses import dataclass
from typing import Literal

AlertState = Literal["open", "acknowledged", "resolved"]
Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
Action = Literal["observe", "quarantine_feature", "shadow", "block_write_back", "pull_model"]
ACTIONS: tuple[Action, ...] = ("observe", "quarantine_feature", "shadow", "block_write_back", "pull_model")
"""What is done about a finding, from least to most. The last two are a person's to take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """``monitor`` is the catalogue id (``M-OUT-01``); ``source`` the feature or ``output``, ``stratum`` a subgroup, both may be
    empty; times are Unix seconds. ``inhibited`` names the alert that explains this one, ``silenced`` the silence it is
    under; ``rolled`` says that the day's budget was used up, so that it is told with the digest; ``planned`` names the known
    change that it coincides with. Holds counts and ids, no patient datum."""

    id: str
    monitor: str
    model: str
    version: str
    ehr: str
    severity: Severity
    owners: tuple[str, ...]
    state: AlertState
    since: float
    source: str = ""
    stratum: str = ""
    seen: float = 0.0
    count: int = 1
    value: float | None = None
    limit: float | None = None
    inhibited: str = ""
    silenced: str = ""
    rolled: bool = False
    deadline: float | None = None
    escalated: float | None = None
    acknowledged_by: str = ""
    resolved_by: str = ""
    planned: str = ""

    @property
    def quiet(self) -> bool:
        """Nobody is told of it now."""
        return bool(self.inhibited or self.silenced or self.rolled)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertEvent:
    """Something that happened to an alert: what the audit trail and every sink tell."""

    id: int
    alert: str
    at: float
    what: str
    by: str = ""
    note: str = ""
