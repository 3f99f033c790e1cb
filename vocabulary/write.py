"""A write: the FHIR resources planned for one output at one EHR, and what became of each (product.md §4)."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

DeliveryState = Literal[
    "ready", "leased", "delivered", "rejected", "in_doubt", "dead", "superseded", "expired", "retracted"
]

Strategy = Literal["put", "conditional", "post", "edit"]
"""PUT to an id of our choosing, create only if our identifier is not there yet, or a plain create; ``edit`` changes the
status of what the EHR has already."""

Role = Literal["primary", "result", "report", "flag", "provenance", "device", "card", "edit", "trail"]
"""What a resource is in its write: the output itself, a sub-score, the report over them, a flag, who made it from what,
the two that all outputs of a model version share; an edit of what is there, and the Provenance of the edit."""

PLACEHOLDER = "urn:chartgate:delivery:"
"""A reference ``urn:chartgate:delivery:{key}`` in a planned body stands for the location of that delivery;
with ``#version`` appended, for its versioned location. Rendered when the delivery it names is delivered."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One resource of a write (a struct: made four times as fast as a dataclass). ``key`` is the delivery key, 64 hex
    digits; ``id`` the id a PUT would give it; ``needs`` the keys whose locations its body refers to; ``losses`` what
    the projection had to drop (FHIRPath)."""

    key: str
    type: str
    id: str
    body: dict[str, Any]
    needs: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    role: Role = "primary"
    strategy: Strategy = "post"
    """How it is written; chosen by the projection."""
    quarantine: float = 0.0
    """Seconds to wait after an answer that never came, before the EHR is asked what became of it."""
    site_coded: bool = False
    """Its code is one of the site's own."""
    encoded: bytes | None = None
    """The body's bytes, once it has been checked; where it was poured from a mould, ``body`` is empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """The canonical set projected to what one EHR takes. ``shared`` are the Device and model card, once per EHR and
    model version, written by the backend client; ``own`` are the patient's resources and their Provenance."""

    ehr: str
    own: tuple[Planned, ...]
    shared: tuple[Planned, ...] = ()
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NotWritable:
    """Nothing of the canonical set fits this EHR; ``reason`` says what it does not take."""

    reason: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the EHR kept: ``location`` (``Type/id``), its version, and the paths that came back lost or changed."""

    location: str
    version: str | None
    losses: tuple[str, ...] = ()
