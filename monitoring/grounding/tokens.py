"""Texts into sentences, and sentences into words and numbers."""

import re
from collections.abc import Iterator

TOKEN = re.compile(
    r"[a-zµß-ÿ]+(?:['’][a-z]+)?(?:\d+[a-z]*)?"
    r"|\d{4}-\d\d(?:-\d\d(?:t[\d:.+z-]*\d[z]?)?)?(?!\d|\.\d)"  # an ISO date, its time left alone
    r"|--(?<![\w-]--)\d\d(?:-\d\d)?(?!\d)"  # a day or a month of no year (FHIR has none: as XML Schema writes them)
    r"|\d{1,2}:\d\d(?::\d\d)?"
    r"|\d{2,3}/\d{2,3}(?![\d/])"  # a blood pressure
    r"|(?:(?<![\w.)\]])-)?\d+(?:,\d{3})+(?:\.\d+)?(?![\d,])|(?:(?<![\w.)\]])-)?\d+(?:\.\d+)?"
    r"|[-=]>|<-|[<>]=?|[≤≥;→]"
)
"""Of text in lower case. Words first: most tokens are."""
NAME = re.compile(
    r"\s*\((?:disorder|finding|situation|procedure|substance|organism|person|qualifier value|observable entity"
    r"|regime/therapy)\)"
)
"""The semantic tag of a SNOMED CT fully specified name."""
_END = re.compile(r"(?<=[.!?])([\"')\]]*(?:[ \t]*\[[^\[\]\n]{1,400}\])*)\s+(?=[A-Z(\"'“<0-9])")
"""The end of a sentence, its citations taken along."""
ABBREVIATIONS = frozenset(
    ("dr", "mr", "mrs", "ms", "st", "no", "vs", "approx", "e.g", "i.e", "etc", "fig", "pt", "dept", "tel", "max", "min", "avg",
     "b.i.d", "t.i.d", "q.i.d", "p.o", "p.r.n")
)  # fmt: skip
LONGEST = 2000
"""Characters of a sentence: what is longer is no prose."""
BULLET = re.compile(r"\s*(?:[-*•·–]|\d{1,2}[.)])?\s*")


def words(text: str) -> list[str]:
    """The tokens of a name: lower case, no punctuation, no semantic tag."""
    return [token for token in TOKEN.findall(NAME.sub("", text).lower()) if token[-1].isalnum()]


def lowered(text: str) -> str:
    """Lower case, character for character: spans stay where they are."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c if len(c.lower()) != 1 else c.lower() for c in text)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the sentences: a line ends one, as does a full stop before a capital; citations that follow belong to it."""
    start = 0
    for line in text.splitlines(keepends=True):
        yield from _within(text, start, start + len(line.rstrip()))
        start += len(line)


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    bullet = BULLET.match(text, start, end)
    begin = bullet.end() if bullet else start
    for found in _END.finditer(text, begin, end):
        last = text[max(begin, found.start() - 24) : found.start()].rstrip(".").rpartition(" ")[2].lower().lstrip("(")
        if last in ABBREVIATIONS or (len(last) == 1 and last.isalpha()):
            continue
        yield from _short(text, begin, found.end(1))
        begin = found.end()
    yield from _short(text, begin, end)


def _short(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """A span, cut at a space where it is longer than any sentence."""
    while end - begin > LONGEST:
        cut = text.rfind(" ", begin, begin + LONGEST)
        cut = cut if cut > begin else begin + LONGEST
        yield begin, cut
        begin = cut
    if begin < end:
        yield begin, end
