"""How one model version is watched at one EHR: its features, its reference, its thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from monitoring.columns import Limits
from monitoring.reference import Column, Reference
from monitoring.thresholds import DEFAULTS, Numbers, Thresholds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is watched. ``numeric``: the output is a number (or category) to watch; ``calibrated``: it is a chance, 0 to 1."""

    model: str
    version: str
    ehr: str
    features: tuple[str, ...] = ()
    reference: Reference = field(default_factory=Reference)
    numeric: bool = True
    calibrated: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)

    @cached_property
    def numbers(self) -> Mapping[str, Numbers]:
        """The thresholds that hold for this model, by monitor."""
        return {monitor: self.thresholds.of(self.model, monitor) for monitor in DEFAULTS}

    @cached_property
    def limits(self) -> Limits:
        """Those of the columns."""
        shift, mean, fault = (self.numbers[monitor] for monitor in ("M-IN-01", "M-IN-02", "M-IN-03"))
        return Limits(
            psi_floor=shift["warn"], psi_alpha=shift["alpha"], psi_critical=shift["critical"], slack=mean["slack"],
            mean_warn=mean["warn"], mean_critical=mean["critical"], fault_ratios=(fault["ratio"], fault["jump"]),
            fault_warn=fault["warn"], fault_critical=fault["critical"], fault_floor=fault["floor"],
        )  # fmt: skip

    def columns(self) -> list[Column]:
        """The features in order, then the output."""
        known = self.reference.features
        return [known.get(name, Column()) for name in self.features] + ([self.reference.output] if self.numeric else [])
