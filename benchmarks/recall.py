"""``python -m benchmarks.recall``: the messy seed against its label file, check by check: what was found of what was done, and
what was found beside it. The rows of docs/reference/fidelity-checks.md.

A fault is *decidable* when the record and the rest of the feed show it at all. What is not, with the reason, stands in
``UNDECIDABLE``; those labels are counted apart, and neither for nor against a check.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from fidelity import limits
from fidelity.checks import BIT, CHECKS, ids
from fidelity.editions.shipped import shipped
from fidelity.feed.series import SWAPPED
from fidelity.periods import parse_point
from fidelity.records.judging import compile_rules
from fidelity.records.measures import Measures, number_of
from fidelity.records.moments import LATE
from fidelity.scan import Scan, Settings, digest
from gateway.sandbox_ehrs import filling
from sandbox.seed.messy import Label, Messiness, degrade

Resource = dict[str, Any]
SALT = b"recall"
MEASURES = Measures(limits.BY_CODE, {})


class Line(NamedTuple):
    """One check: labels, those decidable, found of these, found where nothing like it was done, and on the clean feed."""

    check: str
    labels: int
    decidable: int
    found: int
    false: int
    clean: int

    @property
    def recall(self) -> float | None:
        return self.found / self.decidable if self.decidable else None

    @property
    def precision(self) -> float | None:
        return self.found / (self.found + self.false) if self.found + self.false else None


def _late(after: Resource, before: Resource) -> bool:
    """A result of the last days that is released now is not late: the ward's last round, an hour ago."""
    true, released = parse_point(after["effectiveDateTime"]), parse_point(after["issued"])
    return bool(true and released and released.start - true.end > LATE)


def _slipped(after: Resource, before: Resource) -> bool:
    """Two places more are within what the enzyme, the count or the income can be; or are usual in another unit."""
    return _fails(after, "PLA-01")


def _swapped(after: Resource, before: Resource) -> bool:
    """A zero is zero in every unit; a weight or height is plausible in both, and decided beside the patient's others only."""
    code = after["code"]["coding"][0]["code"]
    return code not in SWAPPED and _fails(after, "UNI-06")


def _fails(resource: Resource, check: str) -> bool:
    for element in (resource, *resource.get("component", ())):
        quantity = element.get("valueQuantity")
        if quantity is not None:
            measure = MEASURES.read("http://loinc.org", element["code"]["coding"][0]["code"], quantity)
            if (measure.fails | number_of(measure, quantity["value"])[0]) & BIT[check]:
                return True
    return False


def _possible(after: Resource, before: Resource) -> bool:
    """A century after 1924 is no future."""
    written = after.get("effectiveDateTime") or after.get("authoredOn") or after.get("onsetDateTime") or ""
    return written < "1900" or written > time.strftime("%Y-%m-%d")


def _missed(after: Resource, before: Resource) -> bool:
    """A score, pH or INR is the number alone: it lacks no unit."""
    return _fails(after, "UNI-01")


def _converted(after: Resource, before: Resource) -> bool:
    """Where the number is the same in both units (``10*9/L`` for ``10*3/uL``), nothing was converted."""
    return _fails(after, "UNI-05")


UNDECIDABLE: Mapping[str, Callable[[Resource, Resource], bool]] = {
    "late-arrival": _late, "implausible": _slipped, "unit-swapped": _swapped, "impossible-time": _possible,
    "unit-missing": _missed, "unit-other": _converted,
}  # fmt: skip
"""Degradation → whether what it left can be seen; its docstring says when not."""


ALIKE = frozenset({"PLA-01", "UNI-06"})
"""Two names of an impossible number: where a label is not decidable, the other one's finding is no false one (creatinine of
2.6 mg/dL with the point slipped is 230 umol/L to a hair)."""


def found_in(feed: Iterable[Resource], now: float) -> dict[str, set[str]]:
    """Record → the checks that it failed, as a scan of the feed says."""
    judge = compile_rules(terminology=shipped(), as_of=now)
    scan = Scan(Settings(judge=judge, salt=SALT, pointers=10**9))
    names: dict[str, str] = {}
    for resource in feed:
        scan.add(resource)
        names[f"{resource['resourceType']}/{digest(resource['resourceType'], resource['id'], SALT)}"] = (
            f"{resource['resourceType']}/{resource['id']}"
        )
    found: dict[str, set[str]] = defaultdict(set)
    for bit, pointers in scan.results().pointers.items():
        for pointer in pointers:
            found[names[pointer]] |= set(ids(bit))
    return found


def lines(draws: Iterable[int], rate: float, now: float) -> list[Line]:
    """One line a check that was labelled or found, over all draws."""
    clean = list(filling.clean(now))
    before = {f"{each['resourceType']}/{each['id']}": each for each in clean}
    natural = found_in(clean, now)
    twins = found_in(reversed(clean), now)  # of two that are equal either may come second
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    twins = {name: twins.get(name, set()) | natural.get(name, set()) for name in twins.keys() | natural.keys()}
    for draw in draws:
        told: list[Label] = []
        feed = list(degrade(clean, Messiness(rate, draw), arrived=now, tell=told.append))
        _count(counts, feed, {label.resource: label for label in told}, before, found_in(feed, now), twins)
    for checks in natural.values():
        for check in checks:
            counts[check]["clean"] += 1
    columns = ("labels", "decidable", "found", "false", "clean")
    return [
        Line(check.id, *(counts[check.id][name] for name in columns)) for check in CHECKS if check.id in counts
    ]  # fmt: skip


def _count(
    counts: dict[str, Counter[str]], feed: list[Resource], labels: Mapping[str, Label], before: Mapping[str, Resource],
    found: Mapping[str, set[str]], natural: Mapping[str, set[str]],
) -> None:  # fmt: skip
    for resource in feed:
        name = f"{resource['resourceType']}/{resource['id']}"
        label, seen, decidable = labels.get(name), found.get(name, set()), True
        if label is not None:
            visible = UNDECIDABLE.get(label.degradation, lambda after, before: True)
            decidable = visible(resource, before.get(name, resource))
            counts[label.check]["labels"] += 1
            counts[label.check]["decidable"] += decidable
            counts[label.check]["found"] += decidable and label.check in seen
        explained = natural.get(name, set()) | ({label.check} if label else set())
        explained |= ALIKE if label is not None and label.check in ALIKE and not decidable else set()
        for check in seen - explained:
            counts[check]["false"] += 1


def document(found: list[Line], false: float) -> str:
    """The table for the documentation."""
    rows = [
        "| check | labels | decidable | found | recall | false | precision | on clean data |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {line.check} | {line.labels} | {line.decidable} | {line.found} | {_share(line.recall)} | {line.false} "
        f"| {_share(line.precision)} | {line.clean} |"
        for line in found
    ]
    return "\n".join((*rows, "", f"Of the clean records {false:.2%} carry a finding."))


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def clean_share(now: float) -> float:
    """The share of the clean seed's records that carry any finding."""
    clean = list(filling.clean(now))
    return len(found_in(clean, now)) / len(clean)


def main(draws: int = 5) -> int:
    """Prints the table. Exit code 1 when a decidable check falls below 0.99."""
    now = time.time()
    found = lines(range(1, draws + 1), 1.0, now)
    print(document(found, clean_share(now)))
    below = [each.check for each in found if min(each.recall or 1.0, each.precision or 1.0) < 0.99]
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
