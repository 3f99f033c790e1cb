"""Which numbers a chart can hold, and what a manifest may declare of those that its model says."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from vocabulary.output import Kind

if TYPE_CHECKING:
    from vocabulary.manifest import Prediction

DIGITS_LIMIT = 18
"""Digits before the point of a number that is written: what R4 asks every reader of a ``decimal`` to hold (§2.24.0.1)."""
CERTAIN = {"fraction": Decimal(1), "percent": Decimal(100)}
"""The largest probability, by the unit of a risk."""


def problems_of(kind: Kind, predictions: Sequence["Prediction"]) -> Iterator[str]:
    """What no output within the declaration could be written as: every one of them would fail when it comes."""
    if kind == "risk" and any(each.unit not in CERTAIN for each in predictions):
        yield "output.unit of a risk must be fraction or percent"
    for each in predictions:
        most = CERTAIN.get(each.unit or "")
        if kind == "risk" and most and each.range and not (each.range[0] >= 0 and each.range[1] <= most):
            yield f"output {each.name}: the range of a risk must lie within 0 and {most}"
        if each.reference_range and max(bound.adjusted() for bound in each.reference_range) >= DIGITS_LIMIT:
            yield f"output {each.name}: reference_range must have at most {DIGITS_LIMIT} digits before the point"
