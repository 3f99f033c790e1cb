"""Edge: the ``Sender`` over aiohttp: pooled connections, bounded time and size, no redirect, no proxy, no repeat.

aiohttp, because it costs a sixth of httpx2's CPU per request (docs/decisions/0002). Its own habit of sending PUT again
on a connection that broke is switched off: whether an unanswered write was processed is for the outbox to find out.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from writeback.answers import Answer
from writeback.errors import AnswerLost, NoToken, SendFailed, Unsent

SECONDS = 10.0
CONNECT_SECONDS = 5.0
BYTES = 8 * 1024 * 1024
KEPT_OPEN = 4.0
"""Seconds that an idle connection is kept: shorter than servers do, so that none is used that is just being closed."""

_UNSENT = (
    aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, aiohttp.ClientHttpProxyError,
)  # fmt: skip
"""What happens before anything of a request is sent; the last: a proxy refuses to connect."""

Permits = Callable[[str], bool]


class Bearer(Protocol):
    """A source of access tokens; ``refused`` is one that was just answered with 401: not that one again. Raises
    ``SendFailed`` or any other exception when there is none; nothing has been sent then."""

    def __call__(self, *, refused: str | None = None) -> Awaitable[str]: ...


class HttpSender:
    """One FHIR base with one bearer. ``session`` is shared by all senders of an EHR (``open_session``)."""

    def __init__(self, *, base: str, session: aiohttp.ClientSession, bearer: Bearer | None = None) -> None:
        self.base = base.rstrip("/")
        self._session, self._bearer = session, bearer

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``sending.Sender``. A path that would leave the base is not sent."""
        if path.startswith("/") or "://" in path or ".." in path.split("?")[0].split("/"):
            raise Unsent("a request was about to leave the EHR's own address")
        url = URL(f"{self.base}/{path}", encoded=True)
        token = await self._token()
        answer = await self._attempt(method, url, headers, body, token)
        if answer.status != 401 or token is None:
            return answer
        return await self._attempt(method, url, headers, body, await self._token(refused=token))

    async def _token(self, refused: str | None = None) -> str | None:
        if self._bearer is None:
            return None
        try:
            return await self._bearer(refused=refused)
        except SendFailed:
            raise
        except Exception as failure:
            raise NoToken(f"no token: {type(failure).__name__}") from failure

    async def _attempt(
        self, method: str, url: URL, headers: Mapping[str, str] | None, body: bytes | None, token: str | None
    ) -> Answer:
        armed = {**(headers or {}), "accept-encoding": "identity"}
        if token is not None:
            armed["authorization"] = f"Bearer {token}"
        try:
            return await self._once(method, url, armed, body)
        except AnswerLost:
            if method != "GET":
                raise
            return await self._once(method, url, armed, body)

    async def _once(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            async with self._session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                data = await _bounded(response)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status, headers=found, body=data)
        except _UNSENT as failure:
            raise Unsent("the EHR could not be reached") from failure
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            if isinstance(failure, SendFailed):
                raise
            raise AnswerLost("the EHR's answer did not come") from failure


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body, unless it is longer than any honest one."""
    if (response.content_length or 0) > BYTES:
        raise AnswerLost("the answer is too long to be one")
    if response.content_length is not None:
        return await response.read()
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > BYTES:
            raise AnswerLost("the answer is too long to be one")
    return bytes(data)


class _Silence(aiohttp.ClientError):
    """A connection broke after the request was written. Not one of the errors after which aiohttp repeats a request."""


async def _never_repeat(
    request: aiohttp.ClientRequest, send: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as failure:
        raise _Silence from failure


class CheckedResolver(AbstractResolver):
    """Resolves a name and gives only the addresses that are permitted; aiohttp then connects to exactly these."""

    def __init__(self, permits: Permits) -> None:
        self._permits, self._inner = permits, aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError when no permitted address is left."""
        found = [entry for entry in await self._inner.resolve(host, port, family) if self._permits(entry["host"])]
        if not found:
            raise OSError("the EHR's name leads to no network it was registered with")
        return found

    async def close(self) -> None:
        """Nothing is held."""


def open_session(
    *, base: str, permits: Permits | None = None, connections: int = 64, trust: ssl.SSLContext | None = None,
    proxy: str | None = None,
) -> aiohttp.ClientSession:  # fmt: skip
    """The connection pool of one EHR. ``permits`` says of an IP address, as text, whether it may be connected to;
    None permits all. ``trust`` verifies the EHR's certificate, None by the system's authorities. ``proxy``
    (``http://host:port``) is what is connected to instead, so that ``permits`` is asked about its address.
    Raises Unsent when the base, or the proxy, itself is an address that is not permitted."""
    host = URL(proxy or base).host or ""
    if permits is not None and _is_address(host) and not permits(host):
        raise Unsent("the EHR's address is in no network it was registered with")
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections,
            keepalive_timeout=KEPT_OPEN,
            resolver=None if permits is None else CheckedResolver(permits),
            ttl_dns_cache=30,
            ssl=trust or True,
        ),
        timeout=aiohttp.ClientTimeout(total=SECONDS, connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        proxy=proxy,
        middlewares=(_never_repeat,),
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
