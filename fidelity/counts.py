"""Counts that merge: any split, any order, the same value, in bounded memory.

Where a dimension has more values than its cap, those of the smallest hash keep their exact counts and the others are counted
together as ``MORE``: the threshold only ever falls, so what is kept was never given up, and no count is lost.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import nsmallest
from typing import Any

MORE = "(more)"
ROOM = 50_000
"""Keys of a table at which it is folded first."""
_ALL = 2**64
Key = tuple[Any, ...]


def hash_of(text: str) -> int:
    """64 bits that are the same everywhere."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def hash_of_key(key: Key) -> int:
    """The same of a tuple."""
    return hash_of("\n".join(map(str, key)))


@dataclass(kw_only=True, slots=True)
class Counts:
    """Keys are tuples. ``caps``: by the places of a dimension in the key, how many of its values are told apart."""

    caps: Mapping[tuple[int, ...], int]
    rows: Counter[Key] = field(default_factory=Counter)
    limits: dict[tuple[int, ...], int] = field(default_factory=dict)
    room: int = ROOM

    def add(self, keys: Iterable[Key]) -> None:
        """Counts keys, once each."""
        self.rows.update(keys)
        self._breathe()

    def put(self, key: Key, number: int) -> None:
        """Counts one key so many times."""
        self.rows[key] += number
        self._breathe()

    def _breathe(self) -> None:
        if len(self.rows) > self.room:
            self.fold()
            self.room = max(ROOM, 2 * len(self.rows))

    def fold(self) -> None:
        """Counts together what is beyond a cap."""
        for places, cap in self.caps.items():
            self._fold(places, cap)

    def _fold(self, places: tuple[int, ...], cap: int) -> None:
        values = {tuple(key[place] for place in places) for key in self.rows}
        hashes = {value: hash_of_key(value) for value in values if MORE not in value}
        limit = self.limits.get(places, _ALL)
        if sum(each <= limit for each in hashes.values()) > cap:
            limit = self.limits[places] = nsmallest(cap, hashes.values())[-1]
        gone = {value for value, each in hashes.items() if each > limit}
        if gone:
            self.rows = _grouped(self.rows, places, gone)

    def merge(self, other: "Counts") -> None:
        """Adds another's counts to these."""
        self.rows.update(other.rows)
        for places, limit in other.limits.items():
            self.limits[places] = min(limit, self.limits.get(places, _ALL))
        self._breathe()


def _grouped(rows: Mapping[Key, int], places: tuple[int, ...], gone: set[Key]) -> Counter[Key]:
    made: Counter[Key] = Counter()
    for key, number in rows.items():
        if tuple(key[place] for place in places) in gone:
            key = tuple(MORE if place in places else value for place, value in enumerate(key))
        made[key] += number
    return made


def kept(groups: Iterable[Key], cap: int) -> set[Key]:
    """Those with the smallest hash, at most ``cap``."""
    return set(nsmallest(cap, groups, key=hash_of_key))


@dataclass(kw_only=True, slots=True)
class Distinct:
    """How many different texts were seen: exact up to ``size``, then estimated from the ``size`` smallest hashes.
    Bar-Yossef et al. 2002, *Counting distinct elements in a data stream*: standard error 1/sqrt(size - 2)."""

    size: int = 1_024
    smallest: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def add(self, texts: Iterable[str]) -> None:
        """Sees texts."""
        for text in set(texts) - self.seen:
            self.seen.add(text)
            self.smallest.add(hash_of(text))
        if len(self.seen) > 4 * self.size:
            self.fold()

    def fold(self) -> None:
        """Keeps what counts."""
        self.seen.clear()
        if len(self.smallest) > self.size:
            self.smallest = set(nsmallest(self.size, self.smallest))

    def merge(self, other: "Distinct") -> None:
        """Sees what the other saw."""
        self.smallest |= other.smallest
        self.fold()

    @property
    def estimate(self) -> int:
        """The number of different texts."""
        least = nsmallest(self.size, self.smallest)
        return len(least) if len(least) < self.size else round((self.size - 1) * _ALL / (least[-1] + 1))
