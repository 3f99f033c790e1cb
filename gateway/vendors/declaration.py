"""A vendor: what the gateway knows about a real EHR, composed of each room's own rules (house.md §9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from writeback.rules import SPECIFICATION, WriteRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """``write`` lists deviations only, and ``sources`` says of each where it is known from: a publication or a live
    CapabilityStatement [V], a third party's notes [P], an inference of ours [I]. Raises ValueError for a deviation without
    a source, and for a source without a deviation."""

    name: str
    title: str
    write: WriteRules = SPECIFICATION
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        declared = set(deviations(self.write))
        if declared != set(self.sources):
            odd = ", ".join(sorted(declared ^ set(self.sources)))
            raise ValueError(f"{self.name}: rules and sources do not match: {odd}")


def deviations(rules: WriteRules) -> tuple[str, ...]:
    """The names of the rules that differ from R4."""
    return tuple(
        each.name for each in fields(rules) if getattr(rules, each.name) != getattr(SPECIFICATION, each.name)
    )  # fmt: skip
