"""Three replicas deliver from one database; one is killed, one is frozen at random and one at the worst instant. What is left
is judged as after kills, and every second copy has to be an alarm soon after the frozen have gone on."""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.crash.delivery_judge import Verdict
from tests.crash.delivery_kills import SPACE, Nursery, drain, receiving, verdict, wait_until, written
from tests.crash.delivery_worker import Order
from tests.crash.receiver import kept_in

ALARM = 60.0
"""Seconds after a frozen replica goes on in which a second copy has to be an alarm (scoreboard, row 4)."""


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """What came of it: ``doubled`` and ``alarmed`` are delivery keys, ``slowest`` the seconds from the thaw to the last alarm."""

    verdict: Verdict
    doubled: frozenset[str]
    alarmed: frozenset[str]
    slowest: float
    longest: float
    accepted: int

    @property
    def silent(self) -> frozenset[str]:
        """Kept twice, and nobody was told."""
        return self.doubled - self.alarmed


def freeze(
    nursery: Nursery, place: Path, store: str, kind: str, *, seconds: float, seed: int, rounds: int = 1,
    look_every: float = 20.0, count: int = SPACE, seeing: bool = True, calm: bool = False,
) -> Frozen:  # fmt: skip
    """``rounds`` times: three replicas start, one stops itself in mid-delivery, one is stopped, one is killed and another
    takes its place; after ``seconds``, and when another has said what the first was about to say, the stopped go on, for as long
    as alarms may take. ``seeing``: they look for copies. ``calm``: the EHR does not fail."""
    place.mkdir(exist_ok=True)
    chance, journal, slowest = Random(seed), place / "journal", 0.0
    with receiving(place, kind, seed=seed, calm=calm) as receiver:
        order = Order(
            store=store, base=receiver.base, journal=str(journal), strategy=kind, seed=seed, first=0, count=count,
            at=time.time() - 86400.0, look_every=look_every if seeing else 0.0,
        )  # fmt: skip
        for number in range(rounds):
            pids = _stop_and_kill(nursery, order, chance, number)
            time.sleep(seconds)
            wait_until(lambda: said_meanwhile(place))
            thawed = time.time()
            for pid in pids[:2]:
                os.kill(pid, signal.SIGCONT)
            wait = ALARM if kind == "post" and seeing else min(2 * look_every, 3.0)
            slowest = max(slowest, _await_alarms(place, since=thawed, seconds=wait) - thawed)
            for pid in pids:
                nursery.kill(pid)
        drained = drain(nursery, replace(order, first=rounds * 4 * SPACE, seed=seed + 99))
        longest = float(receiver.counts()["longest"])
    return Frozen(
        verdict=verdict(place, store, drained=drained), doubled=doubled_in(place), alarmed=frozenset(alarms_in(place)),
        slowest=slowest, longest=longest, accepted=written(journal).count("accepted "),
    )  # fmt: skip


def _stop_and_kill(nursery: Nursery, order: Order, chance: Random, number: int) -> list[int]:
    """Pids: the one that stops itself, the one that was stopped, the two that are left alone."""

    def born(which: int, **changes: int) -> int:
        first = (4 * number + which) * SPACE
        return nursery.bear(replace(order, first=first, seed=order.seed + 4 * number + which, **changes))

    journal = Path(order.journal)
    before = written(journal).count("stopped ")
    held, stopped, dead = born(0, stop_at=5 + chance.randrange(20)), born(1), born(2)
    wait_until(lambda: written(journal).count("stopped ") > before)
    wait_until(lambda: f"accepted {(4 * number + 2) * SPACE}\n" in written(journal))
    time.sleep(chance.random() * 0.3)
    os.kill(stopped, signal.SIGSTOP)
    nursery.kill(dead)
    return [held, stopped, born(3)]


def _await_alarms(place: Path, *, since: float, seconds: float) -> float:
    """When the last alarm came; waits until every second copy is one, at most so long, and a while for those to come."""
    until, calm = time.monotonic() + seconds, time.monotonic() + min(seconds, 3.0)
    while time.monotonic() < until:
        if time.monotonic() > calm and doubled_in(place) and doubled_in(place) <= alarms_in(place).keys():
            break
        time.sleep(0.05)
    return max([since, *alarms_in(place).values()])


def said_meanwhile(place: Path) -> bool:
    """Whether all that a replica was about to say when it stopped itself has come by another way."""
    lines = [line.split(" ") for line in written(place / "journal").splitlines()]
    return {words[1] for words in lines if words[0] == "stopped"} <= {key for _, _, key in kept_in(place / "kept")}


def doubled_in(place: Path) -> frozenset[str]:
    """Delivery keys of which the receiver kept more than one resource."""
    counts = Counter((type, key) for type, _, key in set(kept_in(place / "kept")))
    return frozenset(key for (_, key), count in counts.items() if count > 1)


def alarms_in(place: Path) -> dict[str, float]:
    """Delivery key → when its alarm was raised first, Unix seconds."""
    lines = [line.split(" ") for line in written(place / "journal").splitlines()]
    return {words[1]: float(words[2]) for words in reversed(lines) if words[0] == "alarm" and len(words) == 3}
