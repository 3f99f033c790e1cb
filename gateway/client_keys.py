"""Edge: fetches the key set of a SMART client from its ``jwks_uri``, within limits that a hostile client cannot stretch."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from auth.errors import OAuthError
from auth.keys import KeySet, parse_key_set
from auth.server.clients import Client
from gateway.reachable import PinnedTransport

SECONDS, BYTES = 5.0, 256 * 1024
LIFE = (60.0, 3600.0)
"""Seconds a key set is kept, at least and at most; ``Cache-Control: max-age`` decides between."""
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")
_MAX_AGE = re.compile(r"max-age=(\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: KeySet
    fetched: float
    expires: float


class ClientKeys:
    """The key sets of one EHR's clients, inline or fetched. ``loopback`` lets a ``jwks_uri`` be on this machine."""

    def __init__(self, *, clock: Callable[[], float], loopback: bool) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._client = httpx2.AsyncClient(
            transport=PinnedTransport(LOOPBACK_NETWORKS if loopback else ()), follow_redirects=False, trust_env=False
        )

    async def find(self, client: Client, *, kid: str | None) -> KeySet:
        """The client's keys. An unknown ``kid`` makes it fetch again, once a minute at most. Raises OAuthError."""
        if client.jwks is not None:
            return parse_key_set(client.jwks)
        url, now = client.jwks_uri or "", self._clock()
        kept = self._kept.get(url)
        stale = kept is None or kept.expires <= now
        unknown = (
            kept is not None and kid is not None and kid not in kept.keys.key_ids and kept.fetched + LIFE[0] <= now
        )
        if kept is None or stale or unknown:
            kept = self._kept[url] = await self._fetch(url, now)
        return kept.keys

    async def _fetch(self, url: str, now: float) -> _Kept:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._client.stream("GET", url, headers={"accept": "application/json"}) as reply,
            ):
                if reply.status_code != 200:
                    raise _unavailable()
                async for part in reply.aiter_raw():
                    body += part
                    if len(body) > BYTES:
                        raise _unavailable()
            keys = parse_key_set(bytes(body))
        except (httpx2.HTTPError, TimeoutError, ValueError) as failure:
            raise _unavailable() from failure
        age = _MAX_AGE.search(reply.headers.get("cache-control", ""))
        life = min(max(float(age[1]) if age else LIFE[0], LIFE[0]), LIFE[1])
        return _Kept(keys=keys, fetched=now, expires=now + life)

    async def aclose(self) -> None:
        await self._client.aclose()


def _unavailable() -> OAuthError:
    return OAuthError("invalid_client", "the client's jwks_uri cannot be read from here", status=401)
