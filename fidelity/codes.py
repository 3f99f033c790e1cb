"""Instruments of coding: is it said in codes that can be understood (COD). Content-free: no terminology is needed."""

import re
from collections.abc import Callable, Mapping

from fidelity.coding import ICD10CM, LOINC, RXNORM, SNOMED, SYNONYMS, system_of
from fidelity.elements import rows, table, text
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail

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
    match = re.fullmatch(r"(\d{1,7})-(\d)", code) or re.fullmatch(r"L[APL]\d+-\d", code)
    if match is None or not match.groups():
        return match is not None
    odd = "".join(str(2 * int(digit)) for digit in match[1][::-1][::2])
    total = sum(int(digit) for digit in odd + match[1][::-1][1::2])
    return (10 - total % 10) % 10 == int(match[2])


def snomed(code: str) -> bool:
    """6 to 18 digits, Verhoeff check digit, a concept's partition identifier.
    https://confluence.ihtsdotools.org/display/DOCRELFMT/6+SNOMED+CT+Identifiers"""
    if re.fullmatch(r"[1-9]\d{5,17}", code) is None or code[-3:-1] not in ("00", "10"):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_VERHOEFF[check][int(_PERMUTE[place % 8][int(digit)])])
    return check == 0


def icd10cm(code: str) -> bool:
    """A letter, a digit, a digit or letter, then up to four after the point."""
    return re.fullmatch(r"[A-TV-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", code.upper()) is not None


def rxnorm(code: str) -> bool:
    """An RXCUI: digits."""
    return re.fullmatch(r"[1-9]\d{0,7}", code) is not None


WELL_FORMED: Mapping[str, Callable[[str], bool]] = {LOINC: loinc, SNOMED: snomed, ICD10CM: icd10cm, RXNORM: rxnorm}

KNOWN = frozenset(
    {
        *WELL_FORMED, "http://unitsofmeasure.org", "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-9-cm",
        "http://hl7.org/fhir/sid/ndc", "http://hl7.org/fhir/sid/cvx", "http://www.ama-assn.org/go/cpt",
        "urn:oid:2.16.840.1.113883.6.238", "http://www.nlm.nih.gov/research/umls/hcpcs",
    }
)  # fmt: skip
"""Systems that are recognised besides HL7's own and a site's. Source: https://terminology.hl7.org/external_terminologies.html"""
OWN = ("http://hl7.org/fhir/", "http://terminology.hl7.org/", "urn:chartgate:")


def coded(seen: Sighting) -> Outcome:
    """COD-01: what the record is about is coded, not only written."""
    if seen.concept is None:
        return SKIP
    if rows(seen.concept.get("coding")):
        return PASS
    return fail("a record is named in free text only and was not counted") if text(seen.concept.get("text")) else SKIP


def accepted_system(seen: Sighting) -> Outcome:
    """COD-02: at least one coding is of a system that the feature lists."""
    codings = rows(seen.concept.get("coding")) if seen.concept else []
    accepted = {code.system for code in seen.feature.codes}
    if not codings or not accepted:
        return SKIP
    if any(system_of(coding) in accepted for coding in codings):
        return PASS
    return fail("a record has codes of other systems only and was not counted")


def recognised_system(seen: Sighting) -> Outcome:
    """COD-03: systems are given by their proper URI; ``icd-10`` is not ICD-10-CM."""
    codings = rows(seen.concept.get("coding")) if seen.concept else []
    if not codings:
        return SKIP
    listed = {code.system for code in seen.feature.codes}
    for coding in codings:
        system = text(coding.get("system"))
        if system is None:
            return fail("a code has no system")
        if system in SYNONYMS:
            return fail("a code system is named by an OID or an old address")
        if system not in KNOWN | listed and not system.startswith(OWN):
            return fail("a code system is not recognised")
    return PASS


def well_formed(seen: Sighting) -> Outcome:
    """COD-04: each code has the form of its system: check digits (LOINC, SNOMED CT), shapes (ICD-10-CM, RxNorm)."""
    codings = rows(seen.concept.get("coding")) if seen.concept else []
    checked = [
        rule(code)
        for coding in codings
        if (rule := WELL_FORMED.get(system_of(coding) or "")) and (code := text(table(coding).get("code")))
    ]
    if not checked:
        return SKIP
    return PASS if all(checked) else fail("a code does not have the form of its code system")
