"""A feed's own counts, taken while it is scanned, to be held against a reference (``fidelity.baseline.compare``)."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fidelity import coding
from fidelity.baseline import Baseline, CodeUse, Key, modal
from fidelity.elements import rows, table, text, value_of
from fidelity.facts import CONCEPTS
from fidelity.feed.people import quantity_of
from fidelity.forms import PREFERRED
from fidelity.records.kinds import KINDS
from fidelity.systems import proper

Resource = Mapping[str, Any]
VALUES = 4096
"""Different values kept for one code: spikes are among the first that come often."""


class _Code:
    """The counts of one code under way."""

    def __init__(self) -> None:
        self.n = self.values = self.outside = 0
        self.units: Counter[str] = Counter()
        self.choices: Counter[str] = Counter()
        self.top: Counter[str] = Counter()

    def use(self) -> CodeUse:
        return CodeUse(
            n=self.n, units=dict(self.units), choices=dict(self.choices), top=dict(self.top.most_common(10)),
            values=self.values, outside=self.outside,
        )  # fmt: skip


class Window:
    """Counts by code, by hour and by element. ``reference`` says within what a value is usual (PLA-02)."""

    def __init__(self, reference: Baseline) -> None:
        self.reference = reference
        self._codes: dict[Key, _Code] = {}
        self._hours = [0] * 24
        self._absent: dict[str, list[int]] = {}
        self._resources = 0
        self._first, self._last = float("inf"), float("-inf")

    def add(self, resource: Resource, at: float | None, *, exact: bool = True, understood: bool = True) -> None:
        """One record, and when it was true, Unix seconds; what is not ``exact`` says no hour. Codes that are not ``understood``
        are not counted: they are found wanting already."""
        name = text(resource.get("resourceType")) or ""
        kind = KINDS.get(name)
        if kind is None:
            return
        self._resources += 1
        if at is not None:
            self._first, self._last = min(self._first, at), max(self._last, at)
            self._hours[datetime.fromtimestamp(at, UTC).hour] += exact
        for names in kind.supported:
            counted = self._absent.setdefault(f"{name}.{names[0]}", [0, 0])
            counted[0] += not any(each in resource for each in names)
            counted[1] += 1
        if not understood:
            return
        concept = next((table(resource[each]) for each in CONCEPTS if each in resource), {})
        self._element(concept, resource if name == "Observation" else {})
        for part in rows(resource.get("component")):
            if "valueQuantity" in part:  # as a profile counts them
                self._element(table(part.get("code")), part)

    def _element(self, concept: Resource, element: Resource) -> None:
        codings = rows(concept.get("coding"))
        chosen = next((each for each in codings if each.get("system") in PREFERRED), codings[0] if codings else {})
        system, code = proper(text(chosen.get("system"))), text(chosen.get("code"))
        if system is None or code is None:
            return
        counted = self._codes.setdefault((system, code), _Code())
        counted.n += 1
        if (value := value_of(dict(element))) is not None:
            counted.choices[value[0]] += 1
            self._measured((system, code), counted, element)

    def _measured(self, key: Key, counted: _Code, element: Resource) -> None:
        quantity = quantity_of(element)
        if quantity is None:
            return
        value, unit = quantity
        counted.units[unit or ""] += 1
        before = self.reference.codes.get(key)
        if before is not None and before.units and unit == modal(before.units):
            counted.values += 1
            if before.low is not None and before.high is not None:
                counted.outside += not before.low <= value <= before.high
            if len(counted.top) < VALUES or str(value) in counted.top:
                counted.top[str(value)] += 1

    def counts(self, patients: int) -> Baseline:
        """What was counted."""
        days = (self._last - self._first) / 86400 if self._last > self._first else 0.0
        return Baseline(
            codes={key: counted.use() for key, counted in self._codes.items()}, patients=patients, days=days,
            resources=self._resources, hours=tuple(self._hours),
            absent={name: (missing, n) for name, (missing, n) in self._absent.items()},
        )  # fmt: skip


def code_of(concept: Resource) -> str | None:
    """The first LOINC code of a concept."""
    return next(
        (
            code
            for each in rows(concept.get("coding"))
            if coding.system_of(each) == coding.LOINC and (code := text(each.get("code")))
        ),
        None,
    )
