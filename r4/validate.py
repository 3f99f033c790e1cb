"""Whether a resource is valid FHIR R4 4.0.1: every issue, each with its element and rule (R4 §2.1 and §2.26).

The definitions are tables (``r4.generated``); this is the engine that walks a resource beside them. Structure, types,
cardinalities, required codes, reference targets, and the error-level constraints of ``r4.constraints``. Nothing of
what was sent stands in an issue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from r4 import constraints, quick
from r4.definitions import Row, codes, elements, resource_types
from r4.outcome import Issue
from r4.primitives import PRIMITIVES
from r4.references import target_type

DEPTH_LIMIT = 48
ISSUES_LIMIT = 200
"""Issues that are told of one resource, and one more that says so: nobody reads more, and looking for them is work for
nothing."""


class _Enough(Exception):
    """As many issues as are told were found."""


@dataclass(slots=True)
class _Walk:
    issues: list[Issue] = field(default_factory=list)

    def say(self, code: str, text: str, element: str, rule: str) -> None:
        self.take(Issue(code, text, element, rule))

    def take(self, issue: Issue) -> None:
        if len(self.issues) >= ISSUES_LIMIT:
            raise _Enough
        self.issues.append(issue)


def validate(resource: Any, *, type: str | None = None) -> list[Issue]:
    """Every reason why this is not a valid resource (of ``type``, when given); an empty list means valid."""
    if isinstance(resource, dict) and type in (None, resource.get("resourceType")) and quick.accepts(resource):
        return []
    walk = _Walk()
    try:
        _resource(walk, resource, type or "Resource", "", depth=0)
    except _Enough:
        walk.issues.append(Issue("too-costly", f"has more errors than these {ISSUES_LIMIT}", "", "more"))
    return walk.issues


def _resource(walk: _Walk, value: Any, wanted: str, path: str, *, depth: int) -> None:
    """A resource: the root, contained, or in a Bundle entry or parameter."""
    name = value.get("resourceType") if isinstance(value, dict) else None
    here = path or (name if isinstance(name, str) and name in resource_types() else "Resource")
    if not isinstance(value, dict):
        walk.say("structure", "must be an object with resourceType", here, "type")
    elif not isinstance(name, str) or name not in resource_types():
        walk.say("structure", "resourceType must be a resource type of R4", f"{here}.resourceType", "resource-type")
    elif wanted not in ("Resource", name):
        walk.say("structure", f"resourceType must be {wanted}", f"{here}.resourceType", "resource-type")
    else:
        _element(walk, {k: v for k, v in value.items() if k != "resourceType"}, name, here, depth=depth, root=True)
        for fault in constraints.of_resource(value, name, here):
            walk.take(fault)


def _element(walk: _Walk, value: Any, name: str, path: str, *, depth: int, root: bool = False) -> None:
    """One complex element against the table of its type."""
    if not isinstance(value, dict):
        return walk.say("structure", f"must be an object ({name})", path, "type")
    if depth > DEPTH_LIMIT:
        return walk.say("structure", "is nested too deeply", path, "depth")
    if not value and not root:
        return walk.say("structure", "must not be empty", path, "ele-1")
    table = elements(name)
    if any(_row(table, member) is None for member in value):
        walk.say("structure", "has an element that R4 does not define here", path, "unknown-element")
    for member in value:
        if (row := _row(table, member)) is not None:
            _member(walk, value, member, row, path, depth)
    _present(walk, value, name, path)
    for fault in constraints.of_element(value, name, path):
        walk.take(fault)
    return None


def _row(table: Mapping[str, Row], member: str) -> Row | None:
    """The row of a member; ``_x`` stands beside a primitive ``x`` only."""
    if member.startswith("_"):
        row = table.get(member[1:])
        return row if row is not None and row.type in PRIMITIVES and row.type != "xhtml" else None
    return table.get(member)


def _present(walk: _Walk, value: Mapping[str, Any], name: str, path: str) -> None:
    """Required elements are there, and of a choice at most one."""
    required, choices = _owed(name)
    for member in required:
        if member not in value and f"_{member}" not in value:
            walk.say("required", "is required", f"{path}.{member}", "cardinality")
    for choice, low, members in choices:
        given = {member.removeprefix("_") for member in members & value.keys()}
        if len(given) > 1:
            walk.say("structure", "may be given in one type only", f"{path}.{choice}[x]", "choice")
        elif not given and low:
            walk.say("required", "is required", f"{path}.{choice}[x]", "cardinality")


@cache
def _owed(name: str) -> tuple[tuple[str, ...], tuple[tuple[str, int, frozenset[str]], ...]]:
    """The required members of a type, and its choices: what each is called, whether it is required, and its members with
    what may stand beside them."""
    groups: dict[str, dict[str, Row]] = {}
    for member, row in elements(name).items():
        if row.choice is not None:
            groups.setdefault(row.choice, {})[member] = row
    required = tuple(member for member, row in elements(name).items() if row.choice is None and row.low)
    return required, tuple(
        (choice, next(iter(rows.values())).low, frozenset({*rows, *(f"_{member}" for member in rows)}))
        for choice, rows in groups.items()
    )


def _member(walk: _Walk, parent: Mapping[str, Any], member: str, row: Row, path: str, depth: int) -> None:
    """One member, single or repeated; a repeated primitive may have gaps where its ``_x`` has something."""
    value, here = parent[member], f"{path}.{member.removeprefix('_')}"
    if row.high == 1:
        if isinstance(value, list):
            return walk.say("structure", "must not be a list", here, "cardinality")
        return _value(walk, value, member, row, here, depth)
    if not isinstance(value, list) or not value:
        return walk.say("structure", "must be a list with at least one entry", here, "cardinality")
    twin = parent.get(member[1:] if member.startswith("_") else f"_{member}")
    if member.startswith("_") and isinstance(twin, list) and len(twin) != len(value):
        walk.say("structure", "must have as many entries as the element that it extends", here, "array-alignment")
    if row.high > 1 and len(value) > row.high:
        walk.say("structure", f"must have at most {row.high} entries", here, "cardinality")
    for index, item in enumerate(value):
        beside = twin[index] if isinstance(twin, list) and index < len(twin) else None
        if item is None and row.type in PRIMITIVES and beside is not None:
            continue
        _value(walk, item, member, row, f"{here}[{index}]", depth)
    return None


def _value(walk: _Walk, value: Any, member: str, row: Row, path: str, depth: int) -> None:
    if value is None:
        return walk.say("structure", "must not be null", path, "null")
    if member.startswith("_"):
        return _element(walk, value, "Element", path, depth=depth + 1)
    if row.type == "Resource":
        return _resource(walk, value, "Resource", path, depth=depth + 1)
    if (check := PRIMITIVES.get(row.type)) is not None:
        if (fault := check(value)) is not None:
            walk.say("value", fault, path, row.type)
        elif row.codes is not None and value not in codes(row.codes):
            walk.say("code-invalid", f"must be a code of the required value set {row.codes}", path, "required-binding")
        return None
    _element(walk, value, row.type, path, depth=depth + 1)
    if row.type == "Reference" and isinstance(value, dict):
        _target(walk, value, row, path)
    elif row.codes is not None and isinstance(value, dict):
        _bound(walk, value, row, path)
    return None


def _target(walk: _Walk, value: Mapping[str, Any], row: Row, path: str) -> None:
    """A literal reference points at a type that the element allows."""
    said = value.get("reference")
    found = {target_type(said)} if isinstance(said, str) else set()
    found |= {value["type"]} if isinstance(value.get("type"), str) else set()
    allowed = set(row.targets)
    if (
        allowed
        and "Resource" not in allowed
        and any(name in resource_types() and name not in allowed for name in found)
    ):
        walk.say("value", f"must refer to {', '.join(row.targets)}", path, "reference-target")


def _bound(walk: _Walk, value: Mapping[str, Any], row: Row, path: str) -> None:
    """A required binding on Coding, CodeableConcept or Quantity: of the codings given, one is in the value set."""
    allowed = codes(row.codes or "")
    codings = list(_codings(value, row.type))
    if codings and not any(code in allowed for code in codings):
        walk.say("code-invalid", f"must have a code of the required value set {row.codes}", path, "required-binding")


def _codings(value: Mapping[str, Any], type: str) -> Iterator[str]:
    listed = value.get("coding") if type == "CodeableConcept" else [value]
    for coding in listed if isinstance(listed, list) else ():
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            yield coding["code"]
