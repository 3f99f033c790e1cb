"""One day on a ward for the synthetic patients: open encounters and full sets of NEWS2 vital signs.

The charts of the seed have clinic visits, never a set of ward observations. This makes one, the same for the same
hour: no clock, no chance. Eleven of the twelve living patients are in hospital; the scores of their last round reach
from 0 to 15; one was never asked for consciousness, so no score exists; one (Elsa) is at home.

Codes are those that ``models/news2`` reads: LOINC for the measurements, oxygen as a flow (room air is 0 L/min), and
SNOMED CT 1104441000000107 with ACVPU answers for consciousness.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from vocabulary.instant import format_instant

Resource = dict[str, Any]

HOUR = 3600.0
ROUNDS = (12, 8, 4, 0)
"""Hours before the last round; the last one is 15 to 45 minutes before the anchor, patient by patient."""

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"

HOSPITAL = {
    "serviceProvider": "Organization/db0acede-4abe-3c01-8d03-5c68a190d8c7",
    "location": "Location/9fad6955-7f91-34dd-80c4-997e5e173651",
}
DOCTORS = (
    ("Practitioner/f89db0d6-44a4-3e94-af9d-4d3ca92ba4a1", "Dr. Amira620 Nienow652"),
    ("Practitioner/e075a59b-b3a7-3086-9df6-da16771e6209", "Dr. Owen89 Kunde533"),
    ("Practitioner/169966a7-81d8-3e6b-9cde-268d67f2cdcb", "Dr. Marvin195 Glover433"),
)

ACVPU = {
    "alert": ("248234008", "Mentally alert"),
    "confusion": ("130987000", "Acute confusion"),
    "voice": ("300202002", "Responds to voice"),
    "pain": ("450847001", "Responds to pain"),
    "unresponsive": ("422768004", "Unresponsive"),
}


class Vitals(NamedTuple):
    """One round: breaths/min, %, L/min, mm[Hg] twice, beats/min, Cel as written, the ACVPU word (None: not asked)."""

    breaths: int
    saturation: int
    oxygen: int
    systolic: int
    diastolic: int
    pulse: int
    temperature: str
    awareness: str | None = "alert"


@dataclass(frozen=True, slots=True)
class Stay:
    """One patient's day: the first and the last round; those between lie on the way."""

    patient: str
    first: Vitals
    last: Vitals


STAYS = (
    # Bryant, recovering: 0
    Stay("f6336e67-2d11-3bab-603a-825e2cb5c72a",
         Vitals(21, 95, 0, 108, 66, 98, "38.2"), Vitals(16, 98, 0, 122, 78, 72, "36.8")),
    # Clifton: 2, low
    Stay("a28e5fb1-cff9-fc90-4d8e-9e37e0761774",
         Vitals(17, 96, 0, 138, 84, 86, "37.0"), Vitals(18, 95, 0, 134, 82, 94, "37.4")),
    # Heather, two litres of oxygen: 4, low
    Stay("25e132aa-9e26-ffd3-a046-ab1b2ec5dc70",
         Vitals(22, 95, 3, 104, 62, 96, "38.8"), Vitals(20, 96, 2, 108, 64, 88, "38.4")),
    # Quinn, breathing fast and nothing else: a single 3, low-medium
    Stay("1ab2cf94-6e8e-e18f-b83b-a0e36b8e76d7",
         Vitals(18, 97, 0, 124, 76, 80, "37.2"), Vitals(25, 96, 0, 118, 74, 90, "37.9")),
    # Mauricio: 5, medium
    Stay("1a0e01ce-944e-88ea-dba6-30b6424700df",
         Vitals(18, 96, 1, 132, 80, 82, "36.9"), Vitals(22, 94, 2, 128, 78, 86, "37.1")),
    # Denis, deteriorating, newly confused: 15, high
    Stay("49974bb3-6141-04ff-d7bb-4927d20b2409",
         Vitals(20, 95, 1, 118, 70, 92, "38.0"), Vitals(24, 92, 4, 98, 58, 118, "39.2", "confusion")),
    # Ali: 0
    Stay("dd8749cf-5bdf-570b-210b-0c44087f87ac",
         Vitals(15, 98, 0, 130, 84, 66, "36.6"), Vitals(14, 97, 0, 126, 82, 64, "36.5")),
    # Charlyn, drowsy, cool: 7, high
    Stay("e98e1baf-32e3-14fc-be3e-bd805740c262",
         Vitals(17, 97, 0, 116, 72, 84, "36.4"), Vitals(19, 95, 0, 104, 64, 96, "35.9", "voice")),
    # Genevive: 10, high; 38.05 is 38.1 when rounded half up
    Stay("67f66f39-5f6f-9744-6c1c-5cfe18559d57",
         Vitals(19, 93, 3, 148, 86, 104, "37.60"), Vitals(21, 91, 6, 142, 84, 112, "38.05")),
    # Estelle, never asked for consciousness: no score
    Stay("f0e7ef91-64ac-71da-9a22-62ad54e8e770",
         Vitals(16, 98, 0, 160, 96, 82, "36.7", None), Vitals(17, 97, 0, 158, 95, 84, "36.9", None)),
    # Ben, slow pulse: 1, low
    Stay("072bc786-c65b-cd71-906a-7b106c5674ed",
         Vitals(14, 97, 0, 118, 70, 54, "36.4"), Vitals(13, 96, 0, 112, 68, 48, "36.2")),
)  # fmt: skip


def ward_day(anchor: float) -> list[Resource]:
    """Encounters, then Observations, of the day that ends at ``anchor`` (Unix seconds, taken down to the hour).

    Ids depend on patient, round and measurement alone: a later day replaces an earlier one. All refer to the seed.
    """
    end = anchor // HOUR * HOUR
    last = [end - 900 - 180 * number for number in range(len(STAYS))]
    encounters = [_encounter(number, since=last[number] - ROUNDS[0] * HOUR - 2400) for number in range(len(STAYS))]
    return [*encounters, *(item for number in range(len(STAYS)) for item in _rounds(number, last=last[number]))]


def ward() -> Resource:
    """Everybody who is on the ward, as a Group: what a bulk export of a group is asked for."""
    members = [
        {"entity": {"reference": f"Patient/{patient}"}} for patient in dict.fromkeys(stay.patient for stay in STAYS)
    ]
    return {
        "resourceType": "Group", "id": "ward", "type": "person", "actual": True, "active": True, "name": "The ward",
        "quantity": len(members), "member": members,
    }  # fmt: skip


def _encounter(number: int, *, since: float) -> Resource:
    stay, (doctor, name) = STAYS[number], DOCTORS[number % len(DOCTORS)]
    start = format_instant(since)
    participation = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ATND"}],
    }
    return {
        "resourceType": "Encounter",
        "id": f"ward-{stay.patient[:8]}",
        "status": "in-progress",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "IMP",
            "display": "inpatient encounter",
        },
        "type": [_concept(SNOMED, "32485007", "Hospital admission (procedure)")],
        "subject": {"reference": f"Patient/{stay.patient}"},
        "participant": [{"type": [participation], "individual": {"reference": doctor, "display": name}}],
        "period": {"start": start},
        "location": [{"location": {"reference": HOSPITAL["location"]}, "status": "active", "period": {"start": start}}],
        "serviceProvider": {"reference": HOSPITAL["serviceProvider"]},
    }


def _rounds(number: int, *, last: float) -> Iterator[Resource]:
    stay, (doctor, name) = STAYS[number], DOCTORS[number % len(DOCTORS)]
    for step, hours in enumerate(ROUNDS):
        at = last - hours * HOUR
        vitals = _between(stay.first, stay.last, step=step)
        for kind, content in _measurements(vitals):
            yield {
                "resourceType": "Observation",
                "id": f"ward-{stay.patient[:8]}-{step}-{kind}",
                "status": "final",
                "category": [{"coding": [{"system": CATEGORIES, "code": "vital-signs", "display": "Vital Signs"}]}],
                "subject": {"reference": f"Patient/{stay.patient}"},
                "encounter": {"reference": f"Encounter/ward-{stay.patient[:8]}"},
                "effectiveDateTime": format_instant(at),
                "issued": format_instant(at + 120),
                "performer": [{"reference": doctor, "display": name}],
            } | content


def _between(first: Vitals, last: Vitals, *, step: int) -> Vitals:
    """The round ``step`` on the straight way from first to last; whole numbers stay whole, words change at the end."""
    share = Decimal(step) / (len(ROUNDS) - 1)

    def whole(start: int, end: int) -> int:
        return round(start + (end - start) * share)

    low, high = Decimal(first.temperature), Decimal(last.temperature)
    return Vitals(
        breaths=whole(first.breaths, last.breaths),
        saturation=whole(first.saturation, last.saturation),
        oxygen=whole(first.oxygen, last.oxygen),
        systolic=whole(first.systolic, last.systolic),
        diastolic=whole(first.diastolic, last.diastolic),
        pulse=whole(first.pulse, last.pulse),
        temperature=str((low + (high - low) * share).quantize(high)),
        awareness=last.awareness if step == len(ROUNDS) - 1 else first.awareness,
    )


def _measurements(vitals: Vitals) -> Iterator[tuple[str, Resource]]:
    yield "rr", _measured("9279-1", "Respiratory rate", vitals.breaths, "/min")
    yield "spo2", _measured("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", vitals.saturation, "%")
    yield "o2", _measured("3151-8", "Inhaled oxygen flow rate", vitals.oxygen, "L/min")
    systolic = _measured("8480-6", "Systolic blood pressure", vitals.systolic, "mm[Hg]")
    diastolic = _measured("8462-4", "Diastolic blood pressure", vitals.diastolic, "mm[Hg]")
    panel = _concept(LOINC, "85354-9", "Blood pressure panel with all children optional")
    yield "bp", {"code": panel, "component": [systolic, diastolic]}
    yield "hr", _measured("8867-4", "Heart rate", vitals.pulse, "/min")
    yield "temp", _measured("8310-5", "Body temperature", Decimal(vitals.temperature), "Cel")
    if vitals.awareness is not None:
        question = _concept(SNOMED, "1104441000000107", "ACVPU (Alert Confusion Voice Pain Unresponsive) scale score")
        yield "acvpu", {"code": question, "valueCodeableConcept": _concept(SNOMED, *ACVPU[vitals.awareness])}


def _measured(code: str, display: str, value: int | Decimal, unit: str) -> Resource:
    return {
        "code": _concept(LOINC, code, display),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}
