"""From a planned body to the bytes that are sent: references to other deliveries get their locations.

A delivery that will never be at the EHR leaves its words behind: the reference goes, its display stays, and the loss
is recorded.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from r4 import codec
from vocabulary.write import PLACEHOLDER, DeliveryState


class Need(Struct, frozen=True, kw_only=True, gc=False):
    """What became of a delivery that another one refers to. ``location`` is ``Type/id``."""

    state: DeliveryState
    location: str | None = None
    version: str | None = None


class Rendered(Struct, frozen=True, kw_only=True, gc=False):
    """The bytes to send and the paths that had to be left out."""

    body: bytes
    losses: tuple[str, ...] = ()


_PLACE = f'"{PLACEHOLDER}'.encode()


def render(body: bytes, needs: Mapping[str, Need]) -> Rendered:
    """Puts locations in the place of placeholders. Keys are hexadecimal, so that the placeholders can be found in the
    bytes; only a reference that has to be dropped needs the body read."""
    gone = [key for key, need in needs.items() if need.location is None]
    losses: tuple[str, ...] = ()
    if gone:
        document, losses = without(codec.parse(body), gone)
        body = codec.format(document)
    first, *others = body.split(_PLACE)
    return Rendered(body=b"".join([first, *(_placed(other, needs) for other in others)]), losses=losses)


def _placed(text: bytes, needs: Mapping[str, Need]) -> bytes:
    """What followed a placeholder's beginning, with the location in its place."""
    name, _, rest = text.partition(b'"')
    key, _, version = name.decode().partition("#")
    need = needs.get(key)
    if need is None or need.location is None or version not in ("", "version"):
        return _PLACE + text
    versioned = version and need.version is not None
    location = f"{need.location}/_history/{need.version}" if versioned else need.location
    return b'"%b"%b' % (location.encode(), rest)


def without(body: dict[str, Any], keys: Iterable[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without its references to these deliveries, and the paths of the references. ``body`` stays as it is."""
    wanted = tuple(f"{PLACEHOLDER}{key}" for key in keys)
    if not wanted:
        return body, ()
    losses: list[str] = []
    return _strip(body, wanted, str(body.get("resourceType", "")), losses), tuple(losses)


def _strip(value: Any, wanted: tuple[str, ...], path: str, losses: list[str]) -> Any:
    if isinstance(value, list):
        return [_strip(item, wanted, f"{path}[{index}]", losses) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    reference = value.get("reference")
    if isinstance(reference, str) and reference.partition("#")[0] in wanted:
        losses.append(f"{path}.reference")
        value = {name: member for name, member in value.items() if name != "reference"}
    return {name: _strip(member, wanted, f"{path}.{name}", losses) for name, member in value.items()}
