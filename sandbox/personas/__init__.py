"""How sandbox EHRs depart from the specifications: one declaration in one file each (house.md §9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """A field's default is the specification, so a declaration lists deviations only."""

    name: str
    references: Literal["check", "free"] = "check"
    """Whether references within the server must exist (R4 §2.3.0.2 leaves it to the server)."""


SPEC = Persona(name="spec")
"""No deviation at all."""

PERSONAS: Mapping[str, Persona] = {"spec": SPEC}
