"""Edge: the excerpts that are shipped: enough for the tests and the seed, far from enough for a hospital.

``excerpts/icd10cm_order_*.txt`` have the layout of the CMS order files (order numbers are the excerpt's own);
``excerpts/Loinc.csv`` has the columns that are read. A site loads the whole files (docs/reference/fidelity-checks.md).
"""

from functools import cache
from pathlib import Path

from fidelity.editions import icd10cm, loinc
from fidelity.editions.edition import Library, library
from vocabulary.instant import parse_instant

EXCERPTS = Path(__file__).with_name("excerpts")
LOINC_VERSION, LOINC_SINCE = "2.80", "2025-01-01T00:00:00Z"
"""The version whose statuses the excerpt has; since when is for the order of editions only."""


@cache
def shipped() -> Library:
    """The library of the shipped excerpts, without pins."""
    orders = [
        icd10cm.parse_order_file(
            path.read_text().splitlines(), version=path.stem.removeprefix("icd10cm_order_"), complete=False
        )
        for path in sorted(EXCERPTS.glob("icd10cm_order_*.txt"))
    ]
    table = loinc.parse_table(
        (EXCERPTS / "Loinc.csv").read_text().splitlines(),
        version=LOINC_VERSION, since=parse_instant(LOINC_SINCE), complete=False,
    )  # fmt: skip
    return library([*orders, table])
