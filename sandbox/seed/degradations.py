"""What live feeds do to the codes, times and standing of a record; ``spoiled`` has what they do to its value.

Each change takes a copy of a resource that it may alter, and a share in [0, 1) to choose by; it answers what it did, or
None when the resource has nothing to do it to. All that comes out is valid R4. Not here, with the reason: TIM-03 (R4
refuses a time without zone), REF-02 (a server that checks references refuses what leads nowhere), REF-04 (another
patient's record is a fault of access, not of a feed), DUP-01 (a store keeps an id once), and what is no property of one
record (VOL, VER-05 to VER-07, PLA-02).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vocabulary.instant import format_instant, parse_instant

Resource = dict[str, Any]
DAY = 86400.0
LOCAL = "https://lab.example/codes"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ABSENT_EXTENSION = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
VERIFICATION = {
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
}


class Done(NamedTuple):
    """``element`` is what was touched, ``before`` what stood there; ``added`` a further resource, ``late`` whether it
    comes after all others."""

    element: str
    before: str
    added: Resource | None = None
    late: bool = False


Change = Callable[[Resource, float, float], Done | None]
"""``(resource, share, arrived)``; ``arrived`` is when the feed is read, Unix seconds."""


OIDS: Mapping[str, str] = {
    "http://loinc.org": "urn:oid:2.16.840.1.113883.6.1",
    "http://snomed.info/sct": "urn:oid:2.16.840.1.113883.6.96",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "urn:oid:2.16.840.1.113883.6.88",
}
"""Code systems by OID, as HL7 v2 and CDA name them. Source: https://terminology.hl7.org/external_terminologies.html"""

RETIRED: Mapping[str, tuple[str, str, str]] = {
    # LOINC status DISCOURAGED: two numbers in one observation. https://loinc.org/55284-4
    "85354-9": ("http://loinc.org", "55284-4", "Blood pressure systolic and diastolic"),
    # Deleted 1 October 2021, subdivided into M54.50, M54.51, M54.59: CMS, ICD-10-CM addenda of fiscal year 2022
    "278860009": ("http://hl7.org/fhir/sid/icd-10-cm", "M54.5", "Low back pain"),
    # Deleted 1 October 2024, subdivided into E66.81- and E66.89: CMS, ICD-10-CM addenda of fiscal year 2025
    "162864005": ("http://hl7.org/fhir/sid/icd-10-cm", "E66.8", "Other obesity"),
}
"""Codes that were in use and are so no longer, by the code of the seed for which a feed would still send them."""


def text_only(resource: Resource, share: float, arrived: float) -> Done | None:
    """The codes are gone; what a person reads stays."""
    name, concept = _concept(resource)
    codings = concept.get("coding")
    if not codings:
        return None
    concept.setdefault("text", codings[0].get("display", codings[0]["code"]))
    del concept["coding"]
    return Done(f"{name}.coding", _code(codings[0]))


def local_code(resource: Resource, share: float, arrived: float) -> Done | None:
    """Only the laboratory's own code is sent."""
    name, concept = _concept(resource)
    if not concept.get("coding"):
        return None
    first = concept["coding"][0]
    concept["coding"] = [{"system": LOCAL, "code": f"L{first['code']}", "display": first.get("display", first["code"])}]
    return Done(f"{name}.coding", _code(first))


def system_as_oid(resource: Resource, share: float, arrived: float) -> Done | None:
    """The code system is named by its OID."""
    name, concept = _concept(resource)
    for coding in concept.get("coding", ()):
        if coding.get("system") in OIDS:
            before, coding["system"] = coding["system"], OIDS[coding["system"]]
            return Done(f"{name}.coding.system", before)
    return None


def malformed_code(resource: Resource, share: float, arrived: float) -> Done | None:
    """The last digit, which checks the others, is another one."""
    name, concept = _concept(resource)
    for coding in concept.get("coding", ()):
        code = str(coding.get("code", ""))
        if coding.get("system") in ("http://loinc.org", "http://snomed.info/sct") and code[-1:].isdigit():
            coding["code"] = f"{code[:-1]}{(int(code[-1]) + 1 + int(share * 9)) % 10}"
            return Done(f"{name}.coding.code", _code({**coding, "code": code}))
    return None


def retired_code(resource: Resource, share: float, arrived: float) -> Done | None:
    """A code of an earlier edition."""
    name, concept = _concept(resource)
    for coding in concept.get("coding", ()):
        if coding.get("code") in RETIRED:
            before = _code(coding)
            system, code, display = RETIRED[coding["code"]]
            coding.update(system=system, code=code, display=display)
            return Done(f"{name}.coding", before)
    return None


def null_flavour(resource: Resource, share: float, arrived: float) -> Done | None:
    """``unknown`` in place of an answer."""
    if resource["resourceType"] == "Patient" and "gender" in resource:
        before, resource["gender"] = resource["gender"], "unknown"
        return Done("Patient.gender", before)
    answer = resource.get("valueCodeableConcept")
    if not answer:
        return None
    resource["valueCodeableConcept"] = {"coding": [{"system": NULL_FLAVOR, "code": "UNK", "display": "unknown"}]}
    return Done("Observation.valueCodeableConcept", _code(answer.get("coding", [{}])[0]))


def absence_with_reason(resource: Resource, share: float, arrived: float) -> Done | None:
    """The value is absent, and it is said why."""
    if resource["resourceType"] == "Patient" and "birthDate" in resource:
        before = resource.pop("birthDate")
        resource["_birthDate"] = {"extension": [{"url": ABSENT_EXTENSION, "valueCode": "unknown"}]}
        return Done("Patient.birthDate", before)
    done = silent_absence(resource, share, arrived)
    if done is not None:
        code, display = (("unknown", "Unknown"), ("not-performed", "Not Performed"), ("error", "Error"))[int(share * 3)]
        resource["dataAbsentReason"] = {"coding": [{"system": ABSENT, "code": code, "display": display}]}
    return done


def silent_absence(resource: Resource, share: float, arrived: float) -> Done | None:
    """The value is absent, and nothing is said."""
    for member in ("valueQuantity", "valueCodeableConcept", "component"):
        if member in resource and resource["resourceType"] == "Observation":
            del resource[member]
            return Done(f"Observation.{member}", "a value")
    return None


def no_category(resource: Resource, share: float, arrived: float) -> Done | None:
    """Searches by category miss it."""
    category = resource.pop("category", None)
    return Done(f"{resource['resourceType']}.category", "a category") if category else None


def sig_in_text(resource: Resource, share: float, arrived: float) -> Done | None:
    """The dose is a sentence."""
    dosage = resource.get("dosageInstruction")
    if not dosage or not dosage[0].get("doseAndRate"):
        return None
    resource["dosageInstruction"] = [{"text": ("take one daily", "1 tab po qd", "as directed")[int(share * 3)]}]
    return Done("MedicationRequest.dosageInstruction", "a structured dose")


def time_missing(resource: Resource, share: float, arrived: float) -> Done | None:
    """When it was so is not said."""
    gone = [name for name in ("effectiveDateTime", "authoredOn", "onsetDateTime", "recordedDate") if name in resource]
    before = [str(resource.pop(name)) for name in gone]
    return Done(f"{resource['resourceType']}.{gone[0]}", before[0]) if gone else None


def date_only(resource: Resource, share: float, arrived: float) -> Done | None:
    """The hour is lost."""
    for name, at in _times(resource):
        if len(at) > 10:
            resource[name] = at[:10]
            return Done(f"{resource['resourceType']}.{name}", at)
    return None


def impossible_time(resource: Resource, share: float, arrived: float) -> Done | None:
    """An empty spreadsheet cell (30 December 1899), or a century too late."""
    for name, at in _times(resource):
        century = f"{int(at[:4]) + 100}-{at[5:7]}-01"
        resource[name] = "1899-12-30T00:00:00Z" if share < 0.5 else century
        return Done(f"{resource['resourceType']}.{name}", at)
    return None


def times_reversed(resource: Resource, share: float, arrived: float) -> Done | None:
    """Issued before it was measured, or recorded before it began."""
    for first, then in (("effectiveDateTime", "issued"), ("onsetDateTime", "recordedDate")):
        if first in resource and then in resource and len(resource[first]) > 10:
            before = resource[then]
            resource[then] = format_instant(parse_instant(resource[first]) - 2 * DAY)
            return Done(f"{resource['resourceType']}.{then}", before)
    return None


def late_arrival(resource: Resource, share: float, arrived: float) -> Done | None:
    """Measured when it says, released only now: it comes after all others."""
    if "effectiveDateTime" not in resource or "issued" not in resource:
        return None
    before, resource["issued"] = resource["issued"], format_instant(arrived)
    return Done("Observation.issued", before, late=True)


def duplicate(resource: Resource, share: float, arrived: float) -> Done | None:
    """The same result a second time, under another id."""
    if resource["resourceType"] != "Observation":
        return None
    again = {**resource, "id": f"{resource['id']}-again"}
    return Done("Observation.id", f"Observation/{resource['id']}", added=again)


def withdrawn(resource: Resource, share: float, arrived: float) -> Done | None:
    """Entered in error. A Condition or allergy says so elsewhere, and then has no clinical status (R4 con-5, ait-2) nor
    an end (con-4)."""
    if (system := VERIFICATION.get(resource["resourceType"])) is not None:
        for member in ("clinicalStatus", "abatementDateTime"):
            resource.pop(member, None)
        resource["verificationStatus"] = {"coding": [{"system": system, "code": "entered-in-error"}]}
        return Done(f"{resource['resourceType']}.verificationStatus", "confirmed")
    if "status" not in resource:
        return None
    before, resource["status"] = resource["status"], "entered-in-error"
    return Done(f"{resource['resourceType']}.status", before)


def preliminary(resource: Resource, share: float, arrived: float) -> Done | None:
    """The final result never followed."""
    if resource["resourceType"] != "Observation":
        return None
    before, resource["status"] = resource["status"], "preliminary"
    return Done("Observation.status", before)


def encounter_lost(resource: Resource, share: float, arrived: float) -> Done | None:
    """The visit it belongs to is not said."""
    encounter = resource.pop("encounter", None)
    return Done(f"{resource['resourceType']}.encounter", "a reference") if encounter else None


def subject_missing(resource: Resource, share: float, arrived: float) -> Done | None:
    """Whose it is, is not said; R4 allows it of observations."""
    if resource["resourceType"] != "Observation":
        return None
    return Done("Observation.subject", str(resource.pop("subject", {}).get("reference", "")))


def _concept(resource: Resource) -> tuple[str, Resource]:
    """What the record is about, and where that stands; an empty table where nothing does."""
    member = "medicationCodeableConcept" if resource["resourceType"] == "MedicationRequest" else "code"
    return f"{resource['resourceType']}.{member}", resource.get(member, {})


def _code(coding: Mapping[str, Any]) -> str:
    return f"{coding.get('system', '')}|{coding.get('code', '')}"


def _times(resource: Resource) -> Iterator[tuple[str, str]]:
    for name in ("effectiveDateTime", "authoredOn", "onsetDateTime"):
        if name in resource:
            yield name, resource[name]
