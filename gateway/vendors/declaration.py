"""A vendor: what the gateway knows about a real EHR, composed of each room's own rules (house.md §9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from auth.client.rules import SMART, SignInRules
from writeback.rules import SPECIFICATION, WriteRules

Rules = SignInRules | WriteRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """``sign_in`` and ``write`` list deviations only, and ``sources`` says of each where it is known from: a publication or
    a live document [V], a third party's notes [P], an inference of ours [I]. Raises ValueError for a deviation without a
    source, and for a source without a deviation."""

    name: str
    title: str
    sign_in: SignInRules = SMART
    write: WriteRules = SPECIFICATION
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        declared = {*deviations(self.sign_in), *deviations(self.write)}
        if declared != set(self.sources):
            odd = ", ".join(sorted(declared ^ set(self.sources)))
            raise ValueError(f"{self.name}: rules and sources do not match: {odd}")


def deviations(rules: Rules) -> tuple[str, ...]:
    """The names of the rules that differ from the specification."""
    usual: Rules = SMART if isinstance(rules, SignInRules) else SPECIFICATION
    return tuple(each.name for each in fields(rules) if getattr(rules, each.name) != getattr(usual, each.name))
