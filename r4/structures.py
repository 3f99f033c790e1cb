"""The source of ``r4/generated/structs.py``: one msgspec struct for each type that the fast path of validation knows.

A struct is stricter than R4 or the same, never looser, save for what ``r4.quick`` checks besides: what it turns down is
left to the walker. It has no extensions of primitives and nothing contained.
"""

import keyword
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LISTED = 64
"""A required value set with more codes is compared as text of the right form only where it is not a list at all."""

PLAIN: Mapping[str, str] = {
    "boolean": "bool", "integer": "Integer", "unsignedInt": "Unsigned", "positiveInt": "Positive", "decimal": "Any",
    "string": "Text", "markdown": "Text", "code": "Word", "id": "Id", "uri": "Uri", "url": "Uri", "canonical": "Uri",
    "oid": "Uri", "uuid": "Uri", "date": "str", "dateTime": "str", "instant": "str", "time": "str",
    "base64Binary": "str", "xhtml": "str",
}  # fmt: skip
"""Primitive type → annotation. Text is checked for emptiness and control characters in ``r4.quick``, all at once."""

HEAD = '''"""Structs generated from {source} by r4/generate.py."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec import Meta as Limits

Integer = Annotated[int, Limits(ge=-2147483648, le=2147483647)]
Unsigned = Annotated[int, Limits(ge=0, le=2147483647)]
Positive = Annotated[int, Limits(ge=1, le=2147483647)]
Text = Annotated[str, Limits(min_length=1, max_length=1048576)]
Word = Annotated[str, Limits(pattern=r"\\A[^\\s]+(\\s[^\\s]+)*\\Z")]
Id = Annotated[str, Limits(pattern=r"\\A[A-Za-z0-9\\-\\.]{{1,64}}\\Z")]
Uri = Annotated[str, Limits(pattern=r"\\A\\S+\\Z")]

'''


def source(
    elements: Mapping[str, Any], codes: Mapping[str, Sequence[str]], *, resources: Sequence[str], named: str
) -> str:
    """The text of the module; ``elements`` and ``codes`` are the generated tables."""
    wanted = _reached(elements, resources)
    classes = [_class(name, elements[name], codes, resource=name in resources) for name in wanted]
    return HEAD.format(source=named) + "\n\n".join("\n".join(lines) + "\n" for lines in classes)


def _reached(elements: Mapping[str, Any], resources: Sequence[str]) -> list[str]:
    """The types that these resources are made of, by name."""
    found: dict[str, None] = {}
    waiting = list(resources)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += [row[2] for row in elements[name].values() if row[2] in elements and row[2] != "Resource"]
    return sorted(found)


def class_name(type: str) -> str:
    """``Observation.component`` → ``Observation_component``."""
    return type.replace(".", "_")


def _class(name: str, table: Mapping[str, Any], codes: Mapping[str, Sequence[str]], *, resource: bool) -> list[str]:
    lines = [f"class {class_name(name)}(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):"]
    if resource:
        lines.append(f'    resourceType: Literal["{name}"]')
    lines += list(_fields(table, codes))
    return lines if len(lines) > 1 else [*lines, "    pass"]


def _fields(table: Mapping[str, Any], codes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for member, (low, high, type, _, bound, choice) in table.items():
        if type == "Resource":
            continue
        wanted = _annotation(type, codes.get(bound) if bound else None)
        wanted = wanted if high == 1 else f"Annotated[list[{wanted}], Limits(min_length=1)]"
        name = f"{member}_" if keyword.iskeyword(member) or member == "field" else member
        renamed = f', name="{member}"' if name != member else ""
        if low and choice is None:
            yield f"    {name}: {_quoted(wanted)}" + (f' = field(name="{member}")' if renamed else "")
        else:
            default = f" = field(default=UNSET{renamed})" if renamed else " = UNSET"
            yield f'    {name}: "{wanted.replace(chr(34), chr(39))} | UnsetType"{default}'


def _quoted(annotation: str) -> str:
    return '"' + annotation.replace('"', "'") + '"'


def _annotation(type: str, allowed: Sequence[str] | None) -> str:
    if type not in PLAIN:
        return class_name(type)
    if type == "code" and allowed is not None:
        return f"Literal[{', '.join(repr(code) for code in sorted(allowed))}]"
    return PLAIN[type]
