"""Kills and freezes replicas in the middle of a tick, puts the clock forward and back, and judges what the receiver kept."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from auth.client.ehr import RegisteredEhr
from auth.client.registry import save_ehr
from gateway.installation import METADATA
from gateway.keyring import open_keyring
from gateway.schedules.runs import inference_of
from gateway.schedules.tables import patients, schedules, ticks
from gateway.schedules.ticks import LEASE, Claim
from gateway.storage.database import Database, open_postgres
from tests.crash.delivery_kills import PATIENCE, Nursery
from tests.crash.schedule_worker import NAME, Clock, Clocked, Order
from tests.crash.ward_ehr import said_in
from tests.flow.delivery_world import MODEL
from tests.programs import Program
from writeback.tables import outputs

PATIENTS, REPLICAS = 12, 3
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
OVER = LEASE + 2.0
"""Seconds after which the lease of the dead has ended."""
WRONG = 0.5
"""Seconds of ours that the clock is wrong: a few looks."""
SETTLED = ("delivered", "superseded")
SITE = """
[site]
id = "north"
title = "North"
[[ehr]]
name = "ward"
issuer = "{base}"
client_id = "gateway"
networks = ["127.0.0.0/8"]
[[model]]
id = "echo"
version = "1.0.0"
policy = "automatic"
owners = {{ model = "Team", engineering = "On call", clinical_informatics = "Officer" }}
[[schedule]]
id = "ward"
ehr = "ward"
models = ["echo"]
cron = "* * * * *"
patients = "Encounter?status=in-progress"
catch_up = "all"
most = 3
grace = "P1D"
"""


def wait(holds: Callable[[], bool]) -> None:
    """Looks again twenty times a second. Raises TimeoutError."""
    until = time.monotonic() + 3 * PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.05)


@contextlib.contextmanager
def receiving(place: Path) -> Iterator[str]:
    """The FHIR base of the ward while the block runs."""
    process = Program("tests.crash.ward_ehr", str(place / "kept"), str(PATIENTS), "0", stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/fhir"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the receiver kept, against the ticks that have come. ``problems`` are sentences."""

    ticks: int
    kept: int
    superseded: int
    resumed: int
    problems: list[str]

    @property
    def doubled(self) -> int:
        return sum("times" in each for each in self.problems)


@dataclass
class Ward:
    """Replicas on one database, and the clock that they share."""

    nursery: Nursery
    place: Path
    database: Database
    clock: Clock
    order: Order
    began: float
    chance: random.Random
    pids: list[int] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def ask(self, work: Callable[..., Any]) -> Any:
        return self.database.run_now(work)

    def bear(self) -> None:
        self.pids.append(self.nursery.bear(self.order))

    def runs(self) -> int | None:
        """The pid of a replica that is in the middle of a tick."""
        half = select(ticks.c.owner).where(
            ticks.c.state == "running",
            select(patients.c.at).where(patients.c.at == ticks.c.at, patients.c.state == "done").exists(),
            select(patients.c.at).where(patients.c.at == ticks.c.at, patients.c.state == "waiting").exists(),
        )  # fmt: skip
        owner = self.ask(lambda c, now: c.execute(half.limit(1)).scalar())
        journal = Path(self.order.journal)
        named = dict(reversed(line.split()) for line in journal.read_text().splitlines()) if journal.exists() else {}
        pid = int(named.get(owner, 0))
        return pid if pid in self.pids else None

    def caught(self) -> int:
        """Waits for one."""
        found: list[int] = []
        wait(lambda: bool(found or [found.append(pid) for pid in [self.runs()] if pid]))
        return found[0]

    def kill(self) -> None:
        pid = self.caught()
        self.nursery.kill(pid)
        self.pids.remove(pid)
        self.happened["kills"] += 1
        self.clock.turn(by=OVER)
        self.bear()

    def freeze(self) -> None:
        """It wakes up again when another has run its tick to the end."""
        pid = self.caught()
        os.kill(pid, signal.SIGSTOP)
        self.happened["freezes"] += 1
        self.clock.turn(by=OVER)
        try:
            self.end()
        finally:
            os.kill(pid, signal.SIGCONT)

    def steal(self) -> None:
        """The clock goes on so far that the lease of whoever is at work seems to have ended."""
        self.caught()
        self.clock.turn(by=OVER)
        self.happened["thefts"] += 1

    def step(self) -> None:
        """The clock is wrong for a while in the middle of a tick, and then right again."""
        self.caught()
        by = self.chance.choice((HOUR, -HOUR, DAY, -DAY, 3 * DAY, -3 * DAY, 90.0, -90.0))
        self.clock.turn(by=by)
        time.sleep(WRONG)
        self.clock.turn(by=-by)
        self.happened["steps"] += 2

    def tick(self) -> None:
        """The next minute comes."""
        self.clock.turn(by=MINUTE)

    def end(self) -> None:
        """Waits until no tick is open. What a frozen replica has locked PostgreSQL frees after half a minute; others try again
        after that."""
        opened = select(func.count()).select_from(ticks).where(ticks.c.state.in_(("waiting", "running")))
        wait(lambda: not self.ask(lambda c, now: c.scalar(opened)))

    def settle(self) -> None:
        """What has begun ends, and is delivered; the minute that has come last is there."""
        moving = select(func.count()).select_from(outputs).where(outputs.c.state == "pending")

        def still(connection: Any, now: float) -> bool:
            newest = select(ticks.c.state).where(ticks.c.at == now // MINUTE * MINUTE)
            return connection.scalar(newest) == "done" and not connection.scalar(moving)

        wait(lambda: bool(self.ask(still)))
        self.end()


@contextlib.contextmanager
def replicas(nursery: Nursery, place: Path, store: str, *, seed: int, blind: bool = False) -> Iterator[Ward]:
    """Three of them while the block runs."""
    keyring, clock, chance = open_keyring(place), Clock(place / "clock"), random.Random(seed)
    clock.set(here=time.time(), there=time.time() // MINUTE * MINUTE)
    for name, text in (
        ("model.toml", MODEL.format(id="echo", version="1.0.0", policy="automatic")),
        ("model.py", ECHO),
    ):
        (place / "models" / "echo").mkdir(parents=True, exist_ok=True)
        (place / "models" / "echo" / name).write_text(text.replace('"P1D"', '"P10Y"'))
    (place / "site").mkdir()
    with receiving(place) as base, contextlib.closing(open_postgres(store, metadata=METADATA)) as inner:
        (place / "site" / "site.toml").write_text(SITE.format(base=base))
        ehr = RegisteredEhr(name="ward", issuer=base, client_id="gateway", networks=("127.0.0.0/8",))
        inner.run_now(partial(save_ehr, ehr=ehr, cipher=keyring.cipher))
        order = Order(
            store=store, place=str(place), clock=str(clock.path), journal=str(place / "journal"), blind=blind
        )  # fmt: skip
        made = Ward(nursery, place, Clocked(inner, clock), clock, order, clock.read(), chance)
        for _ in range(REPLICAS):
            made.bear()
        try:
            yield made
        finally:
            for pid in made.pids:
                nursery.kill(pid)


ECHO = "def predict(features):\n    return {'value': 0.1}\n"


def judge(ward: Ward) -> Found:
    """Every minute since the schedule was in force has one tick, run once; of it there is one assessment of each patient."""
    rows = ward.ask(lambda c, now: c.execute(select(ticks)).all())
    states = {row.at: row.state for row in rows if row.at > ward.began}
    now = ward.clock.read()
    first, last = ward.began // MINUTE * MINUTE + MINUTE, now // MINUTE * MINUTE
    came = [first + MINUTE * number for number in range(int((last - first) / MINUTE) + 1)]
    problems = [f"minute {int(at - first) // 60} is {states.get(at)}" for at in came if states.get(at) != "done"]
    problems += [
        f"a minute that has not come is {state}" for at, state in states.items() if at > last and state != "done"
    ]
    wanted = {names(at, number): (at, number) for at in states if states[at] == "done" for number in range(PATIENTS)}
    kept = Counter(said_in(ward.place / "kept"))
    by_turn = Counter(turn_of(patient, inference, wanted) for patient, inference in kept.elements())
    problems += [f"{turn} was written {number} times" for turn, number in by_turn.items() if number != 1]
    found = ward.ask(lambda c, now: c.execute(select(outputs.c.patient, outputs.c.inference_id, outputs.c.state)).all())
    problems += [f"an output is {row.state}" for row in found if row.state not in SETTLED]
    superseded = {(row.patient, row.inference_id) for row in found if row.state == "superseded"} - kept.keys()
    covered = {turn_of(*each, wanted) for each in (*kept, *superseded)}
    problems += [f"nobody has scored {turn}" for turn in wanted.values() if turn not in covered]
    return Found(
        ticks=len(came), kept=sum(kept.values()), superseded=len(superseded), problems=problems,
        resumed=sum(row.epoch > 1 for row in rows),
    )  # fmt: skip


def names(at: float, number: int) -> tuple[str, str]:
    """What the scheduler calls the inference of a patient in a tick."""
    held = Claim(schedule=NAME, at=at, owner="", epoch=0, until=0.0)
    patient = f"Patient/p{number}"
    said: Any = type("Said", (), {"key": ("echo", "1.0.0"), "launch_patient": patient})
    return patient, inference_of(held, said, said, None, None)


def turn_of(patient: str, inference: str, wanted: dict[tuple[str, str], tuple[float, int]]) -> tuple[float, int]:
    """Tick and patient of an inference; one of a blind replica says its tick itself."""
    if (patient, inference) in wanted:
        return wanted[patient, inference]
    at = inference.partition(".")[0]
    return (float(at), int(patient.removeprefix("Patient/p"))) if at.isdecimal() and "." in inference else (-1.0, 0)


def campaign(ward: Ward, what: Sequence[str]) -> None:
    """A minute, and one thing in the middle of its tick, after the other."""
    declared = select(func.count()).select_from(schedules)
    wait(lambda: ward.ask(lambda c, now: c.scalar(declared)))
    ward.began = ward.ask(lambda c, now: c.scalar(select(schedules.c.upto)))
    for each in what:
        ward.tick()
        getattr(ward, each)()
        ward.end()
