"""Edge: the browser of the person who launches: cookies, redirects, and nothing else."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from conformance.evidence import Exchange
from conformance.probe import Probe

HOPS = 8
_COOKIES = re.compile(r",\s*(?=[^;,=\s]+=)")
"""Between two cookies that one header line holds."""
STRANGER = "conformance-stranger=1"


@dataclass(kw_only=True)
class Browser:
    """One profile: what it was given it sends back to the app, over plain HTTP on loopback too."""

    probe: Probe
    cookies: dict[str, str] = field(default_factory=dict, repr=False)

    async def open(self, address: str, *, stop: tuple[str, ...]) -> list[Exchange]:
        """The answers on the way to a page, or to a redirect that leads to one of ``stop``. Raises CannotRun."""
        found: list[Exchange] = []
        while len(found) < HOPS:
            sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items()) or STRANGER
            answer = await self.probe.send("GET", address, headers={"accept": "text/html", "cookie": sent})
            self._keep(answer.headers.get("set-cookie", ""))
            found.append(answer)
            place = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or place is None:
                break
            address = urljoin(address, place)
            if address.startswith(stop) or not address.startswith(("http://", "https://")):
                break
        return found

    def _keep(self, header: str) -> None:
        for line in _COOKIES.split(header):
            pair, _, attributes = line.partition(";")
            name, _, value = pair.strip().partition("=")
            if name and (not value or "max-age=0" in attributes.lower().replace(" ", "")):
                self.cookies.pop(name, None)
            elif name:
                self.cookies[name] = value
