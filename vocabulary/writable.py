"""Which numbers and codes a chart can hold: what a manifest may declare of its model's outputs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from vocabulary.output import Kind

if TYPE_CHECKING:
    from vocabulary.manifest import Code, Prediction

DIGITS_LIMIT = 18
"""Digits before the point of a number that is written: what R4 asks every reader of a ``decimal`` to hold (§2.24.0.1)."""
CERTAIN = {"fraction": Decimal(1), "percent": Decimal(100)}
"""The largest probability, by the unit of a risk."""


_URI, CODE = re.compile(r"\S+"), re.compile(r"\S+(\s\S+)*")
"""R4 §2.24.0.1: neither has a blank at an end, and a code no two in a row."""


def problems_of(kind: Kind, predictions: Sequence["Prediction"], codes: Iterable["Code"]) -> Iterator[str]:
    """What no output within the declaration could be written as: every one of them would fail when it comes. ``codes`` are
    those that are written besides the predictions' own."""
    if kind == "risk" and any(each.unit not in CERTAIN for each in predictions):
        yield "output.unit of a risk must be fraction or percent"
    for each in predictions:
        most = CERTAIN.get(each.unit or "")
        if kind == "risk" and most and each.range and not (each.range[0] >= 0 and each.range[1] <= most):
            yield f"output {each.name}: the range of a risk must lie within 0 and {most}"
        if each.reference_range and max(bound.adjusted() for bound in each.reference_range) >= DIGITS_LIMIT:
            yield f"output {each.name}: reference_range must have at most {DIGITS_LIMIT} digits before the point"
    for code in (*(code for each in predictions for code in each.codes), *codes):
        if not (_URI.fullmatch(code.system) and CODE.fullmatch(code.code)):
            yield "output: a code's system must be a URI, and its code must have no blank at an end and no two in a row"
