"""Searches: every parameter with every modifier, alone and together, with sorting, paging, includes, chains and ``_has``."""

from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from r4.criteria import MODIFIERS
from r4.definitions import Parameter
from r4.served import SERVED
from sandbox.search import SORTABLE
from tests.contract.differential.observing import Case, Step
from tests.contract.differential.records import ORDER, TAGS
from tests.contract.differential.terms import compared, term
from tests.contract.differential.values import CODES, UCUM, UNITS

Pair = tuple[str, str]
FORM = "application/x-www-form-urlencoded"


class Asking:
    """Draws searches over the records of a run."""

    def __init__(self, random: Random, records: list[dict[str, Any]], run: str) -> None:
        self.random, self.records, self._mine = random, records, ("_tag", f"{TAGS}|{run}")

    def each(self) -> Iterator[Case]:
        """Every parameter with every modifier of every type, once."""
        for type in ORDER:
            for name, row in compared(type).items():
                for modifier in ("", *sorted(self._modifiers(row))):
                    pair = self._filter(type, name, modifier)
                    if pair is not None:
                        yield self._case("parameter", type, [pair])

    def drawn(self) -> Case:
        """One search out of many."""
        kinds = (
            self._combined, self._combined, self._sorted, self._paged, self._included, self._chained, self._reversed, self._telling,
        )  # fmt: skip
        while True:
            found = self.random.choice(kinds)()
            if found is not None:
                return found

    def _modifiers(self, row: Parameter) -> set[str]:
        if row.kind != "reference":
            return set(MODIFIERS[row.kind])
        return {
            "missing",
            *self.random.sample(sorted(set(row.targets) & SERVED), min(1, len(set(row.targets) & SERVED))),
        }

    def _filter(self, type: str, name: str, modifier: str = "") -> Pair | None:
        if modifier and name in ("_id", "_lastUpdated"):
            return None
        if modifier == "missing":
            return f"{name}:missing", self.random.choice(("true", "false"))
        values = [
            term(self.random, self.records, type, name, modifier) for _ in range(self.random.choice((1, 1, 1, 2)))
        ]
        if None in values:
            return None
        return f"{name}:{modifier}" if modifier else name, ",".join(map(str, values))

    def _type(self) -> str:
        return self.random.choice((*ORDER, "Observation", "Observation", "Patient", "Encounter", "Condition"))

    def _any(self, type: str) -> Pair | None:
        name, row = self.random.choice(sorted(compared(type).items()))
        modifier = self.random.choice(("", "", *sorted(self._modifiers(row))))
        return self._filter(type, name, modifier)

    def _case(self, kind: str, type: str, pairs: list[Pair]) -> Case:
        query = urlencode([*pairs, self._mine], quote_via=quote)
        if self.random.random() < 0.1:
            form = {"content-type": FORM}
            return Case(
                kind=kind, steps=(Step(method="POST", path=f"{type}/_search", headers=form, body=query.encode()),)
            )
        return Case(kind=kind, steps=(Step(method="GET", path=f"{type}?{query}"),))

    def _combined(self) -> Case | None:
        type = self._type()
        pairs = [pair for _ in range(self.random.randrange(2, 4)) if (pair := self._any(type)) is not None]
        total = [("_total", self.random.choice(("accurate", "none")))] if self.random.random() < 0.4 else []
        return self._case("combined", type, pairs + total) if pairs else None

    def _sorted(self) -> Case | None:
        type = self._type()
        names = [name for name, row in compared(type).items() if row.kind in SORTABLE and not name.startswith("_")]
        if not names:
            return None
        turn = self.random.choice(("", "-"))
        keys = [turn + self.random.choice(names), *self.random.sample(("_id", "-_id"), 1)]
        count = [("_count", str(self.random.randrange(3, 8)))] if self.random.random() < 0.5 else []
        return self._case("sorted", type, [("_sort", ",".join(keys)), *count])

    def _paged(self) -> Case:
        type, pairs = self._type(), []
        if self.random.random() < 0.3 and (pair := self._any(type)) is not None:
            pairs.append(pair)
        pairs.append(("_count", str(self.random.choice((0, 3, 5, 9, 30)))))
        more = self.random.choice((("_summary", "count"), ("_summary", "true"), ("_summary", "data"), ("_summary", "text"),
                                   ("_elements", "status,identifier"), ("_total", "accurate"), ("_total", "estimate")))  # fmt: skip
        return self._case("paged", type, [*pairs, more])

    def _telling(self) -> Case:
        """Searches that servers are known to read in different ways, which chance would seldom draw."""
        code, unit, canonical = (
            self.random.choice(each) for each in (CODES, UNITS, ("CarePlan", "Communication", "Procedure"))
        )
        type, pairs = self.random.choice((
            ("Observation", [("combo-code-value-quantity", f"{code}$ge-100")]),
            ("Observation", [("combo-value-quantity", f"{self.random.choice(('', 'ne'))}1|{UCUM}|{unit}")]),
            ("Encounter", [("date", "eb2024"), ("date", "ne2020-02")]), ("Observation", [("date", "2021-07-04")]),
            ("Communication", [("received", "2021-07-04")]), ("Patient", [("deceased", "false")]), (canonical, [("instantiates-canonical", "urn:test:one")]),
            ("Condition", [("subject:Patient._tag", f"{TAGS}|{code}")]), ("Condition", [("subject:Patient.gender:not", "female")]),
        ))  # fmt: skip
        return self._case("combined", type, pairs)

    def _included(self) -> Case | None:
        type = self._type()
        forward = [
            f"{type}:{name}"
            for name, row in compared(type).items()
            if row.kind == "reference" and SERVED & {*row.targets}
        ]
        back = [
            f"{other}:{name}"
            for other in ORDER
            for name, row in compared(other).items()
            if row.kind == "reference" and type in row.targets
        ]
        control, among = self.random.choice((("_include", forward), ("_revinclude", back)))
        if not among:
            return None
        pairs = [(control, self.random.choice(among)) for _ in range(self.random.choice((1, 1, 2)))]
        return self._case("included", type, [*pairs, ("_count", str(self.random.choice((3, 40))))])

    def _chained(self) -> Case | None:
        type = self._type()
        rows = [
            (name, row) for name, row in compared(type).items() if row.kind == "reference" and SERVED & {*row.targets}
        ]
        if not rows:
            return None
        name, row = self.random.choice(rows)
        target = self.random.choice(sorted(SERVED & {*row.targets}))
        pair = self._any(target)
        if pair is None:
            return None
        typed = f":{target}" if len(row.targets) > 1 or self.random.random() < 0.5 else ""
        return self._case("chained", type, [(f"{name}{typed}.{pair[0]}", pair[1])])

    def _reversed(self) -> Case | None:
        other = self._type()
        rows = [
            (name, row) for name, row in compared(other).items() if row.kind == "reference" and SERVED & {*row.targets}
        ]
        if not rows:
            return None
        reference, row = self.random.choice(rows)
        type, pair = self.random.choice(sorted(SERVED & {*row.targets})), self._any(other)
        return self._case("reversed", type, [(f"_has:{other}:{reference}:{pair[0]}", pair[1])]) if pair else None
