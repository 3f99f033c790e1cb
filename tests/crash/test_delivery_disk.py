"""A disk that is full, and one that fails: accepted is durable, refused is nothing, and nothing is at the EHR twice."""

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.database import Database
from gateway.storage.failures import DatabaseFull
from tests.conftest import missing
from tests.crash.delivery_judge import Verdict, judge, outputs_in, record, rows_in, whole
from tests.crash.delivery_kills import SPACE, Nursery, drain, receiving, verdict
from tests.crash.delivery_worker import PACE, Order, accept, heard, moving, opened, submission
from tests.crash.swift_ehr import Swift
from tests.unit.writeback.examples import NAMES
from writeback.worker import Worker

SHIM = Path(__file__).with_name("failing.c")
BALLAST = 3_000_000


async def fill(database: Database, at: float, *, first: int) -> tuple[list[int], list[int]]:
    """Accepts until a full disk has refused twelve groups: (accepted, refused)."""
    accepted: list[int] = []
    refused: list[int] = []
    number = first
    while len(refused) < 48:
        group = range(number, number + 4)
        number += 4
        made = [submission(each, at, strategy="post", quarantine=0.1) for each in group]
        done = await asyncio.gather(*(accept(database, each) for each in made), return_exceptions=True)
        for each, result in zip(group, done, strict=True):
            assert result is True or isinstance(result, DatabaseFull), result
            (accepted if result is True else refused).append(each)
    return accepted, refused


async def story(place: Path) -> dict[str, Any]:
    """Deliveries go on while the disk fills up; then there is room again, and everything is as if nothing had been."""
    ballast = place / "ballast"
    ballast.write_bytes(b"x" * BALLAST)
    database, ehr, at = opened(str(place / "gateway.db")), Swift(), time.time() - 86400.0
    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace, pace=PACE
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    accepted, refused = await fill(database, at, first=1)
    await asyncio.sleep(0.5)  # what is under way is delivered, and cannot be recorded
    ballast.unlink()
    after = await accept(database, submission(SPACE, at, strategy="post", quarantine=0.1))
    async with asyncio.timeout(60):
        while await moving(database):
            await asyncio.sleep(0.05)
    worker.stop()
    await serving
    found = judge(
        accepted=[*accepted, SPACE],
        refused=refused,
        outputs=outputs_in(database),
        rows=rows_in(database),
        kept=ehr.kept,
    )
    sound = whole(database)
    database.close()
    return {"verdict": found, "after": after, "sound": sound, "accepted": len(accepted), "refused": len(refused)}


def test_a_full_disk_refuses_whole_outputs_keeps_what_it_accepted_and_recovers(small_disk: Path) -> None:
    found = asyncio.run(story(small_disk))
    assert found["verdict"].problems == []
    assert (found["after"], found["sound"]) == (True, True)
    assert found["accepted"] > 40


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
