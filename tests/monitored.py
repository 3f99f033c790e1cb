"""Journals for tests of the monitors: a model with two features, its outputs, labels and ticks, drawn with a seed."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from sqlalchemy import Connection

from gateway.storage.database import Database
from monitoring import observations
from monitoring.entries import Entry, Labelled, Observed, Telling, Ticked, pack_cells
from monitoring.plan import Plan
from monitoring.reference import Column, Reference

PLACE = ("risk", "1.0.0", "spec")
ABOUT = {"model": "risk", "version": "1.0.0", "ehr": "spec"}


def column(values: np.ndarray, *, missing: float = 0.02, bins: int = 10) -> Column:
    """The reference column of what was measured: quantile bins, shares, mean and deviation."""
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    shares = np.bincount((values[:, None] >= edges).sum(axis=1), minlength=bins) / values.size
    return Column(
        edges=tuple(edges.tolist()), shares=(*(shares * (1 - missing)).tolist(), missing, 0.0), n=values.size,
        mean=float(values.mean()), sd=float(values.std()),
    )  # fmt: skip


def plan(seed: int = 1, *, features: int = 2, auroc: float | None = 0.75) -> Plan:
    """A risk model whose features are standard normal and 2 % missing, and whose outputs are Beta(1, 9)."""
    random = np.random.default_rng(seed)
    chances = random.beta(1, 9, 10_000)
    names = tuple(f"f{number}" for number in range(features))
    reference = Reference(
        features={name: column(random.normal(size=10_000)) for name in names}, output=column(chances, missing=0.0),
        alert_at=0.3, alert_rate=float((chances >= 0.3).mean()), auroc=auroc,
    )  # fmt: skip
    return Plan(**ABOUT, features=names, reference=reference, calibrated=True)


def tellings(
    count: int, *, seed: int, features: int = 2, replica: str = "a", drift_from: int | None = None
) -> Iterator[Telling]:
    """Outputs with their labels; from ``drift_from`` on the first feature comes in another unit one time in ten."""
    random = np.random.default_rng(seed)
    for number in range(count):
        cells = random.normal(size=features)
        cells[random.random(features) < 0.02] = np.nan
        if drift_from is not None and number >= drift_from and random.random() < 0.1:
            cells[0] = 88.4 * (1 + abs(cells[0]))
        chance = float(random.beta(1, 9))
        encounter = f"{replica}{number // 2 if random.random() < 0.3 else number + 10**6}"
        yield Observed(
            **ABOUT, output=f"{replica}-{number}", encounter=encounter, features=pack_cells(cells.tolist()), value=chance,
            score=chance, strata=f"sex={'female' if random.random() < 0.5 else 'male'}",
        )  # fmt: skip
        yield Labelled(**ABOUT, output=f"{replica}-{number}", event=bool(random.random() < chance))
        if number % 50 == 0:
            yield Ticked()


def portions(count: int, *, seed: int) -> list[slice]:
    """0 … count cut into random portions."""
    random = np.random.default_rng(seed)
    cuts = sorted({0, count, *random.integers(0, count, 40).tolist()})
    return [slice(first, last) for first, last in pairwise(cuts)]


def ordered_entries(connection: Connection, now: float) -> list[Entry]:
    """The whole journal in order, read in pages."""
    found: list[Entry] = []
    place = (-1.0, 0)
    while page := observations.find_entries(connection, now, after=place, before=float("inf")):
        found += page
        place = (page[-1].at, page[-1].id)
    return found


def everything(database: Database) -> list[Entry]:
    """The same of a database."""
    return database.run_now(ordered_entries)
