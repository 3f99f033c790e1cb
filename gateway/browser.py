"""Edge: the little of a browser that the demonstration needs: redirects followed one by one, cookies kept per host."""

import re
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from gateway.ehrs.reachable import trust

REDIRECTS = 10
LAUNCHER = re.compile(r"/ehr/[^/]+/launch")


class BrowserError(RuntimeError):
    """A page ended in an error; names the status and the path, not what the page said."""


class Browser:
    """One profile. Cookies that are ``Secure`` go to ``http://localhost`` too, as in real browsers."""

    def __init__(self, *, operator: str | None = None) -> None:
        """``operator`` is the secret that guards an EHR's launcher; it goes to no other address."""
        self._operator = operator
        self._client = httpx2.AsyncClient(follow_redirects=False, timeout=60.0, trust_env=False, verify=trust(None))
        self._cookies: dict[str, dict[str, str]] = {}

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def open(self, url: str) -> str:
        """Follows redirects to the end; the last address. Raises BrowserError for an error page or a loop."""
        for _ in range(REDIRECTS):
            reply = await self._send("GET", url)
            if reply.status_code not in (301, 302, 303, 307, 308):
                if reply.status_code >= 400:
                    raise BrowserError(f"{reply.status_code} at {urlsplit(url).path}")
                return url
            url = urljoin(url, reply.headers["location"])
        raise BrowserError("too many redirects")

    async def get_json(self, url: str) -> dict[str, Any]:
        return self._json(await self._send("GET", url, headers={"accept": "application/json"}))

    async def post_json(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """A post from a page of the same site."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        return self._json(await self._send("POST", url, json=body, headers={"origin": origin}))

    async def _send(self, method: str, url: str, **options: Any) -> httpx2.Response:
        jar = self._cookies.setdefault(urlsplit(url).hostname or "", {})
        headers = {**options.pop("headers", {})}
        if self._operator and LAUNCHER.fullmatch(urlsplit(url).path):
            headers["authorization"] = f"Bearer {self._operator}"
        if jar:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        try:
            reply = await self._client.request(method, url, headers=headers, **options)
        except httpx2.HTTPError as failure:
            raise BrowserError(f"no answer at {urlsplit(url).path}") from failure
        for line in reply.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            jar[name.strip()] = value
            if "max-age=0" in line.lower():
                jar.pop(name.strip())
        return reply

    def _json(self, reply: httpx2.Response) -> dict[str, Any]:
        if reply.status_code >= 400:
            raise BrowserError(f"{reply.status_code} at {reply.url.path}")
        answer: dict[str, Any] = reply.json()
        return answer
