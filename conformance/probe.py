"""Edge: HTTP to the server under test: bounded, no redirect followed, nothing from the environment."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx2

from conformance.evidence import Exchange

SECONDS = 15.0
BYTES = 8 * 1024 * 1024
FHIR = "application/fhir+json"


class CannotRun(RuntimeError):
    """The suite could not begin; the text says what to do."""


class Probe:
    """One server under test; ``base`` is its FHIR base without a final slash."""

    def __init__(self, base: str, *, client: httpx2.AsyncClient) -> None:
        self.base = base.rstrip("/")
        self._client = client

    async def send(
        self, method: str, url: str, *, token: str | None = None, json: Any = None, form: Mapping[str, str] | None = None,
        content: bytes | None = None, headers: Mapping[str, str] | None = None,
    ) -> Exchange:  # fmt: skip
        """One request, to an absolute address or a path below the base. An answer that does not come is CannotRun for
        the caller to turn into missing evidence."""
        address = url if "://" in url else f"{self.base}/{url}"
        armed = {"accept": FHIR, **(headers or {})}
        if token is not None:
            armed["authorization"] = f"Bearer {token}"
        given = (
            {"json": json} if json is not None else {"data": dict(form)} if form is not None else {"content": content}
        )
        if content is not None or (json is not None and "content-type" not in armed and self.base in address):
            armed.setdefault("content-type", FHIR)
        began = time.monotonic()
        try:
            async with asyncio.timeout(SECONDS):
                reply = await self._client.request(method, address, headers=armed, **given)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as failure:
            raise CannotRun(f"no answer to {method} below the base: is the server running?") from failure
        return Exchange(
            method=method, url=address, status=reply.status_code, body=reply.content[:BYTES],
            headers={name.lower(): value for name, value in reply.headers.items()}, seconds=time.monotonic() - began,
        )  # fmt: skip


def open_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """The client of a run; ``transport`` is the seam for servers in the same process."""
    return httpx2.AsyncClient(
        follow_redirects=False, trust_env=False, timeout=httpx2.Timeout(SECONDS), transport=transport
    )
