"""JSON Patch on a resource (RFC 6902; R4 §3.1.0.8): applied to a copy here, so that the result can be judged.

No operation may grow the resource past its limit: a document copied into itself doubles each time.
"""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from r4 import codec
from r4.outcome import Issue

OPERATIONS_LIMIT = 200
BYTES_LIMIT = 5 * 1024 * 1024
COPY_LIMIT = 64 * 1024
"""Bytes that one operation copies, at most: what is copied costs more than the few bytes that ask for it."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_MISSING = object()


class PatchError(ValueError):
    """The patch cannot be applied; ``status`` is 400 for what is no patch, 422 for what does not fit the resource."""

    def __init__(self, text: str, element: str = "", *, status: int = 422) -> None:
        super().__init__(text)
        self.status = status
        self.issue = Issue("structure" if status == 400 else "processing", text, element, "patch")


def apply(resource: Mapping[str, Any], operations: list[Any]) -> dict[str, Any]:
    """The resource after all operations, or none: ``resource`` itself stays as it is. Raises PatchError."""
    if len(operations) > OPERATIONS_LIMIT:
        raise PatchError(f"a patch may have {OPERATIONS_LIMIT} operations at most", status=400)
    document: Any = copy.deepcopy(dict(resource))
    for number, operation in enumerate(operations):
        document = _one(document, operation, f"[{number}]")
    if not isinstance(document, dict):
        raise PatchError("the result must be a resource")
    if len(codec.format(document)) > BYTES_LIMIT:
        raise PatchError("the result is too large")
    return document


def _one(document: Any, operation: Any, here: str) -> Any:
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or name not in OPERATIONS:
        raise PatchError("must be an operation of RFC 6902", here, status=400)
    path = _pointer(operation.get("path"), here)
    try:
        return OPERATIONS[name](document, path, operation, here)
    except (KeyError, IndexError, TypeError) as wrong:
        raise PatchError("names something that the resource does not have", f"{here}.path") from wrong


def _pointer(text: Any, here: str) -> list[str]:
    """RFC 6901."""
    if not isinstance(text, str) or (text and not text.startswith("/")) or re.search(r"~(?![01])", text):
        raise PatchError("must be a JSON Pointer", here, status=400)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[_place(document, part)] if isinstance(document, list) else document[part]
    return document


def _place(items: list[Any], part: str, *, end: bool = False) -> int:
    if end and part == "-":
        return len(items)
    if _INDEX.fullmatch(part) is None or int(part) > len(items) - (not end):
        raise IndexError
    return int(part)


def _put(document: Any, path: list[str], value: Any, *, new: bool) -> Any:
    """``value`` at the path: inserted into a list when ``new``, in place of what is there otherwise."""
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        place = _place(parent, last, end=new)
        parent[place : place + (not new)] = [value]
    elif isinstance(parent, dict) and (new or last in parent):
        parent[last] = value
    else:
        raise KeyError
    return document


def _take(document: Any, path: list[str]) -> Any:
    if not path:
        raise KeyError
    parent, last = _at(document, path[:-1]), path[-1]
    return parent.pop(_place(parent, last) if isinstance(parent, list) else last)


def _value(operation: Mapping[str, Any], here: str) -> Any:
    if "value" not in operation:
        raise PatchError("must have a value", here, status=400)
    return copy.deepcopy(operation["value"])


def _add(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    return _put(document, path, _value(operation, here), new=True)


def _replace(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    return _put(document, path, _value(operation, here), new=False)


def _remove(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    _take(document, path)
    return document


def _move(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    source = _pointer(operation.get("from"), here)
    if path[: len(source)] == source and path != source:
        raise PatchError("may not move something into itself", here)
    return document if path == source else _put(document, path, _take(document, source), new=True)


def _copy(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    found = _at(document, _pointer(operation.get("from"), here))
    if len(codec.format(found)) > COPY_LIMIT:
        raise PatchError("copies too much", here)
    return _put(document, path, copy.deepcopy(found), new=True)


def _test(document: Any, path: list[str], operation: Mapping[str, Any], here: str) -> Any:
    if codec.format(_sorted(_at(document, path))) != codec.format(_sorted(_value(operation, here))):
        raise PatchError("the test does not hold", here)
    return document


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


OPERATIONS: Mapping[str, Callable[[Any, list[str], Mapping[str, Any], str], Any]] = {
    "add": _add, "replace": _replace, "remove": _remove, "move": _move, "copy": _copy, "test": _test,
}  # fmt: skip
"""RFC 6902 §4."""
