"""(f) The FHIR face on the embedded store: processor time of the server for a read and a search page, against an empty
Starlette route of the same process; what the check of a token and the re-check of a page cost of that."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from auth import scopes
from auth.access.decide import allowing, reaching
from auth.server import grants
from auth.server import tables as auth_tables
from benchmarks.face_server import PATIENT, RESOURCES, TOKEN, observation
from benchmarks.measuring import ROOT, figure, per_call
from gateway.database import open_sqlite

CLIENTS, READS, SEARCHES = 32, 12000, 600
TICK = os.sysconf("SC_CLK_TCK")
PAGE = 50


def figures() -> list[dict[str, Any]]:
    """Microseconds of processor time for one request, and their ratios."""
    with tempfile.TemporaryDirectory() as place:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.face_server", place], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            empty, read, search = asyncio.run(_measure(server.pid, port))
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()
    token, recheck = _token() * 1e6, _recheck() * 1e6
    to = "an empty Starlette route"
    return [
        figure("f a read of 1.6 kB at 32 clients: processor time", read, "µs", ratio_to=to, ratio=read / empty, bar="≤ 3 times", holds=read <= 3 * empty),
        figure("f a search page of 50: processor time", search, "µs", ratio_to=to, ratio=search / empty),
        figure("f the re-check of a page of 50", recheck, "µs", ratio_to="the request", ratio=recheck / search, bar="≤ 0.1 times", holds=recheck <= search / 10),
        figure("f the check of a token", token, "µs", bar="≤ 5 µs", holds=token <= 5),
    ]  # fmt: skip


async def _measure(process: int, port: int) -> tuple[float, float, float]:
    """Microseconds of the server for an empty answer, a read, a search; alternated, the least of each."""
    found: dict[str, float] = {}
    kinds = {"empty": READS, "read": READS, "search": SEARCHES}
    for _ in range(3):
        for kind, count in kinds.items():
            await _send(port, kind, count // 10)
            began = _used(process)
            await _send(port, kind, count)
            found[kind] = min(found.get(kind, float("inf")), (_used(process) - began) / count * 1e6)
    return found["empty"], found["read"], found["search"]


def _used(process: int) -> float:
    """Seconds of processor time, user and system, of all threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def _send(port: int, kind: str, count: int) -> None:
    await asyncio.gather(*(_client(port, kind, number, count // CLIENTS) for number in range(CLIENTS)))


async def _client(port: int, kind: str, number: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for each in range(count):
        paths = {
            "empty": "/empty", "search": f"/ehr/spec/fhir/Observation?_count={PAGE}",
            "read": f"/ehr/spec/fhir/Observation/o{(number * 37 + each) % RESOURCES}",
        }  # fmt: skip
        writer.write(f"GET {paths[kind]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise AssertionError(head[:40])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


def _token() -> float:
    """Seconds of one look at a grant, inside the database's thread."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata])

    def work(connection: Connection, now: float) -> float:
        grants.save_grant(connection, now, id="g", client_id="c", scopes=scopes.parse("patient/*.rs"), context=grants.Context(patient=PATIENT))  # fmt: skip
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes="patient/*.rs", life=3600)
        return per_call(lambda: grants.find_grant(connection, now, TOKEN), calls=2000)

    taken = database.run_now(work)
    database.close()
    return taken


def _recheck() -> float:
    """Seconds of judging the fifty resources of a page."""
    grant = grants.Grant(
        id="g", client_id="c", scopes=scopes.parse("patient/*.rs"), context=grants.Context(patient=PATIENT), expires=time.time() + 60
    )  # fmt: skip
    page = [observation(number) for number in range(PAGE)]

    def judge() -> None:
        found = allowing(grant, "search", "Observation")
        if not all(reaching(found, resource, grant, base="http://127.0.0.1/ehr/spec/fhir") for resource in page):
            raise AssertionError("the page is the patient's own")

    return per_call(judge, calls=100)
