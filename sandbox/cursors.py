"""The place that a page ends at, as it stands in the address of the next: opaque, for a place is not the client's to choose."""

import base64
import binascii
from typing import Any, NamedTuple

import orjson

from sandbox.comparing import SearchError

LARGEST = 2**62
"""Numbers that SQLite has."""


def cursor(place: str) -> str:
    """The place of a page in an address."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(text: str) -> str:
    """The place that a cursor stands for. Raises SearchError."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError) as wrong:
        raise SearchError("_cursor", "is none of this server's") from wrong


class Place(NamedTuple):
    """Where a page ended: ``begun`` is the number of the store's last change when the first page was made, ``keys`` what
    the last entry was sorted by, ``number`` its own; ``total`` what the first page told."""

    begun: int
    total: int | None
    keys: tuple[Any, ...]
    number: int


def write(place: Place) -> str:
    """The cursor of a place."""
    return cursor(orjson.dumps(tuple(place)).decode())


def read(text: str, *, keys: int) -> Place:
    """The place of a cursor that has so many keys. Raises SearchError."""
    try:
        said = orjson.loads(place_of(text))  # not FHIR: our own
    except orjson.JSONDecodeError as wrong:
        raise SearchError("_cursor", "is none of this server's") from wrong
    if not isinstance(said, list) or len(said) != 4 or not isinstance(said[2], list) or len(said[2]) != keys:
        raise SearchError("_cursor", "is none of this server's")
    begun, total, found, number = said
    whole = _counts(begun) and _counts(number) and (total is None or _counts(total))
    if not whole or not all(each is None or type(each) in (float, str) or _counts(each) for each in found):
        raise SearchError("_cursor", "is none of this server's")
    return Place(begun, total, tuple(found), number)


def _counts(value: Any) -> bool:
    return type(value) is int and abs(value) < LARGEST
