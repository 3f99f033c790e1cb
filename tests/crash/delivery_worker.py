"""A lean gateway: it accepts outputs and delivers them, over ``writeback.worker`` and the storage seam, until it is killed.

    python -m tests.crash.delivery_worker

is a nursery: it imports everything once, and each line on stdin (an ``Order`` as JSON) forks a worker of that order,
whose pid is printed. A worker opens its database itself, after the fork, so that each is a process of its own that
SIGKILL ends at any moment. What it does with outputs goes into ``journal``, a line each, written after the fact:
``accepted NUMBER``, ``refused NUMBER`` and, once nothing moves any more, ``drained``; where it looks for copies, also
``alarm KEY TIME`` when the monitors are told of one, and ``stopped KEY`` just before it stops itself.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

import psycopg  # noqa: F401  (the nursery has it before a worker needs it)
import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

from gateway.outputs.changes import events_of
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.vendors import vendor_of
from monitoring.rules import triggered
from tests.crash.stopping_pool import Stopping
from tests.unit.writeback.examples import NAMES, manifest, output, write
from vocabulary.instant import Span
from vocabulary.manifest import Code, Manifest, Report
from vocabulary.output import Output
from writeback import tables
from writeback.afterwards.reconciling import Reconciler
from writeback.changes import Change, CopiesFound, DeliveryChanged
from writeback.gate import Admitted
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Submission
from writeback.retry import RetryPolicy
from writeback.rules import WriteRules
from writeback.settings import Pace
from writeback.speaking.answers import Answer
from writeback.terms import Terms
from writeback.wire.sending import Sender
from writeback.wire.transport import HttpSender, open_session
from writeback.worker import Worker

PACE = Pace(
    lease=1.5, conversation=1.0, in_flight=16, poll=0.05, sweep=0.2, shortest_pause=0.05, longest_pause=0.3,
    retry=RetryPolicy(first=0.05, longest=0.4, attempts=100_000),
)  # fmt: skip
QUARANTINE = 3.0
"""Three times what the receiver works on a request at most: the machine may be busy."""
ROOM = 150
"""Outputs on their way at which a worker stops accepting: the EHR's rate, not the backlog, is the subject."""
ROUND = Report(codes=(Code(system="urn:chartgate:assessment", code="round"),), title="Round")
YEAR = Span(seconds=365 * 86400)


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """``store`` is a path or a postgresql:// URL; ``first`` the number of the first output; ``count`` how many are
    accepted at most; ``at`` the ``as_of`` of output 0. ``blind`` sends again at once, without looking."""

    store: str
    base: str
    journal: str
    strategy: str
    seed: int
    first: int
    at: float
    count: int = 10**9
    blind: bool = False
    leave: bool = False
    """End once nothing moves any more."""
    patience: float = PACE.conversation
    """Seconds that one delivery may speak with the EHR; the quarantine is twice as long, and ``QUARANTINE`` at least."""
    fail_every: int = 0
    """Every so many writes and syncs of the database one fails, where the nursery runs under ``failing.c``."""
    look_every: float = 0.0
    """Seconds between two looks for copies; 0: it never looks."""
    stop_at: int = 0
    """At this create it stops itself (SIGSTOP) between the last check of its time and the first byte; 0: never."""
    per_minute: int = 0
    """Requests that the EHR allows in a minute; 0: any number."""
    grouped: bool = False
    """Each output is a score with its parts and a report over them, and goes as a transaction."""
    vendor: str = "spec"
    """What is known of the EHR."""


class Blind:
    """Never looks: whenever it searches, it is told that nothing is there; and where several are, that is as well."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if method == "GET" and "?" in path:
            return Answer(status=200, body=b'{"resourceType":"Bundle","type":"searchset"}')
        answer = await self._sender.send(method, path, headers=headers, body=body)
        return Answer(status=200, headers={"location": f"{path}/one-of-several"}) if answer.status == 412 else answer


def opened(store: str) -> Database:
    if store.startswith("postgresql:"):
        return open_postgres(store, metadata=[tables.metadata])
    return open_sqlite(store, metadata=[tables.metadata])


def said(number: int, at: float, kind: Literal["risk", "score"] = "risk") -> Output:
    """One output in eight is for one of eight patients, so that some have to keep their order."""
    patient = f"Patient/s{number // 8 % 8}" if number % 8 == 0 else f"Patient/p{number}"
    return output(
        kind, patient=patient, encounter=None, as_of=at + number / 1000.0, inference_id=str(number), inputs=()
    )


def submission(
    number: int, at: float, *, strategy: str, quarantine: float = QUARANTINE, grouped: bool = False
) -> Submission:  # fmt: skip
    """As the gateway makes it of an output that the gate has let through. Valid for a year: no clock test outdates it."""
    told = said(number, at, "score" if grouped else "risk")
    made: Manifest = replace(manifest(told.kind, report=ROUND if grouped else None), valid_for=YEAR)
    planned = write(told, strategy=strategy, rules=WriteRules(quarantine=quarantine), model=made)
    return Submission(
        id=f"{number:032d}", output=told, manifest=made, judged=Admitted(), verdict=None,
        principal="backend", submitter="crash", write=planned,
    )  # fmt: skip


async def accept(database: Database, made: Submission) -> bool:
    """Whether it was accepted: durable once this has returned."""
    accepted = await database.run(lambda connection, now: outputs.accept(connection, now, submission=made))
    return isinstance(accepted, Accepted)


class Journal:
    """Lines that outlive the process."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


async def produce(database: Database, order: Order, journal: Journal) -> None:
    """Accepts outputs, four at a time; one in ten is said again."""
    chance = Random(order.seed)
    number, end = order.first, order.first + order.count
    while number < end:
        group = [*range(number, min(number + 4, end))]
        number = group[-1] + 1
        if chance.random() < 0.4 and number - order.first > 8:
            group.append(chance.randrange(order.first, number - 4))
        quarantine = 0.0 if order.blind else max(QUARANTINE, 2 * order.patience)
        how: Any = {"strategy": order.strategy, "quarantine": quarantine, "grouped": order.grouped}
        made = [submission(each, order.at, **how) for each in group]
        done = await asyncio.gather(*(accept(database, each) for each in made), return_exceptions=True)
        for each, result in zip(group, done, strict=True):
            journal.write("accepted" if result is True else "refused", each)
        while await moving(database) > ROOM:
            await asyncio.sleep(0.5 if order.per_minute else 0.02)  # a limited EHR drains slowly


async def moving(database: Database) -> int:
    """A database that is away for a moment says that everything still moves."""
    with contextlib.suppress(Exception):
        return await database.run(outputs.count_moving)
    await asyncio.sleep(0.05)
    return ROOM + 1


def parts(database: Database, order: Order, sender: Sender, journal: Journal) -> tuple[Worker, Reconciler]:
    """What delivers, and what looks for copies, as a ``worker`` replica puts them together."""

    def observe(changes: Sequence[Change]) -> None:
        for change in changes:
            told = triggered(events_of([change])) if isinstance(change, CopiesFound | DeliveryChanged) else []
            if any(rule.monitor == "M-WB-COPIES" for rule, _ in told):
                journal.write("alarm", change.delivery, time.time())

    rules = vendor_of(order.vendor).write

    async def terms(ehr: str) -> Terms:
        return Terms(
            per_minute=order.per_minute or None, first_put=rules.first_put, search_reads=rules.search_reads,
            at_once=rules.at_once, transaction=order.grouped,
        )  # fmt: skip

    given: Any = {
        "run": database.run, "senders": lambda ehr, principal: sender, "ehrs": lambda: ("spec",),
        "namespace": NAMES.namespace, "observe": observe, "terms": terms,
    }  # fmt: skip
    pace = replace(PACE, conversation=order.patience, lease=order.patience + 0.5)
    return Worker(**given, pace=pace), Reconciler(**given, every=order.look_every)


async def serve(order: Order) -> None:
    database, journal = opened(order.store), Journal(order.journal)
    rules = vendor_of(order.vendor).write
    bears = {"connections": rules.at_once, "lingers": rules.quarantine} if rules.at_once else {}
    halting = Stopping(base=order.base, at=order.stop_at, write=journal.write) if order.stop_at else None
    session = halting or open_session(base=order.base, **bears)
    sender: Sender = HttpSender(base=order.base, session=session)
    worker, reconciler = parts(database, order, Blind(sender) if order.blind else sender, journal)
    serving = [asyncio.create_task(worker.serve())]
    if order.look_every:
        serving.append(asyncio.create_task(reconciler.serve()))
    await produce(database, order, journal)
    while not order.leave or await moving(database):
        await asyncio.sleep(0.05)
    worker.stop()
    reconciler.stop()
    await asyncio.gather(*serving)
    await session.close()
    database.close()
    journal.write("drained")


def begin(order: dict[str, Any]) -> None:
    os.environ["FAIL_EVERY"] = str(order.get("fail_every", 0))
    asyncio.run(serve(Order(**order)))


def nursery(begin: Callable[[dict[str, Any]], None]) -> None:
    """Each line is an order, and begins a process of its own."""
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not kept
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                begin(order)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        print(pid, flush=True)


def as_line(order: Any) -> str:
    """What is as it always is goes without saying: an earlier release may not know of it."""
    plain = {each.name: each.default for each in fields(order)}
    return json.dumps({name: value for name, value in asdict(order).items() if value != plain[name]})


def heard(journal: Path) -> tuple[set[int], set[int], bool]:
    """Numbers that were accepted, numbers that were refused and never accepted, and whether the last worker drained."""
    lines = [line.split(" ") for line in journal.read_text().splitlines()] if journal.exists() else []
    accepted = {int(words[1]) for words in lines if words[0] == "accepted"}
    refused = {int(words[1]) for words in lines if words[0] == "refused"}
    return accepted, refused - accepted, bool(lines) and lines[-1] == ["drained"]


if __name__ == "__main__":
    nursery(begin)
