"""What the times of one record show by themselves (TIM). The common form is judged as it is written: a string of digits
compares as its moment does. Whatever has another form is parsed."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fidelity.checks import BIT
from fidelity.elements import table
from fidelity.periods import Interval, after, future, parse_point
from fidelity.records.kinds import PERIODS, PLANNED, Kind

ZONED = re.compile(
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
"""A moment of the calendar with its zone; 29 February is left to who parses."""
EARLIEST = "1900"
LATE = 7 * 86400.0
"""Seconds from when it was true to when it was released after which it came late (TIM-09): a week, longer than cultures
take as a rule. Nothing in R4 says how long; the threshold is the project's."""
DAY = 86400.0
CLOCKS = 300.0
"""Seconds by which the clock of who sent it may be ahead of ours (Kerberos allows as much, RFC 4120 §1.6): no future."""
_01, _02, _03, _04 = BIT["TIM-01"], BIT["TIM-02"], BIT["TIM-03"], BIT["TIM-04"]
_06, _09 = BIT["TIM-06"], BIT["TIM-09"]
_TIMED = _01 | _02 | _03 | _04
_RELEASED = _TIMED | _06 | _09


class Moments:
    """The rules of times as of one moment."""

    def __init__(self, *, as_of: float) -> None:
        self.as_of = as_of
        self.yesterday = datetime.fromtimestamp(as_of - DAY, UTC).isoformat()[:10]

    def read(self, kind: Kind, resource: Mapping[str, Any]) -> tuple[int, int, str | None]:
        """Bits that failed, bits that passed, and the clinically relevant time as it is written (a Period's start)."""
        written = resource.get(kind.usual)
        if type(written) is str and ZONED.fullmatch(written) and EARLIEST <= written < self.yesterday:
            issued = resource.get("issued")
            if issued is None:
                return 0, _TIMED, written
            if type(issued) is str and _same_day(written, issued):
                return 0, _RELEASED, written
        return self._read(kind, resource)

    def _read(self, kind: Kind, resource: Mapping[str, Any]) -> tuple[int, int, str | None]:
        written = name = None
        for name in kind.times:
            if name in resource:
                written = resource[name]
                break
        dated = self._dates(kind, resource)
        if written is None:
            return (_01 | dated, 0, None) if kind.times else (dated | self._order(kind, resource)[0], 0, None)
        if name in PERIODS:
            fails, passes, start = self._period(kind, resource, name, written)
            return fails | dated, passes, start
        if type(written) is not str or name == "onsetString" or name == "occurrenceString" or name == "performedString":
            return dated, _01, None  # an age, a range, words: a time that is no date
        fails, passes = self._point(written, name in kind.hours)
        if not fails & _01:
            ordered, late = self._order(kind, resource), self._lateness(kind, resource)
            fails, passes = fails | ordered[0] | late[0], passes | ordered[1] | late[1]
        return self._ahead(kind, resource, name or "", fails | dated), passes, written

    def _dates(self, kind: Kind, resource: Mapping[str, Any]) -> int:
        """TIM-03 and TIM-04 of the dates beside the relevant time: they can fail, but do not pass for it."""
        fails = 0
        for name in kind.dates:
            if type(written := resource.get(name)) is str:
                fails |= self._point(written, False)[0]
        return fails & (_03 | _04)

    def _ahead(self, kind: Kind, resource: Mapping[str, Any], name: str, fails: int) -> int:
        """TIM-04 is no fault of what is ordered or planned for a time to come."""
        if not fails & _04 or not (name in kind.ahead or resource.get("status") == PLANNED):
            return fails
        written = resource[name]
        begins = str(table(written).get("start") if name in PERIODS else written)
        return fails & ~_04 if begins[:4] >= EARLIEST else fails

    def _point(self, written: str, hours: bool) -> tuple[int, int]:
        if ZONED.fullmatch(written) and EARLIEST <= written < self.yesterday:
            return 0, (_01 | _02 | _03 | _04) if hours else (_01 | _03 | _04)
        parsed = parse_point(written)
        if parsed is None:
            return _01, 0
        possible = not future(parsed, self.as_of + CLOCKS) and written[:4] >= EARLIEST
        fails, passes = (0, _01 | _04) if possible else (_04, _01)
        if parsed.exact or not parsed.zoned:
            fails, passes = (fails, passes | _03) if parsed.zoned else (fails | _03, passes)
        if hours:
            timed = "T" in written
            fails, passes = (fails, passes | _02) if timed else (fails | _02, passes)
        return fails, passes

    def _period(self, kind: Kind, resource: Mapping[str, Any], name: str, period: Any) -> tuple[int, int, str | None]:
        start, end = table(period).get("start"), table(period).get("end")
        if not isinstance(start, str) and not isinstance(end, str):
            return _01, 0, None
        first = start if isinstance(start, str) else end
        fails, passes = self._point(str(first), name in kind.hours)
        fails = self._ahead(kind, resource, name, fails)
        if isinstance(start, str) and isinstance(end, str):
            ordered = _reversed(start, end)
            if ordered is not None:
                fails, passes = (fails | _06, passes) if ordered else (fails, passes | _06)
            zone = self._point(end, False)
            fails |= zone[0] & (_03 if kind.issued is None else _03 | _04)  # what was observed has ended
        instead = {**resource, name.replace("Period", "DateTime"): first}
        ordered_, late = self._order(kind, instead), _late((end, first), resource.get(kind.issued or ""))
        return fails | ordered_[0] | late[0], passes | ordered_[1] | late[1], str(first)

    def _order(self, kind: Kind, resource: Mapping[str, Any]) -> tuple[int, int]:
        fails = passes = 0
        for first, then in kind.order:
            if first in resource and then in resource:
                judged = _reversed(resource[first], resource[then])
                if judged is not None:
                    fails, passes = (_06, passes) if judged else (fails, _06)
        return fails, passes

    def _lateness(self, kind: Kind, resource: Mapping[str, Any]) -> tuple[int, int]:
        if kind.issued is None or kind.issued not in resource:
            return 0, 0
        return _late((resource.get(name) for name in kind.hours), resource[kind.issued])


def _same_day(first: str, then: str) -> bool:
    """Whether both are of one day, of one zone, and in order: most results are."""
    zoned = first[-6:] == then[-6:] or first[-1] == then[-1] == "Z"
    return zoned and first[:10] == then[:10] and first[:19] <= then[:19]


def _reversed(first: Any, then: Any) -> bool | None:
    """Whether the later of two times lies before the earlier, whatever partial dates stand for; None when one is no date."""
    if type(first) is not str or type(then) is not str:
        return None
    zoned = first[-6:] == then[-6:] or first[-1:] == then[-1:] == "Z"
    if zoned and len(first) >= 20 and len(then) >= 20 and first[:19] <= then[:19]:
        return False
    earlier, later = parse_point(first), parse_point(then)
    if earlier is None or later is None:
        return None
    return after(earlier, later)


def _late(told: Iterable[Any], issued: Any) -> tuple[int, int]:
    written = next((each for each in told if isinstance(each, str)), None)
    if written is None or not isinstance(issued, str):
        return 0, 0
    if written[:10] == issued[:10]:
        return 0, _09
    true, released = parse_point(written), parse_point(issued)
    if true is None or released is None:
        return 0, 0
    return (_09, 0) if released.start - true.end > LATE else (0, _09)


def day_of(written: str) -> Interval | None:
    """The day, month or year that a date stands for where it was written: codes are valid by the local day."""
    return parse_point(written[:10])
