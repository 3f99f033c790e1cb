"""One feature, one patient and records of it, as the tests of charts and of readings need them."""

from decimal import Decimal

from fidelity.chart import assemble, plan
from vocabulary.chart import Read
from vocabulary.instant import parse_instant
from vocabulary.manifest import Code, Feature

LOINC, UCUM, SCT = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NOW = parse_instant("2026-06-01T12:00:00Z")
PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1976-06-01", "gender": "female"}
SUBJECT = {"reference": "Patient/p"}
MASS = Feature(name="mass", kind="observation", codes=(Code(system=LOINC, code="2093-3"),), unit="mg/dL")


def concept(code, system=LOINC, **more):
    return {"coding": [{"system": system, "code": code} | more]}


def quantity(value, unit="mg/dL", **more):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit} | more


def observation(number="1", code="2093-3", value=None, at="2026-05-01T08:00:00Z", **more):
    return {
        "resourceType": "Observation",
        "id": number,
        "meta": {"versionId": "1"},
        "status": "final",
        "code": concept(code),
        "subject": SUBJECT,
        "effectiveDateTime": at,
        "valueQuantity": value or quantity(Decimal("200")),
    } | more


def chart(feature, *resources, patient=PATIENT, as_of=NOW, **read):
    searches = plan([feature])
    reads = {
        search: Read(resources=tuple(item for item in resources if item["resourceType"] == search.type), **read)
        for search in searches
    }
    return assemble(patient=patient, reads=reads, features=[feature], as_of=as_of)


def found(feature, *resources, **more):
    return chart(feature, *resources, **more).features.get(feature.name)


def absent(feature, *resources, **more):
    return chart(feature, *resources, **more).absent.get(feature.name)
