"""RxNorm from ``RXNCONSO.RRF``, in the layout of https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html §12.4.

The Current Prescribable Content needs no licence and holds no obsolete drugs, so a code that it lacks is not judged. The
full release (with a UMLS licence) says which are: SUPPRESS is N for what may be used, O, Y or E for what may not.
"""

from collections.abc import Iterable

from fidelity.editions.edition import Edition
from fidelity.systems import RXNORM

RXCUI, SAB, NAME, SUPPRESS, FIELDS = 0, 11, 14, 16, 18
SOURCES = frozenset({"RXNORM", "MTHSPL"})


class RrfError(ValueError):
    """A line has not the fields of RXNCONSO; the text names its number."""


def parse_conso(lines: Iterable[str], *, version: str, since: float, full: bool = False) -> Edition:
    """The lines of one ``RXNCONSO.RRF`` → Edition. ``full``: it is the full release. Raises RrfError."""
    active: dict[str, str] = {}
    retired: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = line.rstrip("\r\n").split("|")
        if len(fields) < FIELDS:
            raise RrfError(f"line {number} has not the fields of RXNCONSO")
        if fields[SAB] in SOURCES:
            (active if fields[SUPPRESS] == "N" else retired).setdefault(fields[RXCUI], fields[NAME])
    for code in active:
        retired.pop(code, None)
    return Edition(system=RXNORM, version=version, since=since, active=active, retired=retired, complete=full)
