"""What a sentence says of conditions, allergies and events: G-CON-01, G-NEG-01, G-DAT-01."""

from collections.abc import Iterator, Sequence

from monitoring.grounding.facts import Order, Problem
from monitoring.grounding.index import Index
from monitoring.grounding.lexicon import seldom_coded
from monitoring.grounding.measured import Claim, Finding, falls
from monitoring.grounding.mention import Mention


def claims(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    """The claims about a condition, an allergy, a procedure or an encounter."""
    if mention.kind == "condition":
        yield from _condition(mention, index, cited)
    elif mention.allergy:
        yield from allergy(mention, index)
    elif mention.kind in ("event", "encounter"):
        yield from _event(mention, index)


def _condition(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    found = index.problems.get(mention.key, ())
    if mention.family:
        yield "condition", *_of_a_relative(mention, index)
        return
    if mention.uncertain or (mention.negated and mention.trend):  # "no worsening heart failure"
        yield "condition", "uncheckable", "", ()
        return
    within = tuple(each for each in found if each.evidence.reference in cited) or found
    if not found and not mention.negated and mention.key in seldom_coded():
        yield "condition", "uncheckable", "", ()
        return
    yield "condition", *_held(mention, within, complete="Condition" in index.snapshot.complete)
    if within and not mention.negated:
        yield from _dates(mention, within)


def _of_a_relative(mention: Mention, index: Index) -> Finding:
    """By what the chart has of relatives; not by which of them."""
    if mention.key in index.family:
        if not mention.negated:
            return "supported", "", ()
        return ("contradicted", "G-NEG-01", ()) if mention.anyone and not mention.uncertain else ("uncheckable", "", ())
    return "uncheckable", "", ()


def _held(mention: Mention, found: tuple[Problem, ...], *, complete: bool) -> Finding:
    """Polarity and status against what is recorded."""
    real = tuple(each for each in found if not each.refuted)
    active = tuple(each for each in real if each.active is not False)
    if mention.negated:
        there = real if mention.history else active
        if there:
            return "contradicted", "G-NEG-01", there
        return ("supported", "", found) if complete or found else ("uncheckable", "", ())
    if not real:
        return ("contradicted", "G-NEG-01", found) if found else ("unsupported", "G-CON-01", ())
    now = mention.status == "active" or (mention.when == "latest" and not mention.status)
    if now and not mention.history and not active:
        return "contradicted", "G-NEG-01", real
    if mention.status in ("stopped", "ended") and all(each.active for each in real):
        return "contradicted", "G-NEG-01", real
    return "supported", "", (active or real)[:1]


def _dates(mention: Mention, found: Sequence[Problem]) -> Iterator[Claim]:
    timed = tuple(each for each in found if each.days)
    for date in mention.dates:
        if mention.window or not timed:
            yield "date", "uncheckable", "", ()
        elif on := tuple(each for each in timed if falls(date, each.days)):
            yield "date", "supported", "", on[:1]
        elif any(_lasted(each, date, begun=mention.begun) for each in timed):
            yield "date", "uncheckable", "", ()
        else:
            yield "date", "contradicted", "G-DAT-01", timed


def _lasted(each: Problem, date: str, *, begun: bool) -> bool:
    """Whether something may have been going on at a date: of what is not said to have begun then, that is no error. One that is
    over lasted from its first day to its last, one of unknown status is of its days alone."""
    first, last = min(each.days), max(each.days)
    if begun or each.active is None:
        return False
    if date[0] == "-":
        date = first[:4] + date[1:]
    return first[: len(date)] <= date and (each.active or date <= last[: len(date)])


def allergy(mention: Mention, index: Index) -> Iterator[Claim]:
    """An allergy to a drug or a substance."""
    found = tuple(each for key in mention.key.split("+") for each in index.allergies.get(key, ()))
    if mention.family or mention.uncertain:
        yield "allergy", "uncheckable", "", ()
        return
    verdict = _held(mention, found, complete="AllergyIntolerance" in index.snapshot.complete)
    yield "allergy", *verdict
    if found and not mention.negated:
        yield from _dates(mention, found)


def _event(mention: Mention, index: Index) -> Iterator[Claim]:
    """A procedure that the chart knows by this name; of an encounter only its date can be checked."""
    found = tuple(each for each in index.events.get(mention.key, ()) if not each.refuted)
    if mention.uncertain or mention.family or mention.negated:
        yield "event", "uncheckable", "", ()
        return
    if mention.kind == "event":
        verdict: Finding = ("supported", "", found[:1]) if found else ("contradicted", "G-NEG-01", ())
        yield "event", *verdict
    if found:
        yield from _dates(mention, found)
    elif mention.dates:
        yield "date", "uncheckable", "", ()


def _by_then(each: Problem | Order, day: str) -> bool:
    """Not dated after the chart: what an EHR dates into the future is not held against a text."""
    return not each.days or min(each.days) <= day


def whole(kind: str, index: Index) -> Claim:
    """A statement about the whole chart: nothing of a kind is there. That no measurement was found says neither of what
    nor since when, so that what is there does not contradict it."""
    there: tuple[Problem | Order, ...]
    if kind == "nomeasurements":
        return "whole", "uncheckable" if index.series else "supported", "", ()
    if kind == "nomedications":
        there = tuple(each for all in index.orders.values() for each in all if each.active)
        complete = "MedicationRequest" in index.snapshot.complete
    else:
        source, type = {
            "noallergies": (index.allergies, "AllergyIntolerance"),
            "nodrugallergies": (index.allergies, "AllergyIntolerance"), "noproblems": (index.problems, "Condition"),
        }[kind]  # fmt: skip
        there = tuple(each for all in source.values() for each in all if each.active is not False and not each.refuted)
        complete = type in index.snapshot.complete
    there = tuple(each for each in there if _by_then(each, index.as_of_day))
    if kind == "nodrugallergies":
        drugs = tuple(each for each in there if isinstance(each, Problem) and each.drug)
        if not drugs and any(isinstance(each, Problem) and each.drug is None for each in there):
            return "whole", "uncheckable", "", ()
        there = drugs
    if there:
        return "whole", "contradicted", "G-NEG-01", there[:3]
    return "whole", "supported" if complete else "uncheckable", "", ()
