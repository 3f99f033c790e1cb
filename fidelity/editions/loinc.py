"""LOINC from the table that its users download (``Loinc.csv``); only statuses and names are read.

Statuses: https://loinc.org/kb/users-guide/loinc-database-structure/ — ACTIVE and TRIAL may be used; DISCOURAGED and
DEPRECATED may not be used any more.
"""

import csv
from collections.abc import Iterable

from fidelity.editions.edition import Edition
from fidelity.systems import LOINC

USABLE = frozenset({"ACTIVE", "TRIAL"})
NEEDED = ("LOINC_NUM", "LONG_COMMON_NAME", "STATUS")


class LoincTableError(ValueError):
    """The table lacks a column; the text names it."""


def parse_table(lines: Iterable[str], *, version: str, since: float, complete: bool = True) -> Edition:
    """The lines of ``Loinc.csv`` → Edition. ``since``: when the version was released, Unix seconds. Raises
    LoincTableError."""
    reader = csv.DictReader(lines)
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise LoincTableError(f"the LOINC table lacks the column {missing[0]}")
    active: dict[str, str] = {}
    retired: dict[str, str] = {}
    for row in reader:
        (active if row["STATUS"] in USABLE else retired)[row["LOINC_NUM"]] = row["LONG_COMMON_NAME"]
    return Edition(system=LOINC, version=version, since=since, active=active, retired=retired, complete=complete)
