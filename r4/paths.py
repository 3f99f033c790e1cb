"""What stands at an element path of a resource: lists opened, a choice by the type it was given in.

The paths and rules are those of the generated search parameters: ``as:Quantity`` (one type of a choice), ``is:Patient``
(references to one type), ``system:phone`` (a contact point of one kind), ``url:http…`` (the value of an extension).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from r4.references import target_type


def values(value: Any, path: tuple[str, ...], rule: str = "") -> list[Any]:
    """Every value at the path, taken apart at its dots, that the rule lets through."""
    found: list[Any] = []
    _collect(found, value, path, 0, rule)
    return found


def _collect(found: list[Any], value: Any, path: tuple[str, ...], at: int, rule: str) -> None:
    """Walks on from the element ``at`` of the path. Lists that are filled, for generators in generators cost twice."""
    if isinstance(value, list):
        for item in value:
            _collect(found, item, path, at, rule)
    elif at == len(path):
        if not rule:
            found.append(value)
        elif rule.startswith("url:"):
            found += _extended(value, rule[4:])
        elif _fits(value, rule):
            found.append(value)
    elif isinstance(value, dict):
        head = path[at]
        if head == "exists":
            found.append(True)
        elif head in value:
            _collect(found, value[head], path, at + 1, rule)
        else:
            _choose(found, value, path, at, rule)


@lru_cache(maxsize=4096)
def choices(members: tuple[str, ...], head: str) -> tuple[tuple[str, str], ...]:
    """Which of an object's members are a choice element in one of its types, and that type in lower case:
    ``valueQuantity`` is ``value`` as ``quantity``."""
    return tuple(
        (member, member[len(head) :].lower())
        for member in members
        if member.startswith(head) and member[len(head) : len(head) + 1].isupper()
    )


def _choose(found: list[Any], value: Mapping[str, Any], path: tuple[str, ...], at: int, rule: str) -> None:
    wanted = rule.removeprefix("as:").lower() if rule.startswith("as:") and at + 1 == len(path) else None
    for member, given in choices(tuple(value), path[at]):
        item = value[member]
        if path[at + 1 :] == ("exists",):
            found.append(item if isinstance(item, bool) else True)
        elif wanted in (None, given):
            _collect(found, item, path, at + 1, "")


def _extended(value: Any, url: str) -> list[Any]:
    """The value of an extension with this address."""
    if not isinstance(value, dict) or value.get("url") != url:
        return []
    return [item for member, item in value.items() if member.startswith("value")]


def _fits(value: Any, rule: str) -> bool:
    kind, _, wanted = rule.partition(":")
    if kind == "is":
        if not isinstance(value, dict):
            return False
        reference = value.get("reference")
        named = target_type(reference) if isinstance(reference, str) else ""
        return (named or value.get("type")) == wanted
    if kind == "system":
        return isinstance(value, dict) and value.get("system") == wanted
    return True
