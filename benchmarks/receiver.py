"""A trivial HTTP receiver, in a process of its own, for the figures of the edges."""

import asyncio
from typing import Any

import msgspec


class Request(msgspec.Struct):
    method: str
    url: str


class Entry(msgspec.Struct):
    request: Request
    resource: msgspec.Raw = msgspec.Raw(b"")


class Bundle(msgspec.Struct):
    entry: list[Entry]


BUNDLE = msgspec.json.Decoder(Bundle)
KEPT: dict[str, bytes] = {}


class Receiver(asyncio.Protocol):
    """Keeps what it is sent, answers every PUT and POST with 201 and a Location, a Bundle with one for each entry, and a
    GET with what it kept; keeps connections open and understands nothing else."""

    def connection_made(self, transport: Any) -> None:
        self._transport, self._buffer = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            method, path, _ = head.split(b" ", 2)
            self._transport.write(_answer(method.decode(), path.decode().lstrip("/"), body))


def _answer(method: str, path: str, body: bytes) -> bytes:
    if method == "POST" and not path:
        entries = b",".join(
            _entry(each.request.method, each.request.url, bytes(each.resource)) for each in BUNDLE.decode(body).entry
        )
        body = b'{"resourceType":"Bundle","type":"batch-response","entry":[%b]}' % entries
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    if method == "GET":
        kept = KEPT.get(path)
        status = b"404 Not Found" if kept is None else b"200 OK"
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(kept or b""), kept or b"")
    KEPT[path] = body
    where = b'ETag: W/"1"\r\nLocation: %b/_history/1' % path.encode()
    return b"HTTP/1.1 201 Created\r\n%b\r\nContent-Length: 0\r\n\r\n" % where


def _entry(method: str, path: str, body: bytes) -> bytes:
    if method == "GET":
        return b'{"resource":%b,"response":{"status":"200 OK"}}' % KEPT[path]
    KEPT[path] = body
    return b'{"response":{"status":"201 Created","etag":"W/\\"1\\"","location":"%b/_history/1"}}' % path.encode()


async def receive() -> None:
    """Prints the port, then answers until it is ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(receive())
