"""Faults, and records that only look faulty, in the styles of vendors that the seed does not have: one record at a time."""

import pytest

from tests.unit.fidelity.foreign import (
    ICD,
    LOINC,
    NULL,
    SNOMED,
    concept,
    diagnosis,
    document,
    failed,
    person,
    quantity,
    report,
    result,
    visit,
)  # fmt: skip

PRESSURE = {"code": concept("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")}
INTERPRETED = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


def panel(**part):
    return result("85354-9", component=[PRESSURE, {"code": concept("8462-4"), **part}])


def flagged(value, flag, low, high, **row):
    span = {"low": quantity(low), "high": quantity(high), **row}
    return result(value=value, referenceRange=[span], interpretation=[concept(flag, INTERPRETED)])


def named(code, display, value=1.0, unit="mg/dL"):
    return result(concept(code, LOINC, display), quantity(value, unit))


def period(**sides):
    return result(value=quantity(1), effectiveDateTime=None, effectivePeriod=sides)


ORDER = {
    "resourceType": "ServiceRequest", "id": "t", "status": "active", "intent": "order", "code": concept("24323-8"),
    "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"}, "occurrenceDateTime": "2027-03-02T09:00:00Z",
}  # fmt: skip

FAULTS = {
    "an empty code": ("STR-01", result({}, quantity(1))),
    "a concept without codes or words": ("STR-01", result({"coding": []}, quantity(1))),
    "an empty status": ("STR-01", result(value=quantity(1), status="")),
    "an empty category": ("STR-02", result(value=quantity(1), category=[])),
    "a reason in words": ("STR-03", result(dataAbsentReason={"text": "patient refused"})),
    "an empty text": ("STR-04", result(valueString="")),
    "a blank text": ("STR-04", result(valueString="   ")),
    "an empty answer": ("STR-04", result(valueCodeableConcept={})),
    "a silent component": ("STR-04", panel()),
    "a coding of words only": ("COD-01", result({"coding": [{"display": "Creatinine"}]}, quantity(1))),
    "a component in words": ("COD-01", result("85354-9", component=[{**PRESSURE, "code": {"text": "Sys"}}])),
    "a local component": ("COD-02", result("85354-9", component=[{**PRESSURE, "code": concept("SYS", "urn:oid:1.2.840.114350.1")}])),
    "a component's check digit": ("COD-04", result("85354-9", component=[{**PRESSURE, "code": concept("8480-7")}])),
    "systolic called diastolic": ("COD-05", named("8480-6", "Diastolic blood pressure", 120, "mm[Hg]")),
    "ALT called AST": ("COD-05", named("1742-6", "Aspartate aminotransferase", 20, "U/L")),
    "HDL called LDL": ("COD-05", named("2085-9", "Cholesterol in LDL", 50)),
    "total called direct": ("COD-05", named("1975-2", "Bilirubin.direct [Mass/volume] in Serum or Plasma")),
    "sodium and potassium": (
        "COD-06", result({"coding": [*concept("2951-2")["coding"], *concept("2823-3")["coding"]]}, quantity(4, "mmol/L")),
    ),
    "a null flavour's old name": ("COD-07", result("72166-2", valueCodeableConcept=concept("UNK", "http://hl7.org/fhir/v3/NullFlavor"))),
    "a null flavour's OID": ("COD-07", result("72166-2", valueCodeableConcept=concept("UNK", "urn:oid:2.16.840.1.113883.5.1008"))),
    "an unknown component": ("COD-07", panel(valueCodeableConcept=concept("UNK", NULL))),
    "a flagged number in text": ("VAL-01", result(valueString="*7.2")),
    "about a number": ("VAL-01", result(valueString="~7")),
    "cells a litre under thousands": ("UNI-06", result("6690-2", quantity(7000, "10*3/uL"))),
    "creatinine in mg under umol/L": ("UNI-06", result("2160-0", quantity(1.0, "umol/L"))),
    "glucose in mg under mmol/L": ("UNI-06", result("14749-6", quantity(100, "mmol/L"))),
    "a newborn in grams": ("UNI-06", result("29463-7", quantity(3200, "kg"))),
    "feet under centimetres": ("UNI-06", result("8302-2", quantity(5.8, "cm"))),
    "a negative concentration": ("PLA-01", result("1988-5", quantity(-4, "mg/L"))),
    "a negative INR": ("PLA-01", result("6301-6", quantity(-1, "{INR}"))),
    "a component's range reversed": (
        "PLA-03", panel(valueQuantity=quantity(80, "mm[Hg]"), referenceRange=[{"low": quantity(90), "high": quantity(60)}]),
    ),
    "an American date": ("TIM-01", result(value=quantity(1), effectiveDateTime="03/02/2026")),
    "an empty date": ("TIM-01", result(value=quantity(1), effectiveDateTime="")),
    "30 February": ("TIM-01", result(value=quantity(1), effectiveDateTime="2026-02-30T10:00:00Z")),
    "the 25th hour": ("TIM-01", result(value=quantity(1), effectiveDateTime="2026-02-20T25:00:00Z")),
    "a release without zone": ("TIM-03", result(value=quantity(1), issued="2026-03-02T10:00:00")),
    "a record without zone": ("TIM-03", diagnosis(recordedDate="2026-03-02T10:00:00")),
    "a release in 2099": ("TIM-04", result(value=quantity(1), issued="2099-03-02T09:15:00Z")),
    "an end in 2088": ("TIM-04", period(start="2026-03-02T08:00:00Z", end="2088-03-02T08:00:00Z")),
    "a birth in 2031": ("TIM-04", person(id="t", birthDate="2031-01-01")),
    "a birth in 1800": ("TIM-04", person(id="t", birthDate="1800-01-01")),
    "death before birth": ("TIM-06", person(id="t", deceasedDateTime="1960-01-01")),
    "a release before the period": (
        "TIM-06", {**period(start="2026-03-02T08:00:00Z", end="2026-03-02T09:00:00Z"), "issued": "2026-03-01T08:00:00Z"},
    ),
    "an onset after it was recorded": (
        "TIM-06", diagnosis(onsetDateTime=None, onsetPeriod={"start": "2026-04-05"}, recordedDate="2026-01-01T00:00:00Z"),
    ),
    "a period released months later": (
        "TIM-09", {**period(start="2026-03-02T08:00:00Z", end="2026-03-02T09:00:00Z"), "issued": "2026-06-01T08:00:00Z"},
    ),
    "a contained practitioner as subject": (
        "REF-01", result(value=quantity(1), contained=[{"resourceType": "Practitioner", "id": "x"}], subject={"reference": "#x"}),
    ),
    "a subject that is contained nowhere": ("REF-01", result(value=quantity(1), subject={"reference": "#x"})),
    "a subject without id": ("REF-01", result(value=quantity(1), subject={"reference": "Patient/"})),
    "a group by its uuid": ("REF-01", result(value=quantity(1), subject={"reference": "urn:uuid:1", "type": "Group"})),
    "an episode for a visit": ("REF-03", result(value=quantity(1), encounter={"reference": "EpisodeOfCare/1"})),
    "a visit in words": ("REF-03", result(value=quantity(1), encounter={"display": "Clinic"})),
    "a report in parts": ("DUP-03", report(status="partial")),
    "a withdrawn document": ("DUP-03", document({"url": "Binary/1"}, docStatus="entered-in-error")),
    "a PDF at an address": ("TXT-01", document({"contentType": "application/pdf", "url": "Binary/1"})),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_foreign_style_is_found(name):
    check, record = FAULTS[name]
    assert check in failed(record)


CLEAN = {
    "a result that is registered": ("STR-04", result(status="registered")),
    "a result that was cancelled": ("STR-04", result(status="cancelled")),
    **{f"{short} for {code}": ("COD-05", named(code, short, value, unit)) for code, short, value, unit in (
        ("6690-2", "WBC", 7, "10*3/uL"), ("6690-2", "WBC # Bld Auto", 7, "10*3/uL"), ("718-7", "Hgb Bld-mCnc", 13, "g/dL"),
        ("718-7", "Haemoglobin", 13, "g/dL"), ("59408-5", "SpO2", 98, "%"), ("3094-0", "BUN", 12, "mg/dL"),
        ("1742-6", "ALT (SGPT)", 20, "U/L"), ("98979-8", "eGFR", 80, "mL/min/{1.73_m2}"), ("3016-3", "TSH", 2, "m[IU]/L"),
        ("33762-6", "NT-proBNP", 200, "pg/mL"), ("9269-2", "GCS", 15, "{score}"), ("2345-7", "Fasting glucose", 90, "mg/dL"),
        ("8310-5", "Oral temperature", 37, "Cel"), ("2345-7", "Blood glucose", 90, "mg/dL"),
    )},
    "a null flavour and its translation": (
        "COD-07", diagnosis({"coding": [{"system": NULL, "code": "OTH"}, {"system": SNOMED, "code": "44054006"}]}),
    ),
    "INR without unit": ("UNI-01", result("6301-6", {"value": 1.1})),
    "pH without unit": ("UNI-01", result("2744-1", {"value": 7.4})),
    "a coma score without unit": ("UNI-01", result("9269-2", {"value": 15})),
    "giga a litre for thousands a microlitre": ("UNI-05", result("6690-2", quantity(7, "10*9/L"))),
    "international units of an enzyme": ("UNI-05", result("1742-6", quantity(20, "[IU]/L"))),
    "milliequivalents of sodium": ("UNI-05", result("2951-2", quantity(140, "meq/L"))),
    "a treatment range": ("PLA-03", flagged(quantity(3), "H", 0.2, 5, type=concept("treatment", "urn:x"))),
    "below what can be measured": ("PLA-03", flagged(quantity(0.1, comparator="<"), "L", 0.1, 1.3)),
    "a planned visit": ("TIM-04", visit(id="t", status="planned", period={"start": "2027-01-05T09:00:00Z"})),
    "an order for later": ("TIM-04", ORDER),
    "a clock three minutes ahead": ("TIM-04", result(value=quantity(1), issued="2026-11-25T09:49:40Z")),
    "a leap second": ("TIM-01", result(value=quantity(1), effectiveDateTime="2016-12-31T23:59:60Z")),
    "a document in two formats": (
        "TXT-01", document({"contentType": "text/html", "data": "aGVsbG8="}, {"contentType": "application/pdf", "data": "JVBE"}),
    ),
    "base64 in lines": ("TXT-01", document({"contentType": "text/plain", "data": "aGVs\r\nbG8="})),
    "a visit by its number": ("REF-03", result(value=quantity(1), encounter={"identifier": {"value": "CSN"}})),
    "a code absent for a reason": ("STR-01", result({"extension": [ABSENT]}, quantity(1))),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAN)
def test_a_record_that_only_looks_faulty_is_not_called_so(name):
    check, record = CLEAN[name]
    assert check not in failed(record)


def test_a_stated_version_is_compared_as_a_version():
    stated = {"coding": [{"system": LOINC, "code": "2160-0", "version": "2.78"}]}
    assert "VER-04" in failed(result(stated, quantity(1)), pins={LOINC: "2.7"})
    assert "VER-04" not in failed(result(stated, quantity(1)), pins={LOINC: "2.78"})
    dated = {"coding": [{"system": ICD, "code": "E11.9", "version": "FY2025"}]}
    assert "VER-04" not in failed(diagnosis(dated), pins={ICD: "2025"})
