"""FHIRPath Patch on a resource (R4 fhirpatch): paths are names with indices, which is all that an edit needs.

``Observation.component[0].code.text``. A path with functions or filters is refused, never guessed.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any

from r4.definitions import Row, elements
from r4.json_patch import OPERATIONS_LIMIT, PatchError

_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\[(0|[1-9][0-9]{0,5})\])?")
KINDS = frozenset({"add", "insert", "delete", "replace", "move"})
Step = tuple[str, int | None]
MANY = "must name a single element"


def apply(resource: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The resource after all operations; ``resource`` itself stays as it is. Raises PatchError."""
    operations = parameters.get("parameter")
    if not isinstance(operations, list) or not 0 < len(operations) <= OPERATIONS_LIMIT:
        raise PatchError(f"must hold 1 to {OPERATIONS_LIMIT} operations", "Parameters.parameter", status=400)
    document = copy.deepcopy(dict(resource))
    for number, operation in enumerate(operations):
        here = f"Parameters.parameter[{number}]"
        said = _parts(operation, here)
        try:
            _one(document, said, here)
        except (KeyError, IndexError) as wrong:
            if said["type"] != "delete":  # which is of what is found, and else of nothing (R4 fhirpatch)
                raise PatchError("names something that the resource does not have", f"{here}.path") from wrong
        except TypeError as wrong:
            raise PatchError("names something that the resource does not have", f"{here}.path") from wrong
    return document


def _parts(operation: Any, here: str) -> dict[str, Any]:
    """The parts of one operation by name."""
    parts = operation.get("part") if isinstance(operation, dict) and operation.get("name") == "operation" else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise PatchError("must be an operation with parts", here, status=400)
    said = {str(part.get("name")): part if part.get("name") == "value" else _value(part) for part in parts}
    words = isinstance(said.get("type"), str) and isinstance(said.get("path"), str)
    if len(said) != len(parts) or not words or said["type"] not in KINDS:
        raise PatchError("must have a type and a path, each part once", here, status=400)
    return said


def _value(part: Mapping[str, Any], type: str = "") -> Any:
    """The value of a part: ``value[x]``, or an element of the type made of its own parts."""
    if isinstance(part.get("part"), list):
        return _element(part["part"], type)
    values = [value for name, value in part.items() if name.startswith("value")]
    return copy.deepcopy(values[0]) if len(values) == 1 else None


def _element(parts: list[Any], type: str) -> dict[str, Any]:
    """An element without a name of its own (``Observation.component``), member by member."""
    found: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict):
            continue
        name = _typed(_table(type), str(part.get("name")), part)
        row = _table(type).get(name)
        value = _value(part, row.type if row is not None else "")
        if row is not None and row.high != 1:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _typed(table: Mapping[str, Row], name: str, part: Mapping[str, Any]) -> str:
    """The member that a value is given in: a choice is named without its type."""
    kinds = [f"{name}{member[5:]}" for member in part if member.startswith("value")]
    return kinds[0] if name not in table and kinds and kinds[0] in table else name


def _steps(text: str, type: str, here: str) -> list[Step]:
    """A path below the resource as names and indices."""
    first, *rest = text.split(".")
    if first != type:
        raise PatchError("must begin with the resource type", f"{here}.path")
    steps: list[Step] = []
    for word in rest:
        match = _STEP.fullmatch(word)
        if match is None:
            raise PatchError("may hold names and indices only", f"{here}.path")
        steps.append((match[1], int(match[2]) if match[2] is not None else None))
    return steps


def _one(document: dict[str, Any], said: Mapping[str, Any], here: str) -> None:
    type = str(document.get("resourceType"))
    steps = _steps(said["path"], type, here)
    if said["type"] == "add":
        return _add(*_reach(document, steps, type), said, here)
    if not steps:
        raise PatchError("must name an element", f"{here}.path")
    *before, (name, index) = steps
    parent, type = _reach(document, before, type)
    member = _member(parent, name)
    if said["type"] == "delete":
        return _delete(parent, member, index)
    row = _table(type).get(member)
    below = row.type if row is not None else ""
    if said["type"] == "replace":
        return _replace(parent, _chosen(parent, member, type, said), index, _wanted(said, here, below))
    items = parent[member]
    if not isinstance(items, list) or index is not None:
        raise PatchError("must name a list", f"{here}.path")
    if said["type"] == "insert":
        items.insert(_position(said.get("index"), len(items), here), _wanted(said, here, below))
    else:
        moved = items.pop(_position(said.get("source"), len(items) - 1, here))
        items.insert(_position(said.get("destination"), len(items), here), moved)
    return None


def _reach(document: Any, steps: list[Step], type: str) -> tuple[dict[str, Any], str]:
    """The object at the end of the steps, and its type in the table of elements."""
    for name, index in steps:
        member = _member(document, name)
        row = _table(type).get(member)
        document = document[member]
        if isinstance(document, list):
            if index is None and len(document) > 1:
                raise PatchError(MANY, "Parameters.parameter")
            document = document[index or 0]
        elif index:
            raise IndexError
        type = row.type if row is not None else ""
    if not isinstance(document, dict):
        raise TypeError
    return document, type


def _table(type: str) -> Mapping[str, Row]:
    try:
        return elements(type)
    except KeyError:
        return {}


def _member(parent: Any, name: str) -> str:
    """The member that a path calls ``name``: a choice is called without its type."""
    if not isinstance(parent, dict):
        raise TypeError
    if name in parent:
        return name
    found = [
        str(member) for member in parent if member.startswith(name) and member[len(name) : len(name) + 1].isupper()
    ]
    if len(found) != 1:
        raise KeyError(name)
    return found[0]


def _add(parent: dict[str, Any], type: str, said: Mapping[str, Any], here: str) -> None:
    """A repeated element gets one more; a single one must not be there yet."""
    name, table = said.get("name"), _table(type)
    if not isinstance(name, str):
        raise PatchError("must name an element", f"{here}.name")
    name = _typed(table, name, said.get("value") or {})
    row = table.get(name)
    value = _wanted(said, here, row.type if row is not None else "")
    if row is not None and row.high != 1:
        parent.setdefault(name, []).append(value)
    elif name in parent:
        raise PatchError("is there already", f"{here}.name")
    else:
        parent[name] = value


def _delete(parent: dict[str, Any], member: str, index: int | None) -> None:
    if isinstance(parent[member], list):
        if index is None and len(parent[member]) > 1:
            raise PatchError(MANY, "Parameters.parameter")
        del parent[member][index or 0]
        if not parent[member]:
            del parent[member]
    else:
        del parent[member]


def _replace(parent: dict[str, Any], member: str, index: int | None, value: Any) -> None:
    if isinstance(parent[member], list):
        if index is None and len(parent[member]) != 1:
            raise IndexError
        parent[member][index or 0] = value
    else:
        parent[member] = value


def _chosen(parent: dict[str, Any], member: str, type: str, said: Mapping[str, Any]) -> str:
    """The member that the value takes the place of: of a choice, one in its own type, from which the former is gone."""
    table = _table(type)
    row = table.get(member)
    other = _typed(table, row.choice, said.get("value") or {}) if row is not None and row.choice else member
    if other not in table or other == member:
        return member
    parent[other] = parent.pop(member)
    parent.pop(f"_{member}", None)
    return other


def _wanted(said: Mapping[str, Any], here: str, type: str) -> Any:
    value = _value(said["value"], type) if isinstance(said.get("value"), dict) else None
    if value is None:
        raise PatchError("must have a value", f"{here}.value", status=400)
    return value


def _position(value: Any, highest: int, here: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
        raise PatchError("must be a place in the list", here)
    return value
