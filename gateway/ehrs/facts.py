"""Edge: what an EHR answered when it was checked, and a verdict on it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auth.client.ehr import RegisteredEhr
from auth.discovery import SmartConfiguration
from gateway.ehrs.fetch import Fetched
from vocabulary.manifest import Manifest

Result = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """No usable answer: what happened, and what to do."""

    happened: str
    advice: str


@dataclass(frozen=True, slots=True)
class Line:
    """One verdict. ``next`` says what to do about it, None where there is nothing to do."""

    check: str
    result: Result
    text: str
    next: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A schedule as an EHR is asked for it: ``type`` is what its patients are found by, ``models`` are those that run there,
    ``writing`` of them those whose policy is not shadow."""

    id: str
    type: str
    models: tuple[Manifest, ...]
    writing: tuple[Manifest, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What was asked and answered. ``unusable`` says why the SMART configuration cannot be read; ``backend`` are the scopes
    that the backend client got; ``schedules`` is what a site's ask of it."""

    ehr: RegisteredEhr
    models: tuple[Manifest, ...]
    now: float
    discovery: Fetched | Trouble | None
    metadata: Fetched | Trouble | None
    seconds: float = 0.0
    configuration: SmartConfiguration | None = None
    unusable: str | None = None
    statement: Mapping[str, Any] | None = None
    keys: Fetched | Trouble | None = None
    openid: Mapping[str, Any] | None = None
    backend: str | Trouble | None = None
    schedules: tuple[Asked, ...] = ()
