"""``python -m benchmarks.fidelity_experiment``: what a live feed does to a model trained on clean data; whether training, or testing, on
data shaped like the feed helps; and what reading the chart carefully does. The numbers, whatever they are, go to
``benchmarks/results/fidelity_experiment.json`` and, as a plot, to ``docs/images/fidelity-experiment.svg``;
docs/failure-modes/data-fidelity.md tells the story.

People are made out of the Synthea seed: one visit each, every measurement a copy of one in the seed with its value jittered by a tenth,
so code, unit, shape and range are Synthea's and people are many. The outcome is drawn from a known equation of the *true* values, so what
is lost is lost on the way to the model. The feed is ``sandbox.seed.messy``; sets are shaped after a profile of *another* part of the
feed, without its outcomes. The model is a ridge-penalised logistic regression on z-scores with an indicator for each missing value.
"""

import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from decimal import Decimal
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.experiment_plot import plot
from benchmarks.measuring import ROOT, commit
from fidelity import profiling
from fidelity.document import document
from fidelity.quantities import convert, unit_of
from fidelity.shaping import shape_files
from r4 import codec
from r4.ucum import UnitError
from sandbox.seed import load, messy

Resource = dict[str, Any]
WEIGHTS: Mapping[str, float] = {
    "38483-4": 0.9, "6299-2": 0.6, "8480-6": 0.5, "8867-4": 0.5, "6298-4": 0.4, "2947-0": -0.4, "2339-0": 0.3, "9279-1": 0.3,
    "39156-5": 0.25, "29463-7": 0.2, "2093-3": 0.2, "8462-4": 0.1,
}  # fmt: skip
"""The equation of the outcome: log-odds per standard deviation of the true value, by LOINC code."""
INTERCEPT, JITTER, RIDGE = -1.3, 0.1, 1.0
PEOPLE, SEEDS, RATES = 1_500, (1, 2, 3), (0.3, 0.6)
ARRIVED = 1.78e9
FEATURES = tuple(WEIGHTS)


def templates() -> dict[str, list[Resource]]:
    """The seed's observations by code; a blood pressure panel under the code of its first component."""
    made: dict[str, list[Resource]] = {}
    for each in load.resources():
        if each["resourceType"] == "Observation":
            for code in [
                str(each["code"]["coding"][0]["code"]),
                *(part["code"]["coding"][0]["code"] for part in each.get("component", ())),
            ]:
                made.setdefault(code, []).append(each)
    return made


def person(
    number: int, seed: int, found: Mapping[str, list[Resource]], scale: Mapping[str, tuple[float, float]]
) -> tuple[list[Resource], int]:
    """One visit's observations, and the outcome."""
    chance: Any = random.Random(f"{seed} {number}")
    name, made, risk = f"x{seed}-{number}", [], INTERCEPT
    codes = [code for code in FEATURES if code != "8462-4"]  # it comes with 8480-6
    for code in codes:
        each = deepcopy(chance.choice(found[code]))
        each.update(
            id=f"{name}-{code}", subject={"reference": f"Patient/{name}"}, encounter={"reference": f"Encounter/{name}"}
        )
        for part in each.get("component", [each]):
            number_ = float(part["valueQuantity"]["value"]) * (1 + chance.gauss(0, JITTER))
            part["valueQuantity"]["value"] = codec.Decimal(f"{number_:.4g}" if 1e-3 < number_ < 1e4 else "1")
            middle, spread = scale[part["code"]["coding"][0]["code"]]
            risk += WEIGHTS[part["code"]["coding"][0]["code"]] * (number_ - middle) / spread
        made.append(each)
    visit = {"resourceType": "Encounter", "id": name, "status": "finished", "class": {"code": "AMB"}}
    return [visit, *made], int(chance.random() < 1 / (1 + exp(-risk)))


def scales(found: Mapping[str, list[Resource]]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each measure in the seed."""
    made = {}
    for code in FEATURES:
        values = np.array([value for each in found[code] if (value := measured([each], code)) is not None])
        made[code] = (float(values.mean()), float(np.hypot(values.std(), JITTER * values.mean())) or 1.0)
    return made


def measured(resources: Iterable[Resource], code: str) -> float | None:
    """What a notebook takes: the last quantity under the code, its number as it stands."""
    value = None
    for each in resources:
        for part in (each, *each.get("component", ())):
            number = part.get("valueQuantity", {}).get("value")
            if number is not None and any(
                coding.get("code") == code for coding in part.get("code", {}).get("coding", ())
            ):
                value = float(number)
    return value


def carefully(resources: Iterable[Resource], code: str) -> float | None:
    """What Chartgate's reader takes: final records, no censored value, the unit converted or the value refused, and nothing outside hard
    limits."""
    sound = []
    for each in resources:
        for part in (each, *each.get("component", ())):
            quantity = part.get("valueQuantity", {})
            unit = unit_of(quantity).code
            if (
                each.get("status") != "final"
                or "comparator" in quantity
                or unit is None
                or quantity.get("value") is None
            ):
                continue
            try:
                value = convert(Decimal(str(quantity["value"])), unit, UNITS[code])
            except UnitError:
                continue
            if LIMITS[code][0] <= value <= LIMITS[code][1]:
                sound.append({"code": part.get("code", {}), "valueQuantity": {"value": value}})
    return measured(sound, code)


UNITS: Mapping[str, str] = {
    "38483-4": "mg/dL", "6299-2": "mg/dL", "8480-6": "mm[Hg]", "8867-4": "/min", "6298-4": "mmol/L", "2947-0": "mmol/L", "2339-0": "mg/dL",
    "9279-1": "/min", "39156-5": "kg/m2", "29463-7": "kg", "2093-3": "mg/dL", "8462-4": "mm[Hg]",
}  # fmt: skip
LIMITS: Mapping[str, tuple[float, float]] = {
    "38483-4": (0.05, 40), "6299-2": (1, 300), "8480-6": (30, 350), "8867-4": (10, 350), "6298-4": (1, 12), "2947-0": (80, 220),
    "2339-0": (5, 2000), "9279-1": (2, 100), "39156-5": (8, 120), "29463-7": (1, 500), "2093-3": (20, 1500), "8462-4": (10, 250),
}  # fmt: skip
"""What cannot be measured, for this experiment; not clinical advice."""
Reader = Callable[[Iterable[Resource], str], float | None]


def table(resources: Iterable[Resource], people: Iterable[str], reader: Reader = measured) -> np.ndarray:
    """Values by person and feature; what is missing is not a number."""
    charts: dict[str, list[Resource]] = {name: [] for name in people}
    for each in resources:
        name = each.get("encounter", each.get("subject", {})).get("reference", "").partition("/")[2]
        if name in charts and each["resourceType"] == "Observation":
            charts[name].append(each)
    rows = [[reader(chart, code) for code in FEATURES] for chart in charts.values()]
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=float)


class Model:
    """A logistic regression with what its training set taught it about scales and means."""

    def __init__(self, values: np.ndarray, outcomes: np.ndarray) -> None:
        self.middle = np.nanmean(values, axis=0)
        self.spread = np.nanstd(values, axis=0)
        inputs = self.inputs(values)
        self.weights = np.zeros(inputs.shape[1])
        penalty = np.diag([0.0, *([RIDGE] * (inputs.shape[1] - 1))])
        for _ in range(30):  # Newton's method
            chance = 1 / (1 + np.exp(-inputs @ self.weights))
            slope = inputs.T @ (outcomes - chance) - penalty @ self.weights
            bend = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + penalty
            self.weights += np.linalg.solve(bend, slope)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """A constant, z-scores (cut at four standard deviations, the mean where missing), indicators of what is missing."""
        missing = np.isnan(values)
        scores = np.clip((np.where(missing, self.middle, values) - self.middle) / self.spread, -4, 4)
        return np.hstack([np.ones((len(values), 1)), scores, missing.astype(float)])

    def risks(self, values: np.ndarray) -> np.ndarray:
        """The chance of the outcome."""
        return 1 / (1 + np.exp(-self.inputs(values) @ self.weights))


def scored(risks: np.ndarray, outcomes: np.ndarray) -> dict[str, float]:
    """AUROC by ranks, Brier score, and observed over expected."""
    _, place, count = np.unique(risks, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share their middle rank
    positive = outcomes == 1
    cases, others = positive.sum(), (~positive).sum()
    auroc = (ranks[positive].sum() - cases * (cases + 1) / 2) / (cases * others)
    return {
        "auroc": float(auroc), "brier": float(((risks - outcomes) ** 2).mean()),
        "observed_over_expected": float(outcomes.sum() / risks.sum()),
    }  # fmt: skip


def write(path: Path, resources: Iterable[Resource]) -> Path:
    """NDJSON."""
    path.write_bytes(b"".join(codec.format(each) + b"\n" for each in resources))
    return path


def read(path: Path) -> list[Resource]:
    """The resources of a file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def run(seed: int, rate: float, folder: Path) -> dict[str, dict[str, float]]:
    """One draw. ``test`` people are scored as their clean charts, as the feed sends them, and as their clean charts shaped like the feed
    (what could have been known before going live)."""
    found = templates()
    scale = scales(found)
    parts = ("train", "pilot", "test")
    made = {
        part: [person(number, seed, found, scale) for number in range(start * PEOPLE, (start + 1) * PEOPLE)]
        for start, part in enumerate(parts)
    }
    clean = {part: [each for resources, _ in people for each in resources] for part, people in made.items()}
    names = {part: [resources[0]["id"] for resources, _ in people] for part, people in made.items()}
    outcomes = {part: np.array([outcome for _, outcome in people]) for part, people in made.items()}
    feed = {
        part: list(messy.degrade(clean[part], messy.Messiness(rate=rate, draw=seed), arrived=ARRIVED))
        for part in ("pilot", "test")
    }
    like = json.loads(json.dumps(document(profiling.survey(write(folder / "pilot.ndjson", feed["pilot"])).profile)))
    shaped = {}
    for part in ("train", "test"):
        shape_files(write(folder / f"{part}.ndjson", clean[part]), like, folder / f"shaped-{part}")
        shaped[part] = read(folder / f"shaped-{part}" / f"{part}.ndjson")
    told = {}
    for way, reader in (("notebook", measured), ("careful", carefully)):
        models = {"clean": Model(table(clean["train"], names["train"], reader), outcomes["train"]),
                  "shaped": Model(table(shaped["train"], names["train"], reader), outcomes["train"])}  # fmt: skip
        tests = {"clean": table(clean["test"], names["test"], reader), "live": table(feed["test"], names["test"], reader),
                 "shaped": table(shaped["test"], names["test"], reader)}  # fmt: skip
        for training, model in models.items():
            for test, values in tests.items():
                told[f"{way}: trained on {training}, tested on {test}"] = scored(model.risks(values), outcomes["test"])
        told[f"{way}: missing"] = {test: float(np.isnan(values).mean()) for test, values in tests.items()}
    return told


def main() -> int:
    """Every rate and draw; the results as a table, as JSON and as a plot."""
    results: dict[str, Any] = {"people": PEOPLE, "draws": list(SEEDS), "commit": commit(), "rates": {}}
    for rate in RATES:
        draws = []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                draws.append(run(seed, rate, Path(folder)))
        results["rates"][str(rate)] = {
            row: {figure: _over([draw[row][figure] for draw in draws]) for figure in draws[0][row]} for row in draws[0]
        }
        for row, figures in results["rates"][str(rate)].items():
            print(
                rate,
                row,
                {
                    name: f"{each['mean']:.3f} ({each['least']:.3f} to {each['most']:.3f})"
                    for name, each in figures.items()
                },
                flush=True,
            )
    (ROOT / "benchmarks" / "results" / "fidelity_experiment.json").write_text(json.dumps(results, indent=1) + "\n")
    (ROOT / "docs" / "images" / "fidelity-experiment.svg").write_text(plot(results["rates"]))
    return 0


def _over(values: list[float]) -> dict[str, float]:
    return {"mean": round(sum(values) / len(values), 4), "least": round(min(values), 4), "most": round(max(values), 4)}


if __name__ == "__main__":
    sys.exit(main())
