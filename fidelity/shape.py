"""Which pattern a clean record gets, so that a training set comes to look like a live feed.

Patterns are drawn whole (``fidelity.patterns``), so that what is missing together stays missing together, from the live stratum
that the record belongs to: care setting, source, interpretation and kind of value; where the live feed has none such, from a
wider one. A draw hangs on its number and on the record's name alone: neither order nor partition matters.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any

from fidelity.document import FORMAT
from fidelity.patterns import DIMENSIONS, REST, Pattern, Stratum
from fidelity.published import CodeUse, ProfileError, Published, parse_published

WIDE = "*"
Joint = Mapping[Stratum, Mapping[Pattern, int]]
LOST = Pattern(*([REST] * len(DIMENSIONS)))
"""Stands for all patterns that are too rare to be told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A distribution to draw from: patterns in order, their running totals, and all in all."""

    patterns: tuple[Pattern, ...]
    totals: tuple[int, ...]

    @property
    def weight(self) -> int:
        """How many records it was learnt from."""
        return self.totals[-1]

    def draw(self, share: float) -> Pattern:
        """The pattern at a share in [0, 1)."""
        return self.patterns[bisect_right(self.totals, share * self.weight)]

    def shares(self) -> dict[Pattern, float]:
        """The share of each pattern."""
        parts = zip(self.patterns, self.totals, (0, *self.totals), strict=False)
        return {pattern: (upto - before) / self.weight for pattern, upto, before in parts}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a live feed is like, to draw from. ``codes`` and ``delays`` as ``Published`` has them."""

    spreads: Mapping[Stratum, Spread]
    codes: Mapping[tuple[str, str], CodeUse]
    delays: Mapping[str, Mapping[str, int]]

    def spread(self, stratum: Stratum) -> tuple[Stratum, Spread] | None:
        """The finest stratum of the feed that covers this one; None when the feed has nothing like it."""
        return next(((key, self.spreads[key]) for key in widening(stratum) if key in self.spreads), None)


def widening(stratum: Stratum) -> Iterator[Stratum]:
    """The stratum, then wider ones: any interpretation, any source, any setting."""
    yield stratum
    for wider in ({"interpretation": WIDE}, {"source": WIDE}, {"setting": WIDE}):
        stratum = stratum._replace(**wider)
        yield stratum


def parse_shape(document: Any) -> Shape:
    """A profile's document → Shape. Raises ProfileError."""
    published: Published = parse_published(document)
    try:
        joint = _joint(document)
    except (KeyError, TypeError, ValueError) as wrong:
        raise ProfileError("this is no profile: its strata cannot be read") from wrong
    return Shape(spreads=spreads(joint), codes=published.codes, delays=published.delays)


def _joint(document: Mapping[str, Any]) -> dict[Stratum, dict[Pattern, int]]:
    """The patterns of each stratum, its rest told by the rests of all strata of its type and kind."""
    if document["format"] != FORMAT:
        raise ValueError("another format")
    rests = {(each["type"], each["kind"]): _patterns(each) for each in document["rests"]}
    made: dict[Stratum, dict[Pattern, int]] = {}
    for each in document["strata"]:
        stratum = Stratum(*(str(each[name]) for name in Stratum._fields))
        found = _patterns(each)
        shared = rests.get((stratum.type, stratum.kind), {})
        for pattern, number in shared.items():
            part = round(int(each["rest"]) * number / sum(shared.values()))
            found[pattern] = found.get(pattern, 0) + part
        made[stratum] = {pattern: number for pattern, number in found.items() if number > 0}
    return made


def _patterns(each: Mapping[str, Any]) -> dict[Pattern, int]:
    return {Pattern(*(str(found[name]) for name in DIMENSIONS)): int(found["resources"]) for found in each["patterns"]}


def spreads(joint: Joint) -> dict[Stratum, Spread]:
    """A distribution for each stratum and each wider one. A record that lost its visit, or of which neither value nor code says
    what kind it was, counts in every stratum it may have come from, in proportion."""
    settled = _shared(_shared(dict(joint), "kind"), "setting")
    pooled: dict[Stratum, dict[Pattern, float]] = {}
    for stratum, found in settled.items():
        for key in widening(stratum):
            inner = pooled.setdefault(key, {})
            for pattern, number in found.items():
                inner[pattern] = inner.get(pattern, 0) + number
    return {key: _spread(found) for key, found in pooled.items() if sum(found.values()) >= 1}


def _spread(found: Mapping[Pattern, float]) -> Spread:
    patterns = tuple(sorted(pattern for pattern, number in found.items() if round(1_000 * number)))
    return Spread(patterns=patterns, totals=tuple(accumulate(round(1_000 * found[pattern]) for pattern in patterns)))


def _shared(joint: Mapping[Stratum, Mapping[Pattern, float]], name: str) -> dict[Stratum, dict[Pattern, float]]:
    """Shares strata that do not say ``name`` among those that do and agree in the rest; where none does, they stay."""
    made: dict[Stratum, dict[Pattern, float]] = {key: dict(found) for key, found in joint.items()}
    for key, found in joint.items():
        kin = [other for other in joint if other != key and other._replace(**{name: ""}) == key]
        lost = {
            pattern: number for pattern, number in found.items() if name == "kind" or pattern.encounter == "missing"
        }
        if getattr(key, name) or not kin or not lost:
            continue
        whole = sum(sum(joint[other].values()) for other in kin)
        for other in kin:
            part = sum(joint[other].values()) / whole
            for pattern, number in lost.items():
                made[other][pattern] = made[other].get(pattern, 0) + number * part
    return made


def share(draw: int, name: str, purpose: str) -> float:
    """A number in [0, 1) that hangs on its arguments alone."""
    digest = sha256(f"{draw}\n{name}\n{purpose}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def choose(counts: Mapping[Any, int], at: float) -> Any:
    """The key at a share in [0, 1) of counts; None of nothing."""
    names = sorted(counts, key=str)
    totals = list(accumulate(counts[name] for name in names))
    return names[bisect_right(totals, at * totals[-1])] if totals and totals[-1] else None
