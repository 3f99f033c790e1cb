"""Code systems: their proper URI, the other names under which they are sent, and where they are accepted.

Sources, by number in the rows: 1 https://terminology.hl7.org/external_terminologies.html (URIs and OIDs) ·
2 https://hl7.org/fhir/R4/terminologies-systems.html · 3 US Core 6.1.0 bindings, https://hl7.org/fhir/us/core/STU6.1/ ·
4 seen in the field: https://loinc.org written with https, SNOMED CT named by its old address.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
NDC = "http://hl7.org/fhir/sid/ndc"
CVX = "http://hl7.org/fhir/sid/cvx"
CPT = "http://www.ama-assn.org/go/cpt"
UCUM = "http://unitsofmeasure.org"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
DATA_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


@dataclass(frozen=True, slots=True)
class System:
    """``oids`` without ``urn:oid:``; ``others`` are further names that are sent and are not right."""

    uri: str
    title: str
    oids: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    source: str = "1"


SYSTEMS: tuple[System, ...] = (
    System(LOINC, "LOINC", ("2.16.840.1.113883.6.1",), ("https://loinc.org", "http://www.loinc.org", "loinc.org"), "1, 4"),
    System(SNOMED, "SNOMED CT", ("2.16.840.1.113883.6.96",), ("http://snomed.info/id", "http://www.snomed.org/sct"), "1, 4"),
    System(RXNORM, "RxNorm", ("2.16.840.1.113883.6.88",)),
    System(ICD10CM, "ICD-10-CM", ("2.16.840.1.113883.6.90",), ("http://hl7.org/fhir/sid/icd-10-us",), "1, 4"),
    System("http://hl7.org/fhir/sid/icd-9-cm", "ICD-9-CM", ("2.16.840.1.113883.6.103", "2.16.840.1.113883.6.104")),
    System("http://www.cms.gov/Medicare/Coding/ICD10", "ICD-10-PCS", ("2.16.840.1.113883.6.4",)),
    System(NDC, "NDC", ("2.16.840.1.113883.6.69",)),
    System(CVX, "CVX", ("2.16.840.1.113883.12.292",)),
    System(CPT, "CPT", ("2.16.840.1.113883.6.12",)),
    System("http://www.ada.org/cdt", "CDT", ("2.16.840.1.113883.6.13",)),
    System("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "HCPCS", ("2.16.840.1.113883.6.285",),
           ("http://www.nlm.nih.gov/research/umls/hcpcs",), "1"),
    System("http://hl7.org/fhir/ndfrt", "NDF-RT", ("2.16.840.1.113883.3.26.1.5",)),
    System("http://fdasis.nlm.nih.gov", "UNII", ("2.16.840.1.113883.4.9",)),
    System(UCUM, "UCUM", ("2.16.840.1.113883.6.8",)),
    System("urn:oid:2.16.840.1.113883.6.238", "CDC race and ethnicity", source="3"),
    System("http://nucc.org/provider-taxonomy", "NUCC provider taxonomy", ("2.16.840.1.113883.6.101",)),
    System("http://www.nubc.org/patient-discharge", "NUBC discharge", source="3"),
    System("urn:ietf:bcp:47", "BCP 47", source="2"),
    System("http://dicom.nema.org/resources/ontology/DCM", "DICOM", ("1.2.840.10008.2.16.4",)),
    System("urn:iso:std:iso:3166", "ISO 3166", source="2"),
    # HL7's own, under the names they had before R4 and in CDA
    System(NULL_FLAVOR, "NullFlavor", ("2.16.840.1.113883.5.1008",), ("http://hl7.org/fhir/v3/NullFlavor",), "1, 4"),
    System(DATA_ABSENT, "data absent reason", others=("http://hl7.org/fhir/data-absent-reason",), source="1, 4"),
)  # fmt: skip

OWN = ("http://hl7.org/fhir/", "http://terminology.hl7.org/", "urn:chartgate:")
"""What begins so is HL7's own, or this project's, and recognised: but not ``sid/icd-10``, which is not ICD-10-CM."""
MISTAKEN: Mapping[str, str] = {ICD10: "ICD-10 is not ICD-10-CM"}
"""URIs that exist and are not what the models and US Core mean; a feature that lists one accepts it."""

KNOWN = frozenset(system.uri for system in SYSTEMS)
SYNONYMS: Mapping[str, str] = {
    name: system.uri
    for system in SYSTEMS
    for name in (*(form for oid in system.oids for form in (f"urn:oid:{oid}", oid)), *system.others)
}
"""Other name → proper URI."""

ACCEPTED: Mapping[str, frozenset[str]] = {
    "Observation": frozenset({LOINC, SNOMED}),
    "Condition": frozenset({SNOMED, ICD10CM, "http://hl7.org/fhir/sid/icd-9-cm"}),
    "MedicationRequest": frozenset({RXNORM, NDC}),
    "MedicationStatement": frozenset({RXNORM, NDC}),
    "Medication": frozenset({RXNORM, NDC}),
    "Procedure": frozenset(
        {SNOMED, CPT, LOINC, "http://www.cms.gov/Medicare/Coding/ICD10", "http://www.ada.org/cdt",
         "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"}
    ),
    "AllergyIntolerance": frozenset({SNOMED, RXNORM, "http://hl7.org/fhir/ndfrt", "http://fdasis.nlm.nih.gov"}),
    "Immunization": frozenset({CVX, NDC}),
    "DiagnosticReport": frozenset({LOINC}),
}  # fmt: skip
"""Type → the systems in which its concept can be understood elsewhere. Source 3."""


def proper(system: str | None) -> str | None:
    """The system under its proper name; what is not in the table is left as it is."""
    return SYNONYMS.get(system, system) if system else None


def recognised(system: str) -> bool:
    """Whether this is the proper URI of a system that is known."""
    return system in KNOWN or (system.startswith(OWN) and system not in MISTAKEN)
