"""What an observation says, as a hash that is the same however it is written (DUP-02)."""

from collections.abc import Mapping
from typing import Any

import orjson

from fidelity import quantities
from fidelity.elements import table
from fidelity.forms import measured
from fidelity.periods import time_of

Resource = Mapping[str, Any]
SETTING = ("component", "dataAbsentReason", "hasMember", "specimen", "bodySite", "method", "device", "derivedFrom")
"""What else tells two results of one moment apart: two cultures, two arms, two thermometers."""


def content(resource: Resource, patient: str | None, code: str) -> int:
    """A hash of subject, code, time, value, and what was measured where and how."""
    when = time_of(dict(resource))
    values = tuple(_value(name, value) for name, value in resource.items() if name.startswith("value"))
    rest = tuple(_written(resource[name]) if name in resource else b"" for name in SETTING)
    return hash((patient, code, (when.start, when.end) if when else None, values, rest))


def _value(name: str, value: Any) -> tuple[Any, ...]:
    quantity = table(value)
    number = measured(quantity.get("value")) if name == "valueQuantity" else None
    if number is None:
        return name, _written(value)
    return name, number, quantity.get("comparator"), quantities.unit_of(quantity).code


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # a number or a text that JSON of this kind cannot hold
        return repr(value).encode(errors="replace")
