"""What an EHR kept of what it was sent: the FHIRPaths of elements that came back lost or changed.

Only what was sent is looked for: an EHR may add. What every server sets itself is left out.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from r4 import codec
from vocabulary.instant import parse_instant

SERVERS_OWN = frozenset({"id", "meta.versionId", "meta.lastUpdated", "text"})
"""Elements a server may set or replace: its id, its version, its narrative."""


ADDED = ("versionId", "lastUpdated", "source")


def as_sent(sent: bytes, kept: dict[str, Any]) -> bool:
    """Whether what is kept is what was sent to the byte, but for what a server adds to ``meta``: then nothing needs comparing.
    False says nothing."""
    meta = kept.get("meta")
    if isinstance(meta, dict):
        own = {name: value for name, value in meta.items() if name not in ADDED}
        kept = {**kept, "meta": own}
    return codec.format(kept) == sent


def compare(sent: dict[str, Any], kept: dict[str, Any]) -> tuple[str, ...]:
    """The paths (``Observation.component[1].valueQuantity``) of what was sent and is not kept as it was said. Decimals
    are compared by their digits (1.50 is not 1.5), points in time by the instant, references by what they point at."""
    type = str(sent.get("resourceType", ""))
    other = {
        name: value
        for name, value in sent.items()
        if name not in kept or codec.format(value) != codec.format(kept[name])
    }
    return tuple(
        f"{type}.{path}" if path else type
        for path in _lost(other, kept, "")
        if path not in SERVERS_OWN and path != "resourceType"
    )


def _lost(sent: Any, kept: Any, path: str) -> Iterator[str]:
    if isinstance(sent, dict):
        yield from _lost_members(sent, kept, path) if isinstance(kept, dict) else (path,)
    elif isinstance(sent, list):
        yield from _lost_items(sent, kept, path) if isinstance(kept, list) else (path,)
    elif not _same(sent, kept, path):
        yield path


def _lost_members(sent: dict[str, Any], kept: dict[str, Any], path: str) -> Iterator[str]:
    for name, value in sent.items():
        below = f"{path}.{name}" if path else name
        if name not in kept:
            yield below
        else:
            yield from _lost(value, kept[name], below)


def _lost_items(sent: list[Any], kept: list[Any], path: str) -> Iterator[str]:
    """An item is kept when any item of the answer holds all of it, wherever it stands; else it is compared with the
    one in its place, and is lost when there is none."""
    free = list(range(len(kept)))
    left: list[int] = []
    for index, item in enumerate(sent):
        place = next((other for other in free if not any(_lost(item, kept[other], f"{path}[{index}]"))), None)
        if place is None:
            left.append(index)
        else:
            free.remove(place)
    for index in left:
        below = f"{path}[{index}]"
        if index in free:
            free.remove(index)
            yield from _lost(sent[index], kept[index], below)
        else:
            yield below


def _same(sent: Any, kept: Any, path: str) -> bool:
    if isinstance(sent, bool) or isinstance(kept, bool) or sent is None or kept is None:
        return sent is kept
    if isinstance(sent, int | Decimal) and isinstance(kept, int | Decimal):
        return _digits(Decimal(sent)) == _digits(Decimal(kept))
    if not isinstance(sent, str) or not isinstance(kept, str):
        return False
    if sent == kept:
        return True
    if path.endswith("reference"):
        found = kept if "/_history/" in sent else kept.partition("/_history/")[0]
        return found == sent or found.endswith(
            f"/{sent}"
        )  # the same address from the server's root, or a version of it
    return _instant(sent) is not None and _instant(sent) == _instant(kept)


def _digits(value: Decimal) -> tuple[int, tuple[int, ...], int]:
    """Sign, digits and exponent, with 1e2 and 100 alike: FHIR counts the digits after the point as meant."""
    sign, digits, exponent = value.as_tuple()
    places = exponent if isinstance(exponent, int) else 0
    return (sign, digits + (0,) * places, 0) if 0 < places < 40 else (sign, digits, places)


def _instant(text: str) -> float | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None
