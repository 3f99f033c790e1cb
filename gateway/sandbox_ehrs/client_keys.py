"""Edge: fetches the key set of a SMART client from its ``jwks_uri``, within limits that a hostile client cannot stretch."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from auth.client.ehr import is_loopback
from auth.errors import OAuthError
from auth.keys import KeySet, parse_key_set
from auth.server.clients import Client
from gateway.ehrs.reachable import PinnedTransport

SECONDS, BYTES = 5.0, 256 * 1024
USUAL, LONGEST = 60.0, 3600.0
"""Seconds a key set is kept when its ``Cache-Control`` does not say, and at most; never longer than it says (SMART App
Launch 2.2 client-confidential-asymmetric §signature-verification)."""
REFETCH = 60.0
"""Seconds between fetches of a kept key set for a key id that it does not hold: anybody can invent key ids."""
FAILED = 10.0
"""Seconds that an address which gave no key set is left alone."""
KEPT_LIMIT = 1000
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
_DIRECTIVE = re.compile(r"\s*([a-z-]+)\s*(?:=\s*\"?(\d{1,9})\"?)?\s*")


@dataclass(frozen=True, slots=True)
class _Kept:
    """``keys`` is None for an address that gave none."""

    keys: KeySet | None
    fetched: float
    expires: float


class ClientKeys:
    """The key sets of one EHR's clients, inline or fetched. ``loopback`` lets a ``jwks_uri`` be on this machine.
    ``transports`` is the seam for tests: the transport for public addresses, and the one for this machine."""

    def __init__(
        self, *, clock: Callable[[], float], loopback: bool, seconds: float = SECONDS,
        transports: tuple[httpx2.AsyncBaseTransport, httpx2.AsyncBaseTransport] | None = None,
    ) -> None:  # fmt: skip
        self._clock, self._loopback, self._seconds = clock, loopback, seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}
        public, local = transports or (PinnedTransport(()), PinnedTransport(LOOPBACK_NETWORKS))
        self._clients: Mapping[bool, httpx2.AsyncClient] = {
            on_loopback: httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)
            for on_loopback, transport in ((False, public), (True, local))
        }

    async def find(self, client: Client, *, kid: str | None) -> KeySet:
        """The client's keys. An unknown ``kid`` makes it fetch again, once a minute at most. Raises OAuthError."""
        if client.jwks is not None:
            return parse_key_set(client.jwks)
        url, asked = client.jwks_uri or "", self._clock()
        kept = self._kept.get(url)
        if kept is None or not self._fresh(kept, kid, asked):
            kept = await self._in_turn(url, kid, asked)
        if kept.keys is None:
            raise OAuthError("invalid_client", "the client's jwks_uri cannot be read from here", status=401)
        return kept.keys

    def _fresh(self, kept: _Kept, kid: str | None, now: float) -> bool:
        """Whether what is kept is good for this key id now."""
        unknown = kept.keys is not None and kid is not None and kid not in kept.keys.key_ids
        return now < kept.expires and not (unknown and kept.fetched + REFETCH <= now)

    async def _in_turn(self, url: str, kid: str | None, asked: float) -> _Kept:
        """Fetches, one at a time for each address; who waited takes what was fetched in the meantime."""
        turn = self._turns.setdefault(url, asyncio.Lock())
        waited = turn.locked()
        async with turn:
            kept = self._kept.get(url)
            if kept is None or not (self._fresh(kept, kid, self._clock()) or (waited and asked <= kept.fetched)):
                kept = self._kept[url] = await self._fetch(url)
                self._kept.move_to_end(url)
                while len(self._kept) > KEPT_LIMIT:
                    self._turns.pop(self._kept.popitem(last=False)[0], None)
        return kept

    async def _fetch(self, url: str) -> _Kept:
        now = self._clock()
        try:
            keys, life = await asyncio.wait_for(self._read(url), self._seconds)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError):
            return _Kept(keys=None, fetched=now, expires=now + FAILED)
        return _Kept(keys=keys, fetched=now, expires=now + life)

    async def _read(self, url: str) -> tuple[KeySet, float]:
        """The key set and the seconds that it may be kept. Raises ValueError and httpx2's own."""
        body = bytearray()
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        local = self._loopback and is_loopback(urlsplit(url).hostname or "")
        async with self._clients[local].stream("GET", url, headers=headers) as reply:
            if reply.status_code != 200:
                raise ValueError("no key set is there")
            async for part in reply.aiter_raw():
                body += part
                if len(body) > BYTES:
                    raise ValueError("a key set is not that long")
        return parse_key_set(bytes(body)), life_of(
            reply.headers.get("cache-control", ""), reply.headers.get("age", "0")
        )

    async def aclose(self) -> None:
        """Closes the clients."""
        for client in self._clients.values():
            await client.aclose()


def life_of(cache_control: str, age: str = "0") -> float:
    """Seconds that an answer may be kept (RFC 9111 §5.2.2): what ``max-age`` leaves after ``Age``, nothing when it says
    ``no-store`` or ``no-cache`` or cannot be read, ``USUAL`` when it says nothing."""
    said: dict[str, str | None] = {}
    for part in cache_control.lower().split(","):
        match = _DIRECTIVE.fullmatch(part)
        if match is not None:
            said[match[1]] = match[2]
    if {"no-store", "no-cache"} & set(said):
        return 0.0
    if "max-age" not in said:
        return USUAL if "max-age" not in cache_control.lower() else 0.0
    spent = float(age) if age.isdecimal() and len(age) < 10 else 0.0
    return min(max(float(said["max-age"] or 0) - spent, 0.0), LONGEST)
