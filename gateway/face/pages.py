"""Further pages: a store's own cursor goes out sealed, and comes back as the request that it belongs to."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from auth.server.grants import Grant
from gateway.face.guarding import Means
from gateway.face.paging import LIFE, Place
from r4.criteria import PAGE
from r4.interaction import Answer, Interaction
from sandbox.answering import refusal

CURSOR = "_cursor"
UNKNOWN = refusal(400, "not-supported", "The link to this page opens nothing. Search again.", element=PAGE)


def resume(i: Interaction, grant: Grant, means: Means) -> tuple[Interaction, str | None] | Answer:
    """The request as it was first made, and where to go on; the request itself when it is a first one."""
    said = [value for name, value in i.query if name == PAGE]
    if not said:
        return i, None
    place = means.pages.unseal(said[0], grant=grant.id, now=means.now)
    if place is None or _address(i) != (place.action, place.operation, place.type, place.id, place.compartment):
        return UNKNOWN
    return _with_query(i, place.query), place.cursor


def _with_query(i: Interaction, query: tuple[tuple[str, str], ...]) -> Interaction:
    return Interaction(
        action=i.action, operation=i.operation, type=i.type, id=i.id, compartment=i.compartment, query=query
    )


def _address(i: Interaction) -> tuple[str, str | None, str | None, str | None, str | None]:
    return i.action, i.operation, i.type, i.id, i.compartment


def next_link(i: Interaction, cursor: str, grant: Grant, means: Means) -> dict[str, str]:
    """The link to the page at the cursor; ``i`` is the request as it was first made."""
    place = Place(*_address(i), query=_asked(i), cursor=cursor, expires=means.now + LIFE)
    sealed_place = means.pages.seal(place, grant=grant.id)
    return {"relation": "next", "url": f"{here(i, means)}?{urlencode({PAGE: sealed_place})}"}


def here(i: Interaction, means: Means) -> str:
    """The address of a search, history or operation."""
    parts = ["Patient", i.compartment, i.type] if i.compartment is not None else [i.type, i.id]
    parts += ["_history"] if i.action == "history" else [i.operation]
    return "/".join([means.base, *(part for part in parts if part is not None)])


def _asked(i: Interaction) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in i.query if pair[0] != CURSOR)


def sealed(i: Interaction, bundle: Mapping[str, Any], grant: Grant, means: Means) -> list[dict[str, str]]:
    """The links of a page: itself as it was asked, and the next one when the store has one."""
    asked = _asked(i)
    links = [{"relation": "self", "url": here(i, means) + (f"?{urlencode(asked)}" if asked else "")}]
    cursor = cursor_of(bundle)
    return [*links, next_link(i, cursor, grant, means)] if cursor else links


def cursor_of(bundle: Mapping[str, Any]) -> str:
    """The store's own cursor to the next page, or nothing."""
    for link in bundle.get("link") or ():
        if link.get("relation") == "next":
            return next((value for name, value in parse_qsl(urlsplit(link["url"]).query) if name == CURSOR), "")
    return ""
