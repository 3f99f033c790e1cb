"""Crontab expressions against an oracle that knows nothing of days or fields: it reads a clock minute by minute."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.schedules.cron import CronInvalid, instant_of, newest_ticks, next_tick, parse

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Havana",
    "Pacific/Apia",
)
TURNS = (
    "2026-03-08T06:00Z", "2026-11-01T05:00Z", "2026-03-29T00:00Z", "2026-10-25T00:00Z", "2026-04-04T14:00Z",
    "2026-10-03T15:00Z", "2026-02-28T20:00Z", "2026-12-31T20:00Z", "2011-12-30T09:00Z", "2026-03-08T04:30Z",
)  # fmt: skip
"""Instants around which some zone's clock is turned, a month ends, or (Apia, 2011) a whole day is left out."""


def meant(text: str, low: int, high: int) -> set[int]:
    """A field by trial: each number is asked whether some entry of the list has it."""

    def has(entry: str, number: int) -> bool:
        span, _, step = entry.partition("/")
        first, last = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        return first <= number <= last and (number - first) % int(step or 1) == 0

    return {number for number in range(low, high + 1) if any(has(entry, number) for entry in text.split(","))}


def brute(expression: str, zone: ZoneInfo, start: int, minutes: int) -> list[int]:
    """Reads the clock at each minute. A reading that was seen before comes a second time; between two readings, those
    that the clock left out are looked through as well."""
    texts = expression.split()
    minute, hour, day, month = (
        meant(text, *span) for text, span in zip(texts, ((0, 59), (0, 23), (1, 31), (1, 12)), strict=False)
    )
    weekday = {number % 7 for number in meant(texts[4], 0, 6 if texts[4].startswith("*") else 7)}

    def fits(wall: int) -> bool:
        at = datetime.fromtimestamp(wall, UTC)  # a reading as if it were UTC: only a way to count
        days = at.day in day, (at.weekday() + 1) % 7 in weekday
        right = any(days) if not texts[2].startswith("*") and not texts[4].startswith("*") else all(days)
        return at.minute in minute and at.hour in hour and at.month in month and right

    found, furthest = [], None
    for at in range(start - 36 * 3600, start + minutes * 60, 60):
        wall = at + int(datetime.fromtimestamp(at, zone).utcoffset().total_seconds())  # type: ignore[union-attr]
        if len(hour) == 24:
            hit = fits(wall)
        else:
            fresh = range(wall, wall + 60, 60) if furthest is None else range(furthest + 60, wall + 60, 60)
            hit = any(fits(each) for each in fresh)
        furthest = wall if furthest is None else max(wall, furthest)
        if hit and at > start:
            found.append(at)
    return found


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high).map(str)
    entry = st.one_of(number.map(str), span, st.tuples(span, step).map("/".join), step.map(lambda each: f"*/{each}"))
    return st.one_of(st.just("*"), st.lists(entry, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(
    field(0, 59), field(0, 23), st.one_of(st.just("*"), field(1, 31)), st.just("*"), field(0, 7)
).map(" ".join)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(expressions, st.sampled_from(ZONES), st.sampled_from(TURNS), st.integers(-600, 600))
def test_ticks_are_those_that_reading_the_clock_minute_by_minute_gives(
    expression: str, zone: str, turn: str, before: int
) -> None:
    where, minutes = ZoneInfo(zone), 26 * 60
    start = int(datetime.fromisoformat(turn).timestamp()) - before * 60
    expected = brute(expression, where, start, minutes)
    end = float(start + minutes * 60 - 1)
    assert newest_ticks(parse(expression), where, after=float(start), until=end, most=10_000) == expected
    walked, at = [], float(start)
    while len(walked) < 5 and expected and (at := next_tick(parse(expression), where, at)) <= end:
        walked.append(int(at))
    assert walked == expected[:5]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("turn", TURNS[:8])
def test_every_hour_of_every_turn_is_right(zone: str, turn: str) -> None:
    """What chance may miss: the expressions that people write, at each turn of each clock."""
    where, start = ZoneInfo(zone), int(datetime.fromisoformat(turn).timestamp()) - 6 * 3600
    for expression in ("30 2 * * *", "*/20 0-3 * * *", "0 */2 * * *", "15 * * * *", "0 0 1 * 1"):
        ticks = newest_ticks(parse(expression), where, after=start, until=start + 50_340, most=500)
        assert ticks == brute(expression, where, start, 840), (expression, zone, turn)


def test_a_day_that_a_zone_left_out_has_its_tick_at_the_first_instant_after() -> None:
    apia = ZoneInfo("Pacific/Apia")  # 30 December 2011 did not come there
    found = next_tick(parse("0 8 30 * *"), apia, datetime(2011, 12, 29, 12, tzinfo=apia).timestamp())
    assert datetime.fromtimestamp(found, apia) == datetime(2011, 12, 31, tzinfo=apia)
    assert instant_of(datetime(2011, 12, 30, 8), apia) == found


@pytest.mark.parametrize(("named", "meant"), [
    ("@daily", "0 0 * * *"), ("@Weekly", "0 0 * * sun"), ("@hourly", "0 * * * *"), ("0 6 * * 7", "0 6 * * 0"),
    ("0 6 * jan,MAR-may mon-fri", "0 6 * 1,3-5 1-5"), ("0 6 * * fri-7", "0 6 * * 5,6,0"), ("*/30 * * * */2", "0,30 0-23 * * 0,2,4,6"),
])  # fmt: skip
def test_names_and_numbers_say_the_same(named: str, meant: str) -> None:
    left, right = parse(named), parse(meant)
    assert (left.minutes, left.hours, left.days, left.months, left.weekdays) == (
        right.minutes, right.hours, right.days, right.months, right.weekdays,
    )  # fmt: skip


@pytest.mark.parametrize(("text", "told"), [
    ("", "five fields"), ("0 6 * *", "five fields"), ("0 6 * * * *", "five fields"), ("@reboot", "five fields"),
    ("60 * * * *", "minute: must be 0 to 59"), ("0 24 * * *", "hour: must be 0 to 23"), ("0 0 0 * *", "day of month"),
    ("0 0 * 13 *", "month: must be 1 to 12 or jan to dec"), ("0 0 * * 8", "day of week"), ("0 0 * mon *", "month: must be"),
    ("*/0 * * * *", "step must be"), ("5/15 * * * *", "a step goes with"), ("30-10 * * * *", "begins with the smaller"),
    ("1,,2 * * * *", "minute"), ("- * * * *", "minute"), ("0 0 30 2 *", "no tick"), ("0 0 31 4,6,9,11 *", "no tick"),
    ("+5 * * * *", "minute"), ("٣ * * * *", "minute"), ("0 0 L * *", "day of month"), ("*/x * * * *", "step must be"),
])  # fmt: skip
def test_what_is_no_expression_says_what_to_write_and_repeats_nothing(text: str, told: str) -> None:
    with pytest.raises(CronInvalid, match=told):
        parse(text)
