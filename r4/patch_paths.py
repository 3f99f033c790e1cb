"""What a path of a FHIRPath Patch names in a resource (R4 fhirpatch, FHIRPath): members, ``[index]``, ``first()``, ``last()``
and ``where()`` with equalities: ``Patient.identifier.where(system = 'urn:mrn' and value = '7').period.end``.

Any other function or operator is refused by its name, never guessed.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from r4.definitions import Row, elements
from r4.json_patch import PatchError

LOOKS_LIMIT = 100_000
"""Elements that the paths of one patch look at, at most: a short patch of a long list would keep the server busy."""
LONGEST = 2000
"""Characters of a path."""
_NAME, _INDEX = r"[A-Za-z][A-Za-z0-9]{0,63}", r"(?:0|[1-9][0-9]{0,5})"
_CHILD = rf"(?:\$this|{_NAME}(?:\[{_INDEX}\])?(?:\.{_NAME}(?:\[{_INDEX}\])?)*)"
_LITERAL = r"(?:'(?:[^'\\]|\\u[0-9A-Fa-f]{4}|\\['\"`rntf/\\])*'|true\b|false\b|-?[0-9]{1,30}(?:\.[0-9]{1,30})?)"
_EQUAL = rf"\s*{_CHILD}\s*=\s*{_LITERAL}\s*"
_PART = re.compile(
    rf"\.(?P<name>{_NAME})(?![\w(])|\[(?P<index>{_INDEX})\]|\.(?P<end>first|last)\(\)"
    rf"|\.where\((?P<where>{_EQUAL}(?:\band\b{_EQUAL})*)\)"
)
_CONDITION = re.compile(rf"(?:\A|\band\b)\s*({_CHILD})\s*=\s*({_LITERAL})\s*")
_CHILD_PART = re.compile(rf"({_NAME})(?:\[({_INDEX})\])?")
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}
_CALL = re.compile(r"\.([A-Za-z]{1,20})\(")
FUNCTIONS = frozenset({
    "empty", "exists", "all", "allTrue", "anyTrue", "allFalse", "anyFalse", "subsetOf", "supersetOf", "count", "distinct",
    "isDistinct", "select", "repeat", "ofType", "single", "tail", "skip", "take", "intersect", "exclude", "union", "combine",
    "iif", "is", "as", "not", "children", "descendants", "trace", "now", "today", "resolve", "extension", "hasValue",
    "getValue", "elementDefinition", "slice", "checkModifiers", "conformsTo", "memberOf", "subsumes", "subsumedBy",
    "htmlChecks", "startsWith", "endsWith", "contains", "matches", "indexOf", "substring", "upper", "lower", "replace", "length",
})  # fmt: skip
"""Functions of FHIRPath (N1 §5, R4 fhirpath §2.9.1.5) that are named when they are refused; where, first and last apart."""
UNDERSTOOD = "names, [index], first(), last(), and where() with child = 'text', true, false or a number, joined by and"


class Step(NamedTuple):
    """From elements to their members of a name, or with none to those that fit the ``wanted`` (child path, literal);
    ``place`` picks one of all that were found, -1 the last."""

    name: str
    place: int | None = None
    wanted: tuple[tuple[tuple["Step", ...], Any], ...] = ()


class Place(NamedTuple):
    """Where an element stands: the ``member`` of its ``parent``, which is of the type ``inside``, and ``at`` which place of
    the list there."""

    value: Any
    type: str
    parent: Any = None
    inside: str = ""
    member: str = ""
    at: int | None = None


def parse(text: str, type: str, here: str) -> tuple[Step, ...]:
    """A path below a resource of this type. Raises PatchError."""
    if len(text) > LONGEST:
        raise PatchError(f"may have {LONGEST} characters", f"{here}.path")
    first = re.match(r"\w*", text)
    at = first.end() if first is not None else 0
    if text[:at] != type:
        raise PatchError("must begin with the resource type", f"{here}.path")
    steps: list[Step] = []
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise PatchError(_refused(text, at), f"{here}.path")
        _append(steps, part)
        at = part.end()
    return tuple(steps)


def _append(steps: list[Step], part: re.Match[str]) -> None:
    if part["name"] is not None:
        steps.append(Step(part["name"]))
    elif part["where"] is not None:
        found = _CONDITION.finditer(part["where"])
        steps.append(Step("", None, tuple((_child(each[1]), _literal(each[2])) for each in found)))
    else:
        place = int(part["index"]) if part["index"] is not None else {"first": 0, "last": -1}[part["end"]]
        if steps and steps[-1].place is None:
            steps[-1] = steps[-1]._replace(place=place)
        else:
            steps.append(Step("", place))


def _refused(text: str, at: int) -> str:
    """What is not understood: by name where it is a function of FHIRPath, for what a client says is not told back."""
    call = _CALL.match(text, at)
    if call is not None and call[1] in FUNCTIONS:
        return f"uses {call[1]}(), which is not understood: a path may hold {UNDERSTOOD}"
    if call is not None and call[1] == "where":
        return f"has a where() that is not understood: a path may hold {UNDERSTOOD}"
    return f"may hold only {UNDERSTOOD}"


def _child(text: str) -> tuple[Step, ...]:
    if text == "$this":
        return ()
    return tuple(Step(each[1], int(each[2]) if each[2] else None) for each in _CHILD_PART.finditer(text))


def _literal(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if not text.startswith("'"):
        return Decimal(text)
    return _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)) if sign[1] else _ESCAPES.get(sign[2], sign[2]), text[1:-1])


def find(places: list[Place], steps: tuple[Step, ...], left: list[int]) -> list[Place]:
    """The elements at the end of the steps. ``left`` is how many may still be looked at, counted down here. Raises
    OverflowError when none are left, TypeError where a step goes below a value that has no members."""
    for step in steps:
        alone = step.place if step.name and len(places) == 1 else None
        if step.name:
            places = [below for place in places for below in _below(place, step.name, alone, left)]
        if step.wanted:
            _look(left, len(places) * len(step.wanted))
            places = [place for place in places if all(_fits(place, *each, left) for each in step.wanted)]
        if step.place is not None and alone is None:
            places = places[step.place :][:1]
    return places


def _look(left: list[int], more: int) -> None:
    left[0] -= more
    if left[0] < 0:
        raise OverflowError


def _below(place: Place, name: str, picked: int | None, left: list[int]) -> list[Place]:
    """The members of that name, or the one of them that is picked."""
    parent = place.value
    if not isinstance(parent, dict):
        raise TypeError
    member = member_of(parent, name, place.type)
    if member is None:
        return []
    items, row = parent[member], table(place.type).get(member)
    numbers = range(len(items) if isinstance(items, list) else 1)
    if picked is not None:
        numbers = numbers[picked:][:1]
    _look(left, len(numbers))
    kind = row.type if row is not None else ""
    if not isinstance(items, list):
        return [Place(items, _kind(items, kind), parent, place.type, member)] if numbers else []
    return [Place(items[n], _kind(items[n], kind), parent, place.type, member, n) for n in numbers]


def _kind(value: Any, said: str) -> str:
    """The type of an element: of a resource in it, its own."""
    return str(value["resourceType"]) if isinstance(value, dict) and "resourceType" in value else said


def _fits(place: Place, child: tuple[Step, ...], literal: Any, left: list[int]) -> bool:
    """Whether the child is this one value: several are not equal to one, and none to nothing (FHIRPath N1 §6.1.1)."""
    try:
        found = find([place], child, left)
    except TypeError:
        return False
    value = found[0].value if len(found) == 1 else None
    if isinstance(literal, Decimal):
        return isinstance(value, int | Decimal) and not isinstance(value, bool) and value == literal
    return type(value) is type(literal) and bool(value == literal)


def table(type: str) -> Mapping[str, Row]:
    """The elements of a type; none of one that has no members."""
    try:
        return elements(type)
    except KeyError:
        return {}


def member_of(parent: Mapping[str, Any], name: str, type: str) -> str | None:
    """The member that a path calls ``name``: a choice is called without its type."""
    if name in parent:
        return name
    rows = table(type)
    return next((member for member in parent if member in rows and rows[member].choice == name), None)
