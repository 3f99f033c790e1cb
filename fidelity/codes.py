"""Instruments of coding: is it said in codes that can be understood (COD). Content-free: no terminology is needed."""

from fidelity.coding import system_of
from fidelity.editions.forms import WELL_FORMED
from fidelity.elements import rows, table, text
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.records.concepts import local
from fidelity.systems import SYNONYMS, recognised


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
    """COD-03: systems are given by their proper URI; ``icd-10`` is not ICD-10-CM. A site's own code is no fault beside one that
    is understood, and without one it is COD-02's."""
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
        if system not in listed and not recognised(system) and not local(system):
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
