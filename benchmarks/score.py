"""(l) A population scored from NDJSON by a trivial model: resources a second of one core, for patients of two sizes. A resource costs
what it takes to tell whether it is asked for; a patient costs a verdict. The synthetic charts of the sandbox have 365 resources each."""

import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import feed
from benchmarks.measuring import figure
from gateway.model_folders import model_scaffold, models
from gateway.population import running

RESOURCES, TURNS = 200_000, 3
CHARTS = (250, 40)
"""Resources of a patient: what a bulk export of a few years has, and very few."""
BAR = 150_000
AS_OF = 1_767_225_600.0
"""2026-01-01T00:00:00Z: the feed is of 2025."""
MEASURE = 6
"""The code of the feed that is measured in mm[Hg]."""


def figures() -> list[dict[str, Any]]:
    """One process, the best of some turns."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        model = trivial(Path(folder) / "trivial")
        for chart in CHARTS:
            source = Path(folder) / f"feed-{chart}.ndjson"
            count = write(source, RESOURCES, chart)
            taken = _best(lambda source=source: running.score(source, model, Path(folder) / "out", as_of=AS_OF))
            parsed = _best(lambda source=source: _parse(source))
            speed = count / taken
            found.append(
                figure(
                    f"l population scored by a trivial model, {chart} resources a patient, a second of one core",
                    speed, "resources/s", ratio_to="orjson alone", ratio=taken / parsed, bar=f"≥ {BAR:,}", holds=speed >= BAR,
                )
            )  # fmt: skip
            source.unlink()
    return found


def trivial(folder: Path) -> models.Model:
    """The model of ``models new``: age and one measurement, here one that the feed has."""
    model_scaffold.make(folder, "trivial", now=AS_OF)
    manifest = folder / "model.toml"
    manifest.write_text(manifest.read_text().replace("8480-6", feed.code_of(MEASURE)))
    return models.load(folder)


def write(path: Path, resources: int, chart: int) -> int:
    """A file of that many observations and the patients they belong to; how many resources in all."""
    patients = -(-resources // chart)
    with path.open("wb") as file:
        file.writelines(each + b"\n" for each in feed.patients(patients))
        file.writelines(each + b"\n" for each in feed.lines(0, resources, chart=chart))
    return resources + patients


def _parse(source: Path) -> None:
    """Every line parsed as a whole, and nothing else."""
    with source.open("rb") as file:
        for line in file:
            orjson.loads(line)


def _best(work: Any) -> float:
    """Seconds of processor time of the best turn."""
    best = float("inf")
    for _ in range(TURNS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best
