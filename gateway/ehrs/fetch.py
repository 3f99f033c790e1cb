"""Edge: the app side's outgoing HTTP to registered EHRs: discovery, key sets, token requests, armed clients.

Every fetch is bounded: the EHR's own origins and networks, no redirect, no proxy from the environment, five seconds
and 256 kB in all. What cannot be had is EhrUnavailable, what cannot be read EhrFault.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import httpx2

from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, EhrUnavailable
from auth.client.requests import TokenRequest
from auth.client.tokens import TokenReply
from auth.discovery import DiscoveryError, SmartConfiguration, issuer_keys
from auth.discovery import parse as parse_configuration
from auth.keys import KeySet, parse_key_set
from gateway.ehrs.reachable import EhrTransport, Unreachable, transport_to
from gateway.vendors import sign_in_rules
from writeback.retry import parse_retry_after

SECONDS = 5.0
BYTES = 256 * 1024
CONFIGURATION_LIFE = 300.0
KEYS_LIFE = (60.0, 300.0, 3600.0)
"""Seconds that a key set is kept: at least, when ``Cache-Control`` does not say, at most."""
REFETCH = 60.0
"""Seconds between fetches of a key set for a key id it does not hold: an attacker can invent key ids without end."""
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])", re.IGNORECASE)

T = TypeVar("T")
MakeTransport = Callable[[RegisteredEhr], httpx2.AsyncBaseTransport]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """An answer of at most ``BYTES``; header names are lower case."""

    status: int
    headers: httpx2.Headers
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept(Generic[T]):
    value: T
    fetched: float
    expires: float


class Reach:
    """One for the process. ``transport`` is the seam for tests; by default names are resolved, checked and pinned.
    ``seconds`` bounds a whole fetch."""

    def __init__(
        self, *, clock: Callable[[], float], transport: MakeTransport | None = None, seconds: float = SECONDS
    ) -> None:
        self._clock, self._seconds = clock, seconds
        self._transport = transport or transport_to
        self._clients: dict[RegisteredEhr, httpx2.AsyncClient] = {}
        self._configurations: dict[tuple[str, str], _Kept[SmartConfiguration]] = {}
        self._key_sets: dict[tuple[str, str], _Kept[KeySet]] = {}
        self._providers: dict[tuple[str, str], _Kept[Fetched]] = {}
        self._under_way: dict[tuple[str, str], asyncio.Future[Any]] = {}
        for name in ("httpx2", "httpcore2"):  # they log whole addresses, which hold patients' ids and codes
            logging.getLogger(name).setLevel(logging.WARNING)

    def client(self, ehr: RegisteredEhr) -> httpx2.AsyncClient:
        """The client for this EHR, shared: it reaches the EHR's own origins, and sends a bearer below its FHIR base
        only. Arm a call with ``auth=SmartAuth(…)``."""
        if ehr not in self._clients:
            self._clients[ehr] = httpx2.AsyncClient(
                transport=EhrTransport(ehr, self._transport(ehr)),
                follow_redirects=False,
                trust_env=False,
                timeout=httpx2.Timeout(30.0, connect=SECONDS),
            )
        return self._clients[ehr]

    def anew(self) -> "Reach":
        """Another one with the same seams that remembers nothing: for whoever wants to know how an EHR is now."""
        return Reach(clock=self._clock, transport=self._transport, seconds=self._seconds)

    async def look(self, ehr: RegisteredEhr, url: str, *, limit: int = BYTES) -> Fetched:
        """One answer of the EHR, whatever it is, asked for without any token. Raises EhrFault and EhrUnavailable."""
        return await self._fetch(ehr, "GET", url, headers={}, limit=limit)

    async def aclose(self) -> None:
        """Closes every client."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def configuration(self, ehr: RegisteredEhr) -> SmartConfiguration:
        """The EHR's SMART configuration, kept for five minutes. Raises EhrFault and EhrUnavailable."""

        async def fetch(now: float) -> _Kept[SmartConfiguration]:
            answer = await self._get(ehr, well_known(ehr.issuer, "smart-configuration"), "SMART configuration")
            try:
                value = parse_configuration(
                    answer.body, iss=ehr.issuer, plain_challenge=sign_in_rules(ehr.vendor).plain_challenge
                )
            except DiscoveryError as failure:
                raise EhrFault("The EHR's SMART configuration cannot be used.", str(failure)) from failure
            return _Kept(value=value, fetched=now, expires=now + CONFIGURATION_LIFE)

        return await self._shared((ehr.name, ehr.issuer), self._configurations, lambda kept, now: True, fetch)

    def forget(self, ehr: RegisteredEhr) -> None:
        """What was kept of its configuration turned out to be of no use: it is fetched again the next time."""
        self._configurations.pop((ehr.name, ehr.issuer), None)

    async def openid_keys(self, ehr: RegisteredEhr, issuer: str) -> str:
        """Where an issuer says that its keys are, by its own OpenID configuration. Raises EhrFault, EhrUnavailable."""
        answer = await self._get(ehr, well_known(issuer, "openid-configuration"), "OpenID configuration")
        try:
            return issuer_keys(answer.body, issuer=issuer)
        except DiscoveryError as failure:
            raise EhrFault("The EHR's OpenID configuration cannot be used.", str(failure)) from failure

    async def provider(self, ehr: RegisteredEhr) -> Fetched:
        """The OpenID configuration of a sign-in provider, as it came, kept for five minutes: whoever opens the sign-in page
        makes nobody ask the provider again. Raises EhrFault, EhrUnavailable."""

        async def fetch(now: float) -> _Kept[Fetched]:
            answer = await self._get(ehr, well_known(ehr.issuer, "openid-configuration"), "OpenID configuration")
            return _Kept(value=answer, fetched=now, expires=now + CONFIGURATION_LIFE)

        return await self._shared((ehr.name, ehr.issuer), self._providers, lambda kept, now: True, fetch)

    async def key_set(self, ehr: RegisteredEhr, url: str, *, key_id: str | None) -> KeySet:
        """The EHR's public keys, kept as long as it says (one minute to one hour). A key id that is not among them
        makes it fetch again, once a minute at most. Raises EhrFault and EhrUnavailable."""

        def good(kept: _Kept[KeySet], now: float) -> bool:
            return key_id is None or key_id in kept.value.key_ids or now < kept.fetched + REFETCH

        async def fetch(now: float) -> _Kept[KeySet]:
            answer = await self._get(ehr, url, "key set")
            try:
                value = parse_key_set(answer.body)
            except ValueError as failure:
                raise EhrFault("The EHR's key set cannot be used.", "Tell whoever runs the EHR.") from failure
            return _Kept(value=value, fetched=now, expires=now + key_life(answer.headers.get("cache-control", "")))

        return await self._shared((ehr.name, url), self._key_sets, good, fetch)

    async def _shared(
        self, key: tuple[str, str], kept: dict[tuple[str, str], _Kept[T]], good: Callable[[_Kept[T], float], bool],
        fetch: Callable[[float], Awaitable[_Kept[T]]],
    ) -> T:  # fmt: skip
        """What is kept, if it is still good; otherwise fetched, once however many ask meanwhile: they share the answer,
        and the failure too."""
        found, now = kept.get(key), self._clock()
        if found is not None and now < found.expires and good(found, now):
            return found.value
        if key not in self._under_way:

            async def fill() -> T:
                kept[key] = await fetch(now)
                return kept[key].value

            self._under_way[key] = asyncio.ensure_future(fill())
            self._under_way[key].add_done_callback(partial(self._settled, key))
        value: T = await asyncio.shield(self._under_way[key])
        return value

    def _settled(self, key: tuple[str, str], done: asyncio.Future[Any]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; a failure that nobody waits for any more is no news

    async def send(self, ehr: RegisteredEhr, request: TokenRequest) -> TokenReply:
        """Posts a token request. Raises EhrUnavailable when no whole answer came."""
        answer = await self._fetch(ehr, "POST", request.url, headers=dict(request.headers), form=dict(request.form))
        return TokenReply(status=answer.status, body=answer.body, retry_after=self._wish(answer.headers))

    def _wish(self, headers: httpx2.Headers) -> float | None:
        """Seconds that the answer asks to wait, when it says so."""
        return parse_retry_after(headers.get("retry-after"), self._clock())

    async def _get(self, ehr: RegisteredEhr, url: str, what: str) -> Fetched:
        answer = await self._fetch(ehr, "GET", url, headers={})
        if answer.status == 429 or answer.status >= 500:
            raise EhrUnavailable(f"The EHR cannot give its {what} now.", retry_after=self._wish(answer.headers))
        if answer.status != 200:
            raise EhrFault(f"The EHR has no {what} at its address.", "Check the address in this EHR's registration.")
        return answer

    async def _fetch(
        self, ehr: RegisteredEhr, method: str, url: str, *, headers: dict[str, str], form: dict[str, str] | None = None,
        limit: int = BYTES,
    ) -> Fetched:  # fmt: skip
        headers = {"accept": "application/json", "accept-encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self.client(ehr).stream(method, url, headers=headers, data=form) as response,
            ):
                body = await _bounded(response, limit)
                return Fetched(status=response.status_code, headers=response.headers, body=body)
        except (Unreachable, httpx2.InvalidURL) as failure:
            raise EhrFault(
                "An address of the EHR lies outside what it was registered with.", "Check its networks and origins."
            ) from failure
        except (TimeoutError, httpx2.HTTPError) as failure:
            raise EhrUnavailable("The EHR did not answer.") from failure


async def _bounded(response: httpx2.Response, limit: int) -> bytes:
    """The body, unless it is longer than any honest one, or packed although nobody offered to unpack it."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise EhrFault("The EHR's answer is packed in a way that was not asked for.", "Tell whoever runs the EHR.")
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > limit:
            raise EhrFault("The EHR's answer is too long to be one.", "Tell whoever runs the EHR.")
    return bytes(body)


def key_life(cache_control: str) -> float:
    """Seconds to keep a key set."""
    found = _MAX_AGE.search(cache_control)
    shortest, usual, longest = KEYS_LIFE
    return min(max(float(found[1]), shortest), longest) if found else usual


def well_known(base: str, name: str) -> str:
    """A document's address below a base."""
    return f"{base.rstrip('/')}/.well-known/{name}"
