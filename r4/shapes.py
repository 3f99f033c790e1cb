"""How much of a resource is shown: ``_summary`` and ``_elements`` (R4 §3.1.1.5.8 and .9)."""

from functools import cache
from typing import Any, NamedTuple

from r4.definitions import elements, outline
from r4.requests import Pairs, refused

SHAPES = ("_summary", "_elements")
SUMMARIES = frozenset({"true", "text", "data", "count", "false"})
ALWAYS = frozenset({"resourceType", "id", "meta"})
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


class Shape(NamedTuple):
    """``summary`` is ``true``, ``text`` or ``data``, or empty for the named ``elements`` (``name`` or ``Type.name``)."""

    summary: str
    elements: frozenset[str] = frozenset()


def shape_of(query: Pairs) -> Shape | None:
    """The shape that a query asks for, None for whole resources. Raises InteractionError 400."""
    said = [pair for pair in query if pair[0] in SHAPES]
    if not said:
        return None
    if len(said) > 1:
        raise refused(400, "not-supported", "may be given once, and not beside the other of the two", said[0][0])
    name, value = said[0]
    if name == "_summary":
        if value not in SUMMARIES:
            raise refused(400, "value", "must be true, text, data, count or false", name)
        return Shape(value) if value not in ("count", "false") else None
    named = frozenset(word.strip() for word in value.split(",") if word.strip())
    if not named:
        raise refused(400, "value", "must name elements", name)
    return Shape("", named)


def unshaped(query: Pairs) -> Pairs:
    """The query without what only says how much is shown; a count is another question, and stays."""
    return tuple(pair for pair in query if pair[0] not in SHAPES or pair == ("_summary", "count"))


def included_shape(shape: Shape, type: str) -> Shape | None:
    """How much is shown of what is included: a list of elements does not apply to it (R4 §3.1.1.5.9), unless they are named
    with its type."""
    if shape.summary:
        return shape
    named = frozenset(name for name in shape.elements if name.startswith(f"{type}."))
    return Shape("", named) if named else None


def shaped(resource: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """What is shown of a resource, marked as a subset. Mandatory elements stay, and with ``_elements`` those that change
    the meaning of others."""
    type = str(resource.get("resourceType"))
    if type == "OperationOutcome":
        return resource
    wanted = _wanted(type, shape)
    kept = {name: value for name, value in resource.items() if _plain(type, name) in wanted}
    if shape.summary == "data":
        kept = {name: value for name, value in resource.items() if name not in ("text", "_text")}
    meta = dict(resource.get("meta") or {})
    return {**kept, "meta": {**meta, "tag": [*meta.get("tag", ()), SUBSETTED]}}


@cache
def _wanted(type: str, shape: Shape) -> frozenset[str]:
    row = outline(type)
    if shape.summary == "text":
        return ALWAYS | {"text"} | row.mandatory
    if shape.summary:
        return ALWAYS | row.summary | row.mandatory
    named = {name.removeprefix(f"{type}.") for name in shape.elements}
    return ALWAYS | row.mandatory | row.modifier | named


@cache
def _plain(type: str, member: str) -> str:
    """The element that a member is: ``valueQuantity`` is ``value``, ``_birthDate`` is ``birthDate``."""
    name = member.removeprefix("_")
    row = elements(type).get(name)
    return row.choice.removesuffix("[x]") if row is not None and row.choice else name
