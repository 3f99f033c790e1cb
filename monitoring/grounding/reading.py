"""A sentence as mentions: what it names, and what it says of each (polarity, time, numbers, dates).

One pass over the tokens. What stands after a mention belongs to it; what stands before the first belongs to the next.
Polarity and experiencer after NegEx (Chapman 2001) and ConText (Harkema 2009): a cue reaches to the end of its clause.
"""

import re
from collections.abc import Callable, Mapping

from monitoring.grounding import amounts, dates, figures, polarity
from monitoring.grounding.citing import blanked, cites
from monitoring.grounding.lexicon import GUARDED, SMALL, SYMBOLS, Terms, longest, words_of
from monitoring.grounding.mention import TRENDS, Mention, Reading, tell
from monitoring.grounding.tokens import TOKEN, lowered

SPANS = words_of("span")
DIGITS, SIGNED = frozenset("0123456789"), frozenset("0123456789-")
CLAUSE = 4
"""Tokens in which the verb of a clause that is denied as a whole is looked for."""
REACH = 8
"""Tokens that a negation reaches past its cue; half of that past each thing it has negated."""
CONCEPTS = frozenset(("analyte", "drug", "condition", "substance", "event", "encounter"))
ELSE = re.compile(r"[,;:.]")
"""What parts an allergy from what stands before it, and a date from what stands after it."""
SAYING = frozenset("of is was were at level trending trended now remains remained peaked".split())  # noqa: SIM905
"""Words right behind a symbol that make it a measurement, besides numbers, arrows and trends."""
BETWEEN, CONJUNCTIONS = frozenset(("and", "or", "but", "on", "with")), words_of("conjunction")


class Scan:
    """The one pass, with what it has to remember between tokens."""

    __slots__ = (
        "at", "behind", "beyond", "bracketed", "compare", "dated", "flags", "last", "matches", "negated_until", "pending",
        "places", "raw", "read", "skip", "spanning", "spared", "terms", "tokens", "units",
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
        self.at = self.beyond = self.behind = self.dated = 0
        self.bracketed = ")" in self.raw

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
                if token not in GUARDED or self._means(at, length):
                    self._term(length, kind, key)
                    at += length
                    break
            else:
                if token[-1] in DIGITS and token[0] in SIGNED and matches[at].start() >= self.beyond:
                    amounts.figure(self, token, matches[at].end())
                at += 1
        self.read.loose += sum(kind == "date" or kind in TRENDS for kind, _ in self.pending)
        self.read.family = "family" in self.flags
        if "except" in self.flags:
            self.read.general.clear()
        return self.read

    def _means(self, at: int, length: int) -> bool:
        """Abbreviations that are words as well count in capitals only, symbols as they are spelt and before what is measured."""
        if length > 1:
            return True
        start, end = self.matches[at].span()
        exact = SYMBOLS.get(self.tokens[at])
        if exact is None:
            return self.raw[start:end].isupper() != (self.tokens[at] in SMALL)
        if self.raw[start:end] != exact or start < self.beyond or at + 1 >= len(self.tokens):
            return False
        following = self.tokens[at + 1]
        if exact == "T":
            return "." in following
        said = following[0].isdigit() or following[0] in "<>-→" or following in SAYING
        return said or any(each[2] in TRENDS for each in self.terms.get(following, ()))

    def _term(self, length: int, kind: str, key: str) -> None:
        if kind in CONCEPTS:
            self._concept(kind, key, length)
        elif (mark := MARKS.get(kind)) is not None:
            mark(self, kind, key, length)
        else:
            bound = kind == "uncertain" and self.last is not None and self.at == self.behind
            if bound and self.last is not None:
                self.last.uncertain = True  # "DVT rule-out"
            if not (bound and key):  # "DVT prophylaxis: enoxaparin"
                self.flags.add(kind)

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
            pending, self.pending = self._joined(), []
            for said, value in pending:
                self._tell(mention, said, value)

    def _joined(self) -> list[tuple[str, str]]:
        """What was said before a concept; a date inside a sentence, and before a comma, is not its: ``surgery in 2025, on X``."""
        if self.dated <= 2 or not ELSE.search(self.raw, self.matches[self.dated].end(), self.matches[self.at].start()):
            return self.pending
        self.read.loose += sum(each[0] == "date" for each in self.pending)
        return [each for each in self.pending if each[0] not in ("date", "begun")]

    def _tell(self, mention: Mention, kind: str, key: str) -> None:
        tell(mention, kind, key, denied=self.at <= self.negated_until)

    def mark(self, kind: str, key: str, length: int) -> None:
        """A cue that belongs to the mention beside it: the next where that follows at once, else the last."""
        after = self.at + length
        if kind in ("latest", "first") and after < len(self.tokens) and self.tokens[after] in SPANS:
            return
        last = amounts.focused(self) if self.bracketed else self.last
        if last is not None and last.kind == "drug":
            if kind in TRENDS and last.numbers and self.tokens[after : after + 1] == ["to"]:
                last = self.turned(last)  # "25 mg, increased to 50 mg"
            behind = kind in ("route", "frequency")
        else:
            behind = False
        if last is not None and (behind or not self._followed(after)):
            self._tell(last, kind, key)
        else:
            self.pending.append((kind, key))

    def turned(self, last: Mention) -> Mention:
        """What is said of a drug from here on is another order of it."""
        if last.numbers or last.routes or last.frequencies:
            mention = Mention("drug", last.key, negated=last.negated, family=last.family, uncertain=last.uncertain)
            self.read.mentions.append(mention)
            self.places.append(self.places[-1])
            self.last = last = mention
        return last

    def becomes(self, kind: str, key: str, length: int) -> None:
        """``40 mg IV, switched to 40 mg PO``, where no other drug follows."""
        if self.last is not None and self.last.kind == "drug" and not self._followed(self.at + length):
            self.turned(self.last)

    def _followed(self, after: int) -> bool:
        """Whether a concept begins at a token, or one later with no conjunction between."""
        for at in (after, after + 1):
            if at >= len(self.tokens) or (at > after and self.tokens[after] in BETWEEN):
                return False
            token = self.tokens[at]
            if token in self.terms and (token not in GUARDED or self._means(at, 1)):
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
        """A negation after what it negates: not in another clause, and of a list only what no clause has denied before."""
        apart = ELSE.search(self.since()) if self.places and self.at - self.behind > 1 else None
        if apart is not None and (
            ";" in self.since() or self.read.mentions[-1].negated or self.read.mentions[-1].kind == "drug"
        ):
            return
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
        """An allergy to what follows, or, as a noun, to what stands right before."""
        after, last = self.at + length, self.last
        near = last is not None and last.kind in ("drug", "substance") and length == 1
        near = near and (self.at == self.behind or self.tokens[self.behind : self.at] in (["drug"], ["food"]))
        if near and not self._followed(after) and not ELSE.search(self.since()):
            for mention in polarity.denied(self.read.mentions, self.places, self.raw):
                mention.allergy = True
            self.behind = after
        else:
            self.flags.add("allergic")

    def since(self) -> str:
        """What stands between the last mention and here."""
        return self.raw[self.places[-1][1] : self.matches[self.at].start()]

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


MARKS: Mapping[str, Callable[[Scan, str, str, int], None]] = {
    **dict.fromkeys((*TRENDS, "latest", "first", "active", "stopped", "route", "frequency", "begun"), Scan.mark),
    **dict.fromkeys(("noallergies", "nodrugallergies", "noproblems", "nomedications", "nomeasurements"), Scan.whole),
    **dict.fromkeys(("ordinal", "reference", "bound", "asof"), Scan.leave),
    **dict.fromkeys(("span", "ranged"), Scan.span),
    **dict.fromkeys(("above", "atleast", "below", "atmost"), lambda scan, kind, *cue: setattr(scan, "compare", kind)),
    "negation": Scan.negate, "end": Scan.end, "denial": Scan.deny, "unfound": Scan.unfound, "doubt": Scan.doubt,
    "pseudo": lambda *cue: None, "allergic": Scan.allergic, "unallergic": Scan.unallergic, "except": Scan.excepting,
    "sex": Scan.person, "becomes": Scan.becomes,
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
