"""What a scan counted: by check and stratum, and by check."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fidelity.checks import CHECKS, ids
from fidelity.records.judging import Seen


class Stratum(NamedTuple):
    """Where a count belongs."""

    source: str
    type: str
    code: str
    category: str


class Tally(NamedTuple):
    """Records of one stratum, or streams, or patients: how many passed and failed a check."""

    passed: int = 0
    failed: int = 0


@dataclass(slots=True)
class Results:
    """``tallies`` by check id and stratum; what was not judged of ``resources`` was skipped. ``moved``: must-support
    elements (``Type.element``) whose rate is not the reference's."""

    resources: int
    unreadable: int
    tallies: dict[tuple[str, Stratum], Tally]
    pointers: Mapping[int, Sequence[str]] = field(default_factory=dict)
    moved: tuple[str, ...] = ()

    def add_all(self, more: Iterator[tuple[str, Stratum, bool, int]]) -> None:
        """Adds counts that no record carries."""
        for id, stratum, passed, n in more:
            before = self.tallies.get((id, stratum), Tally())
            self.tallies[id, stratum] = Tally(before.passed + n * passed, before.failed + n * (not passed))


def counts_of(counts: Mapping[Seen, int]) -> dict[tuple[str, Stratum], Tally]:
    """Counts by what was seen → tallies by check and stratum."""
    found: dict[tuple[str, Stratum], Tally] = {}
    for seen, n in counts.items():
        stratum = Stratum(seen.source, seen.type, seen.code, seen.category)
        for bits, passed in ((seen.passes, True), (seen.fails, False)):
            for id in ids(bits) if n else ():
                before = found.get((id, stratum), Tally())
                found[id, stratum] = Tally(before.passed + n * passed, before.failed + n * (not passed))
    return found


def totals(results: Results) -> dict[str, Tally]:
    """Tallies by check, over all strata; every id of the catalogue is there."""
    found = {check.id: Tally() for check in CHECKS}
    for (id, _), tally in results.tallies.items():
        found[id] = Tally(found[id].passed + tally.passed, found[id].failed + tally.failed)
    return found
