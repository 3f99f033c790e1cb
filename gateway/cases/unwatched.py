"""Edge: a sepsis model whose population changes: who watches sees it within days, who does not switches it off months later.

The stream is made here, by a fixed seed: no patient, no EHR. Case: Wong et al., JAMA Intern Med 2021; Finlayson et al., N Engl J
Med 2021;385:283.
"""

import random
from collections.abc import Iterator
from math import exp

from gateway.cases import Case, Told
from monitoring.entries import Entry, Labelled, Observed, pack_cells
from monitoring.plan import Plan
from monitoring.reference import Column, Reference

BEFORE, AFTER, SEED = 6000, 3000, 20
FEATURES = ("temperature", "respiratory_rate", "heart_rate", "lactate")
ALERT = 0.15
MINUTE = 60.0
USUAL = ((37.0, 0.6), (18.0, 3.5), (86.0, 16.0), (1.4, 0.6))
COVID = ((37.8, 0.8), (24.0, 5.0), (94.0, 17.0), (1.5, 0.6))


def _risk(cells: tuple[float, ...]) -> float:
    temperature, breaths, heart, lactate = cells
    score = -3.2 + 0.9 * (temperature - 37) + 0.16 * (breaths - 18) + 0.02 * (heart - 86) + 1.3 * (lactate - 1.4)
    return 1 / (1 + exp(-score))


def encounters(draw: random.Random) -> Iterator[tuple[tuple[float, ...], float, bool]]:
    """Features, the model's risk, and whether sepsis came. After the change patients breathe fast and have fever for another
    reason: the risk goes up, sepsis does not."""
    for number in range(BEFORE + AFTER):
        covid = number >= BEFORE and draw.random() < 0.4
        cells = tuple(draw.gauss(mean, sd) for mean, sd in (COVID if covid else USUAL))
        risk = _risk(cells)
        yield cells, risk, draw.random() < (0.25 * risk if covid else risk)


def entries(draw: random.Random) -> list[Entry]:
    """What the monitors are told, in order: an output every ten minutes, its outcome two days later."""
    told: list[tuple[float, Observed | Labelled, float]] = []
    for number, (cells, risk, sepsis) in enumerate(encounters(draw)):
        about = {"output": f"{number:064x}", "model": "sepsis", "version": "1.0.0", "ehr": "sandbox"}
        at = number * 10 * MINUTE
        observed = Observed(**about, encounter=f"{number:032x}", features=pack_cells(cells), value=risk, score=risk)
        told += [(at, observed, risk), (at + 2 * 86400.0, Labelled(**about, event=sepsis), risk)]
    told.sort(key=lambda each: each[0])
    return [Entry(id=n, at=at, told=each, first=True, score=risk) for n, (at, each, risk) in enumerate(told, 1)]


def plan() -> Plan:
    """How the model is watched: bins fixed, shares learnt from the first two thousand encounters."""
    edges = (
        (36.0, 36.5, 37.0, 37.5, 38.0, 39.0),
        (12.0, 16.0, 20.0, 24.0, 30.0),
        (60.0, 80.0, 100.0, 120.0),
        (1.0, 2.0, 3.0),
    )
    columns = {name: Column(edges=each) for name, each in zip(FEATURES, edges, strict=True)}
    reference = Reference(
        features=columns, output=Column(edges=(0.02, 0.05, 0.1, 0.15, 0.25, 0.5)), alert_at=ALERT, learn=2000
    )
    return Plan(model="sepsis", version="1.0.0", ehr="sandbox", features=FEATURES, reference=reference, calibrated=True)


def run() -> Told:
    """The stream through the monitors of the product."""
    from monitoring import replay

    draw = random.Random(SEED)  # noqa: S311 -- a fixed stream, nothing secret
    rows = list(encounters(random.Random(SEED)))  # noqa: S311
    seen = next(reversed([found for _, found in replay.run(plan(), entries(draw))])).seen
    change = BEFORE * 10 * MINUTE
    after = {key: each for key, each in seen.items() if each.first is not None and each.first >= change}
    early = [key for key, each in seen.items() if each.first is not None and each.first < change]
    days = {
        f"{key[0]} {key[1]}".strip(): round((each.first - change) / 86400, 1)
        for key, each in after.items()
        if each.first
    }
    rate = [sum(risk >= ALERT for _, risk, _ in part) / len(part) for part in (rows[:BEFORE], rows[BEFORE:])]
    right = [_share(part) for part in (rows[:BEFORE], rows[BEFORE:])]
    first = min(days.items(), key=lambda each: each[1], default=("nothing", 0.0))
    return Told(
        case="unwatched-model",
        without=(
            f"Alerts on {rate[0]:.0%} of encounters became alerts on {rate[1]:.0%}; right were {right[0]:.0%}, "
            f"then {right[1]:.0%}.",
            "Nothing failed: every output is a number within its range, and every message was delivered.",
        ),
        with_=tuple(f"{name} raised {day} days after the change" for name, day in sorted(days.items(), key=lambda e: e[1])),
        signal=first[0], caught=bool(days),
        numbers={"alert_rate": rate, "precision": right, "days": days, "before": [" ".join(key).strip() for key in early]},
    )  # fmt: skip


def _share(part: list[tuple[tuple[float, ...], float, bool]]) -> float:
    alerted = [sepsis for _, risk, sepsis in part if risk >= ALERT]
    return sum(alerted) / max(len(alerted), 1)


CASE = Case(
    id="unwatched-model",
    title="One model, hundreds of hospitals, nobody looking",
    page="docs/failure-modes/monitoring.md",
    run=run,
)
