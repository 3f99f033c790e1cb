"""What a sentence says of a measurement: G-NUM-01, G-UNI-01, G-DAT-01, G-TMP-01."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from monitoring.grounding.facts import Measured, Order, Problem
from monitoring.grounding.index import Index
from monitoring.grounding.lexicon import better
from monitoring.grounding.mention import Mention, Number
from monitoring.grounding.sequence import MOVED, STEADY, change, matching
from monitoring.grounding.units import SLACK, in_unit, same
from monitoring.grounding.values import Evidence, Verdict

Fact = Measured | Problem | Order | Evidence
Claim = tuple[str, Verdict, str, tuple[Fact, ...]]
"""Type, verdict, rule, and the facts behind it."""
COUNT = 100
"""From here on a count of cells without a unit may be one of single cells: ``ANC 400``."""
Finding = tuple[Verdict, str, tuple[Fact, ...]]


def claims(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    """The claims about one measurement."""
    if mention.family or mention.uncertain:
        yield "measurement", "uncheckable", "", ()
        return
    key, numbers = mention.key, mention.numbers
    if key == "blood pressure":
        yield from _pressure(mention, index, cited)
        key = "systolic blood pressure"
        numbers = [each for each in numbers if each.fellow is None]
    series = index.series.get(key, ())
    within = [each for each in series if each.evidence.reference in cited] if cited else ()
    when, at = mention.when, min(mention.when_at, len(numbers) - 1)
    for number in numbers:  # "the last was 7.1, before that 8.2": only the number beside the word is the last
        mention.when = when if number is numbers[at] else ""
        yield "number", *_number(number, mention, series, within or series, bool(within), key)
    told = None
    if len(numbers) > 1 and any(number.turn for number in numbers):
        wanted = _direction(mention.trend, key) if mention.trend else ""
        told = change(numbers, wanted, mention.against or mention.negated, series, key)
    if told is not None or mention.trend:
        yield "trend", *(told or _trend(mention, key, series))
    elif mention.dates and not mention.window:
        used = {number.date for number in mention.numbers}
        for date in mention.dates:
            if date not in used:
                yield "date", *dated(date, within or series)


def _pressure(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    """``120/80``: two values of one measurement."""
    upper, lower = (index.series.get(f"{name} blood pressure", ()) for name in ("systolic", "diastolic"))
    partners = {each.evidence.reference: each for each in lower}
    for number in mention.numbers:
        if number.fellow is None:
            continue
        if number.compare:
            yield "number", *_beyond(number, mention, [(each, partners.get(each.evidence.reference)) for each in upper])
            continue
        found = [
            each for each in upper
            if same(number.value, 0, each.value) and each.evidence.reference in partners
            and same(number.fellow, 0, partners[each.evidence.reference].value)
        ]  # fmt: skip
        within = [each for each in upper if each.evidence.reference in cited]
        yield "number", *_settled(number, mention, upper, [each for each in found if not within or each in within],
                                  bool(within), found)  # fmt: skip


def _beyond(number: Number, mention: Mention, pairs: Sequence[tuple[Measured, Measured | None]]) -> Finding:
    """``above 140/90``: both keep it, or neither does; of one of the two nobody can say what is meant."""
    if mention.negated or number.denied:
        return "uncheckable", "", ()
    limits = (number, replace(number, value=number.fellow))
    kept = [
        [each is not None and _keeps(limit, each.value) for limit, each in zip(limits, pair, strict=True)]
        for pair in pairs
    ]
    if both := [pair[0] for pair, keeps in zip(pairs, kept, strict=True) if all(keeps)]:
        return "supported", "", tuple(both[-1:])
    return ("uncheckable", "", ()) if any(map(any, kept)) else ("unsupported", "G-NUM-01", ())


def _number(
    number: Number, mention: Mention, series: Sequence[Measured], candidates: Sequence[Measured], cited: bool, key: str
) -> Finding:
    if number.compare or number.upper is not None:
        return _bounded(number, mention, candidates, cited, key)
    if mention.negated:
        return "uncheckable", "", ()
    found = matching(number, candidates, key)
    if (
        not found
        and number.unit is None
        and number.value >= COUNT
        and candidates
        and candidates[-1].unit.startswith("10*")
    ):
        found = matching(replace(number, unit="/uL"), candidates, key)
    return _settled(number, mention, series, found, cited, candidates)


def _comparable(unit: str, key: str, candidates: Sequence[Measured]) -> bool:
    return any(in_unit(each.value, each.unit, unit, key) is not None for each in candidates[-3:])


def _settled(
    number: Number, mention: Mention, series: Sequence[Measured], found: list[Measured], cited: bool,
    candidates: Sequence[Measured],
) -> Finding:  # fmt: skip
    """The verdict on a number, given the values that match it."""
    if not found:
        bare = [each for each in candidates if same(number.value, number.decimals, each.value)]
        if bare and number.unit is not None and number.fellow is None:
            return "contradicted", "G-UNI-01", tuple(bare)
        if (
            number.unit is not None
            and candidates
            and not bare
            and not _comparable(number.unit, mention.key, candidates)
        ):
            return "uncheckable", "", ()  # a number of something else that nobody recognised
        return ("contradicted" if cited else "unsupported"), "G-NUM-01", tuple(candidates) if cited else ()
    if number.date:
        on = [each for each in found if falls(number.date, each.days)]
        if not on:
            return "contradicted", "G-DAT-01", tuple(found)
        found = on
    if mention.when and not mention.trend:
        edge = series[-1].at if mention.when == "latest" else series[0].at
        if all(each.at != edge for each in found):
            return "contradicted", "G-TMP-01", tuple(found)
    return "supported", "", (found[-1],)


def _bounded(
    number: Number, mention: Mention, candidates: Sequence[Measured], cited: bool, key: str
) -> Finding:  # fmt: skip
    """A limit or a range: some value keeps a limit; a range holds all values, or its ends are values."""
    denied = mention.negated or number.denied
    said = [
        (made, each) for each in candidates if (made := in_unit(each.value, each.unit, number.unit, key)) is not None
    ]
    said = [(made, each) for made, each in said if not number.date or falls(number.date, each.days)]
    if not said:
        return "unsupported", "G-NUM-01", ()
    if number.upper is not None:
        ends = all(any(same(end, number.decimals, made) for made, _ in said) for end in (number.value, number.upper))
        keeps = ends or all(_within(number, made) for made, _ in said)
        if keeps != denied:
            return "supported", "", (said[-1][1],)
        return ("uncheckable", "", ()) if number.compare == "bracketed" else ("unsupported", "G-NUM-01", ())
    if mention.when == "latest":
        said = said[-1:]
    keeping = [each for made, each in said if _keeps(number, made)]
    if bool(keeping) != denied:
        return "supported", "", tuple(keeping[-1:])
    return ("contradicted" if cited or denied else "unsupported"), "G-NUM-01", tuple(keeping[-1:])


def _within(number: Number, value: float) -> bool:
    slack = 0.5 * 10.0**-number.decimals + SLACK
    return number.upper is not None and number.value - slack <= value <= number.upper + slack


def _keeps(number: Number, value: float) -> bool:
    limit = number.value
    if number.compare == "above":
        return value > limit
    if number.compare == "below":
        return value < limit
    if number.compare == "decade":  # the 140s, and the 200s of a glucose
        return limit - SLACK <= value < limit + (100 if limit % 100 == 0 else 10)
    return value >= limit - SLACK if number.compare == "atleast" else value <= limit + SLACK


def falls(date: str, days: Iterable[str]) -> bool:
    """Whether one of these days is that date, as precise as both are; ``--11-22`` is one of any year."""
    if date[0] == "-":
        return any(day[4:].startswith(date[1:]) or (len(day) < 10 and date[1:].startswith(day[4:])) for day in days)
    return any(day.startswith(date) or (len(day) < len(date) and date.startswith(day)) for day in days)


def dated(date: str, facts: Sequence[Measured]) -> Finding:
    """A date without a number: something of that concept happened then."""
    if not facts:
        return "unsupported", "G-NUM-01", ()
    on = tuple(each for each in facts if falls(date, each.days))
    return ("supported", "", on[-1:]) if on else ("contradicted", "G-DAT-01", tuple(facts[-1:]))


def _trend(mention: Mention, key: str, series: Sequence[Measured]) -> Finding:
    """The sign of the series' last step and of the whole; where they disagree nobody can say."""
    if not series:
        return "unsupported", "G-TMP-01", ()
    wanted = _direction(mention.trend, key)
    dates = mention.dates if mention.window and len(mention.dates) == 2 else ()
    points = [each for each in series if not dates or _between(dates, each)]
    if any(date[0] == "-" for date in dates):
        return "uncheckable", "", ()
    if not wanted or len(points) < 2 or len({each.unit for each in points}) > 1:
        return "uncheckable", "", ()
    first, before, last = points[0].value, points[-2].value, points[-1].value
    if wanted == "stable":
        moved = abs(last - before) / max(abs(before), SLACK)
        held = True if moved <= STEADY else False if moved >= MOVED - SLACK else None
    else:
        sign = 1 if wanted == "up" else -1
        steps = (sign * (last - before), sign * (last - first))
        held = True if min(steps) > 0 else False if max(steps) <= 0 else None
    if held is None:
        return "uncheckable", "", ()
    held = held != (mention.against or mention.negated)
    return (
        ("supported", "", (points[-2], points[-1])) if held else ("contradicted", "G-TMP-01", (points[-2], points[-1]))
    )


def _direction(trend: str, key: str) -> str:
    """``up``, ``down`` or ``stable``; empty where better or worse say nothing of this measurement."""
    if trend not in ("better", "worse"):
        return trend
    good = {"higher": "up", "lower": "down"}.get(better().get(key, ""), "")
    return good if trend == "better" or not good else {"up": "down", "down": "up"}[good]


def _between(dates: Sequence[str], each: Measured) -> bool:
    return bool(each.days) and dates[0] <= each.days[0][: len(dates[0])] and each.days[0][: len(dates[1])] <= dates[1]
