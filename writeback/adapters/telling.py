"""What an output says beside what its resource has an element for, as sentences: nothing that was let through is left out.

Each form names the members that it says itself; the rest stands where people read it (a note, a detail, the text).
"""

from collections.abc import Callable
from decimal import Decimal

from writeback.labels import Occasion
from writeback.lexicon.numerals import percent_words, tidy


def told(occasion: Occasion, *own: str) -> list[str]:
    """One sentence for each member that was given and is not among ``own``."""
    said = ((name, sentence(occasion)) for name, sentence in SENTENCES if name not in own)
    return [words for _, words in said if words]


def number(occasion: Occasion, value: Decimal, unit: str | None) -> str:
    """A number with its unit, as people read it; a risk's in percent."""
    if occasion.output.kind == "risk":
        return percent_words(value, unit)
    plain = unit in (None, "1", "{score}")
    return f"{tidy(value)}" if plain else f"{tidy(value)} {unit}"


def whole(occasion: Occasion, value: Decimal) -> str:
    """A number in the output's own unit."""
    return number(occasion, value, occasion.output.unit or occasion.manifest.output.unit)


def _value(occasion: Occasion) -> str:
    value = occasion.output.value
    return "" if value is None else f"Value: {whole(occasion, value)}."


def _interval(occasion: Occasion) -> str:
    interval = occasion.output.interval
    return "" if interval is None else f"Interval: {' to '.join(whole(occasion, bound) for bound in interval)}."


def _label(occasion: Occasion) -> str:
    return f"Label: {occasion.output.label}." if occasion.output.label else ""


def _tier(occasion: Occasion) -> str:
    return f"Tier: {occasion.output.tier}." if occasion.output.tier else ""


def _confidence(occasion: Occasion) -> str:
    confidence = occasion.output.confidence
    return "" if confidence is None else f"Confidence: {tidy(confidence)}."


def _implicated(occasion: Occasion) -> str:
    return f"Implicated: {', '.join(occasion.output.implicated)}." if occasion.output.implicated else ""


def _text(occasion: Occasion) -> str:
    return (occasion.output.text or "").strip()


def _explanation(occasion: Occasion) -> str:
    return (occasion.output.explanation or "").strip()


SENTENCES: tuple[tuple[str, Callable[[Occasion], str]], ...] = (
    ("value", _value), ("interval", _interval), ("label", _label), ("tier", _tier), ("confidence", _confidence),
    ("implicated", _implicated), ("text", _text), ("explanation", _explanation),
)  # fmt: skip
"""The members of an output that say something, in the order in which they are told."""
