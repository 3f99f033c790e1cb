"""What the gateway knows about an EHR's writing beyond its CapabilityStatement: one declaration each, deviations only.

A field's default is what R4 says. A vendor composes its rules with a source beside each (house.md §9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRules:
    """``creates`` narrows what its CapabilityStatement offers; ``statuses`` are the only ones taken, per type;
    ``drops`` are elements it is known to lose, per type, left out and said so beforehand."""

    creates: frozenset[str] | None = None
    statuses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    drops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    client_ids: bool = True
    """False: its ``updateCreate`` cannot be relied on, a PUT to a new id is not used."""
    conditional_create_is_atomic: bool = False
    """True only with a source: two identical conditional creates at once make one resource."""
    quarantine: float = 30.0
    """Seconds after which a request that brought no answer is certainly no longer being processed."""

    def __post_init__(self) -> None:
        if self.quarantine < 0:
            raise ValueError("quarantine must not be negative")
        if self.creates is not None and (stray := set(self.statuses) - self.creates):
            raise ValueError(f"statuses of types that are not created: {', '.join(sorted(stray))}")


SPECIFICATION = WriteRules()
"""An EHR that does what R4 says and about which nothing more is known."""
