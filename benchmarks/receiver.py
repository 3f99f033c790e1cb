"""A trivial HTTP receiver and a trivial HTTP client, each in a process of its own, for the figures of the edges."""

import asyncio
import json
import sys
import time
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


async def submit(port: int, key: str, clients: int, seconds: float, ehr: str, patients: list[str]) -> None:
    """Posts outputs for some seconds on so many connections; prints how many were answered 202, how many not, and within
    how many milliseconds 99 of 100 were."""
    until = time.perf_counter() + seconds
    found = await asyncio.gather(*(_client(port, key, number, until, ehr, patients) for number in range(clients)))
    waited = sorted(each for _, taken in found for each in taken)
    slowest = waited[len(waited) * 99 // 100] * 1e3 if waited else 0.0
    print(json.dumps({"accepted": len(waited), "other": sum(other for other, _ in found), "p99": slowest}))


async def _client(
    port: int, key: str, number: int, until: float, ehr: str, patients: list[str]
) -> tuple[int, list[float]]:
    """How many answers were not 202, and the seconds that those took which were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken: list[float] = []
    other = count = 0
    while time.perf_counter() < until:
        count += 1
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        body = json.dumps({
            "model": "bench", "version": "1.0.0", "ehr": ehr, "patient": f"Patient/{patients[count % len(patients)] if patients else f'p{number}-{count}'}", "kind": "risk",
            "value": 0.25, "unit": "fraction", "as_of": stamp, "inference_id": f"{number}-{count}",
        }).encode()  # fmt: skip
        head = (
            f"POST /api/outputs HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Idempotency-Key: {number}-{count}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        status, length = 0, 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            if line.startswith(b"HTTP/1.1 "):
                status = int(line[9:12])
            elif line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        await reader.readexactly(length)
        if status == 202:
            taken.append(time.perf_counter() - began)
        other += status != 202
    writer.close()
    return other, taken


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        asyncio.run(receive())
    else:
        port, key, clients, seconds, ehr, *patients = sys.argv[2:]
        asyncio.run(submit(int(port), key, int(clients), float(seconds), ehr, patients))
