"""An output as JSON and back, with every digit; and what people are shown of refusals and verdicts."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from r4 import codec
from vocabulary.instant import format_instant, parse_instant
from vocabulary.output import Component, Output
from writeback.gate import Admitted, Refused

_MEMBERS = tuple(field.name for field in fields(Output))
_PARTS = tuple(field.name for field in fields(Component))


def format_output(output: Output) -> bytes:
    """The body of ``POST /api/outputs`` that says this output; ``parse_output`` is the inverse. A number that is not
    finite is said as a string and half a surrogate pair as a question mark: what was refused has to be kept too."""
    document = {name: getattr(output, name) for name in _MEMBERS}
    document["as_of"] = format_instant(output.as_of)
    document["components"] = [{name: _said(getattr(c, name)) for name in _PARTS} for c in output.components]
    document["interval"] = None if output.interval is None else [_said(bound) for bound in output.interval]
    document |= {name: _said(document[name]) for name in ("value", "confidence")}
    try:
        return codec.format(document)
    except codec.CodecError:
        return codec.format(_without_surrogates(document))


def _said(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) and not value.is_finite() else value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_surrogates(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def parse_output(data: bytes) -> Output:
    """What ``format_output`` has written. Not for bodies from outside: they are checked where they come in."""
    document = codec.parse(data)
    members: dict[str, Any] = {
        **document,
        "as_of": parse_instant(document["as_of"]),
        "value": _decimal(document["value"]),
        "confidence": _decimal(document["confidence"]),
        "inputs": tuple(document["inputs"]),
        "implicated": tuple(document["implicated"]),
        "components": tuple(_component(item) for item in document["components"]),
    }
    if document["interval"] is not None:
        members["interval"] = tuple(_decimal(bound) for bound in document["interval"])
    return Output(**members)


def _component(item: Mapping[str, Any]) -> Component:
    return Component(code=item["code"], value=_decimal(item["value"]), unit=item["unit"], label=item["label"])


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def format_refusal(refused: Refused) -> dict[str, str]:
    """``{"reason", "element", "text"}``."""
    return {"reason": refused.reason, "element": refused.element, "text": refused.text}


def format_admission(admitted: Admitted) -> dict[str, Any]:
    """``{"inputs", "caveats", "encounter_open"}``; ``parse_admission`` is the inverse."""
    return {
        "inputs": list(admitted.inputs), "caveats": list(admitted.caveats), "encounter_open": admitted.encounter_open,
    }  # fmt: skip


def parse_admission(document: Mapping[str, Any]) -> Admitted:
    """What ``format_admission`` gave."""
    return Admitted(
        inputs=tuple(document["inputs"]), caveats=tuple(document["caveats"]),
        encounter_open=document.get("encounter_open"),
    )  # fmt: skip
