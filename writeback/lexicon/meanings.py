"""What an output may mean, as far as a public code with a citable source says it; anything else is a local code.

Codes and short displays only. LOINC is (c) Regenstrief Institute, https://loinc.org/license; SNOMED CT is (c) SNOMED
International. Traps seen in public code and left out on purpose: LOINC 88330-6 as NEWS, 79423-0 as CHA2DS2-VASc.
"""

from collections.abc import Mapping

from writeback.lexicon.codes import LOINC, OWN, PUBLIC, SNOMED, Registered
from writeback.site import Site

_NEWS2 = "HL7 UK, value set UKCore-EarlyWarningSubScore; nhsconnect FHIR-NEWS2"
_R4 = "FHIR R4 examples"
_MII = "Medizininformatik-Initiative, ICU module 2026.0.0"

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    (SNOMED, "1104051000000101", "Royal College of Physicians NEWS2 (National Early Warning Score 2) total score", _NEWS2),
    (SNOMED, "1104301000000104", "NEWS2 respiration rate score", _NEWS2),
    (SNOMED, "1104311000000102", "NEWS2 oxygen saturation scale 1 score", _NEWS2),
    (SNOMED, "1104321000000108", "NEWS2 oxygen saturation scale 2 score", _NEWS2),
    (SNOMED, "1104331000000105", "NEWS2 air or oxygen score", _NEWS2),
    (SNOMED, "1104341000000101", "NEWS2 systolic blood pressure score", _NEWS2),
    (SNOMED, "1104351000000103", "NEWS2 pulse score", _NEWS2),
    (SNOMED, "1104361000000100", "NEWS2 consciousness score", _NEWS2),
    (SNOMED, "1104371000000107", "NEWS2 temperature score", _NEWS2),
    (LOINC, "9269-2", "Glasgow coma score total", f"{_R4}, Observation/glasgow"),
    (LOINC, "9267-6", "Glasgow coma score eye opening", f"{_R4}, Observation/glasgow"),
    (LOINC, "9268-4", "Glasgow coma score motor", f"{_R4}, Observation/glasgow"),
    (LOINC, "9270-0", "Glasgow coma score verbal", f"{_R4}, Observation/glasgow"),
    (LOINC, "9272-6", "1 minute Apgar Score", f"{_R4}, Observation/1minute-apgar-score"),
    (LOINC, "9273-4", "2 minute Apgar Score", f"{_R4}, Observation/2minute-apgar-score"),
    (LOINC, "9274-2", "5 minute Apgar Score", f"{_R4}, Observation/5minute-apgar-score"),
    (LOINC, "9271-8", "10 minute Apgar Score", f"{_R4}, Observation/10minute-apgar-score"),
    (LOINC, "38227-5", "Braden scale total score", "HL7 PACIO sample data"),
    (LOINC, "38228-3", "Braden scale skin assessment panel", "HL7 PACIO sample data"),
    (LOINC, "59460-6", "Fall risk total [Morse Fall Scale]", "several public code bases, one display"),
    (LOINC, "96789-3", "Sequential Organ Failure Assessment SOFA", _MII),
    (LOINC, "96790-1", "SOFA total score", "a second public guide; a site says which of the two it takes"),
    (SNOMED, "1187491009", "Sequential Organ Failure Assessment score", _MII),
    (SNOMED, "713678009", "CHA2DS2-VASc score", "public value sets for stroke risk in atrial fibrillation"),
    (LOINC, "79423-0", "Cardiovascular disease 10Y risk [ACC-AHA Pooled Cohort by Goff 2013]", "CQL derived from CDS Connect"),
    (SNOMED, "709510001", "Assessment of risk for disease", f"{_R4}, RiskAssessment (its system corrected)"),
)  # fmt: skip

REGISTRY: tuple[Registered, ...] = (
    *OWN, *(Registered(system=row[0], code=row[1], display=row[2], source=row[3]) for row in _ROWS),
)  # fmt: skip
_KNOWN: Mapping[tuple[str, str], Registered] = {(row.system, row.code): row for row in REGISTRY}


def find_code(system: str, code: str) -> Registered | None:
    """The row of the registry, or None."""
    return _KNOWN.get((system, code))


def permitted(system: str, code: str, site: Site) -> bool:
    """Whether this code may be written: a row of the registry, a code that the site maps to, or a local system's."""
    if (system, code) in _KNOWN or (system, code) in site.own_codes:
        return True
    return not system.startswith(PUBLIC)
