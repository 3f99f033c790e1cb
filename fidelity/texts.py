"""What a text that stands in a value's place holds: a number, a pressure, or a comment."""

import re
from typing import Literal

Holds = Literal["number", "pressure", "comment", "words"]

_PRESSURE = re.compile(r"\s*\d{2,3}\s*/\s*\d{2,3}\s*(?:mm\s?\[?hg\]?)?\s*", re.IGNORECASE)
_NUMBER = re.compile(
    r"\s*(?:[<>≤≥=]=?|<>|gt|lt|ge|le|gte|lte|[~≈*]|approx\.?|about)?\s*[-+]?\d+(?:[.,]\d+)*\s*(?:(?:x\s?)?10[*^E]\S{1,16}|[%/°µμ{\[a-z]\S{0,24})?"
    r"(?:\s\S{1,12})?\s*",
    re.IGNORECASE,
)
"""A comparator (as HL7 v2 and laboratories write it), digits, and at most a unit: ``7.2 mg/dL``, ``GT 45``, ``>5``."""
_COMMENT = re.compile(
    r"comment|h[a]?emoly[sz]|clotted|not done|pending|specimen|insufficient|\bqns\b|unable|cancel|refused|repeat|\btnp\b|"
    r"not performed|contaminat|lipemic|icteric|see note|see report|error|invalid|to follow",
    re.IGNORECASE,
)
"""What laboratories write where a value belongs. Sources: eCRNow #625, FHIR-Converter #504, and the seed's own list."""
REMARK = 80
"""Characters of a remark, at most: what is longer is prose, as a narrative result rightly is."""


def holds(text: str) -> Holds:
    """``pressure`` two numbers with a stroke, ``number`` one with at most a unit, ``comment`` a remark of a laboratory,
    ``words`` anything else."""
    if len(text) > REMARK:
        return "words"
    if _PRESSURE.fullmatch(text):
        return "pressure"
    if _NUMBER.fullmatch(text):
        return "number"
    return "comment" if _COMMENT.search(text) else "words"
