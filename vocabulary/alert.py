"""An alert: a monitor's state change past a threshold, and who gets it."""

from dataclasses import dataclass
from typing import Literal

AlertState = Literal["open", "acknowledged", "resolved"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """``monitor`` is the catalogue id (``M-OUT-01``); ``since`` Unix seconds. Holds counts and ids, no patient datum."""

    id: str
    monitor: str
    model: str
    version: str
    ehr: str
    severity: Literal["info", "warning", "critical"]
    owners: tuple[str, ...]
    state: AlertState
    since: float
