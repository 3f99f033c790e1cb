"""Each instrument of the catalogue on a record that passes and on one that fails, through a feature that uses it."""

from decimal import Decimal

import pytest

from fidelity.catalogue import BY_ID, INSTRUMENTS
from fidelity.chart import assemble, plan
from fidelity.editions.forms import icd10cm, loinc, rxnorm, snomed
from fidelity.inspection import inspect
from vocabulary.chart import Read, Search
from vocabulary.instant import parse_instant
from vocabulary.manifest import Code, Feature

LOINC, UCUM, SCT = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NOW = parse_instant("2026-06-01T12:00:00Z")
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1976-06-01", "gender": "female"}
MASS = Feature(
    name="mass",
    kind="observation",
    codes=(Code(system=LOINC, code="2093-3"),),
    unit="mg/dL",
    limits=(Decimal(30), Decimal(1000)),
    required=True,
)
DISEASE = Feature(
    name="disease", kind="presence", resource="Condition", codes=(Code(system=SCT, code="44054006"),), required=True
)
ABSENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}


def observation(number="1", **more):
    resource = {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": LOINC, "code": "2093-3"}]},
        "effectiveDateTime": "2026-05-01T08:00:00Z",
        "issued": "2026-05-01T09:00:00Z",
        "valueQuantity": {"value": Decimal(200), "unit": "mg/dL", "system": UCUM, "code": "mg/dL"},
    } | more
    return {name: value for name, value in resource.items() if value is not None}


def condition(**more):
    resource = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": SCT, "code": "44054006"}]},
        "onsetDateTime": "2020-01-01",
        "recordedDate": "2020-01-02",
    } | more
    return {name: value for name, value in resource.items() if value is not None}


def value(**more):
    return {"value": Decimal(200), "unit": "mg/dL", "system": UCUM, "code": "mg/dL"} | more


def coded(*codings, **more):
    return {"coding": list(codings)} | more


def findings(feature, *resources, salt=None, **read):
    reads = {search: Read(resources=resources, **read) for search in plan([feature])}
    made = inspect(assemble(patient=PATIENT, reads=reads, features=[feature], as_of=NOW), [feature], salt=salt)
    return {finding.check: finding for finding in made}


PASSING = {
    "DUP-02": [observation(), observation("2", effectiveDateTime="2026-04-01")],
    "REF-02": [observation(hasMember=[{"reference": "#x"}], contained=[{"resourceType": "Observation", "id": "x"}])],
}
FAILING = {
    "STR-01": (MASS, [observation(status=None)]),
    "STR-03": (MASS, [observation(valueQuantity=None, dataAbsentReason=ABSENT)]),
    "STR-04": (MASS, [observation(valueQuantity=None)]),
    "STR-05": (MASS, []),
    "COD-01": (DISEASE, [condition(code={"text": "Type 2 diabetes"})]),
    "COD-02": (DISEASE, [condition(code=coded({"system": "urn:site", "code": "DM2"}))]),
    "COD-03": (MASS, [observation(code=coded({"system": "urn:oid:2.16.840.1.113883.6.1", "code": "2093-3"}))]),
    "COD-04": (
        MASS,
        [observation(code=coded({"system": LOINC, "code": "2093-3"}, {"system": LOINC, "code": "2093-4"}))],
    ),
    "VAL-01": (MASS, [observation(valueQuantity=None, valueString="7.2 mg/dL")]),
    "VAL-02": (MASS, [observation(valueQuantity=None, valueString="hemolyzed")]),
    "VAL-03": (MASS, [observation(valueQuantity=value(comparator="<"))]),
    "UNI-01": (MASS, [observation(valueQuantity={"value": 200})]),
    "UNI-02": (MASS, [observation(valueQuantity={"value": 200, "unit": "mg/dL"})]),
    "UNI-03": (MASS, [observation(valueQuantity=value(code="mg/dl/"))]),
    "UNI-04": (MASS, [observation(valueQuantity=value(code="K/uL"))]),
    "PLA-01": (MASS, [observation(valueQuantity=value(value=Decimal(5000)))]),
    "TIM-01": (MASS, [observation(effectiveDateTime=None)]),
    "TIM-03": (MASS, [observation(effectiveDateTime="2026-05-01T08:00:00")]),
    "TIM-04": (MASS, [observation(effectiveDateTime="2026-06-03")]),
    "TIM-06": (MASS, [observation(issued="2026-04-30T08:00:00Z")]),
    "REF-01": (MASS, [observation(subject=None)]),
    "REF-02": (MASS, [observation(encounter={"reference": "urn:uuid:0"})]),
    "REF-04": (MASS, [observation(subject={"reference": "Patient/q"})]),
    "DUP-02": (MASS, [observation(), observation("2")]),
    "DUP-03": (MASS, [observation(status="preliminary")]),
}


@pytest.mark.parametrize("check", sorted(FAILING))
def test_an_instrument_passes_a_clean_record(check):
    feature = FAILING[check][0]
    clean = [condition()] if feature is DISEASE else PASSING.get(check, [observation()])
    assert findings(feature, *clean)[check].result == "pass"


@pytest.mark.parametrize("check", sorted(FAILING))
def test_an_instrument_fails_a_dirty_record_and_names_the_feature(check):
    feature, resources = FAILING[check]
    finding = findings(feature, *resources)[check]
    assert (finding.result, finding.feature) == ("fail", feature.name)
    assert (finding.severity, finding.owner) == (BY_ID[check].severity, BY_ID[check].owner)
    assert finding.detail
    assert (finding.kahn, 0 < finding.failed <= finding.judged) == (BY_ID[check].kahn, True)


def test_a_truncated_search_fails_and_a_whole_one_passes():
    assert findings(MASS, observation(), complete=False)["VOL-03"].result == "fail"
    assert findings(MASS, observation())["VOL-03"].result == "pass"


def test_a_sites_own_code_beside_one_that_is_understood_is_no_fault_and_icd_10_is_no_icd_10_cm():
    listed = {"system": LOINC, "code": "2093-3"}
    for own in ("urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "https://lab.example/codes"):
        both = observation(code=coded(listed, {"system": own, "code": "CHOL"}))
        assert findings(MASS, both)["COD-03"].result == "pass"
    for wrong in ("http://hl7.org/fhir/sid/icd-10", "LN", "http://loinc.org/v2"):
        both = condition(code=coded({"system": SCT, "code": "44054006"}, {"system": wrong, "code": "E11"}))
        assert findings(DISEASE, both)["COD-03"].result == "fail", wrong


def test_every_instrument_of_the_table_has_a_failing_vector_and_a_unique_id():
    assert {instrument.id for instrument in INSTRUMENTS} == {*FAILING, "VOL-03", "VER-01", "VER-02", "VER-03"}
    assert len(BY_ID) == len(INSTRUMENTS) == 29


def test_an_instrument_that_does_not_apply_skips():
    assert findings(DISEASE, condition())["UNI-01"].result == "skip"


def test_a_value_beyond_doubt_is_not_failed_by_what_lies_behind_it():
    old = observation("2", effectiveDateTime="2020-01-01", valueQuantity=value(code="K/uL"))
    assert findings(MASS, observation(), old)["UNI-04"].result == "pass"


def test_another_code_of_the_chart_touches_nothing():
    other = observation("2", code=coded({"system": LOINC, "code": "2085-9"}), valueQuantity=None, subject=None)
    assert all(finding.result != "fail" for finding in findings(MASS, observation(), other).values())


def test_another_patients_record_is_critical_however_old():
    foreign = observation("2", effectiveDateTime="1999-01-01", subject={"reference": "Patient/q"})
    finding = findings(MASS, observation(), foreign)["REF-04"]
    assert (finding.result, finding.severity) == ("fail", "critical")


def test_an_ai_labelled_record_is_no_fault_and_no_input():
    labelled = observation("2", valueQuantity=None, meta={"security": [{"code": "AIAST"}]})
    assert all(finding.result != "fail" for finding in findings(MASS, observation(), labelled).values())


def test_an_egfr_without_body_surface_is_a_unit_finding():
    egfr = Feature(name="egfr", kind="observation", codes=MASS.codes, unit="mL/min/{1.73_m2}")
    assert findings(egfr, observation(valueQuantity=value(code="mL/min")))["UNI-04"].result == "fail"
    assert findings(egfr, observation(valueQuantity=value(code="mL/min/{1.73_m2}")))["UNI-04"].result == "pass"


def test_a_pointer_is_a_salted_hash_and_without_a_salt_there_is_none():
    resource = observation(valueQuantity=value(code="K/uL"))
    (pointer,) = findings(MASS, resource, salt=b"salt")["UNI-04"].pointers
    assert pointer.startswith("Observation/")
    assert pointer != findings(MASS, resource, salt=b"other")["UNI-04"].pointers[0]
    assert findings(MASS, resource)["UNI-04"].pointers == ()


def test_the_parts_of_a_reference_are_resolved_only_where_the_type_was_read_whole():
    resource = observation(encounter={"reference": "Encounter/1"})
    assert findings(MASS, resource)["REF-02"].result == "skip"
    reads = {plan([MASS])[0]: Read(resources=(resource,)), Search(type="Encounter"): Read()}
    made = inspect(assemble(patient=PATIENT, reads=reads, features=[MASS], as_of=NOW), [MASS])
    assert next(finding for finding in made if finding.check == "REF-02").result == "fail"


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (loinc, "2093-3", "2093-4"),
        (loinc, "3150-0", "3150-6"),
        (loinc, "LA18976-3", "LA-3"),
        (snomed, "44054006", "44054007"),
        (snomed, "1104051000000101", "1104051000000110"),
        (snomed, "22298006", "12345"),
        (icd10cm, "E11.65", "250.00"),
        (icd10cm, "I21", "E1"),
        (rxnorm, "314076", "RX12"),
    ],
)
def test_the_form_of_a_code_is_checked_without_its_terminology(rule, good, bad):
    assert rule(good)
    assert not rule(bad)
