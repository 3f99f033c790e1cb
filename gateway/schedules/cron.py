"""Crontab expressions: what they mean, and when the next tick of one is. Pure.

Five fields as in POSIX crontab (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html); names, steps and
``@daily`` as in Vixie cron, crontab(5). Where day of month and day of week are both restricted, a day that fits either fits
(POSIX); a field that begins with ``*`` is not restricted (Vixie's DOM_STAR).

Clock changes, by cron(8) of Debian: what runs less often than hourly is handled specially. A tick in hours that the clock leaves
out comes once, at the first instant after them; one in hours that come twice comes the first time only. What runs in every
hour "is scheduled normally": at every instant whose reading fits, so that an hour that comes twice is no hour of silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

DAY = 86400.0
HORIZON = 41 * 366
"""Days that are looked through for a tick: 29 February comes on a given weekday every 28 years, and after 40 around 2100."""


class CronInvalid(ValueError):
    """The text is no expression that has ticks; it says what to write, and repeats nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """``name`` for people, the ``low`` and ``high`` that there are, ``words`` by number from ``low`` on."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: Sequence[Field] = (
    Field(name="minute", low=0, high=59),
    Field(name="hour", low=0, high=23),
    Field(name="day of month", low=1, high=31),
    Field(name="month", low=1, high=12, words=MONTHS),
    Field(name="day of week", low=0, high=7, words=WEEKDAYS),
)
"""POSIX crontab, with 7 for Sunday as in Vixie cron."""
NAMED: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
"""crontab(5); ``@reboot`` is no time."""
LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """``weekdays`` count from Sunday, 0. ``either`` says that a day has to fit only one of the two lists of days."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @property
    def hourly(self) -> bool:
        """Whether it runs in every hour."""
        return len(self.hours) == 24

    def fits(self, day: date) -> bool:
        """Whether it has ticks on the day."""
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_day or by_weekday if self.either else by_day and by_weekday)


def parse(text: str) -> Cron:
    """``"0 6 * * mon-fri"`` → Cron. Raises CronInvalid."""
    words = NAMED.get(text.strip().lower(), text).lower().split()
    if len(words) != len(FIELDS):
        raise CronInvalid(f"must be five fields, {', '.join(field.name for field in FIELDS)}, or {', '.join(NAMED)}")
    minutes, hours, days, months, weekdays = (_values(*pair) for pair in zip(words, FIELDS, strict=True))
    found = Cron(
        minutes=tuple(sorted(minutes)), hours=tuple(sorted(hours)), days=days, months=months,
        weekdays=frozenset(day % 7 for day in weekdays), either=words[2][0] != "*" and words[4][0] != "*",
    )  # fmt: skip
    if not found.either and all(min(days) > LENGTHS[month - 1] for month in months):
        raise CronInvalid("has no tick: none of its months has such a day")
    return found


def _values(word: str, field: Field) -> frozenset[int]:
    return frozenset(value for part in word.split(",") for value in _part(part, field))


def _part(part: str, field: Field) -> range:
    """One entry of a list: ``*``, ``a``, ``a-b``, each range with an optional step."""
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    if slash and not (step.isascii() and step.isdecimal() and int(step) > 0):
        raise CronInvalid(f"{field.name}: a step must be a whole number above 0, such as */15")
    if span == "*":
        high = 6 if field.words == WEEKDAYS else field.high
        return range(field.low, high + 1, int(step or 1))
    if slash and not dash:
        raise CronInvalid(f"{field.name}: a step goes with * or a range, such as 0-30/10")
    low = _number(first, field)
    high = _number(last, field) if dash else low
    if high < low:
        raise CronInvalid(f"{field.name}: a range begins with the smaller")
    return range(low, high + 1, int(step or 1))


def _number(word: str, field: Field) -> int:
    if word in field.words:
        return field.low + field.words.index(word)
    if not (word.isascii() and word.isdecimal() and field.low <= int(word) <= field.high):
        names = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise CronInvalid(f"{field.name}: must be {field.low} to {field.high}{names}")
    return int(word)


def next_tick(expression: Cron, zone: ZoneInfo, after: float) -> float:
    """The first tick after ``after`` (Unix seconds). Raises CronInvalid where there is none within the horizon."""
    found = next((_hourly if expression.hourly else _daily)(expression, zone, after), None)
    if found is None:
        raise CronInvalid("has no tick in the next 41 years")
    return found


def newest_ticks(expression: Cron, zone: ZoneInfo, *, after: float, until: float, most: int) -> list[float]:
    """The ticks with ``after < tick <= until``, in order; of more than ``most`` the last ones."""
    found: list[float] = []
    for days in (1, 31, 366, HORIZON):  # as far back as it takes, so that a minutely schedule is not walked for years
        start = max(after, until - days * DAY)
        found = []
        for tick in (_hourly if expression.hourly else _daily)(expression, zone, start):
            if tick > until:
                break
            found.append(tick)
        if start == after or len(found) >= most:
            break
    return found[-most:]


def _daily(cron: Cron, zone: ZoneInfo, after: float) -> Iterator[float]:
    """Day by day; the first readings of a clock are in its order, and so are the ends of what it leaves out."""
    day, last = datetime.fromtimestamp(after, zone).date() - timedelta(days=1), after
    for _ in range(HORIZON):
        if cron.fits(day):
            for hour in cron.hours:
                for minute in cron.minutes:
                    tick = instant_of(datetime(day.year, day.month, day.day, hour, minute), zone)
                    if tick > last:
                        yield tick
                        last = tick
        day += timedelta(days=1)


def instant_of(reading: datetime, zone: ZoneInfo) -> float:
    """When a clock of the zone first reads so (naive); where it never does, the first instant after what it leaves out."""
    early, late = (reading.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    if early <= late or datetime.fromtimestamp(early, zone).replace(tzinfo=None) == reading:
        return early
    low, high = floor(late), floor(early)  # it is left out: the offset changes between these two
    before = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if datetime.fromtimestamp(middle, zone).utcoffset() == before else (low, middle)
    return float(high)


def _hourly(cron: Cron, zone: ZoneInfo, after: float) -> Iterator[float]:
    """Instant by instant, as the clock reads then; twenty hours at a time where no day near has a tick."""
    at = (floor(after) // 60 + 1) * 60
    end = at + HORIZON * DAY
    while at < end:
        reading = datetime.fromtimestamp(at, zone)
        day = reading.date()
        if not any(cron.fits(day + timedelta(days=near)) for near in (-1, 0, 1)):
            at += 20 * 3600
        elif cron.fits(day) and reading.minute in cron.minutes and reading.second == 0:
            yield float(at)
            at += 60
        else:
            at += 60


def told(tick: float, zone: ZoneInfo) -> str:
    """A tick for people: ISO 8601 with the zone's offset then."""
    return datetime.fromtimestamp(tick, UTC).astimezone(zone).isoformat(timespec="minutes")
