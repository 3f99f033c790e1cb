"""Edge: the profile of NDJSON files, part by part, in one process, several, or on the machines of a Dask cluster.

The same function counts every part everywhere; parts may come back in any order, and one that was lost with its worker is counted
again, for a part's profile hangs on nothing but its bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from fidelity import bulk, lines
from fidelity.counts import hash_of
from fidelity.profile import Profile, settings_of
from fidelity.spreading import spread

PART = 32 * 1024 * 1024
"""Bytes of a part."""
BULK_FROM = 4 * 1024 * 1024
"""Bytes of a file from which on the bulk lane is faster: planning its query takes as long as some thousand resources."""
VISITS = 500_000
"""Visits whose care setting is known, at most: those of the smallest hash where there are more."""
SHOWN = 1_000
"""Unreadable lines that are listed; all are counted."""


class Part(NamedTuple):
    """A piece of a file, in bytes; a line belongs to where it begins."""

    path: Path
    start: int
    end: int


class Trouble(NamedTuple):
    """A line that could not be read."""

    file: str
    line: int
    wrong: str


@dataclass(kw_only=True, slots=True)
class Counted:
    """The profile of a part, how many lines it has, and those that could not be read: their number within the part."""

    profile: Profile
    lines: int
    wrong: list[tuple[int, str]] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Survey:
    """The profile of a source and what could not be read of it, in the order of the source; the first ``SHOWN`` are listed."""

    profile: Profile
    troubles: list[Trouble]


Work = Callable[[Any], Counted]
Tell = Callable[[int], None]


def survey(
    source: Path, *, processes: int = 1, scheduler: str | None = None, in_bulk: bool = False, tell: Tell = lambda size: None
) -> Survey:  # fmt: skip
    """The profile of a file or folder. ``scheduler`` is the address of a Dask cluster whose workers see the same files;
    ``in_bulk`` tries the lane of the ``bulk`` extra first; ``tell`` hears of bytes done. Raises NoLines."""
    found = lines.files(source)
    places = settings(found)
    whole, rest = Profile(), list(found)
    if in_bulk:
        rest = list(_in_bulk(whole, found, places, processes, tell))
    made = gather(
        partial(count_part, settings=places), list(split(rest)), processes=processes, scheduler=scheduler, tell=tell
    )
    return Survey(profile=whole.merge(made.profile).settled(), troubles=made.troubles)


def _in_bulk(
    whole: Profile, files: Iterable[Path], places: Mapping[str, str], threads: int, tell: Tell
) -> Iterator[Path]:  # fmt: skip
    """Counts the files that fit the declared schema; answers those that do not."""
    for path in files:
        small = path.stat().st_size < BULK_FROM
        profile = None if small else bulk.count_file(path, places, threads=threads)
        if profile is None:
            yield path
        else:
            whole.merge(profile)
            tell(path.stat().st_size)


def gather(
    task: Work, parts: Sequence[Any], *, processes: int = 1, scheduler: str | None = None, tell: Tell = lambda size: None
) -> Survey:  # fmt: skip
    """Everything that the parts hold. A part is a ``Part`` or whatever the task takes."""
    whole, counted = Profile(), {}
    for place, each in spread(task, parts, processes=processes, scheduler=scheduler):
        whole.merge(each.profile)
        counted[place] = (each.lines, each.wrong[:SHOWN])
        part = parts[place]
        tell(part.end - part.start if isinstance(part, Part) else 1)
    return Survey(profile=whole.settled(), troubles=list(islice(_troubles(parts, counted), SHOWN)))


def split(files: Iterable[Path], size: int = PART) -> Iterator[Part]:
    """The parts of files."""
    for path in files:
        length = path.stat().st_size
        for start in range(0, length, size):
            yield Part(path, start, min(start + size, length))


def settings(files: Iterable[Path]) -> dict[str, str]:
    """The care setting of each visit by its id: a pass over the files that reads Encounters only."""
    found: dict[str, str] = {}
    for path in files:
        for line in lines.holding(path, b'"Encounter"'):
            visit = settings_of(lines.parsed(0, 0, line).resource or {})
            if visit is not None:
                found[visit[0]] = min(visit[1], found.get(visit[0], visit[1]))
                if len(found) > 2 * VISITS:
                    found = _fewer(found)
    return _fewer(found)


def _fewer(visits: dict[str, str]) -> dict[str, str]:
    if len(visits) <= VISITS:
        return visits
    return {id: visits[id] for id in nsmallest(VISITS, visits, key=hash_of)}


def count_part(part: Part, *, settings: Mapping[str, str]) -> Counted:
    """Counts a part in plain Python."""
    return count_lines(lines.read(part.path, start=part.start, end=part.end), settings=settings)


def count_lines(found: Iterable[lines.Line], *, settings: Mapping[str, str]) -> Counted:
    """Counts lines."""
    made = Counted(profile=Profile(), lines=0)

    def readable() -> Iterator[dict[str, Any]]:
        for line in found:
            made.lines = line.number
            if line.resource is not None:
                yield line.resource
                continue
            made.profile.unreadable[line.wrong] += 1
            if len(made.wrong) < SHOWN:
                made.wrong.append((line.number, line.wrong))

    made.profile.add(readable(), settings)
    return made


def _troubles(parts: Sequence[Any], counted: Mapping[int, tuple[int, list[tuple[int, str]]]]) -> Iterator[Trouble]:
    """Lines numbered within their file."""
    before: dict[Path, int] = {}
    for place, part in enumerate(parts):
        if not isinstance(part, Part):
            continue
        count, wrong = counted[place]
        start = before.get(part.path, 0)
        yield from (Trouble(part.path.name, start + number, why) for number, why in wrong)
        before[part.path] = start + count
