"""What stands at an element path of a resource: lists opened, a choice by the type it was given in.

The paths and rules are those of the generated search parameters: ``as:Quantity`` (one type of a choice), ``is:Patient``
(references to one type), ``system:phone`` (a contact point of one kind).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from r4.references import parse


def values(value: Any, path: tuple[str, ...], rule: str = "") -> Iterator[Any]:
    """Every value at the path, taken apart at its dots, that the rule lets through."""
    if isinstance(value, list):
        for item in value:
            yield from values(item, path, rule)
    elif not path:
        if _fits(value, rule):
            yield value
    elif isinstance(value, dict):
        head, rest = path[0], path[1:]
        if head == "exists":
            yield True
        elif head in value:
            yield from values(value[head], rest, rule)
        else:
            yield from _choice(value, head, rest, rule)


def _choice(value: Mapping[str, Any], head: str, rest: tuple[str, ...], rule: str) -> Iterator[Any]:
    wanted = rule.removeprefix("as:") if rule.startswith("as:") and not rest else None
    for member, item in value.items():
        if member.startswith(head) and member[len(head) : len(head) + 1].isupper():
            given = member[len(head) :]
            if rest == ("exists",):
                yield item if isinstance(item, bool) else True
            elif wanted is None or given.lower() == wanted.lower():
                yield from values(item, rest)


def _fits(value: Any, rule: str) -> bool:
    kind, _, wanted = rule.partition(":")
    if kind == "is":
        reference = parse(value.get("reference")) if isinstance(value, dict) else None
        said = value.get("type") if isinstance(value, dict) else None
        return said == wanted if reference is None else reference.type == wanted
    if kind == "system":
        return isinstance(value, dict) and value.get("system") == wanted
    return True
