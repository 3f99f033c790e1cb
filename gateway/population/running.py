"""Scores a population: parts sorted, buckets scored, lines merged by patient; in one process, several, or on a Dask cluster.

The bytes hang on the source, the model and ``as_of`` alone. Nothing of the result is seen before it is whole; what a killed run
left behind is removed by the next.
"""

import fcntl
import heapq
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from fidelity import lines
from fidelity.profiling import SHOWN, Part, Trouble, split
from fidelity.spreading import spread
from gateway.model_folders.models import Model
from gateway.population.asked import asked
from gateway.population.scoring import NOT_FHIR, Bucket, Scored, digest_of, score_bucket
from gateway.population.sorting import SHARED, Piece, Sorted, sort_part
from vocabulary.instant import format_instant

BUCKET, BUCKETS = 32 * 1024 * 1024, 200
"""Bytes of the source for each bucket, and buckets at most: so many files are open when they are merged."""
Tell = Callable[[str, int, int], None]
"""What is being done, how much more of it is done, of how much: bytes sorted, buckets scored."""


class NotScored(RuntimeError):
    """It cannot be done; the text says what to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """``scheduler`` is the address of a Dask cluster whose workers see the same files at the same place."""

    processes: int = 1
    scheduler: str | None = None
    tell: Tell = lambda what, more, of: None


class Result(NamedTuple):
    """``summary`` of counts and the digest of the lines; the first ``SHOWN`` unreadable lines, in the order of the source."""

    summary: dict[str, Any]
    troubles: list[Trouble]


def score(source: Path, model: Model, out: Path, *, as_of: float, how: How = How()) -> Result:
    """Scores every patient of a file or folder into the file ``out``; ``as_of`` is Unix seconds. Raises NoLines, NotScored,
    ModelError, WorkersLost, OSError."""
    found = lines.files(source)
    with _work(out) as folder:
        parts = list(enumerate(split(found)))
        size = sum(path.stat().st_size for path in found)
        buckets = max(1, min(BUCKETS, -(-size // BUCKET)))
        of_parts = _sort(parts, model, buckets, folder, how, size)
        scored = _score(of_parts, model, buckets, as_of, folder, how)
        made = folder / "merged"
        patients, digest = _merge([folder / each.name for each in scored], made)
        os.replace(made, out)
    troubles, unreadable = _troubles([part for _, part in parts], of_parts, scored)
    summary = {
        "model": model.manifest.id, "version": model.manifest.version, "as_of": format_instant(as_of),
        "resources": sum(sum(each.counts.values()) for each in of_parts), "types": _added(each.counts for each in of_parts),
        "asked": sum(each.asked for each in of_parts), "withheld": sum(each.withheld for each in scored),
        "of_nobody": sum(each.astray for each in of_parts), "patients": patients,
        "states": _added(each.states for each in scored), "verdicts": _added(each.verdicts for each in scored),
        "unreadable": unreadable, "unreadable_of_nobody": sum(each.nobody for each in of_parts), "digest": digest,
    }  # fmt: skip
    return Result(summary, troubles)


def _added(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    made: dict[str, int] = {}
    for table in tables:
        for name, number in table.items():
            made[name] = made.get(name, 0) + number
    return dict(sorted(made.items()))


@contextmanager
def _work(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out``, for its owner only, held by one run at a time and gone afterwards."""
    folder = out.parent / f".{out.name}.chartgate-score"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise NotScored("another run is writing to this --out: wait for it, or take another") from held
        for left in folder.iterdir():
            if left.name != "lock":
                left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _sort(
    parts: Sequence[tuple[int, Part]], model: Model, buckets: int, folder: Path, how: How, size: int
) -> list[Sorted]:
    task = partial(sort_part, asked=asked(model.manifest.features), buckets=buckets, folder=folder.resolve())
    made: dict[int, Sorted] = {}
    numbered = [(place, part._replace(path=part.path.resolve())) for place, part in parts]
    for place, each in spread(task, numbered, processes=how.processes, scheduler=how.scheduler):
        made[place] = each
        how.tell("sorting", parts[place][1].end - parts[place][1].start, size)
    return [made[place] for place in range(len(parts))]


def _score(
    of_parts: Sequence[Sorted], model: Model, buckets: int, as_of: float, folder: Path, how: How
) -> list[Scored]:
    """By bucket. Each goes to a worker with where its entries are, in the order of the source."""
    by_bucket: dict[int, list[Piece]] = {}
    for number, piece in chain.from_iterable(each.pieces.items() for each in of_parts):
        by_bucket.setdefault(number, []).append(piece)
    shared = tuple(by_bucket.get(SHARED, ()))
    todo = [Bucket(number, tuple(by_bucket[number]), shared) for number in range(buckets) if number in by_bucket]
    directory = model.directory.resolve()
    task = partial(score_bucket, model=directory, digest=digest_of(directory), as_of=as_of, folder=folder.resolve())
    made: dict[int, Scored] = {}
    for place, each in spread(task, todo, processes=how.processes, scheduler=how.scheduler):
        made[place] = each
        how.tell("scoring", 1, len(todo))
    return [made[place] for place in range(len(todo))]


def _merge(found: Sequence[Path], made: Path) -> tuple[int, str]:
    """The lines of sorted files, sorted: how many, and their digest. They begin with the patient, so this is by patient."""
    count, digest = 0, sha256()
    with ExitStack() as opened, opened.enter_context(made.open("wb")) as file:
        os.fchmod(file.fileno(), 0o600)
        for line in heapq.merge(*(opened.enter_context(path.open("rb")) for path in found)):
            count += 1
            digest.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return count, digest.hexdigest()


def _troubles(
    parts: Sequence[Part], of_parts: Sequence[Sorted], scored: Sequence[Scored]
) -> tuple[list[Trouble], dict[str, int]]:
    """Lines numbered within their file, and how many by what is wrong with them."""
    refused: dict[int, list[tuple[int, str]]] = {}
    for place, line in chain.from_iterable(each.wrong for each in scored):
        refused.setdefault(place, []).append((line, NOT_FHIR))
    counts = _added([*(each.unreadable for each in of_parts), {NOT_FHIR: sum(map(len, refused.values()))}])
    before: dict[Path, int] = {}
    found: list[Trouble] = []
    for place, (part, each) in enumerate(zip(parts, of_parts, strict=True)):
        start = before.get(part.path, 0)
        wrong = sorted([*each.wrong, *refused.get(place, ())])
        found += [Trouble(part.path.name, start + number, why) for number, why in wrong[: SHOWN - len(found)]]
        before[part.path] = start + each.lines
    return found, {why: number for why, number in counts.items() if number}
