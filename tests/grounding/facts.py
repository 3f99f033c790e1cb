"""What the sentences are made of, read from the resources directly: the checker's own index has no part in it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

LABELS = {
    "8867-4": ("heart rate", "pulse"), "9279-1": ("respiratory rate",), "39156-5": ("body mass index", "BMI"),
    "29463-7": ("body weight", "weight"), "2339-0": ("glucose", "blood glucose"), "38483-4": ("creatinine", "serum creatinine"),
    "6299-2": ("urea nitrogen", "BUN"), "49765-1": ("calcium",), "2947-0": ("sodium", "serum sodium"),
    "6298-4": ("potassium", "serum potassium"), "2069-3": ("chloride",), "2093-3": ("total cholesterol", "cholesterol"),
    "2571-8": ("triglycerides",), "18262-6": ("LDL cholesterol", "LDL"), "2085-9": ("HDL cholesterol", "HDL"),
    "4548-4": ("hemoglobin A1c", "HbA1c", "A1c"), "718-7": ("hemoglobin", "Hgb"), "777-3": ("platelets", "platelet count"),
    "6690-2": ("white blood cell count", "WBC"), "1751-7": ("albumin",),
}  # fmt: skip
UNITS = {
    "/min": ("/min", "per minute"), "10*3/uL": ("K/uL", "x10^9/L"), "mm[Hg]": ("mmHg", "mm Hg"), "Cel": ("°C",), "%": ("%",),
    "kg/m2": ("kg/m2", "kg/m²"), "mmol/L": ("mmol/L",), "mg/dL": ("mg/dL", "mg/dl"), "g/dL": ("g/dL",), "kg": ("kg",),
}  # fmt: skip
WRONG_UNITS = {"mg/dL": "mmol/L", "mmol/L": "mg/dL", "g/dL": "g/L", "%": "mg/dL", "kg": "lb", "kg/m2": "mmHg", "/min": "mmHg",
               "10*3/uL": "g/dL"}  # fmt: skip
CONVERTED = {
    "2339-0": ("mmol/L", 10 / 180.16), "38483-4": ("µmol/L", 10 / 113.12 * 1000), "2093-3": ("mmol/L", 10 / 386.65),
    "718-7": ("g/L", 10.0), "29463-7": ("lb", 1 / 0.45359237), "49765-1": ("mmol/L", 10 / 40.08),
}  # fmt: skip
"""LOINC code → another unit and what a value is multiplied by for it."""


@dataclass(frozen=True)
class Value:
    code: str
    label: str
    value: float
    unit: str
    day: str
    reference: str


def series(resources: list[dict[str, Any]]) -> dict[str, list[Value]]:
    """Measurements by LOINC code, oldest first, one a day."""
    found: dict[str, dict[str, Value]] = defaultdict(dict)
    for each in resources:
        quantity = each.get("valueQuantity")
        if each["resourceType"] != "Observation" or not quantity:
            continue
        code, when = each["code"]["coding"][0]["code"], each["effectiveDateTime"]
        if code in LABELS:
            value = Value(
                code,
                LABELS[code][0],
                float(quantity["value"]),
                quantity["code"],
                when[:10],
                f"Observation/{each['id']}",
            )
            found[code][when] = value
    return {code: [all[when] for when in sorted(all)] for code, all in found.items()}


def pressures(resources: list[dict[str, Any]]) -> list[tuple[int, int, str, str]]:
    """``(systolic, diastolic, day, reference)``."""
    found = []
    for each in resources:
        if each["resourceType"] == "Observation" and each["code"]["coding"][0]["code"] == "85354-9":
            parts = {p["code"]["coding"][0]["code"]: p["valueQuantity"]["value"] for p in each["component"]}
            found.append((round(float(parts["8480-6"])), round(float(parts["8462-4"])), each["effectiveDateTime"][:10],
                          f"Observation/{each['id']}"))  # fmt: skip
    return sorted(found, key=lambda each: each[2])


@dataclass(frozen=True)
class Illness:
    name: str
    active: bool
    day: str
    reference: str


def plain(name: str) -> str:
    return name.split(" (")[0]


def illnesses(resources: list[dict[str, Any]]) -> list[Illness]:
    """Conditions that are diseases: Synthea records employment and schooling as conditions as well."""
    found = []
    for each in resources:
        if each["resourceType"] == "Condition" and not each["code"]["text"].endswith(
            ("(finding)", "(person)", "(situation)")
        ):
            status = each["clinicalStatus"]["coding"][0]["code"]
            found.append(
                Illness(
                    plain(each["code"]["text"]),
                    status == "active",
                    each["onsetDateTime"][:10],
                    f"Condition/{each['id']}",
                )
            )
    return found


@dataclass(frozen=True)
class Drug:
    name: str
    ingredient: str
    strength: str
    active: bool
    daily: bool
    day: str
    reference: str


def drugs(resources: list[dict[str, Any]]) -> list[Drug]:
    """Orders of one ingredient with one strength in mg."""
    found = []
    for each in resources:
        if each["resourceType"] != "MedicationRequest" or "medicationCodeableConcept" not in each:
            continue
        name = each["medicationCodeableConcept"]["text"]
        parts = name.split()
        if "/" in name or " MG " not in name or not parts[0].isalpha() or "Oral" not in name:
            continue
        called = [part for part in parts[: parts.index("MG") - 1] if part not in ("sodium", "Sodium", "Hydrochloride")]
        repeat = ((each.get("dosageInstruction") or [{}])[0].get("timing") or {}).get("repeat") or {}
        found.append(
            Drug(name, " ".join(called).lower(), parts[parts.index("MG") - 1], each["status"] == "active",
                 (repeat.get("frequency"), repeat.get("periodUnit")) == (1, "d"), each["authoredOn"][:10],
                 f"MedicationRequest/{each['id']}")
        )  # fmt: skip
    return found


def allergies(resources: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(plain(each["code"]["text"]), f"AllergyIntolerance/{each['id']}") for each in resources
            if each["resourceType"] == "AllergyIntolerance"]  # fmt: skip


def person(resources: list[dict[str, Any]]) -> tuple[int, str]:
    """Age on 2026-11-24, and gender."""
    patient = next(each for each in resources if each["resourceType"] == "Patient")
    year, month, day = (int(part) for part in patient["birthDate"].split("-"))
    return 2026 - year - ((month, day) > (11, 24)), patient["gender"]
