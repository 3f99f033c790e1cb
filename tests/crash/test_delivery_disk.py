"""A disk that is full, and one that fails: accepted is durable, refused is nothing, and nothing is at the EHR twice."""

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.database import Database, open_sqlite
from gateway.storage.failures import DatabaseFull
from gateway.storage.opening import LARGE_PAGE
from gateway.storage.room import EVERY, Room
from gateway.storage.works import Accepting, Repeatable
from tests.conftest import missing
from tests.crash.delivery_judge import Verdict, judge, outputs_in, record, rows_in, whole
from tests.crash.delivery_kills import SPACE, Nursery, drain, receiving, verdict
from tests.crash.delivery_worker import PACE, Order, heard, moving, submission
from tests.crash.swift_ehr import Swift
from tests.unit.writeback.examples import NAMES
from writeback import tables
from writeback.ledger import outputs
from writeback.ledger.outputs import Submission
from writeback.worker import Worker

SHIM = Path(__file__).with_name("failing.c")
OTHERS = 5
"""Which part of the disk each of two files of others has, which go one after the other."""


@dataclass
class Tried:
    """Numbers of the outputs that were said."""

    accepted: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


async def say(database: Database, made: Submission) -> bool:
    """As the gateway does: whether it was accepted."""
    try:
        await database.run(Accepting(lambda connection, now: outputs.accept(connection, now, submission=made)))
    except DatabaseFull:
        return False
    return True


async def fill(database: Database, at: float, tried: Tried) -> None:
    """Says outputs, four at a time, until twelve groups were refused."""
    number, most = len(tried.accepted) + len(tried.refused) + 1, len(tried.refused) + 48
    while len(tried.refused) < most:
        made = [submission(each, at, strategy="post", quarantine=0.1) for each in range(number, number + 4)]
        done = await asyncio.gather(*(say(database, each) for each in made))
        for each, taken in enumerate(done, start=number):
            (tried.accepted if taken else tried.refused).append(each)
        number += 4


async def quiet(database: Database) -> bool:
    """Whether all that was accepted is recorded as delivered, within a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while await moving(database):
                await asyncio.sleep(0.05)
            return True
    return False


def take_all(place: Path) -> None:
    """To the last byte."""
    with place.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def story(place: Path, tried: Tried) -> dict[str, Any]:
    """The disk fills up twice: by what is accepted, and to its end by others. Then there is room again."""
    some, more, path = place / "some", place / "more", place / "gateway.db"
    for each in (some, more):
        each.write_bytes(b"x" * (shutil.disk_usage(place).total // OTHERS))
    room = Room(path)
    database = open_sqlite(path, metadata=[tables.metadata], page_size=LARGE_PAGE, room=room)
    ehr, at, found = Swift(), time.time() - 86400.0, dict[str, Any]()
    worker = Worker(
        run=lambda work: database.run(Repeatable(work)), senders=lambda name, principal: ehr, ehrs=lambda: ("spec",),
        namespace=NAMES.namespace, pace=PACE,
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    await fill(database, at, tried)
    found |= {"by itself": len(tried.accepted), "left": shutil.disk_usage(place).free, "reserve": room.reserve}
    found["recorded when short"] = await quiet(database)
    some.unlink()
    ehr.down = True
    await fill(database, at, tried)
    found["by others"] = len(tried.accepted) - found["by itself"]
    take_all(more)
    found["none left"] = shutil.disk_usage(place).free
    ehr.down = False
    found["recorded when full"] = await quiet(database)
    more.unlink()
    await asyncio.sleep(2 * EVERY)
    found["after"] = await say(database, submission(SPACE, at, strategy="post", quarantine=0.1))
    tried.accepted.append(SPACE)
    found |= {"recorded after": await quiet(database), "ballast": (place / "gateway.db-ballast").exists()}
    worker.stop()
    await serving
    found["verdict"] = judge(
        accepted=tried.accepted, refused=tried.refused, outputs=outputs_in(database), rows=rows_in(database), kept=ehr.kept
    )  # fmt: skip
    found["sound"] = whole(database)
    database.close()
    return found


def test_a_disk_that_fills_up_refuses_outputs_records_what_it_accepted_and_recovers(small_disk: Path) -> None:
    """Row 6 of the scoreboard: refused before the disk is full, acknowledgements go on, no restart."""
    judged(asyncio.run(story(small_disk, Tried())))


@pytest.mark.campaign
def test_the_same_of_a_larger_disk(own_disk: Path) -> None:
    found = asyncio.run(story(own_disk, Tried()))
    named = ("by itself", "by others", "left", "reserve", "recorded when short", "recorded when full", "after")
    bar = "507 before the disk is full, acknowledged meanwhile, recovers without restart, lost 0, doubled 0"
    record("6 disk full", bar=bar, **{name: found[name] for name in named}, **found["verdict"].figures)
    judged(found)


def judged(found: Mapping[str, Any]) -> None:
    assert found["verdict"].problems == [], found
    assert min(found["by itself"], found["by others"]) > 40, found
    assert found["left"] > found["reserve"] // 2, "it is refused before the disk is full"
    assert found["none left"] == 0
    done = ("recorded when short", "recorded when full", "after", "recorded after", "ballast", "sound")
    assert {name: found[name] for name in done} == dict.fromkeys(done, True)


@pytest.fixture(scope="session")
def failing_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """A nursery whose workers' writes and syncs to ``gateway.db*`` fail as their order says."""
    compiler = shutil.which("cc")
    if compiler is None:
        missing("a C compiler is not installed; on Debian: apt-get install gcc libc6-dev")
    place = tmp_path_factory.mktemp("failing")
    library = place / "failing.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
    with contextlib.closing(Nursery(place, {"LD_PRELOAD": str(library), "FAIL_PATH": "gateway.db"})) as made:
        yield made


def sweep(nursery: Nursery, place: Path, every: Iterable[int]) -> tuple[Verdict, dict[str, int]]:
    """One worker for each N on the same database, accepting a dozen outputs while every Nth write or sync fails; those
    that cannot go on are killed after a while. What was refused by one that lived on is nothing."""
    store, journal = str(place / "gateway.db"), place / "journal"
    unknown: set[int] = set()
    with receiving(place, "post", calm=True) as receiver:
        order = Order(
            store=store, base=receiver.base, journal=str(journal), strategy="post", seed=1, first=0,
            at=time.time() - 86400.0, count=12, leave=True,
        )  # fmt: skip
        assert drain(nursery, replace(order, first=0)), "the tables are there before anything fails"
        for n in every:
            pid = nursery.bear(replace(order, first=n * SPACE, fail_every=n, seed=n))
            if not nursery.gone(pid, 2.0):
                nursery.kill(pid)
                unknown.update(range(n * SPACE, (n + 1) * SPACE))
        drained = drain(nursery, order)
    accepted, refused, _ = heard(journal)
    figures = {"accepted": len(accepted), "refused": len(refused), "killed": len(unknown) // SPACE}
    return verdict(place, store, drained=drained, refused=refused - unknown), figures


def test_failing_writes_and_syncs_lose_nothing_that_was_accepted(failing_nursery: Nursery, tmp_path: Path) -> None:
    found, figures = sweep(failing_nursery, tmp_path, (1, 9, 37, 90, 150))
    assert found.problems == []
    assert figures["accepted"] > 8
    assert figures["refused"] > 0


@pytest.mark.campaign
def test_every_nth_write_or_sync_fails_for_n_up_to_five_hundred(failing_nursery: Nursery, tmp_path: Path) -> None:
    began = time.monotonic()
    found, figures = sweep(failing_nursery, tmp_path, range(1, 501))
    seconds = round(time.monotonic() - began, 1)
    record(
        "7 every Nth write or sync fails, N = 1..500",
        bar="lost 0, doubled 0",
        **figures,
        **found.figures,
        seconds=seconds,
    )
    assert found.problems == []
