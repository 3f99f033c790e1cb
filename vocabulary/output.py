"""An output: what a model says of one patient at one time (product.md §4 and §6)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["risk", "score", "classification", "text", "issue"]
KINDS: tuple[Kind, ...] = ("risk", "score", "classification", "text", "issue")

OutputState = Literal[
    "refused", "abstained", "shadow", "awaiting_confirmation", "declined", "pending", "delivered",
    "not_writable", "failed", "superseded", "expired", "retracted",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """A further prediction of a risk or a sub-score of a score; ``code`` is the manifest component's name."""

    code: str
    value: Decimal | None = None
    unit: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """One output as submitted. ``as_of`` is Unix seconds; numbers keep their digits; references are ``Type/id``
    or ``Type/id/_history/version``. Which of value, label and text is present follows from ``kind``."""

    model: str
    version: str
    ehr: str
    patient: str
    kind: Kind
    as_of: float
    inference_id: str
    encounter: str | None = None
    value: Decimal | None = None
    unit: str | None = None
    inputs: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()
    interval: tuple[Decimal, Decimal] | None = None
    label: str | None = None
    confidence: Decimal | None = None
    tier: str | None = None
    abstained: str | None = None
    implicated: tuple[str, ...] = ()
    explanation: str | None = None
    text: str | None = None
