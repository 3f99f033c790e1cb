"""A sentence as mentions: what it names, and what it says of each (polarity, time, numbers, dates).

One pass over the tokens. What stands after a mention belongs to it; what stands before the first belongs to the next.
Polarity and experiencer after NegEx (Chapman 2001) and ConText (Harkema 2009): a cue reaches to the end of its clause.
"""

from monitoring.grounding import amounts, dates, figures
from monitoring.grounding.citing import blanked, cites
from monitoring.grounding.cues import ELSE, MARKS, REACH
from monitoring.grounding.lexicon import GUARDED, SMALL, SYMBOLS, Terms, longest
from monitoring.grounding.mention import TRENDS, Mention, Reading, tell
from monitoring.grounding.tokens import TOKEN, lowered

DIGITS, SIGNED = frozenset("0123456789"), frozenset("0123456789-")
CONCEPTS = frozenset(("analyte", "drug", "condition", "substance", "event", "encounter"))
SAYING = frozenset("of is was were at level trending trended now remains remained peaked".split())  # noqa: SIM905
"""Words right behind a symbol that make it a measurement, besides numbers, arrows and trends."""
BETWEEN = frozenset(("and", "or", "but", "on", "with"))


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
            self._flag(kind, key)

    def _flag(self, kind: str, key: str) -> None:
        """What holds of everything that follows in its clause, or of what stands right before: ``DVT rule-out``."""
        last, behind = self.last, self.tokens[self.behind : self.at]
        if kind == "family" and last is not None and len(behind) in (1, 2) and behind[0] == "in":
            last.family = True  # "asthma in her siblings"
        bound = kind == "uncertain" and last is not None and not behind
        if bound and last is not None:
            last.uncertain = True
        if not (bound and key == "behind"):  # "DVT prophylaxis: enoxaparin"
            self.flags |= {kind, key} if key else {kind}

    def _concept(self, kind: str, key: str, length: int) -> None:
        mention = Mention(kind, key or kind)
        if kind == "drug" and self.at > 1 and self.tokens[self.at - 1] == "on" and self._apart():
            self.negated_until = -1  # "no history of DVT, on apixaban"
            self.flags -= {"history", "formerly"}
        if self.at <= self.negated_until:
            mention.negated = True
            self.negated_until = max(self.negated_until, self.at + length + REACH // 2)
        if self.flags:
            mention.history, mention.family = "history" in self.flags, "family" in self.flags
            if kind == "drug":  # a history is one of illnesses: "a history of AF, on apixaban"
                mention.history = "formerly" in self.flags
            mention.anyone = "anyone" in self.flags
            mention.uncertain, mention.allergy = "uncertain" in self.flags, "allergic" in self.flags
        self.last, self.behind = mention, self.at + length
        self.places.append((self.matches[self.at].start(), self.matches[self.behind - 1].end()))
        self.read.mentions.append(mention)
        if self.pending:
            pending, self.pending = self._joined(), []
            for said, value in pending:
                self.tell(mention, said, value)

    def _apart(self) -> bool:
        """Whether something parts the word before this one from what stands before that."""
        before, word = self.matches[self.at - 2 : self.at]
        return ELSE.search(self.raw, before.end(), word.start()) is not None

    def _joined(self) -> list[tuple[str, str]]:
        """What was said before a concept; a date inside a sentence, and before a comma, is not its: ``surgery in 2025, on X``."""
        if self.dated <= 2 or not ELSE.search(self.raw, self.matches[self.dated].end(), self.matches[self.at].start()):
            return self.pending
        self.read.loose += sum(each[0] == "date" for each in self.pending)
        return [each for each in self.pending if each[0] not in ("date", "begun")]

    def tell(self, mention: Mention, kind: str, key: str) -> None:
        tell(mention, kind, key, denied=self.at <= self.negated_until)

    def turned(self, last: Mention) -> Mention:
        """What is said of a drug from here on is another order of it."""
        if last.numbers or last.routes or last.frequencies:
            mention = Mention("drug", last.key, negated=last.negated, family=last.family, uncertain=last.uncertain)
            self.read.mentions.append(mention)
            self.places.append(self.places[-1])
            self.last = last = mention
        return last

    def followed(self, after: int) -> bool:
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

    def since(self) -> str:
        """What stands between the last mention and here."""
        return self.raw[self.places[-1][1] : self.matches[self.at].start()]


def read(raw: str, terms: Terms, units: frozenset[str]) -> Reading:
    """One sentence; ``units`` are those of the chart. Citations are read first: their ids are no words."""
    citations: list[tuple[str, str | None]] = []
    if "/" in raw and (found := cites(raw)):
        citations = [(f"{each[1]}/{each[2]}", each[3]) for each in found]
        raw = blanked(raw)
    reading = Scan(raw, terms, units).run()
    reading.citations = citations
    return reading
