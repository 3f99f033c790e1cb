"""(f) What the guard adds before a server that is reached over HTTP: processor time of one process that serves both the EHR
face and a bare proxy, with the same HTTP client, before the same server."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.face import TURNS, used
from benchmarks.face_server import RESOURCES, TOKEN
from benchmarks.measuring import ROOT, figure

CLIENTS, REQUESTS, LIMIT = 8, 2400, 150.0
PATHS = {"proxy": "/proxy/Observation", "face": "/ehr/behind/fhir/Observation"}


def figures() -> list[dict[str, Any]]:
    """Microseconds of processor time for one read."""
    with tempfile.TemporaryDirectory() as place:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.guard_server", place], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert server.stdout is not None
            process, port = map(int, server.stdout.readline().split())
            proxy, face = asyncio.run(_measure(process, port))
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()
    added, to = face - proxy, "a bare proxy with the same client"
    name = "f a read before an HTTP server: added by the guard"
    return [figure(name, added, "µs", ratio_to=to, ratio=face / proxy, bar="≤ 150 µs", holds=added <= LIMIT)]


async def _measure(process: int, port: int) -> tuple[float, float]:
    """Microseconds of the proxy and of the face in alternating turns: the turn with the middle difference."""
    turns = []
    for turn in range(TURNS + 1):
        taken = []
        for path in PATHS.values():
            began = used(process)
            await asyncio.gather(*(_client(port, path, number) for number in range(CLIENTS)))
            taken.append((used(process) - began) / REQUESTS * 1e6)
        if turn:
            turns.append((taken[0], taken[1]))
    return sorted(turns, key=lambda pair: pair[1] - pair[0])[len(turns) // 2]


async def _client(port: int, path: str, number: int) -> None:
    async with _open(port) as (reader, writer):
        for each in range(REQUESTS // CLIENTS):
            name = f"{path}/o{(number * 37 + each) % RESOURCES}"
            writer.write(f"GET {name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:16]:
                raise AssertionError(head[:40])
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)


@asynccontextmanager
async def _open(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
