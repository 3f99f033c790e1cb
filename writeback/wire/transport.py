"""Edge: the ``Sender`` of a FHIR base: arms requests with a token, renews it once, and never leaves the base.

Whether an unanswered write was processed is for the outbox to find out: only reads are sent again.
"""

import ssl
from collections.abc import Awaitable, Mapping
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from writeback.errors import AnswerLost, NoToken, SendFailed, Unsent
from writeback.speaking.answers import Answer
from writeback.wire.exchange import CONNECTIONS, Permits, Pool


class Bearer(Protocol):
    """A source of access tokens; ``refused`` is one that was just answered with 401: not that one again. Raises
    ``SendFailed`` or any other exception when there is none; nothing has been sent then."""

    def __call__(self, *, refused: str | None = None) -> Awaitable[str]: ...


class HttpSender:
    """One FHIR base with one bearer. ``session`` is shared by all senders of an EHR (``open_session``)."""

    def __init__(self, *, base: str, session: Pool, bearer: Bearer | None = None) -> None:
        self.base = base.rstrip("/")
        self._path = urlsplit(self.base).path
        self._session, self._bearer = session, bearer

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """See ``sending.Sender``. A path that would leave the base is not sent."""
        target = self._target(path)
        token = await self._token()
        answer = await self._attempt(method, target, headers, body, token)
        if answer.status != 401 or token is None:
            return answer
        return await self._attempt(method, target, headers, body, await self._token(refused=token))

    def _target(self, path: str) -> str:
        """Path and query on the wire. Raises Unsent for what is not below the base."""
        if path.startswith("/") or "://" in path:  # the EHR's own link to a further page
            path = below(self.base, path)
        if ".." in _plain(path).split("/"):
            raise Unsent(LEAVES)
        return f"{self._path}{path}" if path[:1] in ("", "?") and self._path else f"{self._path}/{path}"

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
        self, method: str, target: str, headers: Mapping[str, str] | None, body: bytes | None, token: str | None
    ) -> Answer:
        armed = {**(headers or {}), "accept-encoding": "identity"}
        if token is not None:
            armed["authorization"] = f"Bearer {token}"
        try:
            return await self._session.request(method, target, armed, body)
        except AnswerLost:
            if method != "GET":
                raise
            return await self._session.request(method, target, armed, body)


LEAVES = "a request was about to leave the EHR's own address"


def below(base: str, link: str) -> str:
    """What of a link, absolute or from the server's root, stands below the base. Raises Unsent when it does not."""
    whole = urljoin(base, link)
    rest = whole.removeprefix(base)
    if not whole.startswith(base) or rest[:1] not in ("/", "?"):
        raise Unsent(LEAVES)
    return rest.removeprefix("/")


def _plain(path: str) -> str:
    """A path as a server may read it, without its query."""
    found = path.partition("?")[0]
    return found.lower().replace("%2e", ".").replace("%2f", "/") if "%" in found else found


def open_session(
    *, base: str, permits: Permits | None = None, connections: int = CONNECTIONS, lingers: float = 0.0,
    trust: ssl.SSLContext | None = None, proxy: str | None = None,
) -> Pool:  # fmt: skip
    """The connection pool of one EHR, see ``exchange.Pool``. Raises Unsent when the base, or the proxy, itself is an
    address that is not permitted."""
    host = urlsplit(proxy or base).hostname or ""
    if permits is not None and _is_address(host) and not permits(host):
        raise Unsent("the EHR's address is in no network it was registered with")
    return Pool(base=base, permits=permits, connections=connections, lingers=lingers, trust=trust, proxy=proxy)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
