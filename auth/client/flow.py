"""Edge: bearers for chart reads and deliveries, renewed once under concurrency, and sent to one EHR only.

``LaunchTokens`` (a launch's own), ``BackendTokens`` (the gateway's backend client) and ``OutlivingTokens`` (the one, then
the other) answer ``bearer()``; ``SmartAuth`` puts any behind httpx2. A 401 means the EHR no longer takes the token: it is
renewed once. What goes wrong while getting a token is a ClientError, also inside a call of the httpx2 client.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import uuid4

import httpx2
from sqlalchemy import Connection

from auth.client import store, tokens
from auth.client.ehr import RegisteredEhr, below
from auth.client.encryption import Cipher
from auth.client.errors import ClientError, EhrUnavailable, ForeignAddress, GrantEnded, LaunchError
from auth.client.launch import own
from auth.client.requests import TokenRequest, authenticate, backend_request, refresh_request
from auth.client.signing import AssertionKeys
from auth.client.tokens import MARGIN, TokenReply, Tokens
from auth.discovery import SmartConfiguration

T = TypeVar("T")
Work = Callable[[Connection, float], T]

PAUSE = 0.1
"""Seconds between looks at a row that another process is refreshing; its lease bounds how often."""


class Run(Protocol):
    """The storage seam, ``database.run``."""

    async def __call__(self, work: Work[T], /) -> T: ...


class Secrets(Protocol):
    """What seals stored tokens and what signs assertions."""

    @property
    def cipher(self) -> Cipher: ...
    @property
    def signing(self) -> AssertionKeys: ...


@dataclass(frozen=True, kw_only=True)
class Means:
    """What getting a token takes. ``secrets`` gives them as they are now: they are rotated while tokens live. ``send``
    posts a token request to an EHR; it raises EhrUnavailable."""

    run: Run
    secrets: Callable[[], Secrets]
    clock: Callable[[], float]
    configuration: Callable[[RegisteredEhr], Awaitable[SmartConfiguration]]
    send: Callable[[RegisteredEhr, TokenRequest], Awaitable[TokenReply]]


class Bearers(Protocol):
    """A source of access tokens. ``refused`` is a token that the EHR just answered with 401: not that one again."""

    async def bearer(self, *, refused: str | None = None) -> str: ...


async def request_tokens(
    means: Means, ehr: RegisteredEhr, request: TokenRequest, *, backend: bool = False
) -> TokenReply:
    """Signs a token request with a fresh assertion and sends it."""
    keys = means.secrets().signing
    signed = authenticate(request, ehr, keys=keys, now=means.clock(), jti=uuid4().hex, backend=backend)
    return await means.send(ehr, signed)


class LaunchTokens:
    """The tokens of one launch. Raises GrantEnded when a new launch is needed, EhrUnavailable when waiting may help."""

    def __init__(self, *, launch_id: str, ehr: RegisteredEhr, means: Means) -> None:
        self._id, self._ehr, self._means = launch_id, ehr, means
        self._lock = asyncio.Lock()
        self._held: Tokens | None = None

    async def bearer(self, *, refused: str | None = None) -> str:
        """An access token to send now."""
        async with self._lock:
            if self._held is None or not self._held.fresh(self._means.clock(), refused=refused):
                self._held = None
                self._held = await self._current(refused)
            return self._held.access

    async def _current(self, refused: str | None) -> Tokens:
        """The saved tokens, or renewed ones: by this process, or by waiting for the one that holds the lease."""
        cipher = self._means.secrets().cipher
        for _ in range(int(2 * store.LEASE / PAUSE)):
            step = await self._means.run(
                lambda connection, now: store.take_refresh(connection, now, id=self._id, refused=refused, cipher=cipher)
            )
            if isinstance(step, Tokens):
                return step
            if step is not None:
                return await self._refresh(step)
            await asyncio.sleep(PAUSE)
        raise EhrUnavailable("The EHR did not renew this launch's tokens in time.")

    async def _refresh(self, lease: store.RefreshLease) -> Tokens:
        run, cipher = self._means.run, self._means.secrets().cipher
        try:
            renewed = await self._renew(lease.tokens)
        except GrantEnded:
            await run(lambda c, now: store.end_launch(c, now, id=self._id, generation=lease.generation))
            raise
        except ClientError:
            await run(lambda c, now: store.release_refresh(c, now, id=self._id, lease=lease))
            raise
        return await run(
            lambda c, now: store.save_refresh(c, now, id=self._id, lease=lease, tokens=renewed, cipher=cipher)
        )

    async def _renew(self, previous: Tokens) -> Tokens:
        configuration = await self._means.configuration(self._ehr)
        endpoint = own(self._ehr, configuration.token_endpoint, "token_endpoint")
        reply = await request_tokens(self._means, self._ehr, refresh_request(endpoint, previous.refresh or ""))
        return tokens.parse_refresh(reply, previous=previous, now=self._means.clock())


class BackendTokens:
    """The gateway's own token at one EHR, by client credentials (SMART App Launch 2.2 backend-services). Held in
    memory only: it lives five minutes and another is one request away."""

    def __init__(self, *, ehr: RegisteredEhr, means: Means) -> None:
        self._ehr, self._means = ehr, means
        self._lock = asyncio.Lock()
        self._held: Tokens | None = None

    async def bearer(self, *, refused: str | None = None) -> str:
        """An access token to send now. Raises LaunchError or its kinds when the EHR gives none."""
        async with self._lock:
            now = self._means.clock()
            held = self._held
            if held is None or held.access == refused or held.expires <= now + MARGIN:
                held = self._held = await self._fetch()
            return held.access

    async def scopes(self) -> str:
        """What the backend client was granted, space separated."""
        await self.bearer()
        return self._held.scopes if self._held else ""

    async def _fetch(self) -> Tokens:
        if self._ehr.method == "none":  # client credentials are for confidential clients only (backend-services)
            raise LaunchError("The gateway is a public client of this EHR, so it has no backend access there.")
        configuration = await self._means.configuration(self._ehr)
        endpoint = own(self._ehr, configuration.token_endpoint, "token_endpoint")
        request = backend_request(endpoint, self._ehr.backend_scopes)
        try:
            reply = tokens.read(await request_tokens(self._means, self._ehr, request, backend=True))
        except GrantEnded as failure:
            raise LaunchError("The EHR refused its backend client.", "Check the registration.") from failure
        return tokens.read_tokens(reply, now=self._means.clock())


class OutlivingTokens:
    """A launch's own tokens and, once the EHR gives no more of them, the backend client's: what was accepted during a
    launch is still to be written when it has ended. For writing only: nothing is read that the launch may not read."""

    def __init__(self, launch: LaunchTokens, backend: BackendTokens) -> None:
        self._launch, self._backend = launch, backend
        self._ended = False

    async def bearer(self, *, refused: str | None = None) -> str:
        """An access token to send now."""
        if not self._ended:
            try:
                return await self._launch.bearer(refused=refused)
            except GrantEnded:
                self._ended = True
        return await self._backend.bearer(refused=refused)


class SmartAuth(httpx2.Auth):
    """Arms an httpx2 AsyncClient for one EHR. A request that is not below the EHR's FHIR base is not sent at all: an
    absolute reference or a next link to elsewhere raises ForeignAddress."""

    requires_request_body = True

    def __init__(self, ehr: RegisteredEhr, source: Bearers) -> None:
        self._ehr, self._source = ehr, source

    async def bearer(self, *, refused: str | None = None) -> str:
        """For a transport that is not httpx2: the same tokens, the same single renewal."""
        return await self._source.bearer(refused=refused)

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Sends the request with a bearer; on 401 once more with a renewed one."""
        if not below(self._ehr.issuer, str(request.url)):
            raise ForeignAddress("a request was about to leave the EHR's own address")
        await request.aread()
        token = await self._source.bearer()
        request.headers["authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            try:
                renewed = await self._source.bearer(refused=token)
            except GrantEnded:
                return  # the caller sees the EHR's own 401
            request.headers["authorization"] = f"Bearer {renewed}"
            yield request

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """There is none: a renewal waits for the network and the database."""
        raise RuntimeError("SmartAuth arms an AsyncClient")
