"""The profile of a feed: a mergeable value. The same resources give the same profile, bit by bit, whatever their order, however
they were split and whichever lane counted them. It holds counts only: integers, fixed bins, hashes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fidelity.counts import Counts, Distinct, Key, kept
from fidelity.facts import Facts, facts
from fidelity.histograms import Histograms

SOURCES, SETTINGS, CATEGORIES, STATUSES, CODES, VERSIONS, MONTHS, MASKS = 64, 32, 64, 32, 2_000, 64, 600, 2_000
TABLES: Mapping[str, Mapping[tuple[int, ...], int]] = {
    "rows": {(1,): SETTINGS, (2,): SOURCES, (3,): CATEGORIES, (4,): CATEGORIES, (5,): STATUSES, (6, 7): CODES},
    "elements": {(1,): MASKS},
    "codes": {(0, 1): 10 * CODES, (2,): VERSIONS},
    "months": {(1,): SOURCES, (2,): MONTHS},
    "hours": {(1,): SOURCES},
    "delays": {(1, 2): CODES},
}
"""What is counted, and how many values of each dimension are told apart (``fidelity.counts``). The columns: rows as
``facts.Row``; elements type, mask; codes system, code, version; months type, source, month; hours type, source, hour;
delays type, system, code, bin."""
AT_ONCE = 1_000
"""Resources whose facts are counted together."""


@dataclass(kw_only=True, slots=True)
class Profile:
    """``values``: what was measured; ``spans``: the first and last month of each code; ``patients``: by type;
    ``unreadable``: lines that could not be counted, by what is wrong with them."""

    tables: dict[str, Counts] = field(
        default_factory=lambda: {name: Counts(caps=caps) for name, caps in TABLES.items()}
    )
    values: Histograms = field(default_factory=Histograms)
    spans: dict[Key, tuple[str, str]] = field(default_factory=dict)
    patients: dict[str, Distinct] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)

    def add(self, resources: Iterable[Mapping[str, Any]], settings: Mapping[str, str]) -> "Profile":
        """Counts resources; answers itself. ``settings``: the class of each visit by its id (``settings_of``)."""
        waiting = iter(resources)
        while found := [facts(each, settings) for each in islice(waiting, AT_ONCE)]:
            self._count(found)
        return self

    def _count(self, found: list[Facts]) -> None:
        for name, keys in KEYS.items():
            self.tables[name].add(keys(found))
        self.values.add(measure for each in found for measure in each.measures)
        by_type: dict[str, set[str]] = {}
        for each in found:
            if each.month and each.row.code:
                self.span((each.row.system, each.row.code), each.month, each.month)
            if each.patient:
                by_type.setdefault(each.row.type, set()).add(each.patient)
        for type, patients in by_type.items():
            self.see(type, patients)

    def span(self, code: Key, first: str, last: str) -> None:
        """Sees a code in two months."""
        seen = self.spans.get(code)
        if seen is None:
            self.spans[code] = (first, last)
            if len(self.spans) > 40 * CODES:
                self._fold_spans()
        elif first < seen[0] or last > seen[1]:
            self.spans[code] = (min(first, seen[0]), max(last, seen[1]))

    def see(self, type: str, patients: Iterable[str]) -> None:
        """Sees that resources of this type are about these patients."""
        if (known := self.patients.get(type)) is None:
            known = self.patients[type] = Distinct()
        known.add(patients)

    def _fold_spans(self) -> None:
        if len(self.spans) > 20 * CODES:
            keep = kept(self.spans, 20 * CODES)
            self.spans = {code: span for code, span in self.spans.items() if code in keep}

    def merge(self, other: "Profile") -> "Profile":
        """Adds another's counts to these; answers itself."""
        for name, counts in self.tables.items():
            counts.merge(other.tables[name])
        self.values.merge(other.values)
        for code, (first, last) in other.spans.items():
            self.span(code, first, last)
        for type, known in other.patients.items():
            self.patients.setdefault(type, Distinct()).merge(known)
        self.unreadable.update(other.unreadable)
        return self

    def settled(self) -> "Profile":
        """Itself, with what is beyond the caps counted together: only a settled profile is to be read."""
        for counts in self.tables.values():
            counts.fold()
        for known in self.patients.values():
            known.fold()
        self.values.fold()
        self._fold_spans()
        return self


def _hours(found: list[Facts]) -> Iterator[Key]:
    return ((each.row.type, each.row.source, each.hour) for each in found if each.hour)


def _delays(found: list[Facts]) -> Iterator[Key]:
    return ((each.row.type, each.row.system, each.row.code, each.delay) for each in found if each.delay)


KEYS = {
    "rows": lambda found: (each.row for each in found),
    "elements": lambda found: ((each.row.type, each.mask) for each in found),
    "codes": lambda found: ((each.row.system, each.row.code, each.version) for each in found if each.row.code),
    "months": lambda found: ((each.row.type, each.row.source, each.month) for each in found),
    "hours": _hours,
    "delays": _delays,
}
"""The keys that facts add to each table."""


def merged(profiles: Iterable[Profile]) -> Profile:
    """The profile of everything that these are profiles of."""
    whole = Profile()
    for each in profiles:
        whole.merge(each)
    return whole


def settings_of(resource: Mapping[str, Any]) -> tuple[str, str] | None:
    """The id and the class of a visit; None of any other resource. R4 Encounter.class is a Coding."""
    if resource.get("resourceType") != "Encounter":
        return None
    place, id = resource.get("class"), resource.get("id")
    code = place.get("code") if isinstance(place, dict) else None
    return (id, code if isinstance(code, str) else "") if isinstance(id, str) else None
