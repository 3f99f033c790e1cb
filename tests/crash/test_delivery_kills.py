"""SIGKILL of a delivering gateway at any moment: nothing accepted is lost, nothing is at the EHR twice.

The judge is alive: a gateway that sends again without looking is found out by it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.delivery_judge import Row, judge, record
from tests.crash.delivery_kills import Nursery, Series, campaign
from tests.crash.delivery_worker import QUARANTINE

SEED = 20262
STORES, KINDS = ("sqlite", "postgres"), ("conditional", "put", "post", "transaction")
KILLS = {"conditional": 1000, "put": 200, "post": 200, "transaction": 200}
"""Of the full form, on each store."""
SHORT = {"conditional": 8, "put": 3, "post": 5, "transaction": 4}
Case = tuple[str, str, bool]
NewStore = Callable[[str, Path], str]


def run(
    nursery: Nursery, place: Path, new_store: NewStore, cases: Iterable[Case], *, kills: Callable[[str], int], workers: int
) -> dict[Case, Series]:  # fmt: skip
    """A campaign for each (store, EHR class, blind), several at a time: they mostly wait."""

    def one(case: Case, store: str, directory: Path) -> Series:
        return campaign(nursery, directory, store, case[1], kills=kills(case[1]), seed=SEED, blind=case[2])

    made = {case: place / "-".join(map(str, case)) for case in cases}
    for directory in made.values():
        directory.mkdir()
    stores = {case: new_store(case[0], directory) for case, directory in made.items()}
    with ThreadPoolExecutor(workers) as pool:
        running = {case: pool.submit(one, case, stores[case], directory) for case, directory in made.items()}
    return {case: each.result() for case, each in running.items()}


SEEING = [(store, kind, False) for store in STORES for kind in KINDS]
BLIND = [(store, kind, True) for store in STORES for kind in ("conditional", "post")]


def test_kills_lose_and_double_nothing_and_blind_retry_doubles(
    nursery: Nursery, tmp_path: Path, new_store: NewStore
) -> None:
    cases = [*SEEING, ("sqlite", "post", True)]
    found = run(nursery, tmp_path, new_store, cases, kills=SHORT.__getitem__, workers=len(cases))
    assert {case: series.verdict.problems for case, series in found.items() if not case[2]} == {
        case: [] for case in SEEING
    }
    for case, series in found.items():
        assert series.verdict.kept > 12, case
        assert series.longest < QUARANTINE, "the EHR was slower than it says, so that nothing is proved"
        assert bool(series.verdict.doubled) == case[2], case
        assert series.verdict.lost == [], case
        assert bool(series.transactions) == (case[1] == "transaction"), case


@pytest.mark.campaign
@pytest.mark.parametrize("store", STORES)
def test_many_kills_lose_and_double_nothing(nursery: Nursery, tmp_path: Path, new_store: NewStore, store: str) -> None:
    cases = [(store, kind, False) for kind in KINDS]
    found = run(nursery, tmp_path, new_store, cases, kills=KILLS.__getitem__, workers=4)
    for (_, kind, _), series in found.items():
        record(f"1 SIGKILL: {kind} on {store}", bar="lost 0, doubled 0", **series.figures, seed=SEED)
    assert {kind: series.verdict.problems for (_, kind, _), series in found.items()} == {kind: [] for kind in KINDS}
    assert all(series.longest < QUARANTINE for series in found.values())


@pytest.mark.campaign
def test_many_kills_with_blind_retry_double(nursery: Nursery, tmp_path: Path, new_store: NewStore) -> None:
    found = run(nursery, tmp_path, new_store, BLIND, kills=lambda kind: 60, workers=4)
    for (store, kind, _), series in found.items():
        record(f"2 SIGKILL with blind retry: {kind} on {store}", bar="doubled > 0", **series.figures, seed=SEED)
    assert all(series.verdict.doubled for series in found.values())


def row(**changes: object) -> Row:
    given = {"key": "k", "type": "Observation", "role": "primary", "state": "delivered", "number": 1}
    return Row(**{**given, **changes})  # type: ignore[arg-type]


KEPT = ("Observation", "o1", "k")


def test_the_judge_tells_lost_doubled_late_and_well() -> None:
    well = judge(accepted=[1], outputs={1: "delivered"}, rows=[row()], kept=[KEPT])
    gone = judge(accepted=[1, 2], outputs={1: "delivered"}, rows=[row()], kept=[KEPT])
    nowhere = judge(accepted=[1], outputs={1: "delivered"}, rows=[row()], kept=[])
    twice = judge(accepted=[1], outputs={1: "delivered"}, rows=[row()], kept=[KEPT, ("Observation", "o2", "k")])
    slow = judge(accepted=[1], outputs={1: "pending"}, rows=[row(state="in_doubt")], kept=[KEPT])
    ghost = judge(accepted=[], refused=[1], outputs={1: "pending"}, rows=[], kept=[KEPT])
    said = [
        (len(each.lost), len(each.doubled), len(each.late), len(each.other))
        for each in (well, gone, nowhere, twice, slow, ghost)
    ]
    assert said == [(0, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 1, 2)]
