"""How far a denial reaches that comes after what it denies."""

import re

from monitoring.grounding.mention import Mention

Chain = list[tuple[Mention, str]]
"""Mentions of one kind in a row, each with what stands between it and the one before."""
LINK = re.compile(r",?\s+(?:and|or|nor)\s+|,\s+", re.IGNORECASE)
AUXILIARIES = frozenset("is are was were has have had been be".split())  # noqa: SIM905


def extended(chain: Chain, mention: Mention, between: str) -> Chain:
    """The chain with one more mention, or a new one where something else stands between."""
    if chain and chain[-1][0].kind == mention.kind and LINK.fullmatch(between):
        return [*chain, (mention, between)]
    return [(mention, "")]


def denied(chain: Chain) -> list[Mention]:
    """``A and B``, or ``A, B, and C``, are denied together; of ``A, and B`` it is a new clause, and only the last is."""
    if not chain:
        return []
    alone = not chain[-1][1].strip(" ,") or (len(chain) == 2 and "," in chain[1][1])
    return [each for each, _ in (chain[-1:] if alone else chain)]
