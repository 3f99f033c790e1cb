"""How far a denial reaches that comes after what it denies."""

import re
from collections.abc import Sequence

from monitoring.grounding.mention import Mention

LINK = re.compile(r",?\s+(?:and|or|nor)\s+|,\s+", re.IGNORECASE)
AUXILIARIES = frozenset("is are was were has have had been be".split())  # noqa: SIM905


def denied(mentions: Sequence[Mention], places: Sequence[tuple[int, int]], raw: str) -> Sequence[Mention]:
    """``A and B``, or ``A, B, and C``, are denied together; of ``A, and B`` it is a new clause, and only the last is.
    ``places`` are where each mention begins and ends in ``raw``."""

    def between(number: int) -> str:
        return raw[places[number - 1][1] : places[number][0]]

    first = last = len(mentions) - 1
    if last < 0:
        return ()
    while first and mentions[first - 1].kind == mentions[last].kind and LINK.fullmatch(between(first)):
        first -= 1
    joined = between(last) if first < last else ""
    alone = not joined.strip(" ,") or (last - first == 1 and "," in joined)
    return mentions[last:] if alone else mentions[first:]
