"""Edge: HTTP to the server under test: bounded, no redirect followed, nothing from the environment; all of it remembered."""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2

from conformance import patience
from conformance.evidence import Exchange
from conformance.written import enrolled, made, registered, taken_away

SECONDS = 15.0
BYTES = 8 * 1024 * 1024
FHIR = "application/fhir+json"
PLAIN = {"accept": "application/json"}


class CannotRun(RuntimeError):
    """The suite could not begin; the text says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    """How the server is reached. ``ca`` is a file of own authorities, ``certificate`` and ``key`` what we show of
    ourselves; ``seconds`` bound one request, ``rate`` requests a second (0: as fast as it goes)."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    proxy: str | None = None
    seconds: float = SECONDS
    rate: float = 0.0


class Probe:
    """One server under test; ``base`` is its FHIR base without a final slash. ``exchanges`` are all that passed,
    ``written`` the addresses that were made and are still there, with the token that made them, ``clients`` what was
    registered, with the token that removes it; ``unmanaged`` how many more there are that nothing removes."""

    def __init__(self, base: str, *, client: httpx2.AsyncClient, wire: Wire | None = None) -> None:
        self.base = base.rstrip("/")
        self.exchanges: list[Exchange] = []
        self.written: dict[str, str | None] = {}
        self.clients: dict[str, str] = {}
        self.unmanaged = 0
        self._client = client
        self._wire = wire or Wire()
        self._next = 0.0

    async def send(
        self, method: str, url: str, *, token: str | None = None, json: Any = None, form: Mapping[str, str] | None = None,
        content: bytes | None = None, headers: Mapping[str, str] | None = None,
    ) -> Exchange:  # fmt: skip
        """One request, to an absolute address or a path below the base, sent again for as long as the server asks for
        patience. An answer that does not come is CannotRun for the caller to turn into missing evidence."""
        address = url if url.startswith(("http://", "https://")) else f"{self.base}/{url}"
        armed = {"accept": FHIR, **(headers or {})}
        if token is not None:
            armed["authorization"] = f"Bearer {token}"
        given: dict[str, Any] = (
            {"json": json} if json is not None else {"data": dict(form)} if form is not None else {"content": content}
        )
        if content is not None or (json is not None and "content-type" not in armed and self.base in address):
            armed.setdefault("content-type", FHIR)
        tries = 0
        while True:
            tries += 1
            exchange = await self._once(method, address, armed, given, token)
            waits = patience.wait(exchange.status, exchange.headers, tries=tries, now=time.time())
            if waits is None:
                break
            self._next = max(self._next, time.monotonic() + waits)
        if exchange.status == 429:
            raise CannotRun(f"{method} is answered 429: the server asks for more patience; --rate N asks more slowly")
        return exchange

    async def _once(
        self, method: str, address: str, headers: Mapping[str, str], given: Mapping[str, Any], token: str | None
    ) -> Exchange:
        await self._pace()
        began, at = time.monotonic(), time.time()
        try:
            request = self._client.build_request(method, address, headers=headers, **given)
            async with asyncio.timeout(self._wire.seconds):
                reply, body = await self._ask(request)
        except UnicodeEncodeError as failure:  # what the server gave us stands in the address or a header
            raise CannotRun(f"{method} cannot be asked with what the server gave for it") from failure
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, UnicodeError, ValueError) as failure:
            raise CannotRun(_unanswered(method, failure)) from failure
        return self._keep(reply, body, request, token, at=at, seconds=time.monotonic() - began)

    async def _ask(self, request: httpx2.Request) -> tuple[httpx2.Response, bytes]:
        """The answer, and so much of its body as is looked at: one without end fills no memory."""
        reply, body = await self._client.send(request, stream=True), bytearray()
        try:
            async for part in reply.aiter_bytes():
                body += part
                if len(body) >= BYTES:
                    break
        finally:
            await reply.aclose()
        return reply, bytes(body[:BYTES])

    async def drop(
        self, method: str, url: str, *, token: str | None, json: Any, headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends a request and hangs up when it is sent, before the answer. What becomes of it is not known."""
        armed = {"accept": FHIR, "content-type": FHIR, **(headers or {})}
        if token is not None:
            armed["authorization"] = f"Bearer {token}"
        sent = asyncio.Event()

        async def trace(event: str, _: Any) -> None:
            if event.endswith("send_request_body.complete"):
                sent.set()

        request = self._client.build_request(
            method, f"{self.base}/{url}", headers=armed, json=json, extensions={"trace": trace}
        )
        going = asyncio.ensure_future(self._client.send(request))
        waiting = asyncio.ensure_future(sent.wait())
        await asyncio.wait({going, waiting}, timeout=self._wire.seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in (going, waiting):
            each.cancel()
        await asyncio.gather(going, waiting, return_exceptions=True)

    async def _pace(self) -> None:
        """Waits for this request's turn, and until the server has had the peace that it asked for."""
        now = time.monotonic()
        if self._wire.rate:
            self._next = max(now, self._next + 1 / self._wire.rate)
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def _keep(
        self, reply: httpx2.Response, body: bytes, request: httpx2.Request, token: str | None, *, at: float,
        seconds: float,
    ) -> Exchange:  # fmt: skip
        exchange = Exchange(
            method=request.method, url=str(request.url), status=reply.status_code, body=body,
            headers={name.lower(): value for name, value in reply.headers.items()}, seconds=seconds,
            sent={name.lower(): value for name, value in request.headers.items()}, content=request.content, at=at,
        )  # fmt: skip
        self.note(exchange, token)
        return exchange

    def note(self, exchange: Exchange, token: str | None = None) -> None:
        """Remembers an exchange, and what it made or took away."""
        self.exchanges.append(exchange)
        self.written.update(dict.fromkeys(made(self.base, exchange), token))
        if gone := taken_away(self.base, exchange):
            self.written.pop(gone, None)
        if exchange.method == "DELETE" and exchange.status in (200, 204):
            self.clients.pop(exchange.url, None)
        if client := registered(exchange):
            self.clients[client[0]] = client[1]
        elif enrolled(exchange):
            self.unmanaged += 1


def _unanswered(method: str, failure: Exception) -> str:
    """Why no answer came, with what to do."""
    if "CERTIFICATE_VERIFY_FAILED" in str(failure):
        return f"no answer to {method}: the server's certificate is not trusted; --tls-ca FILE names its authority"
    return f"no answer to {method} below the base: is the server running?"


def open_client(wire: Wire, transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """The client of a run; ``transport`` is the seam for servers in the same process. Raises CannotRun."""
    asks = [_not_link_local] if transport is None and wire.proxy is None else []
    trusted = trust(wire)
    try:
        return httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(wire.seconds), transport=transport,
            proxy=wire.proxy, verify=trusted or True, event_hooks={"request": asks},
        )  # fmt: skip
    except (ValueError, httpx2.InvalidURL) as failure:
        raise CannotRun("--proxy must be the address of an HTTP proxy, such as http://proxy.example:3128") from failure


async def _not_link_local(request: httpx2.Request) -> None:
    """A server names addresses for us to ask, and what they answer stands in a report: a cloud's metadata must not.
    Raises CannotRun."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(request.url.host, None, type=socket.SOCK_STREAM)
    except OSError:
        return  # no address, no connection
    for entry in found:
        address = ip_address(str(entry[4][0]).partition("%")[0])
        if address.is_link_local or (getattr(address, "ipv4_mapped", None) or address).is_link_local:
            raise CannotRun("the server names a link-local address, such as a cloud's metadata: it is not asked")


def trust(wire: Wire) -> ssl.SSLContext | None:
    """The authorities that are trusted, and our own certificate; None: nothing was said, and the client takes its own. Raises
    CannotRun."""
    if wire.ca is None and wire.certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=str(wire.ca) if wire.ca else None)
        if wire.certificate is not None:
            context.load_cert_chain(wire.certificate, wire.key)
    except (OSError, ssl.SSLError) as failure:
        raise CannotRun("--tls: the certificate, its key or the authority's file cannot be read (PEM)") from failure
    return context
