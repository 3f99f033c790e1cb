"""The state of detectors as bytes, and back exactly: msgpack of plain values, arrays as type, shape and their bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

_ARRAY = "\x00array"
"""What marks a packed array; no name in a state begins so."""


def pack(state: Mapping[str, Any]) -> bytes:
    """A state of dicts, lists, numbers, strings and numpy arrays → bytes. The same state packs to the same bytes."""
    return msgspec.msgpack.encode(_plain(state))


def unpack(packed: bytes) -> dict[str, Any]:
    """The inverse of ``pack``, to the bit. Raises ValueError for what is no packed state."""
    try:
        found = _lively(msgspec.msgpack.decode(packed))
    except (msgspec.DecodeError, TypeError) as wrong:
        raise ValueError("not a packed state") from wrong
    if not isinstance(found, dict):
        raise ValueError("not a packed state")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {_ARRAY: [value.dtype.str, list(value.shape), value.tobytes()]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _lively(value: Any) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            kind, shape, body = value[_ARRAY]
            return np.frombuffer(body, dtype=np.dtype(kind)).reshape(shape).copy()
        return {name: _lively(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_lively(item) for item in value]
    return value
