"""Streams of encounters with a known truth: no drift of four kinds, and the drifts that the monitors have to find.

A *stream* is one feature of one model. Each has a reference of its own, measured on 10,000 encounters: what a deployment has.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from monitoring.columns import Columns
from monitoring.plan import Plan
from monitoring.reference import Column

Array = np.ndarray
Random = np.random.Generator
REFERENCE = 10_000
MISSING = 0.02
CHUNK = 500
LIMITS = Plan(model="m", version="1", ehr="e").limits


def gaussian(random: Random, count: int, streams: int) -> Array:
    return random.normal(size=(count, streams))


def student(random: Random, count: int, streams: int) -> Array:
    """Heavy tails: Student's t with three degrees of freedom."""
    return random.standard_t(3, size=(count, streams))


def lognormal(random: Random, count: int, streams: int) -> Array:
    """Heavy and skewed, as laboratory values are."""
    return random.lognormal(0, 1, size=(count, streams))


def ordinal(random: Random, count: int, streams: int) -> Array:
    """Four grades, the lowest in six of ten."""
    return random.choice(4, size=(count, streams), p=[0.6, 0.25, 0.1, 0.05]).astype(float)


INDEPENDENT: Mapping[str, Callable[[Random, int, int], Array]] = {
    "Gaussian": gaussian,
    "heavy-tailed (t, 3)": student,
    "heavy-tailed (lognormal)": lognormal,
    "ordinal": ordinal,
}
BACK, WITHIN, ALIKE = 0.35, 500, 0.7
"""Share of encounters of a patient who was here within so many encounters, and the correlation of a patient's values."""
SCORES = 20
"""Outputs of one encounter, all but alike, when outputs are counted instead of encounters."""


def clustered(random: Random, count: int, streams: int) -> Iterator[Array]:
    """Encounters in chunks; a third are of a patient who was here lately, and a patient's values correlate at 0.7."""
    recent = random.normal(size=(WITHIN, streams))
    for _ in range(0, count, CHUNK):
        mine = random.normal(size=(CHUNK, streams))
        back = random.random(CHUNK) < BACK
        mine[back] = recent[random.integers(0, WITHIN, int(back.sum()))]
        recent = mine if CHUNK >= WITHIN else np.vstack([recent[CHUNK:], mine])
        yield ALIKE**0.5 * mine + (1 - ALIKE) ** 0.5 * random.normal(size=mine.shape)


def rescored(random: Random, count: int, streams: int) -> Iterator[Array]:
    """The same patients when every output counts: each encounter is scored some twenty times, with values that correlate."""
    for rows in clustered(random, count // SCORES, streams):
        for part in np.split(rows, SCORES):
            again = np.repeat(part, SCORES, axis=0)
            yield ALIKE**0.5 * again + (1 - ALIKE) ** 0.5 * random.normal(size=again.shape)


def chunks(kind: str, random: Random, count: int, streams: int) -> Iterator[Array]:
    """Encounters of one kind without drift, 2 % of the cells missing."""
    if kind in INDEPENDENT:
        made: Iterator[Array] = (INDEPENDENT[kind](random, CHUNK, streams) for _ in range(0, count, CHUNK))
    else:
        made = {"clustered by patient": clustered, "every output counted": rescored}[kind](random, count, streams)
    for rows in made:
        rows[random.random(rows.shape) < MISSING] = np.nan
        yield rows


def measured(rows: Array) -> list[Column]:
    """The reference of each stream: ten quantile bins (grades by themselves), missing, unseen."""
    found = []
    for values in rows.T:
        told = values[np.isfinite(values)]
        grades = np.unique(told)
        edges = (grades[1:] + grades[:-1]) / 2 if grades.size < 10 else np.quantile(told, np.linspace(0.1, 0.9, 9))
        shares = np.bincount((told[:, None] >= edges).sum(axis=1), minlength=edges.size + 1) / values.size
        found.append(
            Column(
                edges=tuple(edges.tolist()), shares=(*shares.tolist(), 1 - told.size / values.size, 0.0), n=values.size,
                mean=float(told.mean()), sd=float(told.std()),
            )
        )  # fmt: skip
    return found


def watched(kind: str, random: Random, streams: int) -> Columns:
    """Detectors with references that were measured on a stream of the kind."""
    return Columns(measured(np.vstack(list(chunks(kind, random, REFERENCE, streams)))), LIMITS, 2000)


def creatinine(random: Random, count: int, streams: int) -> Array:
    """mg/dL, median 1."""
    return random.lognormal(0, 0.35, size=(count, streams))


def _scaled(part: float, factor: float) -> Callable[[Random, Array], Array]:
    return lambda random, rows: np.where(random.random(rows.shape) < part, rows * factor, rows)


def _lost(rate: float) -> Callable[[Random, Array], Array]:
    return lambda random, rows: np.where(random.random(rows.shape) < rate, np.nan, rows)


DRIFTS: Mapping[str, tuple[Callable[[Random, int, int], Array], Callable[[Random, Array], Array]]] = {
    "mean +0.25 SD": (gaussian, lambda random, rows: rows + 0.25),
    "mean +0.5 SD": (gaussian, lambda random, rows: rows + 0.5),
    "spread × 1.5": (gaussian, lambda random, rows: rows * 1.5),
    "10 % of rows in the wrong unit (× 88.4)": (creatinine, _scaled(0.1, 88.4)),
    "missing 2 → 20 %": (gaussian, _lost((0.20 - MISSING) / (1 - MISSING))),
    "code vanished (all missing)": (gaussian, _lost(1.0)),
    "code replaced (all unseen)": (gaussian, lambda random, rows: np.full_like(rows, np.inf)),
}
"""By name: how the stream is drawn, and what happens to it."""
