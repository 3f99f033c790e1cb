"""What an instrument of fidelity is: a small function that looks at one record or feature and passes, fails or skips.

Ids, owners and the Kahn category are the catalogue's and stable. *Skip* means that the check did not apply or that what
it stands on is missing, so that one fault is not counted five times. A detail is plain words for a clinician and
never holds a patient's value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fidelity.checks import Kahn
from fidelity.editions.edition import Terminology
from fidelity.matching import Record
from vocabulary.chart import Chart, Resource
from vocabulary.finding import Owner, Result, Severity
from vocabulary.manifest import Feature

Reach = Literal["record", "background", "feature"]
Outcome = tuple[Result, str]
PASS: Outcome = ("pass", "")
SKIP: Outcome = ("skip", "")


def fail(detail: str) -> Outcome:
    """A failed check with what is wrong."""
    return "fail", detail


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One record as a feature of a model sees it.

    ``element`` is the resource or the component that speaks of the feature, ``concept`` what it is about, ``consumed``
    whether its value was taken, ``peers`` the other records of its type. For an instrument of reach ``feature`` the
    resource is empty. ``terminology`` says what codes are, in the editions of ``pins`` (by system) where these name one.
    """

    chart: Chart
    feature: Feature
    resource: Resource = field(default_factory=dict)
    element: Mapping[str, Any] = field(default_factory=dict)
    concept: Mapping[str, Any] | None = None
    record: Record | None = None
    consumed: bool = False
    peers: Sequence[Resource] = ()
    terminology: Terminology | None = None
    pins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """``reach``: ``record`` looks at the records that a feature's value hangs on, ``background`` at every record that
    had to be looked through to find it, ``feature`` at the feature as a whole."""

    id: str
    title: str
    kahn: Kahn
    severity: Severity
    owner: Owner
    check: Callable[[Sighting], Outcome]
    reach: Reach = "record"
