"""Edge: a connection to an EHR through a hospital's proxy (RFC 9110 §9.3.6): the proxy is told where to connect, and sees
nothing else, for what follows is TLS with the EHR."""

import asyncio
import ssl

HEAD_BYTES = 16 * 1024


class Asking(asyncio.Protocol):
    """Waits for the head of the proxy's answer. ``told`` is its status."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.told: asyncio.Future[int] = loop.create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self.told.done() or (b"\r\n\r\n" not in self._head and len(self._head) < HEAD_BYTES):
            return
        words = self._head.split(b" ", 2)
        whole = self._head.endswith(b"\r\n\r\n") and words[0].startswith(b"HTTP/1.") and words[1:2] != []
        self.told.set_result(int(words[1]) if whole and words[1].isdigit() else 0)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.told.done():
            self.told.set_result(0)


async def through(
    proxy: tuple[str, int], *, host: str, port: int, tls: ssl.SSLContext, protocol: asyncio.Protocol
) -> None:
    """Connects ``protocol`` to ``host`` through the proxy at this address. Raises OSError when the proxy does not."""
    loop = asyncio.get_running_loop()
    transport, asking = await loop.create_connection(lambda: Asking(loop), *proxy)
    try:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        transport.write(f"CONNECT {where} HTTP/1.1\r\nhost: {where}\r\n\r\n".encode())
        if not 200 <= await asking.told < 300:
            raise OSError("the proxy does not connect to the EHR")
        transport.set_protocol(protocol)
        secured = await loop.start_tls(transport, protocol, tls, server_hostname=host)
        if secured is None:
            raise OSError("the connection through the proxy was closed")
        protocol.connection_made(secured)
    except BaseException:
        transport.abort()
        raise
