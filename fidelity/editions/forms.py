"""The form of a code, which needs no terminology: check digits and shapes (COD-04)."""

import re
from collections.abc import Callable, Mapping

from fidelity.systems import CPT, CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED

_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTE = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
"""Verhoeff's dihedral multiplication and permutation tables (J. Verhoeff, 1969), one string a row."""


def loinc(code: str) -> bool:
    """Digits, hyphen, mod-10 check digit. https://loinc.org/kb/users-guide/loinc-database-structure/"""
    match = re.fullmatch(r"([0-9]{1,7})-([0-9])", code) or re.fullmatch(r"L[APL][0-9]+-[0-9]", code)
    if match is None or not match.groups():
        return match is not None
    odd = "".join(str(2 * int(digit)) for digit in match[1][::-1][::2])
    total = sum(int(digit) for digit in odd + match[1][::-1][1::2])
    return (10 - total % 10) % 10 == int(match[2])


def snomed(code: str) -> bool:
    """6 to 18 digits, Verhoeff check digit, a concept's partition identifier.
    https://confluence.ihtsdotools.org/display/DOCRELFMT/6+SNOMED+CT+Identifiers"""
    if re.fullmatch(r"[1-9][0-9]{5,17}", code) is None or code[-3:-1] not in ("00", "10"):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_VERHOEFF[check][int(_PERMUTE[place % 8][int(digit)])])
    return check == 0


def icd10cm(code: str) -> bool:
    """A letter, a digit, a digit or letter, then up to four after the point.
    https://www.cms.gov/medicare/coding-billing/icd-10-codes"""
    return (
        re.fullmatch(r"[A-TV-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?|U[0-9]{2}(\.?[0-9A-Z]{1,4})?", code.upper()) is not None
    )


def rxnorm(code: str) -> bool:
    """An RXCUI: digits. https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html"""
    return re.fullmatch(r"[1-9][0-9]{0,7}", code) is not None


def ndc(code: str) -> bool:
    """Ten digits in three parts (4-4-2, 5-3-2, 5-4-1), or eleven (5-4-2) with hyphens or without.
    https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory"""
    shapes = r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]{1,2}|[0-9]{10,11}"
    return re.fullmatch(shapes, code) is not None


def cvx(code: str) -> bool:
    """Two or three digits. https://www2.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx"""
    return re.fullmatch(r"[0-9]{2,3}", code) is not None


def cpt(code: str) -> bool:
    """Five digits, or four and a letter (categories II and III, laboratory)."""
    return re.fullmatch(r"[0-9]{4}[0-9A-Z]", code) is not None


WELL_FORMED: Mapping[str, Callable[[str], bool]] = {
    LOINC: loinc, SNOMED: snomed, ICD10CM: icd10cm, RXNORM: rxnorm, NDC: ndc, CVX: cvx, CPT: cpt,
}  # fmt: skip
"""System → whether a code has its form. SNOMED CT, NDC and CVX are judged by form only: their content is not ours to
ship (SNOMED CT) or says nothing of validity that a form does not."""
