"""ICD-10-CM from the order files that CMS publishes for each fiscal year; they are a work of the US government.

Layout (icd10OrderFiles.pdf, in each archive at https://www.cms.gov/medicare/coding-billing/icd-10-codes): columns 1–5
order number, 7–13 code without its point, 15 whether it may be used (1) or heads others (0), 17–76 short title, from 78
the long title. A fiscal year begins on 1 October of the year before; updates come in force on 1 April, and twice came on
1 January.
"""

import re
from collections.abc import Iterable

from fidelity.editions.edition import Edition, pointed
from fidelity.systems import ICD10CM
from vocabulary.instant import parse_instant


class OrderFileError(ValueError):
    """A line has not the layout of the order files; the text names its number and repeats nothing of it."""


_LINE = re.compile(r"([0-9]{5}) ([A-Z][0-9][0-9A-Z]{1,5}) {1,5}([01]) (.{60}) (.*)")
_VERSION = re.compile(r"([0-9]{4})(?:-(01|04))?")


def effective(version: str) -> float:
    """When a version came into force, Unix seconds: ``2025`` on 1 October 2024, ``2025-04`` on 1 April 2025. Raises
    ValueError for anything else."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError("an ICD-10-CM version is a fiscal year (2025) or its update (2025-04)")
    year, month = int(match[1]), match[2]
    return parse_instant(f"{year}-{month}-01T00:00:00Z" if month else f"{year - 1}-10-01T00:00:00Z")


def parse_order_file(lines: Iterable[str], *, version: str, complete: bool = True) -> Edition:
    """The lines of one order file → Edition. ``complete`` is False for an excerpt. Raises OrderFileError, ValueError."""
    active: dict[str, str] = {}
    headers: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.rstrip("\r\n"))
        if match is None:
            raise OrderFileError(f"line {number} has not the layout of an order file")
        _, code, usable, _, title = match.groups()
        (active if usable == "1" else headers)[pointed(code)] = title.strip()
    return Edition(
        system=ICD10CM, version=version, since=effective(version), active=active, retired=headers, complete=complete,
        dated=True,
    )  # fmt: skip
