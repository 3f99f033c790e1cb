"""The numbers, ages and dates of a sentence: what the scan does at a figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from monitoring.grounding import dates
from monitoring.grounding.lexicon import words_of
from monitoring.grounding.mention import Mention, Number
from monitoring.grounding.units import unit_after

if TYPE_CHECKING:
    from monitoring.grounding.reading import Scan

SPANS, CHANGES, AMOUNTS = words_of("span"), words_of("change"), words_of("amount")
RANGE = re.compile(r"\s?(?:-|–|to\b)")
OLD = re.compile(r"[\s-]*(?:(?:years?|yrs?|y)\.?[\s-]*(?:old|/?o\b)|yo\b|y/o\b)", re.IGNORECASE)
ARROWS = frozenset(("->", "=>", "→"))
TELLING = CHANGES | ARROWS | {"of", "from", "to", ">"}
"""Words before a number that make it a change, or an end of one."""
COMMA = re.compile(r"[,;]")


def focused(scan: Scan) -> Mention | None:
    """The last mention; where a bracket has closed since, the one before it: ``Na 128 (glucose 540), now 136``."""
    last = scan.last
    if last is None or last is not scan.read.mentions[-1]:
        return last
    start, end = scan.places[-1]
    opened = scan.raw.rfind("(", 0, start)
    if opened <= scan.raw.rfind(")", 0, start) or scan.raw.find(")", end, scan.matches[scan.at].start()) < 0:
        return last
    for mention, place in zip(reversed(scan.read.mentions), reversed(scan.places), strict=True):
        if place[1] <= opened:
            scan.last = mention if mention.kind in ("analyte", "drug") else last
            break
    return scan.last


def figure(scan: Scan, token: str, end: int) -> None:
    """One token that ends in a digit."""
    if ":" in token:
        return
    if (len(token) >= 7 and token[4] == "-") or token[:2] == "--":
        _date(scan, token[:10])
    elif dates.is_year(scan.tokens, scan.at):
        _date(scan, token)
    elif scan.skip in ("ordinal", "reference"):
        scan.skip = "reference" if scan.skip == "reference" and RANGE.match(scan.raw, end) else ""
    elif (old := OLD.match(scan.raw, end) is not None) or (scan.at and scan.tokens[scan.at - 1] in ("age", "aged")):
        _age(scan, token, old)
    else:
        _value(scan, token, end)


def _age(scan: Scan, token: str, sure: bool) -> None:
    past = scan.at > 1 and scan.tokens[scan.at - 2] in ("at", "since", "from")
    if past and not sure:
        scan.read.loose += 1
    elif "family" not in scan.flags and token.isdigit():
        scan.read.ages.append(int(token))


def _date(scan: Scan, date: str) -> None:
    skip, scan.skip, last = scan.skip, "", focused(scan) if scan.bracketed else scan.last
    before = scan.tokens[scan.at - 1] if scan.at else ""
    if skip == "bound":
        scan.read.loose += 1
    elif skip == "asof":
        scan.read.as_of.append(date)
    elif last is None:
        scan.pending += [("date", date)] + [("window", "")] * scan.spanning
        scan.dated = scan.at
    elif last.kind == "analyte" and before == "since":
        scan.read.loose += 1  # of a stretch of time, and no value's
    elif last.numbers and not last.numbers[-1].date:
        last.numbers[-1].date = date
    elif last.kind != "analyte" and (last.dates or not last.begun) and COMMA.search(scan.since()):
        scan.read.loose += 1  # of what was said after a comma
    else:
        near = scan.at - scan.behind
        last.begun |= last is scan.last and last.kind != "drug" and (near == 0 or (near == 1 and before == "in"))
        last.dates.append(date)
        last.window |= scan.spanning


def _value(scan: Scan, token: str, end: int) -> None:
    compare, scan.compare = scan.compare, ""
    last = focused(scan) if scan.bracketed else scan.last
    if token[-1] == "0" and scan.raw[end : end + 1] == "s":  # "in the 140s"
        compare, end = "decade", end + 1
    unit, follows, scan.beyond = unit_after(scan.raw, end, scan.units)
    if follows in SPANS and unit is None:
        return
    told = scan.at > 0 and scan.tokens[scan.at - 1] in TELLING
    if last is None or last.kind not in ("analyte", "drug") or ((told or compare) and _no_value(scan, compare)):
        scan.read.loose += unit is not None
        return
    if scan.raw[end : end + 1] == "/" and last.kind == "analyte":
        last = _first_of_two(scan, last)
    before = last.numbers[-1] if last.numbers else None
    turn = _turn(scan, last, before) if told else ""
    if turn and last.kind == "drug":
        if turn == "from":  # "reduced to 2.5 mg from 5 mg": what it was is no longer said of it
            return
        last = scan.turned(last)
    number = _number(scan, token.split("/"), unit, "" if turn else compare, turn)
    if before is not None and not turn and _closes_range(scan, last, before):
        _close(scan, before, number)
        return
    if last.dates:
        _when(number, before, last)
    last.numbers.append(number)


def _close(scan: Scan, before: Number, number: Number) -> None:
    """A number ends a range; one in brackets may be a reference range: ``137 (135-145)``."""
    before.upper, before.unit = number.value, number.unit or before.unit
    if scan.at > 1 and scan.raw[scan.matches[scan.at - 1].start() - 1] in "([":
        before.compare = "bracketed"


def _first_of_two(scan: Scan, last: Mention) -> Mention:
    """``BUN/Cr 30/1.4``: the first number is that of the first."""
    if len(scan.places) < 2 or last is not scan.read.mentions[-1]:
        return last
    joined = scan.raw[scan.places[-2][1] : scan.places[-1][0]] == "/"
    return scan.read.mentions[-2] if joined and scan.read.mentions[-2].kind == "analyte" else last


def _number(scan: Scan, pair: list[str], unit: str | None, compare: str, turn: str) -> Number:
    text = pair[0].replace(",", "")
    number = Number(float(text), len(text.partition(".")[2]), unit, compare=compare, turn=turn)
    number.denied = bool(compare) and scan.at <= scan.negated_until
    if len(pair) == 2:
        number.fellow = float(pair[1])
    return number


def _when(number: Number, before: Number | None, last: Mention) -> None:
    """A date said first is that of the number beside it, and of the end of a change."""
    if last.window or number.turn == "from":
        return
    number.date = last.dates[-1]
    if number.turn == "to" and before is not None and before.date == number.date:
        before.date = ""


def _no_value(scan: Scan, compare: str) -> bool:
    """A change (``up 2 kg``, ``a loss of 7 kg``), or the limit of a condition (``transfuse if < 7``)."""
    if compare and "uncertain" in scan.flags:
        return True
    at, tokens = scan.at, scan.tokens
    return tokens[at - 1] in CHANGES or (tokens[at - 1] == "of" and at > 1 and tokens[at - 2] in AMOUNTS)


def _turn(scan: Scan, last: Mention, before: Number | None) -> str:
    """Whether a change began at this number, or led here from the one before."""
    previous = scan.tokens[scan.at - 1]
    if previous == "from":
        return "from"
    if before is None:
        return ""
    arrow = previous in ARROWS or (previous == ">" and scan.at > 1 and scan.tokens[scan.at - 2][-1].isdigit())
    changed = previous == "to" and before.turn == "from" and bool(last.trend)  # without a trend it is a range
    return "to" if arrow or changed else ""


def _closes_range(scan: Scan, last: Mention, before: Number) -> bool:
    """Whether this number is the second of a range: a dash before it, or ``between a and b``."""
    previous = scan.tokens[scan.at - 1]
    between = scan.raw[scan.matches[scan.at - 1].end() : scan.matches[scan.at].start()].strip()
    if before.upper is not None:
        return False
    if between in ("-", "–", "—") and previous[0].isdigit():
        return True
    return scan.spanning and previous in ("and", "to") and not last.trend
