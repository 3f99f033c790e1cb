"""Two releases deliver from one PostgreSQL database, killed at any moment, while the schema goes up and down below them.

    python -m tests.crash.delivery_releases URL REVISION

takes the database to a revision, as ``chartgate migrate`` does, in a process of its own that may be killed as well.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import Connection, text

from gateway.storage import schema
from gateway.storage.database import open_postgres
from migrations import HEAD, REVISIONS
from migrations.__main__ import differences, whole
from tests.crash.delivery_judge import Verdict
from tests.crash.delivery_kills import PATIENCE, SPACE, Nursery, drain, receiving, verdict, wait_until, written
from tests.crash.delivery_worker import Order
from tests.crash.kill_demo import ROOT
from tests.programs import Program

BEFORE = REVISIONS[-2]
"""The revision of the release before."""


def release_before(place: Path) -> Path | None:
    """The tree of the release before, in a directory below ``place``: the last commit without the newest revision. None where
    this clone has no history that reaches back to it."""
    added = _git("log", "--format=%H", "--diff-filter=A", "--", f"migrations/versions/{HEAD}_*.py").split()
    if not added or _git("cat-file", "-t", f"{added[-1]}^").strip() != "commit":
        return None
    tree = place / "before"
    tree.mkdir()
    with subprocess.Popen(["git", "archive", f"{added[-1]}^"], stdout=subprocess.PIPE, cwd=ROOT) as packed:
        subprocess.run(["tar", "-x", "-C", str(tree)], stdin=packed.stdout, check=True)
    return tree


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=ROOT).stdout


def move(url: str, revision: str) -> None:
    """Takes the database to the revision, in one transaction."""
    database = open_postgres(url)
    try:
        database.run_now(partial(_move, to=revision))
    finally:
        database.close()


def _move(connection: Connection, now: float, *, to: str) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
    schema.move(connection, now, to=to)


def at_head(url: str) -> bool:
    """Whether the database is exactly what the newest revision says."""
    database = open_postgres(url)
    try:
        return database.run_now(lambda c, now: schema.find_revision(c, now) == HEAD and differences(c, whole()) == [])
    finally:
        database.close()


def alternate(
    nurseries: Sequence[Nursery], place: Path, url: str, kind: str, *, kills: int, seed: int, every: int, killed: bool
) -> tuple[Verdict, int, int]:  # fmt: skip
    """One worker of each nursery at a time; ``kills`` times one of them is killed and another takes its place, and at every
    ``every``-th the schema goes up, or down again, meanwhile. ``killed``: who moves the schema is killed too, every third time.
    The verdict, how many moves came to their end, and how many did not."""
    place.mkdir(exist_ok=True)
    chance, journal, moved, cut = Random(seed), place / "journal", 0, 0
    move(url, BEFORE)
    with receiving(place, kind, seed=seed) as receiver:
        order = Order(
            store=url, base=receiver.base, journal=str(journal), strategy=kind, seed=seed, first=0, at=time.time() - 86400.0
        )  # fmt: skip
        alive = [each.bear(replace(order, first=number * SPACE)) for number, each in enumerate(nurseries)]
        for number in range(kills):
            mover = _mover(url, HEAD if moved % 2 == 0 else BEFORE) if number % every == 0 else None
            which, first = number % len(nurseries), (len(nurseries) + number) * SPACE
            time.sleep(chance.random() * 0.5)
            nurseries[which].kill(alive[which])
            alive[which] = nurseries[which].bear(replace(order, first=first, seed=seed + number))
            wait_until(lambda first=first: f"accepted {first}\n" in written(journal))
            if mover is not None:
                ended = _end(mover, kill=killed and chance.random() < 0.34, after=chance.random() * 0.3)
                moved, cut = moved + ended, cut + (not ended)
        for nursery, pid in zip(nurseries, alive, strict=True):
            nursery.kill(pid)
        move(url, HEAD)
        drained = drain(nurseries[0], replace(order, first=(kills + 9) * SPACE))
    return verdict(place, url, drained=drained), moved, cut


def _mover(url: str, revision: str) -> Program:
    return Program("tests.crash.delivery_releases", url, revision, stderr=subprocess.PIPE)


def _end(mover: Program, *, kill: bool, after: float) -> bool:
    """Whether it came to its end. Raises AssertionError with what it said, when it failed by itself."""
    if kill:
        time.sleep(after)
        mover.kill()
    _, said = mover.communicate(timeout=PATIENCE)
    assert kill or mover.returncode == 0, said[-800:]
    return mover.returncode == 0


if __name__ == "__main__":
    move(*sys.argv[1:3])
