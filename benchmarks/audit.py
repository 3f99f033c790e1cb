"""(f) What the audit log adds to an access: processor time of making and queueing the row, and of writing it in its group."""

import tempfile
import time
from pathlib import Path
from typing import Any

from auth import scopes
from auth.server.grants import Context, Grant
from benchmarks.measuring import figure, per_call
from gateway.face.accesses import accesses, caller_of
from gateway.face.auditing import FLUSH_AFTER, Audit
from gateway.storage.database import open_sqlite
from r4.interaction import Answer, Interaction
from sandbox.audit_log import append, open_log

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
RATE = 5_000
"""Accesses a second, which makes a group of what comes within ``FLUSH_AFTER``."""
GROUPS = 200
SCOPE = {"client": ("127.0.0.1", 50000), "headers": [(b"host", b"127.0.0.1"), (b"x-request-id", b"7f3c1b9e")]}
GRANT = Grant(
    id="5b0c2f0e-7c62-4d41-8a55-1f3a6f1d9c11", client_id="growth-chart", scopes=scopes.parse("patient/*.rs"),
    context=Context(patient="p1", user="Practitioner/d1"), expires=0.0,
)  # fmt: skip
READ = Interaction(action="read", type="Observation", id="o1")
RESOURCE = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"}}
ANSWER = Answer(status=200, resource=RESOURCE, headers={"etag": 'W/"1"'})


def figures() -> list[dict[str, Any]]:
    """Microseconds of one audited read, on the event loop and in the writer's thread (commit included)."""
    with tempfile.TemporaryDirectory() as place:
        making, writing = _making(Path(place) / "a.db") * 1e6, _writing(Path(place) / "b.db") * 1e6
    total = making + writing
    return [
        figure("f processor time of one audited access", total, "µs", bar="≤ 10 µs", holds=total <= 10),
        figure("f of that on the event loop, before the answer", making, "µs"),
    ]


def _making(path: Path) -> float:
    """Processor seconds of one ``access``; the rows go nowhere meanwhile."""
    database = open_sqlite(path)
    audit = Audit(database, fhir=BASE, clock=time.time)
    audit._wait = lambda rows: audit._waiting.put(rows)  # type: ignore[method-assign]

    def access() -> None:
        audit.access(READ, GRANT, ANSWER, caller_of(SCOPE), embedded=True)
        audit._waiting.get_nowait()

    seconds = per_call(access, calls=200, repeats=100)
    database.close()
    return seconds


def _writing(path: Path) -> float:
    """Processor seconds of one row of a group, all threads: the best of many, for noise only ever adds."""
    database = open_sqlite(path)
    server = database.run_now(lambda connection, now: open_log(connection, now, base=BASE))
    size, best = int(RATE * FLUSH_AFTER), float("inf")
    for _ in range(GROUPS):
        at, caller = time.time(), caller_of(SCOPE)
        rows = [row for _ in range(size) for row in accesses(READ, GRANT, ANSWER, caller, at=at, base=BASE)]
        began = time.process_time()
        database.run_now(lambda connection, now, rows=rows: append(connection, now, rows, server=server))
        best = min(best, (time.process_time() - began) / size)
    database.close()
    return best
