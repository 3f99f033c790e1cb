"""Elements of a resource by the paths of a persona's lines: members joined by dots, lists flattened."""

from collections.abc import Iterator, Mapping
from typing import Any


def at(resource: Mapping[str, Any], path: str) -> list[Any]:
    """Everything that stands at the path, or at one of its alternatives (``a.b|c``). A last part that ends in ``*`` is a
    choice: ``value*`` is any ``value[x]``."""
    return [value for each in path.split("|") for value in _at(resource, each.split("."))]


def _at(value: Any, parts: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _at(item, parts)
    elif not parts:
        yield value
    elif isinstance(value, Mapping):
        head, rest = parts[0], parts[1:]
        names = [name for name in value if name.startswith(head[:-1])] if head.endswith("*") else [head]
        for name in names:
            if name in value:
                yield from _at(value[name], rest)


def without(resource: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The resource without what stands at the path; what is left empty goes too."""
    head, _, rest = path.partition(".")
    if head.endswith("[1:]"):
        name = head.removesuffix("[1:]")
        return {**resource, name: resource[name][:1]} if isinstance(resource.get(name), list) else dict(resource)
    if head not in resource:
        return dict(resource)
    if not rest:
        return {name: value for name, value in resource.items() if name not in (head, f"_{head}")}
    inner = _less(resource[head], rest)
    return {name: inner if name == head else value for name, value in resource.items() if name != head or inner}


def _less(value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [kept for item in value if (kept := _less(item, path))]
    return without(value, path) if isinstance(value, Mapping) else value
