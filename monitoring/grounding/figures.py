"""Figures that stand for one thing and are written as several: pressures with blanks, feet and inches, age and sex in one."""

import re

_SPACED = re.compile(r"(?<![\d/.-])(\d{2,3}) ?/ ?(\d{2,3})(?![\d/]|\.\d)")
_RANGES = re.compile(r"(?<![\d/.-])(\d{2,3})[-–](\d{2,3})/(\d{2,3})[-–](\d{2,3})(?![\d/])")
_OVER = re.compile(r"(?<![\d.])(\d{2,3}) over (\d{2,3})(?![\d.]\d| ?(?:h|d|w|m|y|%))")
_HEIGHT = re.compile(r"(?<![\d.])([3-7]) ?(?:ft\b\.?|feet\b|')[ ,]?(\d{1,2}) ?(?:inches\b|inch\b|in\b|\"|'')")
_PERSON = re.compile(
    r"^((?:(?i:this|the|a|an|pt|patient|she|he|is)\s+){0,4}\d{1,3}) ?"
    r"(?:(?i:y\.?/?o\.?|yr\.? ?old|years?[- ]old) ?([MF])\b"
    r"|([MF])\b(?=(?i: with| w/| who| presents| presenting| presented| admitted| c/o| s/p|,? pmh)))"
)
"""``66F with``, ``66 yo M``: at the beginning of a sentence, and without ``yo`` only before what is said of a person."""
SEXES = {"M": "male", "F": "female"}


def plain(text: str) -> str:
    """``142 / 88`` → ``142/88``, ``5 ft 5 in`` → ``65 inches``, ``66F with`` → ``66 y/o female with``."""
    if " /" in text or "/ " in text:
        text = _SPACED.sub(r"\1/\2", text)
    if "/" in text and ("-" in text or "–" in text):
        text = _RANGES.sub(r"systolic \1-\2, diastolic \3-\4", text)
    if " over " in text:
        text = _OVER.sub(r"\1/\2", text)
    if "ft" in text or "feet" in text or "'" in text:
        text = _HEIGHT.sub(lambda found: f"{12 * int(found[1]) + int(found[2])} inches", text)
    if "M " in text or "F " in text:
        text = _PERSON.sub(lambda found: f"{found[1]} y/o {SEXES[found[2] or found[3]]}", text)
    return text
