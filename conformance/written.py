"""What a run made at the server under test, read from its exchanges, so that it can be taken away again."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence import Exchange


def made(base: str, exchange: Exchange) -> Iterator[str]:
    """The addresses below ``base`` of what this exchange created, without versions."""
    if not exchange.url.startswith(base) or exchange.incoming:
        return
    if exchange.status == 201 and exchange.method in ("POST", "PUT", "PATCH"):
        location = exchange.headers.get("location") or (exchange.url if exchange.method == "PUT" else "")
        yield from _address(base, location)
    if exchange.status == 200 and exchange.method == "POST" and exchange.url.rstrip("/") == base:
        for entry in exchange.table.get("entry", ()):
            answer: Any = entry.get("response") if isinstance(entry, dict) else None
            if isinstance(answer, dict) and str(answer.get("status", "")).startswith("201"):
                yield from _address(base, str(answer.get("location", "")))


def _address(base: str, location: str) -> Iterator[str]:
    """``Type/id`` of a location, absolute or relative, as an address; none of another place."""
    path = location.removeprefix(base) if location.startswith(base) else location
    if "://" in path:
        path = urlsplit(path).path.removeprefix(urlsplit(base).path)
    words = path.partition("/_history")[0].strip("/").split("/")
    if len(words) == 2 and words[0][:1].isupper() and words[1]:
        yield f"{base}/{words[0]}/{words[1]}"


def taken_away(base: str, exchange: Exchange) -> str | None:
    """The address that this exchange deleted."""
    gone = exchange.method == "DELETE" and exchange.status in (200, 204) and exchange.url.startswith(base)
    return exchange.url.partition("?")[0] if gone else None


def registered(exchange: Exchange) -> tuple[str, str] | None:
    """The address and the token with which a client that was registered can be removed (RFC 7592 §2.3)."""
    said = exchange.table
    address, token = said.get("registration_client_uri"), said.get("registration_access_token")
    if exchange.method == "POST" and exchange.status == 201 and isinstance(address, str) and isinstance(token, str):
        return address, token
    return None
