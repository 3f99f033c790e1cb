"""Which addresses are connected to, and that neither request nor bearer goes elsewhere (smart-auth B08, B11)."""

import asyncio
from ipaddress import ip_address

import httpx2
import pytest

from auth.client.ehr import RegisteredEhr
from gateway.ehrs.reachable import EhrTransport, PinnedTransport, Unreachable, permitted

EHR = RegisteredEhr(
    name="spec", issuer="https://ehr.example/r4", client_id="gateway", origins=("https://login.example",)
)


@pytest.mark.parametrize(
    ("address", "networks", "encrypted"),
    [
        ("93.184.216.34", (), True),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("127.0.0.1", ("127.0.0.0/8",), False),
        ("::1", ("::1/128",), False),
        ("2606:2800:220:1::1", (), True),
        ("64:ff9b::5db8:d822", (), True),
    ],
)
def test_a_registered_network_or_a_public_address_is_reached(
    address: str, networks: tuple[str, ...], encrypted: bool
) -> None:
    assert permitted(ip_address(address), networks, encrypted=encrypted)


@pytest.mark.parametrize(
    ("address", "networks", "encrypted"),
    [
        ("10.1.2.3", (), True),
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("::ffff:127.0.0.1", (), True),
        ("::ffff:10.0.0.1", (), True),
        ("169.254.169.254", (), True),
        ("169.254.169.254", ("0.0.0.0/0",), True),
        ("fe80::1", ("::/0",), True),
        ("224.0.0.1", ("0.0.0.0/0",), True),
        ("0.0.0.0", ("0.0.0.0/0",), True),
        ("192.168.1.1", ("10.0.0.0/8",), True),
        ("93.184.216.34", ("10.0.0.0/8",), True),
        ("93.184.216.34", (), False),
        ("10.1.2.3", ("10.0.0.0/8",), False),
        ("100.64.0.1", (), True),
        ("64:ff9b::7f00:1", (), True),
        ("64:ff9b::a9fe:a9fe", (), True),
        ("2002:7f00:1::", (), True),
        ("2002:a9fe:a9fe::1", (), True),
        ("2001:0:53aa:64c:0:0:80ff:fffe", (), True),
        ("::127.0.0.1", (), True),
        ("240.0.0.1", ("0.0.0.0/0",), True),
    ],
)
def test_no_other_address_is_reached(address: str, networks: tuple[str, ...], encrypted: bool) -> None:
    assert not permitted(ip_address(address), networks, encrypted=encrypted)


async def _send(url: str, *, bearer: bool, seen: list[str]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200)

    headers = {"authorization": "Bearer t"} if bearer else {}
    async with httpx2.AsyncClient(transport=EhrTransport(EHR, httpx2.MockTransport(answer))) as client:
        await client.get(url, headers=headers)


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("https://ehr.example/r4/Patient/1", True),
        ("https://ehr.example/token", False),
        ("https://login.example/token", False),
    ],
)
def test_a_request_to_the_ehr_goes_out(url: str, bearer: bool) -> None:
    seen: list[str] = []
    asyncio.run(_send(url, bearer=bearer, seen=seen))
    assert seen == [url]


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("https://evil.example/r4/Patient/1", True),
        ("https://evil.example/r4/Patient/1", False),
        ("https://login.example/token", True),
        ("https://ehr.example/other/Patient/1", True),
        ("http://ehr.example/r4/Patient/1", True),
    ],
)
def test_a_request_to_elsewhere_is_not_sent_at_all(url: str, bearer: bool) -> None:
    seen: list[str] = []
    with pytest.raises(Unreachable):
        asyncio.run(_send(url, bearer=bearer, seen=seen))
    assert seen == []


async def _serve_and_get(networks: tuple[str, ...], host: str) -> httpx2.Response:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        named = next(line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("host:"))
        body = named.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx2.AsyncClient(transport=PinnedTransport(networks)) as client:
        return await client.get(f"http://{host}:{port}/x")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_permitted_name_is_connected_to_by_its_address_and_still_named(host: str) -> None:
    response = asyncio.run(_serve_and_get(("127.0.0.0/8",), host))
    assert (response.status_code, response.text.partition(":")[0]) == (200, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_that_leads_to_an_undeclared_network_is_not_connected_to(host: str) -> None:
    with pytest.raises(Unreachable):
        asyncio.run(_serve_and_get(("10.0.0.0/8",), host))
