"""A sentence as mentions: what it names, and what it says of each (polarity, time, numbers, dates).

One pass over the tokens. What stands after a mention belongs to it; what stands before the first belongs to the next.
Polarity and experiencer after NegEx (Chapman 2001) and ConText (Harkema 2009): a cue reaches to the end of its clause.
"""

import re
from collections.abc import Callable, Mapping

from monitoring.grounding import dates, figures, polarity
from monitoring.grounding.citing import blanked, cites
from monitoring.grounding.lexicon import CAPITALS, Terms, longest, words_of
from monitoring.grounding.mention import TRENDS, Mention, Number, Reading, tell
from monitoring.grounding.tokens import TOKEN, lowered
from monitoring.grounding.units import unit_after

SPANS = words_of("span")
RANGE = re.compile(r"\s?(?:-|–|to\b)")
OLD = re.compile(r"[\s-]*(?:(?:years?|yrs?|y)\.?[\s-]*(?:old|/?o\b)|yo\b|y/o\b)", re.IGNORECASE)
DIGITS, SIGNED = frozenset("0123456789"), frozenset("0123456789-")
CLAUSE = 4
"""Tokens in which the verb of a clause that is denied as a whole is looked for."""
REACH = 8
"""Tokens that a negation reaches past its cue; half of that past each thing it has negated."""
CONCEPTS = frozenset(("analyte", "drug", "condition", "substance", "event", "encounter"))
BETWEEN, CONJUNCTIONS = frozenset(("and", "or", "but", "on", "with")), words_of("conjunction")


class Scan:
    """The one pass, with what it has to remember between tokens."""

    __slots__ = (
        "at", "behind", "beyond", "compare", "flags", "last", "matches", "negated_until", "pending", "places", "raw", "read",
        "skip", "spanning", "spared", "terms", "tokens", "units",
    )  # fmt: skip

    def __init__(self, raw: str, terms: Terms, units: frozenset[str]) -> None:
        self.terms, self.units = terms, units
        self._take(figures.plain(raw))
        if dates.written(self.tokens, self.raw):
            self._take(dates.normalised(self.raw))
        self.read = Reading()
        self.last: Mention | None = None
        self.pending: list[tuple[str, str]] = []
        self.flags: set[str] = set()
        self.negated_until = self.spared = -1
        self.places: list[tuple[int, int]] = []
        self.skip = self.compare = ""
        self.spanning = False
        self.at = self.beyond = self.behind = 0

    def _take(self, raw: str) -> None:
        self.raw = raw
        self.matches = list(TOKEN.finditer(lowered(raw)))
        self.tokens = [each[0] for each in self.matches]

    def run(self) -> Reading:
        """Reads the whole sentence."""
        tokens, find, matches, at = [*self.tokens, ""], self.terms.get, self.matches, 0
        total = len(matches)
        while at < total:
            self.at, token, following = at, tokens[at], tokens[at + 1]
            for length, rest, kind, key in find(token, ()):
                if length > 1 and (rest[0] != following or (length > 2 and tokens[at + 1 : at + length] != rest)):
                    continue
                if token not in CAPITALS or self._means(length):
                    self._term(length, kind, key)
                    at += length
                    break
            else:
                if token[-1] in DIGITS and token[0] in SIGNED and matches[at].start() >= self.beyond:
                    self._figure(token, matches[at].end())
                at += 1
        self.read.loose += sum(kind == "date" or kind in TRENDS for kind, _ in self.pending)
        self.read.family = "family" in self.flags
        if "except" in self.flags:
            self.read.general.clear()
        return self.read

    def _means(self, length: int) -> bool:
        """Abbreviations that are words as well count in capitals only."""
        if length > 1:
            return True
        start, end = self.matches[self.at].span()
        return self.raw[start:end].isupper()

    def _term(self, length: int, kind: str, key: str) -> None:
        if kind in CONCEPTS:
            self._concept(kind, key, length)
        elif (mark := MARKS.get(kind)) is not None:
            mark(self, kind, key, length)
        else:
            self.flags.add(kind)
            if kind == "uncertain" and self.last is not None and self.at == self.behind:
                self.last.uncertain = True  # "DVT rule-out"

    def _concept(self, kind: str, key: str, length: int) -> None:
        mention = Mention(kind, key or kind)
        if self.at <= self.negated_until:
            mention.negated = True
            self.negated_until = max(self.negated_until, self.at + length + REACH // 2)
        if self.flags:
            mention.history, mention.family = "history" in self.flags, "family" in self.flags
            mention.uncertain, mention.allergy = "uncertain" in self.flags, "allergic" in self.flags
        self.last, self.behind = mention, self.at + length
        self.places.append((self.matches[self.at].start(), self.matches[self.behind - 1].end()))
        self.read.mentions.append(mention)
        if self.pending:
            pending, self.pending = self.pending, []
            for said, value in pending:
                self._tell(mention, said, value)

    def _tell(self, mention: Mention, kind: str, key: str) -> None:
        tell(mention, kind, key, denied=self.at <= self.negated_until)

    def mark(self, kind: str, key: str, length: int) -> None:
        """A cue that belongs to the mention beside it: the next where that follows at once, else the last."""
        after = self.at + length
        if kind in ("latest", "first") and after < len(self.tokens) and self.tokens[after] in SPANS:
            return
        behind = kind in ("route", "frequency") and self.last is not None and self.last.kind == "drug"
        if self.last is not None and (behind or not self._followed(after)):
            self._tell(self.last, kind, key)
        else:
            self.pending.append((kind, key))

    def _followed(self, after: int) -> bool:
        """Whether a concept begins at a token, or one later with no conjunction between."""
        for at in (after, after + 1):
            if at >= len(self.tokens) or (at > after and self.tokens[after] in BETWEEN):
                return False
            if self.tokens[at] in self.terms:
                hit = longest(self.terms, self.tokens, at)
                if hit is not None and hit[2] in CONCEPTS:
                    return True
        return False

    def negate(self, kind: str, key: str, length: int) -> None:
        """A negation, up to the end of its clause; as the last word one of what stands right before it."""
        if self.at == self.behind > 0 and self.at + length == len(self.tokens):
            self.deny(kind, key, length)
        self.negated_until = self.at + length - 1 + REACH
        self.spared = self.at + length + CLAUSE if key == "clause" else -1

    def end(self, kind: str, key: str, length: int) -> None:
        """A verb ends what a negation reaches; a conjunction doubts and experiencers too."""
        if self.at <= self.spared:  # "no evidence that she has": the verb of what is denied
            self.spared = 0
            return
        self.negated_until = -1
        self.flags.discard("allergic")
        if self.tokens[self.at] in CONJUNCTIONS:
            self.flags.clear()

    def deny(self, kind: str, key: str, length: int) -> None:
        """A negation after what it negates."""
        for mention in polarity.denied(self.read.mentions, self.places, self.raw):
            mention.negated = not mention.negated

    def unfound(self, kind: str, key: str, length: int) -> None:
        """A condition that was looked for in vain, where nothing but its verb stands between; else a negation of what follows."""
        near = self.last is not None and self.last.kind == "condition"
        near = near and polarity.AUXILIARIES.issuperset(self.tokens[self.behind : self.at])
        (self.deny if near else self.negate)(kind, key, length)

    def doubt(self, kind: str, key: str, length: int) -> None:
        """A doubt after what it is about."""
        if self.last is not None:
            self.last.uncertain = True

    def allergic(self, kind: str, key: str, length: int) -> None:
        """An allergy to what follows, or to what stands right before."""
        if self.last is not None and self.last.kind in ("drug", "substance") and not self._followed(self.at + length):
            self.last.allergy = True
        self.flags.add("allergic")

    def unallergic(self, kind: str, key: str, length: int) -> None:
        """No allergy to what follows."""
        self.negate(kind, key, length)
        self.flags.add("allergic")

    def excepting(self, kind: str, key: str, length: int) -> None:
        """What follows is left out of what is said of the whole, and of a negation."""
        self.negated_until = -1
        self.flags.add("except")

    def whole(self, kind: str, key: str, length: int) -> None:
        self.read.general.append(kind)  # of the whole chart

    def person(self, kind: str, key: str, length: int) -> None:
        """A sex; that of a relative is nobody's here."""
        if "family" not in self.flags:
            self.read.sexes.append(key)

    def leave(self, kind: str, key: str, length: int) -> None:
        """The next number or date is no value of this chart."""
        after = self.at + length
        number = after < len(self.tokens) and self.tokens[after][0].isdigit()
        if number or length > 1 or kind in ("bound", "asof") or self.tokens[self.at] != "normal":
            self.skip = kind

    def span(self, kind: str, key: str, length: int) -> None:
        """A range or a stretch of time begins; ``over 140`` is a limit."""
        after = self.at + length
        if self.tokens[self.at] == "over" and after < len(self.tokens) and self.tokens[after][0].isdigit():
            self.compare = "above"
        else:
            self.spanning = True

    def _figure(self, token: str, end: int) -> None:
        if ":" in token:
            return
        if len(token) >= 7 and token[4] == "-":
            self._date(token[:10])
        elif dates.is_year(self.tokens, self.at):
            self._date(token)
        elif self.skip in ("ordinal", "reference"):
            self.skip = "reference" if self.skip == "reference" and RANGE.match(self.raw, end) else ""
        elif (old := OLD.match(self.raw, end) is not None) or (self.at and self.tokens[self.at - 1] in ("age", "aged")):
            self._age(token, old)
        else:
            self._value(token, end)

    def _age(self, token: str, sure: bool) -> None:
        past = self.at > 1 and self.tokens[self.at - 2] in ("at", "since", "from")
        if past and not sure:
            self.read.loose += 1
        elif "family" not in self.flags and token.isdigit():
            self.read.ages.append(int(token))

    def _date(self, date: str) -> None:
        skip, self.skip, last = self.skip, "", self.last
        if skip == "bound":
            self.read.loose += 1
        elif skip == "asof":
            self.read.as_of.append(date)
        elif last is None:
            self.pending += [("date", date)] + [("window", "")] * self.spanning
        elif last.numbers and not last.numbers[-1].date:
            last.numbers[-1].date = date
        else:
            last.dates.append(date)
            last.window |= self.spanning

    def _value(self, token: str, end: int) -> None:
        pair, compare, self.compare, last = token.split("/"), self.compare, "", self.last
        if token[-1] == "0" and self.raw[end : end + 1] == "s":  # "in the 140s"
            compare, end = "decade", end + 1
        unit, follows, self.beyond = unit_after(self.raw, end, self.units)
        if follows in SPANS and unit is None:
            return
        by = self.at > 0 and self.tokens[self.at - 1] == "by"  # a change, no value
        if last is None or by or last.kind not in ("analyte", "drug"):
            self.read.loose += unit is not None
            return
        text = pair[0].replace(",", "")
        number = Number(float(text), len(text.partition(".")[2]), unit, compare=compare)
        number.denied = bool(compare) and self.at <= self.negated_until
        if len(pair) == 2:
            number.fellow = float(pair[1])
        before = last.numbers[-1] if last.numbers else None
        if before is not None and self._closes_range(before):
            before.upper, before.unit = number.value, unit or before.unit
            return
        if last.dates and not last.window:
            number.date = last.dates[-1]
        last.numbers.append(number)

    def _closes_range(self, before: Number) -> bool:
        """Whether this number is the second of a range: a dash before it, or ``between a and b``."""
        previous = self.tokens[self.at - 1]
        between = self.raw[self.matches[self.at - 1].end() : self.matches[self.at].start()].strip()
        if before.upper is not None or self.last is None:
            return False
        if between in ("-", "–", "—") and previous[0].isdigit():
            return True
        return self.spanning and previous in ("and", "to") and not self.last.trend


MARKS: Mapping[str, Callable[[Scan, str, str, int], None]] = {
    **dict.fromkeys((*TRENDS, "latest", "first", "active", "stopped", "route", "frequency"), Scan.mark),
    **dict.fromkeys(("noallergies", "noproblems", "nomedications", "nomeasurements"), Scan.whole),
    **dict.fromkeys(("ordinal", "reference", "bound", "asof"), Scan.leave),
    **dict.fromkeys(("span", "ranged"), Scan.span),
    **dict.fromkeys(("above", "atleast", "below", "atmost"), lambda scan, kind, *cue: setattr(scan, "compare", kind)),
    "negation": Scan.negate, "end": Scan.end, "denial": Scan.deny, "unfound": Scan.unfound, "doubt": Scan.doubt,
    "pseudo": lambda *cue: None, "allergic": Scan.allergic, "unallergic": Scan.unallergic, "except": Scan.excepting,
    "sex": Scan.person,
}  # fmt: skip


def read(raw: str, terms: Terms, units: frozenset[str]) -> Reading:
    """One sentence; ``units`` are those of the chart. Citations are read first: their ids are no words."""
    citations: list[tuple[str, str | None]] = []
    if "/" in raw and (found := cites(raw)):
        citations = [(f"{each[1]}/{each[2]}", each[3]) for each in found]
        raw = blanked(raw)
    reading = Scan(raw, terms, units).run()
    reading.citations = citations
    return reading
