"""FHIRPath Patch on a resource (R4 fhirpatch): what its operations do to the one element that their path names.

``Observation.component.where(code.text = 'a').value``; the paths are those of ``r4.patch_paths``.
"""

import copy
from collections.abc import Mapping
from typing import Any

from r4.definitions import Row
from r4.json_patch import OPERATIONS_LIMIT, PatchError
from r4.patch_paths import LOOKS_LIMIT, Place, Step, find, member_of, parse, table

KINDS = frozenset({"add", "insert", "delete", "replace", "move"})
MANY, NONE = "must name a single element", "names something that the resource does not have"


def apply(resource: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The resource after all operations; ``resource`` itself stays as it is. Raises PatchError."""
    operations = parameters.get("parameter")
    if not isinstance(operations, list) or not 0 < len(operations) <= OPERATIONS_LIMIT:
        raise PatchError(f"must hold 1 to {OPERATIONS_LIMIT} operations", "Parameters.parameter", status=400)
    document = copy.deepcopy(dict(resource))
    left = [LOOKS_LIMIT]
    for number, operation in enumerate(operations):
        here = f"Parameters.parameter[{number}]"
        said = _parts(operation, here)
        try:
            _one(document, said, left, here)
        except TypeError as wrong:
            raise PatchError(NONE, f"{here}.path") from wrong
        except OverflowError as wrong:
            raise PatchError(f"looks at more than {LOOKS_LIMIT} elements in all", f"{here}.path") from wrong
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
        name = _typed(table(type), str(part.get("name")), part)
        row = table(type).get(name)
        value = _value(part, row.type if row is not None else "")
        if row is not None and row.high != 1:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _typed(rows: Mapping[str, Row], name: str, part: Mapping[str, Any]) -> str:
    """The member that a value is given in: a choice is named without its type."""
    kinds = [f"{name}{member[5:]}" for member in part if member.startswith("value")]
    return kinds[0] if name not in rows and kinds and kinds[0] in rows else name


def _one(document: dict[str, Any], said: Mapping[str, Any], left: list[int], here: str) -> None:
    type, kind = str(document.get("resourceType")), said["type"]
    root, steps = Place(document, type), parse(said["path"], type, here)
    if kind in ("insert", "move"):
        return _arrange(root, steps, said, left, here)
    found = find([root], steps, left)
    if kind == "delete" and not found:
        return None  # an element is deleted if it is found (R4 fhirpatch)
    place = _single(found, here)
    if kind == "add":
        return _add(place, said, here)
    if place.parent is None:
        raise PatchError("must name an element", f"{here}.path")
    return _delete(place) if kind == "delete" else _replace(place, said, here)


def _single(places: list[Place], here: str) -> Place:
    if len(places) != 1:
        raise PatchError(MANY if places else NONE, f"{here}.path")
    return places[0]


def _arrange(root: Place, steps: tuple[Step, ...], said: Mapping[str, Any], left: list[int], here: str) -> None:
    """An insert into a list, or a move in it."""
    if not steps or steps[-1] != Step(steps[-1].name) or not steps[-1].name:
        raise PatchError("must name a list", f"{here}.path")
    within = _single(find([root], steps[:-1], left), here)
    if not isinstance(within.value, dict):
        raise TypeError
    member = member_of(within.value, steps[-1].name, within.type)
    if member is None:
        raise PatchError(NONE, f"{here}.path")
    items, row = within.value[member], table(within.type).get(member)
    if not isinstance(items, list):
        raise PatchError("must name a list", f"{here}.path")
    if said["type"] == "insert":
        value = _wanted(said, here, row.type if row is not None else "")
        return _put(within.value, member, _position(said.get("index"), len(items), here), value)
    source, target = (_position(said.get(name), len(items) - 1, here) for name in ("source", "destination"))
    for each in _lists(within.value, member):
        each.insert(target, each.pop(source))
    return None


def _lists(parent: Mapping[str, Any], member: str) -> list[list[Any]]:
    """A list, and the one beside it that holds ids and extensions of its primitive values (R4 §2.6.2)."""
    items, beside = parent[member], parent.get(f"_{member}")
    return [items, beside] if isinstance(beside, list) and len(beside) == len(items) else [items]


def _put(parent: dict[str, Any], member: str, index: int, value: Any) -> None:
    items, *beside = _lists(parent, member)
    items.insert(index, value)
    for each in beside:
        each.insert(index, None)


def _add(place: Place, said: Mapping[str, Any], here: str) -> None:
    """A repeated element gets one more; a single one must not be there yet."""
    name, parent, rows = said.get("name"), place.value, table(place.type)
    if not isinstance(parent, dict):
        raise TypeError
    if not isinstance(name, str):
        raise PatchError("must name an element", f"{here}.name")
    name = _typed(rows, name, said.get("value") or {})
    row = rows.get(name)
    value = _wanted(said, here, row.type if row is not None else "")
    if row is not None and row.high != 1:
        items = parent.setdefault(name, [])
        _put(parent, name, len(items), value)
    elif name in parent:
        raise PatchError("is there already", f"{here}.name")
    else:
        parent[name] = value


def _delete(place: Place) -> None:
    """An element with its id and extensions; a list that is empty then is none."""
    parent, member, index = place.parent, place.member, place.at
    if index is None:
        del parent[member]
        parent.pop(f"_{member}", None)
        return
    for each in _lists(parent, member):
        del each[index]
    if not parent[member]:
        del parent[member]
    _tidied(parent, member)


def _tidied(parent: dict[str, Any], member: str) -> None:
    """What stands beside a list that has no ids and extensions any more goes."""
    beside = parent.get(f"_{member}")
    if isinstance(beside, list) and not any(beside):
        del parent[f"_{member}"]


def _replace(place: Place, said: Mapping[str, Any], here: str) -> None:
    """Another value in an element's place: the id and the extensions of the former are gone."""
    parent, member, index = place.parent, place.member, place.at
    row = table(place.inside).get(member)
    value = _wanted(said, here, row.type if row is not None else "")
    if index is None:
        member = _chosen(parent, member, place.inside, said)
        parent[member] = value
        parent.pop(f"_{member}", None)
        return
    items, *beside = _lists(parent, member)
    items[index] = value
    for each in beside:
        each[index] = None
    _tidied(parent, member)


def _chosen(parent: dict[str, Any], member: str, type: str, said: Mapping[str, Any]) -> str:
    """The member that the value takes the place of: of a choice, one in its own type, from which the former is gone."""
    rows = table(type)
    row = rows.get(member)
    other = _typed(rows, row.choice, said.get("value") or {}) if row is not None and row.choice else member
    if other not in rows or other == member:
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
