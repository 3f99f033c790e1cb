"""Five inpatient charts made by hand, as short rows: what the notes of ``notes/`` are about."""

from functools import cache
from typing import Any

from monitoring.grounding.index import Index, build
from monitoring.grounding.values import Snapshot
from tests.grounding.charts import TYPES
from tests.grounding.stay_rows import STAYS
from vocabulary.instant import parse_instant

AS_OF = parse_instant("2026-11-24T18:00:00Z")
PATIENT = "Patient/p1"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
OFTEN = {
    "daily": {"frequency": 1, "period": 1, "periodUnit": "d"}, "BID": {"frequency": 2, "period": 1, "periodUnit": "d"},
    "TID": {"frequency": 3, "period": 1, "periodUnit": "d"}, "q4h": {"frequency": 1, "period": 4, "periodUnit": "h"},
    "q6h": {"frequency": 1, "period": 6, "periodUnit": "h"}, "q8h": {"frequency": 1, "period": 8, "periodUnit": "h"},
    "q24h": {"frequency": 1, "period": 24, "periodUnit": "h"}, "q72h": {"frequency": 1, "period": 72, "periodUnit": "h"},
    "nightly": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]},
}  # fmt: skip
Resource = dict[str, Any]


def _coded(text: str, system: str = "", code: str = "") -> Resource:
    return {"text": text, **({"coding": [{"system": system, "code": code, "display": text}]} if code else {})}


def _about(kind: str, id: str, **more: Any) -> Resource:
    who = "patient" if kind in ("AllergyIntolerance", "FamilyMemberHistory") else "subject"
    return {"resourceType": kind, "id": id, "meta": {"versionId": "1"}, who: {"reference": PATIENT}, **more}


def _state(code: str) -> Resource:
    return {"coding": [{"code": code}]}


def condition(id: str, text: str, status: str, onset: str, ended: str = "", verified: str = "confirmed") -> Resource:
    end = {"abatementDateTime": ended} if ended else {}
    return _about("Condition", id, code=_coded(text), clinicalStatus=_state(status), verificationStatus=_state(verified),
                  onsetDateTime=onset, **end)  # fmt: skip


def value(id: str, code: str, text: str, number: float, unit: str, when: str) -> Resource:
    return _about("Observation", id, status="final", code=_coded(text, LOINC, code), effectiveDateTime=when,
                  valueQuantity={"value": number, "unit": unit, "code": unit})  # fmt: skip


def pressure(id: str, upper: int, lower: int, when: str) -> Resource:
    parts = [{"code": _coded(f"{name} blood pressure", LOINC, code), "valueQuantity": {"value": number, "code": "mm[Hg]"}}
             for name, code, number in (("Systolic", "8480-6", upper), ("Diastolic", "8462-4", lower))]  # fmt: skip
    return _about("Observation", id, status="final", code=_coded("Blood pressure panel", LOINC, "85354-9"),
                  effectiveDateTime=when, component=parts)  # fmt: skip


def order(
    id: str, text: str, status: str, when: str, dose: str, route: str, often: str = "", prn: bool = False
) -> Resource:
    number, unit = dose.split(" ", 1)
    timing = {"timing": {"repeat": OFTEN[often]}} if often else {}
    dosage = {**timing, "route": _coded(route), "asNeededBoolean": prn,
              "doseAndRate": [{"doseQuantity": {"value": float(number), "unit": unit}}]}  # fmt: skip
    return _about("MedicationRequest", id, status=status, intent="order", medicationCodeableConcept=_coded(text),
                  authoredOn=when, dosageInstruction=[dosage])  # fmt: skip


def allergy(id: str, text: str, status: str = "active", verified: str = "confirmed", code: str = "") -> Resource:
    return _about("AllergyIntolerance", id, code=_coded(text, SNOMED, code), clinicalStatus=_state(status),
                  verificationStatus=_state(verified))  # fmt: skip


def procedure(id: str, text: str, when: str, status: str = "completed") -> Resource:
    return _about("Procedure", id, status=status, code=_coded(text), performedDateTime=when)


def encounter(id: str, start: str, end: str = "") -> Resource:
    return _about("Encounter", id, status="finished" if end else "in-progress", type=[_coded("Hospital admission")],
                  period={"start": start, **({"end": end} if end else {})})  # fmt: skip


def relative(id: str, who: str, text: str, age: int = 0) -> Resource:
    onset = {"onsetAge": {"value": age, "unit": "a", "code": "a"}} if age else {}
    return _about("FamilyMemberHistory", id, status="completed", relationship=_coded(who),
                  condition=[{"code": _coded(text), **onset}])  # fmt: skip


MAKERS = {
    "C": condition,
    "O": value,
    "B": pressure,
    "M": order,
    "A": allergy,
    "P": procedure,
    "E": encounter,
    "F": relative,
}


def resources(name: str) -> list[Resource]:
    """The patient and every row of a stay as a resource, its id the letter of its kind and its place."""
    gender, born, rows = STAYS[name]
    person = {"resourceType": "Patient", "id": "p1", "gender": gender, "birthDate": born}
    return [person, *(MAKERS[row[0]](f"{row[0].lower()}{place}", *row[1:]) for place, row in enumerate(rows))]


@cache
def index_of(name: str) -> Index:
    return build(Snapshot(patient=PATIENT, as_of=AS_OF, resources=tuple(resources(name)),
                          complete=frozenset((*TYPES, "FamilyMemberHistory"))))  # fmt: skip
