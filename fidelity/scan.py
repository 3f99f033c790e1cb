"""A feed against the whole catalogue, record by record, and what only the whole of it shows at the end.

A scan keeps counts by stratum, and of each record a few hashes: never a value but those of weight, height and the few
codes of ``series.STEPS``. The counts do not depend on the order in which the records come, but for which of two equal
records is called the second. ``report`` gives them; ``fidelity.thresholds`` says what they amount to.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fidelity.baseline import Baseline, compare
from fidelity.chains import STANDS_ON, settle
from fidelity.checks import BIT, mask
from fidelity.editions.edition import Skew
from fidelity.elements import table
from fidelity.feed.contents import content
from fidelity.feed.features import Needs
from fidelity.feed.flow import Flow, Stream
from fidelity.feed.links import Links, base_of, named, owner, references, unanswered
from fidelity.feed.people import Linkage, Person, alive, linked, person_of, plausible, quantity_of
from fidelity.feed.series import KEPT, Point, stepped, swapped
from fidelity.feed.window import Window, code_of
from fidelity.periods import Interval, parse_point, time_of
from fidelity.records.judging import Judge, Seen, codes_of
from fidelity.tallies import Results, Stratum, counts_of
from vocabulary.manifest import Feature

Resource = Mapping[str, Any]
POINTERS = 5
PAST = frozenset({"Condition", "AllergyIntolerance", "Immunization", "MedicationStatement", "Encounter"})
"""Types that rightly speak of what was long before they were sent: their lag is none of the feed's (TIM-07)."""
_DUP01, _DUP02, _DUP04 = BIT["DUP-01"], BIT["DUP-02"], BIT["DUP-04"]
_REF02, _REF04, _TIM05, _PLA04 = BIT["REF-02"], BIT["REF-04"], BIT["TIM-05"], BIT["PLA-04"]
NOT_COMPARED = mask(*STANDS_ON["DUP-02"])
NOT_IN_SERIES = mask("UNI-01", "UNI-03", "UNI-04", "UNI-06", "PLA-01", "VAL-03", "DUP-02", "DUP-03")
UNKNOWN_CODES = mask(*STANDS_ON["VER-06"])
_UNI06, _PLA05 = BIT["UNI-06"], BIT["PLA-05"]


@dataclass(slots=True)
class _Open:
    """A record whose references or patient had not all come when it did: ``targets`` are looked up again at the end."""

    seen: Seen
    name: str
    patient: str | None
    targets: tuple[tuple[str, str], ...]
    when: Interval | None


@dataclass(kw_only=True, slots=True)
class Settings:
    """``judge`` from ``records.judging``; ``salt`` of the pointers; ``reference`` turns on the baseline checks, ``linkage``
    DUP-04, ``arrival`` (seconds) the lag of TIM-07; ``skews`` are what changed between editions (VER-05); ``pointers`` how many
    are kept of a check."""

    judge: Judge
    salt: bytes
    features: Sequence[Feature] = ()
    reference: Baseline | None = None
    linkage: bool = False
    arrival: float | None = None
    skews: Sequence[Skew] = ()
    pointers: int = POINTERS


class Scan:
    """One scan under way: ``add`` each resource, ``searched`` each search that brought some, then ``results``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.resources = self.unreadable = 0
        self.counts: Counter[Seen] = Counter()
        self.pointers: dict[int, list[str]] = {}
        self.moved: list[str] = []
        self._links, self._flow = Links(), Flow()
        self._needs = Needs(settings.features)
        self._people: dict[str, Person] = {}
        self._said: dict[int, int] = {}
        self._series: dict[tuple[str, str], list[Point]] = {}
        self._open: list[_Open] = []
        self._searches: dict[str, bool] = {}
        self._linkage = Linkage(seen={})
        self._window = Window(settings.reference) if settings.reference is not None else None

    def searched(self, name: str, whole: bool) -> None:
        """A search of one type, and whether it was read to the end (VOL-03)."""
        self._searches[name] = self._searches.get(name, True) and whole

    def add(self, resource: Resource) -> None:
        """One resource."""
        self.resources += 1
        seen = self.settings.judge(resource)
        patient, when = owner(resource), time_of(dict(resource))
        fails, passes = self._identity(resource, seen.fails, seen.passes)
        if seen.type == "Patient" and patient is not None:
            fails, passes = self._patient(patient, resource, fails, passes)
        fails, passes = self._repeated(resource, seen, patient, fails, passes)
        literals, base = references(resource), base_of(resource)
        targets = tuple({found for each in literals if (found := named(each, base)) is not None})
        fails |= _REF02 if unanswered(resource, literals) else 0
        entry = _Open(seen._replace(fails=fails, passes=passes), str(resource.get("id")), patient, targets, when)
        if not self._close(entry, final=False):
            self._open.append(entry)
        self._remember(resource, entry)

    def _identity(self, resource: Resource, fails: int, passes: int) -> tuple[int, int]:
        again = self._links.repeated(resource)
        if again is None:
            return fails, passes
        return (fails | _DUP01, passes) if again else (fails, passes | _DUP01)

    def _patient(self, patient: str, resource: Resource, fails: int, passes: int) -> tuple[int, int]:
        self._people[patient] = person_of(resource)
        self._links.link(patient, linked(resource))
        self._needs.patient(patient, resource)
        again = self._linkage.repeated(resource) if self.settings.linkage else None
        if again is None:
            return fails, passes
        return (fails | _DUP04, passes) if again else (fails, passes | _DUP04)

    def _repeated(
        self, resource: Resource, seen: Seen, patient: str | None, fails: int, passes: int
    ) -> tuple[int, int]:  # fmt: skip
        """DUP-02: the same subject, code, time and value under another id; two of one day may well be two."""
        if seen.type != "Observation" or not seen.code or fails & NOT_COMPARED:
            return fails, passes
        name = hash(str(resource.get("id")))
        first = self._said.setdefault(content(resource, patient, seen.code), name)
        return (fails | _DUP02, passes) if first != name else (fails, passes | _DUP02)

    def _close(self, entry: _Open, *, final: bool) -> bool:
        """Judges what hangs on other records and counts the record; False when it has to wait for them."""
        resolved, own, open_ = self._links.judge(entry.patient, entry.targets)
        person = self._people.get(entry.patient or "")
        if not final and (open_ or (entry.patient is not None and person is None)):
            return False
        fails, passes = entry.seen.fails, entry.seen.passes
        lived = alive(person, entry.when) if person is not None and entry.when is not None else None
        likely = plausible(person, *codes_of(entry.seen), entry.when) if person is not None else None
        for bit, passed in ((_REF02, resolved), (_REF04, own), (_TIM05, lived), (_PLA04, likely)):
            if passed is not None:
                fails, passes = (fails, passes | bit) if passed else (fails | bit, passes)
        fails, passes = settle(fails, passes)
        entry.seen = entry.seen._replace(fails=fails, passes=passes)
        self._count(entry.seen, entry.name)
        return True

    def _count(self, seen: Seen, name: str) -> None:
        self.counts[seen] += 1
        left = seen.fails
        pointer = f"{seen.type}/{digest(seen.type, name, self.settings.salt)}" if left else ""
        while left:
            bit = left & -left
            self._point(bit, pointer)
            left ^= bit

    def _point(self, bit: int, pointer: str) -> None:
        """The pointers that sort first are kept, so that the order of the feed decides nothing."""
        kept = self.pointers.setdefault(bit, [])
        if pointer not in kept:
            kept.append(pointer)
            kept.sort()
            del kept[self.settings.pointers :]

    def _remember(self, resource: Resource, entry: _Open) -> None:
        """What features, series, the flow and the window need of a record."""
        at = entry.when.start if entry.when is not None and not entry.seen.fails & BIT["TIM-04"] else None
        if entry.patient is not None and entry.seen.type != "Patient":
            self._needs.record(entry.patient, resource, at)
            self._measure(resource, entry, at)
        arrived = parse_point(table(resource.get("meta")).get("lastUpdated"))
        if arrived is not None:
            true_at = None if entry.seen.type in PAST else at
            self._flow.arrived(Stream(entry.seen.source, entry.seen.type), arrived.start, true_at)
        if self._window is not None:
            exact = entry.when is not None and entry.when.exact
            self._window.add(resource, at, exact=exact, understood=not entry.seen.fails & UNKNOWN_CODES)

    def _measure(self, resource: Resource, entry: _Open, at: float | None) -> None:
        code = code_of(table(resource.get("code"))) if entry.seen.type == "Observation" else None
        if code not in KEPT or at is None or entry.seen.fails & NOT_IN_SERIES:
            return
        quantity = quantity_of(resource)
        if quantity is not None and quantity[1] is not None:
            point = Point(at, quantity[0], quantity[1], entry)
            self._series.setdefault((entry.patient or "", code), []).append(point)

    def results(self) -> Results:
        """Everything, once the feed is at its end. To be called once."""
        waiting, self._open = self._open, []
        for entry in waiting:
            self._close(entry, final=True)
        self._judge_series()
        found = Results(self.resources, self.unreadable, counts_of(self.counts), self.pointers)
        found.add_all(self._outside())
        found.moved = tuple(self.moved)
        return found

    def _judge_series(self) -> None:
        for (patient, code), points in sorted(self._series.items(), key=lambda item: item[0]):
            born = person.born if (person := self._people.get(patient)) is not None else None
            odd = [
                point
                for point, wrong in self._changed(_UNI06, swapped(code, points, born.end if born else None))
                if wrong
            ]
            rest = [point for point in points if all(point is not each for each in odd)]
            for _ in self._changed(_PLA05, stepped(code, rest)):
                pass

    def _changed(self, bit: int, judged: Iterator[tuple[Point, bool]]) -> Iterator[tuple[Point, bool]]:
        """Counts a record anew with one check more."""
        for point, wrong in list(judged):
            entry = point.place
            self.counts[entry.seen] -= 1
            fails, passes = entry.seen.fails, entry.seen.passes
            fails, passes = settle(fails | bit, passes) if wrong else (fails, passes | bit)
            entry.seen = entry.seen._replace(fails=fails, passes=passes)
            self._count(entry.seen, entry.name)
            yield point, wrong

    def _outside(self) -> Iterator[tuple[str, Stratum, bool, int]]:
        """What no record carries: features, streams, searches, editions, the baseline."""
        for each in self._needs.results():
            yield "STR-05", Stratum("", "Patient", each.feature, ""), each.there, 1
            if each.fresh is not None:
                yield "TIM-07", Stratum("", "Patient", each.feature, ""), each.fresh, 1
        for id, found in (("VOL-02", self._flow.gaps()), ("TIM-07", self._flow.lags(self.settings.arrival))):
            for stream, passed in found:
                if passed is not None:
                    yield id, Stratum(stream.source, stream.type, "", ""), passed, 1
        for name, whole in sorted(self._searches.items()):
            yield "VOL-03", Stratum("", name, "", ""), whole, 1
        for skew in self.settings.skews:
            yield "VER-05", Stratum("", "", skew.system, ""), not (skew.added or skew.retired), 1
        if self._window is not None and self.settings.reference is not None:
            for judged in compare(self.settings.reference, self._window.counts(len(self._people))):
                if judged.check == "STR-02":  # its records are counted already: here is whether the rate moved
                    self.moved += [judged.code] * judged.failed
                    continue
                stratum = Stratum("", "", judged.code, "")
                yield judged.check, stratum, False, judged.failed
                yield judged.check, stratum, True, judged.n - judged.failed


def digest(kind: str, name: str, salt: bytes) -> str:
    """What a pointer says of a record beside its type: a salted hash of its name, the same within one scan only."""
    return sha256(salt + f"{kind}/{name}".encode(errors="replace")).hexdigest()[:16]
