"""Edge: an httpx2 transport that reaches one registered EHR, or one receiver of alerts, and nothing else.

An address is checked after the name is resolved and then connected to itself, so that a name which resolves
differently the second time changes nothing. TLS still verifies the name.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from auth.client.ehr import RegisteredEhr, below

Address = IPv4Address | IPv6Address


NAT64 = ip_network("64:ff9b::/96")
"""IPv6 addresses that a network translates to the IPv4 address in their last bits (RFC 6052)."""


class Unreachable(httpx2.ConnectError):
    """The request was not sent: its address is none that this EHR was registered with."""


def permitted(address: Address, networks: Iterable[str], *, encrypted: bool) -> bool:
    """Whether to connect: the address is in a declared network, or public when none is declared; never link-local
    (cloud metadata), multicast or unspecified; and without TLS on loopback only."""
    real = _real(address)
    declared = tuple(networks)
    known = any(real in ip_network(network) for network in declared) if declared else real.is_global
    never = (
        real.is_link_local or real.is_multicast or real.is_unspecified or (real.is_reserved and not real.is_loopback)
    )
    return known and not never and (encrypted or real.is_loopback)


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, where it says so; the address itself otherwise."""
    if isinstance(address, IPv4Address):
        return address
    within = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
    return address.ipv4_mapped or within or address.sixtofour or (address.teredo or (None, None))[1] or address


class EhrTransport(httpx2.AsyncBaseTransport):
    """Refuses every request that is not for one of the EHR's origins, and a bearer outside its FHIR base; then hands
    over to ``inner``. So neither a redirect nor a link nor a caller's mistake takes a token elsewhere."""

    def __init__(self, ehr: RegisteredEhr, inner: httpx2.AsyncBaseTransport) -> None:
        self._ehr, self._inner = ehr, inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        armed = request.headers.get("authorization", "").lower().startswith("bearer")
        if not self._ehr.allows(url) or (armed and not below(self._ehr.issuer, url)):
            raise Unreachable("the address is none of this EHR's", request=request)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Resolves, checks and connects to the very address it checked. One pool for each name: connections to equal
    addresses must not be shared between names, whose certificates differ."""

    def __init__(self, networks: Iterable[str], *, context: ssl.SSLContext | None = None) -> None:
        self._networks, self._context = tuple(networks), context or trust(None)
        self._pools: dict[str, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        encrypted = request.url.scheme == "https"
        found = await _resolve(request.url)
        usable = [address for address in found if permitted(address, self._networks, encrypted=encrypted)]
        if not usable:
            raise Unreachable("the name leads to no network that was declared for it", request=request)
        pool = self._pool(request.url.host)
        for address in usable[:-1]:
            try:
                return await pool.handle_async_request(_pin(request, address))
            except httpx2.ConnectError:
                continue
        return await pool.handle_async_request(_pin(request, usable[-1]))

    def _pool(self, host: str) -> httpx2.AsyncHTTPTransport:
        if host not in self._pools:
            self._pools[host] = httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False)
        return self._pools[host]

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


class ProxiedTransport(httpx2.AsyncBaseTransport):
    """Has a proxy connect to the EHR (CONNECT) and speaks TLS through it: the proxy sees the EHR's name and nothing else. The
    proxy's own address is resolved, checked and pinned; the EHR's name is the proxy's to resolve."""

    def __init__(self, proxy: str, networks: Iterable[str], *, context: ssl.SSLContext) -> None:
        self._proxy, self._networks, self._context = httpx2.URL(proxy), tuple(networks), context
        self._pools: dict[Address, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.scheme != "https":
            raise Unreachable("only encrypted requests go through a proxy", request=request)
        found = await _resolve(self._proxy)
        usable = [address for address in found if permitted(address, self._networks, encrypted=True)]
        if not usable:
            raise Unreachable("the proxy's name leads to no network that the EHR was registered with", request=request)
        return await self._pool(usable[0]).handle_async_request(request)

    def _pool(self, address: Address) -> httpx2.AsyncHTTPTransport:
        if address not in self._pools:
            proxy = httpx2.Proxy(self._proxy.copy_with(host=str(address)))
            self._pools[address] = httpx2.AsyncHTTPTransport(verify=self._context, proxy=proxy, trust_env=False)
        return self._pools[address]

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def transport_to(ehr: RegisteredEhr) -> httpx2.AsyncBaseTransport:
    """How this EHR is reached: by whom it trusts, what it shows, and through the proxy, as it is declared. Raises
    ssl.SSLError for certificates that cannot be used."""
    context = trust(ehr.ca, ehr.certificate, ehr.key)
    if ehr.proxy is None:
        return PinnedTransport(ehr.networks, context=context)
    return ProxiedTransport(ehr.proxy, ehr.networks, context=context)


def _pin(request: httpx2.Request, address: Address) -> httpx2.Request:
    """The same request to an address instead of a name: ``Host`` is set already, TLS is told the name."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


async def _resolve(url: httpx2.URL) -> list[Address]:
    try:
        return [ip_address(url.host)]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError as failure:
        raise httpx2.ConnectError("the EHR's name could not be resolved") from failure
    return list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


@cache
def trust(ca: str | None, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, and the certificates of an EHR's declaration (PEM) themselves; and the
    certificate with its key (PEM) to show to a server that wants one. Made once for each: reading the certificate store
    takes 17 ms. Raises ssl.SSLError, of which a subclass of OSError, when one of them cannot be used."""
    context = httpx2.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        context.load_verify_locations(cadata=ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if certificate is not None and key is not None:
        _show(context, f"{certificate}\n{key}".encode())
    return context


def _show(context: ssl.SSLContext, pem: bytes) -> None:
    """Loads certificate and key through a file that exists in memory only: ``ssl`` takes paths, and a private key goes on
    no disk."""
    handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{handle}", password=lambda: b"")
    finally:
        os.close(handle)
