"""(b) Durable accepts through ``database.run``, by one client, by 64 and by 256, against a raw append with fdatasync."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, insert

from benchmarks.measuring import figure
from gateway.storage.database import Sqlite, open_sqlite

SECONDS = 2.0
BODY = b"x" * 400
METADATA = MetaData()
ROWS = Table(
    "rows", METADATA, Column("id", Integer, primary_key=True), Column("name", String(64), unique=True),
    Column("body", LargeBinary),
)  # fmt: skip

ADD = insert(ROWS)


def figures() -> list[dict[str, Any]]:
    """Accepts per second, and the processor time of one at 64 clients."""
    with tempfile.TemporaryDirectory() as place:
        raw = _raw(Path(place) / "raw")
        single, _ = asyncio.run(_accepts(Path(place) / "one.db", 1))
        many, cpu = asyncio.run(_accepts(Path(place) / "many.db", 64))
        most, _ = asyncio.run(_accepts(Path(place) / "most.db", 256))
    to = "raw append with fdatasync"
    return [
        figure("b accepts, 1 client", single, "/s", ratio_to=to, ratio=single / raw, bar="≥ 0.5 times", holds=single / raw >= 0.5),
        figure("b accepts, 64 clients", many, "/s", ratio_to=to, ratio=many / raw, bar="≥ 3 times", holds=many / raw >= 3),
        figure("b accepts, 256 clients", most, "/s", ratio_to=to, ratio=most / raw, bar="≥ 3 times", holds=most / raw >= 3),
        figure("b processor time of one accept at 64 clients", cpu * 1e6, "µs", bar="≤ 40 µs", holds=cpu * 1e6 <= 40),
    ]  # fmt: skip


def _raw(path: Path) -> float:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        os.write(handle, BODY)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / SECONDS


async def _accepts(path: Path, clients: int) -> tuple[float, float]:
    database = open_sqlite(path, metadata=[METADATA])
    counts = [0] * clients
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_client(database, number, counts, began + SECONDS) for number in range(clients)))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    database.close()
    return sum(counts) / seconds, used / sum(counts)


async def _client(database: Sqlite, number: int, counts: list[int], until: float) -> None:
    while time.perf_counter() < until:
        name = f"{number}-{counts[number]}"

        def work(connection: Connection, now: float, name: str = name) -> None:
            connection.execute(ADD, {"name": name, "body": BODY})

        await database.run(work)
        counts[number] += 1
