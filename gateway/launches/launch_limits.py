"""How many launches are begun in a time: from one remote address and for one EHR. Pure: ``now`` is given, in seconds of
a clock that is never set back.

A launch costs a row that lives ten minutes and, the first time, requests to the EHR; who sends thousands gets neither.
The bucket is the generic cell rate algorithm (ITU-T I.371, annex A): one number a key, the time up to which it is used up.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from auth.client.errors import TooMany

MOST = 10_000
"""Keys that are remembered: the longest unused is forgotten first. Some 2 MB."""
SITE_PREFIX = 64
"""Bits of an IPv6 address that are one customer's: the rest is the machine's to choose (RFC 4291 §2.5.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """``burst`` at once, then ``rate`` a second."""

    burst: int
    rate: float


ADDRESS = Pace(burst=100, rate=10.0)
"""Of one remote address: a whole hospital stands behind one (NAT), so this is no person's pace."""
ISSUER = Pace(burst=300, rate=30.0)
"""Of one registered EHR, from wherever: what the EHR's own sign-in is spared."""


@dataclass(kw_only=True)
class Buckets:
    """One pace for many keys."""

    pace: Pace
    most: int = MOST
    _used: OrderedDict[str, float] = field(default_factory=OrderedDict, repr=False)

    def take(self, key: str, now: float) -> float:
        """0 when one more is admitted, and counted; else the seconds until one is."""
        step = 1 / self.pace.rate
        used = max(self._used.get(key, now), now)
        self._used[key] = used
        self._used.move_to_end(key)
        if len(self._used) > self.most:
            self._used.popitem(last=False)
        if (wait := used - now - (self.pace.burst - 1) * step) > 1e-9:
            return wait
        self._used[key] = used + step
        return 0.0

    def __len__(self) -> int:
        return len(self._used)


@dataclass(kw_only=True)
class LaunchLimits:
    """Of one process: replicas count for themselves. ``behind_proxy``: the peer is a proxy, and says whom it speaks for."""

    behind_proxy: bool = False
    addresses: Buckets = field(default_factory=lambda: Buckets(pace=ADDRESS))
    issuers: Buckets = field(default_factory=lambda: Buckets(pace=ISSUER))

    def admit_address(self, peer: str, forwarded: Iterable[str], now: float) -> None:
        """Raises TooMany. ``forwarded`` are the ``X-Forwarded-For`` headers in order."""
        _admit(self.addresses, remote(peer, forwarded if self.behind_proxy else ()), now)

    def admit_issuer(self, ehr: str, now: float) -> None:
        """Raises TooMany. ``ehr`` is a registered one: names that anybody may invent are not counted here."""
        _admit(self.issuers, ehr, now)


def _admit(buckets: Buckets, key: str, now: float) -> None:
    wait = buckets.take(key, now)
    if wait > 0:
        raise TooMany(retry_after=wait)


def remote(peer: str, forwarded: Iterable[str]) -> str:
    """Whom a request is counted for: the address that the proxy itself added, which is the last one (what stands before it is
    the client's to write), else the peer; of IPv6 the network."""
    last = ",".join(forwarded).rpartition(",")[2]
    address = _address(last) or _address(peer)
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((int(address), SITE_PREFIX), strict=False))
    return str(address or "unknown")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: bare, in brackets, or with a port."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return ip_address(bare)
    except ValueError:
        return None
