"""What each kind of cue does to the scan of a sentence (``tables/cues.csv``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from monitoring.grounding import amounts, polarity
from monitoring.grounding.lexicon import longest, words_of
from monitoring.grounding.mention import TRENDS

if TYPE_CHECKING:
    from monitoring.grounding.reading import Scan

CLAUSE = 4
"""Tokens in which the verb of a clause that is denied as a whole is looked for."""
REACH = 8
"""Tokens that a negation reaches past its cue; half of that past each thing it has negated."""
SPANS, CONJUNCTIONS = words_of("span"), words_of("conjunction")
ELSE = re.compile(r"[,;:.(]")
"""What parts an allergy from what stands before it, and a date from what stands after it."""
LEADING = frozenset(("to", "and", "or", "with", "plus", "then"))
"""Words before a route or a frequency that begin something new."""
Mark = Callable[["Scan", str, str, int], object]


def mark(scan: Scan, kind: str, key: str, length: int) -> None:
    """A cue that belongs to the mention beside it: the next where that follows at once, else the last."""
    after = scan.at + length
    if kind in ("latest", "first") and _of_a_span(scan, after):
        return
    if key in ("plan", "ill") and _other(scan, key, after):
        return
    last = amounts.focused(scan) if scan.bracketed else scan.last
    if last is not None and last.kind == "drug":
        if kind in TRENDS and last.numbers and scan.tokens[after : after + 1] == ["to"]:
            last = scan.turned(last)  # "25 mg, increased to 50 mg"
        behind = kind in ("route", "frequency")
        if behind and scan.tokens[scan.at - 1] == "from":
            return  # "spaced from q2h to q4h": what it was
        behind = behind and not (_leads(scan) and scan.followed(after))
    else:
        behind = False
    if last is not None and (behind or not scan.followed(after)):
        scan.tell(last, kind, key)
    elif kind not in ("route", "frequency", "active", "stopped") or scan.followed(
        after
    ):  # "IV antibiotics": of something unknown
        scan.pending.append((kind, key))


def _other(scan: Scan, key: str, after: int) -> bool:
    """Cues that are said of another kind of thing: what ``increases`` is a dose that is planned, ``resolved`` an illness."""
    if key == "plan":
        return plan(scan, "", key, after - scan.at)
    last = scan.last
    if last is not None and last.kind in ("analyte", "drug"):
        ill = next((each for each in reversed(scan.read.mentions) if each.kind == "condition"), None)
        if ill is not None:
            ill.status = "stopped"
        return True
    return False


def plan(scan: Scan, kind: str, key: str, length: int) -> bool:
    """At the beginning of a clause, before a drug: what is to be done. ``Titrate metoprolol to 50 mg BID``."""
    after = scan.at + length
    if scan.at and not _leads(scan):
        return False
    for at in (after, after + 1):
        hit = longest(scan.terms, scan.tokens, at) if at < len(scan.tokens) else None
        if hit is not None and hit[2] == "drug":
            scan.flags.add("uncertain")
            return True
    return False


def aspect(scan: Scan, kind: str, key: str, length: int) -> None:
    """What is denied of an illness that goes on: ``no complications of diabetes``, ``no asthma exacerbation``."""
    if scan.last is not None and scan.at == scan.behind:
        scan.last.uncertain |= scan.last.negated
    elif scan.at <= scan.negated_until:
        scan.negated_until = -1
        scan.flags.add("uncertain")


def local(scan: Scan, kind: str, key: str, length: int) -> None:
    """A denial of one time or place: ``no migraine today``."""
    if scan.last is not None and scan.last.kind == "condition" and scan.at - scan.behind <= 1:
        scan.last.uncertain |= scan.last.negated


def _of_a_span(scan: Scan, at: int) -> bool:
    """Whether a stretch of time stands at a token: ``the last 24 h``."""
    following = scan.tokens[at : at + 2]
    return bool(following) and following[following[0].isdigit() and len(following) > 1] in SPANS


def _leads(scan: Scan) -> bool:
    """Whether what stands here begins something new: ``to PO amoxicillin``, ``, IV cefepime``."""
    before = scan.matches[scan.at - 1]
    return before[0] in LEADING or ELSE.search(scan.raw, before.end(), scan.matches[scan.at].start()) is not None


def becomes(scan: Scan, kind: str, key: str, length: int) -> None:
    """``40 mg IV, switched to 40 mg PO``, where no other drug follows; ``HR 118, now 78``."""
    after, last = scan.at + length, scan.last
    scan.flags -= {"history", "formerly"}
    if last is None or scan.followed(after):
        return
    if last.kind == "drug":
        scan.turned(last).uncertain |= key == "later"
    elif key == "latest" and after < len(scan.tokens) and scan.tokens[after][0].isdigit():
        scan.tell(last, key, "")


def negate(scan: Scan, kind: str, key: str, length: int) -> None:
    """A negation, up to the end of its clause; as the last word one of what stands right before it."""
    if scan.at == scan.behind > 0 and scan.at + length == len(scan.tokens):
        deny(scan, kind, key, length)
    scan.negated_until = scan.at + length - 1 + REACH
    if key == "ever":
        scan.flags.add("history")  # what is over was had too
    scan.spared = scan.at + length + CLAUSE if key == "clause" else -1


def end(scan: Scan, kind: str, key: str, length: int) -> None:
    """A verb ends what a negation reaches; a conjunction doubts and experiencers too."""
    if scan.at <= scan.spared:  # "no evidence that she has": the verb of what is denied
        scan.spared = 0
        return
    scan.negated_until = -1
    scan.flags.discard("allergic")
    if scan.tokens[scan.at] in CONJUNCTIONS:
        scan.flags.clear()


def deny(scan: Scan, kind: str, key: str, length: int) -> None:
    """A negation after what it negates: not in another clause, and of a list only what no clause has denied before."""
    apart = ELSE.search(scan.since()) if scan.places and scan.at - scan.behind > 1 else None
    if apart is not None and (
        ";" in scan.since() or scan.read.mentions[-1].negated or scan.read.mentions[-1].kind == "drug"
    ):
        return
    for mention in polarity.denied(scan.read.mentions, scan.places, scan.raw):
        mention.negated = not mention.negated


def unfound(scan: Scan, kind: str, key: str, length: int) -> None:
    """A condition that was looked for in vain, where nothing but its verb stands between; else a negation of what follows."""
    near = scan.last is not None and scan.last.kind == "condition"
    near = near and polarity.AUXILIARIES.issuperset(scan.tokens[scan.behind : scan.at])
    (deny if near else negate)(scan, kind, key, length)


def doubt(scan: Scan, kind: str, key: str, length: int) -> None:
    """A doubt after what it is about."""
    if scan.last is not None:
        scan.last.uncertain = True


def allergic(scan: Scan, kind: str, key: str, length: int) -> None:
    """An allergy to what follows, or, as a noun, to what stands right before."""
    after, last = scan.at + length, scan.last
    near = last is not None and last.kind in ("drug", "substance") and length == 1
    near = near and (scan.at == scan.behind or scan.tokens[scan.behind : scan.at] in (["drug"], ["food"]))
    if near and not scan.followed(after) and not ELSE.search(scan.since()):
        for mention in polarity.denied(scan.read.mentions, scan.places, scan.raw):
            mention.allergy = True
        scan.behind = after
    else:
        scan.flags.add("allergic")


def unallergic(scan: Scan, kind: str, key: str, length: int) -> None:
    """No allergy to what follows."""
    negate(scan, kind, key, length)
    scan.flags.add("allergic")


def excepting(scan: Scan, kind: str, key: str, length: int) -> None:
    """What follows is left out of what is said of the whole, and of a negation."""
    scan.negated_until = -1
    scan.flags.add("except")


def whole(scan: Scan, kind: str, key: str, length: int) -> None:
    """A statement about the whole chart."""
    scan.read.general.append(kind)


def person(scan: Scan, kind: str, key: str, length: int) -> None:
    """A sex; that of a relative is nobody's here."""
    if "family" not in scan.flags:
        scan.read.sexes.append(key)


def leave(scan: Scan, kind: str, key: str, length: int) -> None:
    """The next number or date is no value of this chart."""
    after = scan.at + length
    number = after < len(scan.tokens) and scan.tokens[after][0].isdigit()
    if number or length > 1 or kind in ("bound", "asof") or scan.tokens[scan.at] != "normal":
        scan.skip = kind


def span(scan: Scan, kind: str, key: str, length: int) -> None:
    """A range or a stretch of time begins; ``over 140`` is a limit."""
    after = scan.at + length
    if scan.tokens[scan.at] == "over" and after < len(scan.tokens) and scan.tokens[after][0].isdigit():
        scan.compare = "above"
    else:
        scan.spanning = True


MARKS: Mapping[str, Mark] = {
    **dict.fromkeys((*TRENDS, "latest", "first", "active", "stopped", "route", "frequency", "begun"), mark),
    **dict.fromkeys(("noallergies", "nodrugallergies", "noproblems", "nomedications", "nomeasurements"), whole),
    **dict.fromkeys(("ordinal", "reference", "bound", "asof"), leave),
    **dict.fromkeys(("span", "ranged"), span),
    **dict.fromkeys(("above", "atleast", "below", "atmost"), lambda scan, kind, *cue: setattr(scan, "compare", kind)),
    "negation": negate, "end": end, "denial": deny, "unfound": unfound, "doubt": doubt,
    "pseudo": lambda *cue: None, "allergic": allergic, "unallergic": unallergic, "except": excepting,
    "sex": person, "becomes": becomes, "plan": plan, "aspect": aspect,
    "local": local,
}  # fmt: skip
