"""The verdicts of further checkers beside the deterministic ones, sentence by sentence.

A model's verdict never overrides a deterministic contradiction, and it alone blocks nothing: its error rate is known only
from the human sample. Where the two disagree, and for a few sentences where they do not, people look.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from monitoring.grounding.protocol import Kind
from monitoring.grounding.values import VERDICTS, ClaimVerdict, Verdict

ONE_IN = 50
"""Of the sentences on which a checker agrees with the rules, one in so many is looked at as well: without them nobody would
know what the checker overlooks."""
BLOCKING: frozenset[Kind] = frozenset(("deterministic", "human"))
FLAGGED = frozenset(("contradicted", "unsupported"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A sentence for people to judge: what the rules said, and what the checker did. ``weight``: how many it stands for."""

    span: tuple[int, int]
    rules: Verdict
    checker: str
    version: str
    verdict: Verdict
    weight: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What one further checker said, or, with ``failure``, why it said nothing."""

    name: str
    version: str
    kind: Kind
    claims: tuple[ClaimVerdict, ...] = ()
    failure: str = ""


def gravest(claims: Iterable[ClaimVerdict]) -> Verdict:
    """The gravest verdict among claims; uncheckable counts only where nothing else was said."""
    found = {each.verdict for each in claims}
    order: tuple[Verdict, ...] = ("contradicted", "unsupported", "supported")
    return next((each for each in order if each in found), "uncheckable")


def by_sentence(claims: Iterable[ClaimVerdict], spans: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Verdict]:
    """The gravest verdict on each sentence; a claim belongs to every sentence that it touches.
    ``spans`` are in the text's order and do not overlap."""
    found: dict[tuple[int, int], list[ClaimVerdict]] = {span: [] for span in spans}
    ends = [span[1] for span in spans]
    for claim in claims:
        at = bisect_right(ends, claim.span[0])
        while at < len(spans) and spans[at][0] < claim.span[1]:
            found[spans[at]].append(claim)
            at += 1
    return {span: gravest(all) for span, all in found.items()}


def combined(rules: Verdict, others: Iterable[Verdict]) -> Verdict:
    """One sentence: what the rules could check stands; what they could not is the gravest that somebody else says."""
    if rules != "uncheckable":
        return rules
    said = set(others)
    return next((each for each in VERDICTS if each in said and each != "uncheckable"), "uncheckable")


def blocking(rules: Iterable[ClaimVerdict], answers: Iterable[Answered]) -> int:
    """How many contradictions keep a text from being written: those of the rules, and of checkers that are rules or people."""
    own = sum(each.verdict == "contradicted" for each in rules)
    return own + sum(
        each.verdict == "contradicted" for answer in answers if answer.kind in BLOCKING for each in answer.claims
    )


def samples(
    rules: Sequence[ClaimVerdict], answers: Iterable[Answered], spans: Sequence[tuple[int, int]], *, salt: str,
    own: tuple[str, str] = ("", ""),
) -> list[Sample]:  # fmt: skip
    """What people should look at: one in fifty of all sentences, whatever the rules say of it (the sample of which a rate may be
    told; ``own`` are the rules' name and version), and of further checkers every disagreement and a few of the rest. ``salt``
    (the output's id) draws them."""
    name, version = own
    said = by_sentence(rules, spans)
    found = [
        Sample(span=span, rules=said[span], checker=name, version=version, verdict=said[span], weight=ONE_IN)
        for span in spans
        if name and _drawn(f"{salt} {name} {span[0]}")
    ]
    for answer in answers:
        if answer.failure:
            continue
        for span, verdict in by_sentence(answer.claims, spans).items():
            disagree = (verdict in FLAGGED) != (said[span] in FLAGGED) and "uncheckable" not in (verdict, said[span])
            if disagree or (verdict != "uncheckable" and _drawn(f"{salt} {answer.name} {span[0]}")):
                found.append(
                    Sample(span=span, rules=said[span], checker=answer.name, version=answer.version, verdict=verdict,
                           weight=1 if disagree else ONE_IN)
                )  # fmt: skip
    return found


def _drawn(name: str) -> bool:
    return int.from_bytes(sha256(name.encode()).digest()[:4]) % ONE_IN == 0
