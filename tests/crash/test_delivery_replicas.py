"""Replicas on one database, killed and frozen in mid-delivery: nothing is lost; nothing is at an idempotent EHR twice; where an
EHR takes only plain creates a second copy is an alarm within a minute, never silent."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.delivery_judge import Verdict, record
from tests.crash.delivery_kills import Nursery
from tests.crash.delivery_replicas import ALARM, Frozen, freeze
from tests.crash.delivery_worker import QUARANTINE

KINDS = ("put", "conditional", "post")
SEED = 20263
NewStore = Callable[[str, Path], str]


def frozen(
    nursery: Nursery,
    place: Path,
    new_store: NewStore,
    cases: Sequence[tuple[str, bool]],
    calm: bool = False,
    **how: float,
) -> dict[tuple[str, bool], Frozen]:
    """For each (EHR class, whether copies are looked for), side by side: they mostly wait."""
    stores = {case: new_store("postgres", place) for case in cases}

    def one(case: tuple[str, bool]) -> Frozen:
        at = place / f"{case[0]}-{case[1]}"
        return freeze(
            nursery, at, stores[case], case[0], seed=SEED, seeing=case[1], calm=calm and case[0] == "post", **how
        )  # type: ignore[arg-type]

    with ThreadPoolExecutor(len(cases)) as pool:
        return dict(zip(cases, pool.map(one, cases), strict=True))


def prove(found: dict[tuple[str, bool], Frozen]) -> None:
    for (kind, _), series in found.items():
        assert series.verdict.lost == series.verdict.late == series.verdict.other == [], kind
        assert series.longest < QUARANTINE, "the EHR was slower than it says, so that nothing is proved"
        assert series.silent == frozenset(), kind
        assert series.alarmed == series.doubled, "an alarm without a second copy"
        assert bool(series.doubled) == (kind == "post"), kind
        assert series.slowest <= ALARM


def test_frozen_and_killed_replicas_lose_nothing_and_double_nothing_in_silence(
    nursery: Nursery, tmp_path: Path, new_store: NewStore
) -> None:
    """So that a second copy is provoked for certain, the EHR of plain creates is calm here."""
    cases = [("conditional", True), ("post", True)]
    found = frozen(nursery, tmp_path, new_store, cases, seconds=4.0, look_every=0.5, count=24, calm=True)
    prove(found)
    assert all(series.verdict.kept > 100 for series in found.values())


def test_a_second_copy_that_nobody_was_told_of_is_found_out() -> None:
    """The judge of silence; the campaign has workers that do not look."""
    clean = Verdict()
    for alarmed, silent in ((frozenset({"k"}), frozenset()), (frozenset(), frozenset({"k"}))):
        seen = Frozen(
            verdict=clean, doubled=frozenset({"k"}), alarmed=alarmed, slowest=1.0, longest=0.1, accepted=1
        )  # fmt: skip
        assert seen.silent == silent


@pytest.mark.campaign
def test_without_the_look_for_copies_a_second_one_is_silent(
    nursery: Nursery, tmp_path: Path, new_store: NewStore
) -> None:
    found = frozen(nursery, tmp_path, new_store, [("post", False)], seconds=4.0, count=24, calm=True)
    assert found["post", False].silent
    assert not found["post", False].alarmed


@pytest.mark.campaign
def test_replicas_frozen_for_90_seconds_lose_nothing_and_double_nothing_in_silence(
    nursery: Nursery, tmp_path: Path, new_store: NewStore
) -> None:
    found = frozen(nursery, tmp_path, new_store, [(kind, True) for kind in KINDS], seconds=90.0, rounds=2, count=600)
    for (kind, _), series in found.items():
        record(
            f"4 three replicas, one killed, two frozen 90 s: {kind}",
            bar="lost 0; doubled 0, or an alarm within 60 s each" if kind == "post" else "lost 0, doubled 0",
            accepted=series.accepted, **series.verdict.figures, alarms=len(series.alarmed),
            **{"slowest alarm s": round(series.slowest, 1)} if kind == "post" else {}, seed=SEED,
        )  # fmt: skip
    prove(found)
