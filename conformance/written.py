"""What a run made at the server under test, read from its exchanges, so that it can be taken away again."""

from collections.abc import Iterator
from typing import Any

from conformance.evidence import Exchange, split


def made(base: str, exchange: Exchange) -> Iterator[str]:
    """The addresses below ``base`` of what this exchange created, without versions."""
    if not exchange.url.startswith(base) or exchange.incoming:
        return
    if exchange.status == 201 and exchange.method in ("POST", "PUT", "PATCH"):
        location = exchange.headers.get("location") or (exchange.url if exchange.method == "PUT" else "")
        yield from _address(base, location) or _told(base, exchange)
    if exchange.status == 200 and exchange.method == "POST" and exchange.url.rstrip("/") == base:
        found = exchange.table.get("entry")
        for entry in found if isinstance(found, list) else ():
            answer: Any = entry.get("response") if isinstance(entry, dict) else None
            if isinstance(answer, dict) and str(answer.get("status", "")).startswith("201"):
                yield from _address(base, str(answer.get("location", "")))


def _address(base: str, location: str) -> list[str]:
    """``Type/id`` of a location, absolute, from the root or from the base, as an address; none of another place."""
    place, own = split(location), split(base)
    if "://" in location and not (place.netloc == own.netloc or place.path.startswith(f"{own.path}/")):
        return []
    words = place.path.removeprefix(own.path).partition("/_history")[0].strip("/").split("/")
    known = len(words) == 2 and words[0][:1].isupper() and words[1]
    return [f"{base}/{words[0]}/{words[1]}"] if known else []


def _told(base: str, exchange: Exchange) -> list[str]:
    """What was made, by the resource that came instead of a Location."""
    type, id = exchange.table.get("resourceType"), exchange.table.get("id")
    return [f"{base}/{type}/{id}"] if exchange.url.partition("?")[0] == f"{base}/{type}" and isinstance(id, str) else []


def taken_away(base: str, exchange: Exchange) -> str | None:
    """The address that this exchange deleted."""
    gone = exchange.method == "DELETE" and exchange.status in (200, 204) and exchange.url.startswith(base)
    return exchange.url.partition("?")[0] if gone else None


def enrolled(exchange: Exchange) -> bool:
    """Whether a client was registered (RFC 7591 §3.2.1)."""
    asked = b"token_endpoint_auth_method" in exchange.content or b"redirect_uris" in exchange.content
    told = isinstance(exchange.table.get("client_id"), str) and not exchange.incoming
    return exchange.method == "POST" and exchange.status in (200, 201) and asked and told


def registered(exchange: Exchange) -> tuple[str, str] | None:
    """The address and the token with which a client that was registered can be removed (RFC 7592 §2.3)."""
    said = exchange.table
    address, token = said.get("registration_client_uri"), said.get("registration_access_token")
    fine = exchange.status in (200, 201) and not exchange.incoming
    if exchange.method == "POST" and fine and isinstance(address, str) and isinstance(token, str):
        return address, token
    return None
