"""A chart made by hand, and sentences written by hand about it, as notes and summaries say such things."""

from typing import Any

from monitoring.grounding.values import Snapshot
from vocabulary.instant import parse_instant

PATIENT = "Patient/p1"
TYPES = ("Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure", "Encounter")


def _coded(text: str, system: str = "", code: str = "") -> dict[str, Any]:
    return {"text": text, **({"coding": [{"system": system, "code": code, "display": text}]} if code else {})}


def _condition(id: str, text: str, status: str, onset: str, verified: str = "confirmed", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": id, "meta": {"versionId": "1"}, "subject": {"reference": PATIENT}, "code": _coded(text),
        "clinicalStatus": {"coding": [{"code": status}]}, "verificationStatus": {"coding": [{"code": verified}]},
        "onsetDateTime": onset, **more,
    }  # fmt: skip


def _observation(id: str, code: str, text: str, value: float, unit: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "meta": {"versionId": "1"}, "status": "final", "subject": {"reference": PATIENT},
        "code": _coded(text, "http://loinc.org", code), "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "code": unit}, **more,
    }  # fmt: skip


def _order(id: str, text: str, status: str, when: str, often: int, **more: Any) -> dict[str, Any]:
    repeat = {"frequency": often, "period": 1, "periodUnit": "d"}
    dosage = {"timing": {"repeat": repeat}, "route": _coded("Oral"), "doseAndRate": [{"doseQuantity": {"value": 1}}]}
    return {
        "resourceType": "MedicationRequest", "id": id, "meta": {"versionId": "1"}, "status": status, "intent": "order",
        "subject": {"reference": PATIENT}, "medicationCodeableConcept": _coded(text), "authoredOn": when,
        "dosageInstruction": [dosage], **more,
    }  # fmt: skip


def _part(code: str, value: int) -> dict[str, Any]:
    return {"code": _coded("x", "http://loinc.org", code), "valueQuantity": {"value": value, "code": "mm[Hg]"}}


def _pressure(id: str, upper: int, lower: int, when: str) -> dict[str, Any]:
    made = _observation(id, "85354-9", "Blood pressure panel", 0, "", when)
    del made["valueQuantity"]
    return {**made, "component": [_part("8480-6", upper), _part("8462-4", lower)]}


RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1958-05-02"},
    _condition("htn", "Hypertension", "active", "2010-03-01"),
    _condition("t2d", "Type 2 diabetes mellitus without complications", "active", "2015-06-12"),
    _condition("ckd", "Chronic kidney disease stage 3 (disorder)", "active", "2023-02-01"),
    _condition("pna", "Pneumonia", "resolved", "2021-11-03", abatementDateTime="2021-11-20"),
    _condition("dvt", "Deep vein thrombosis", "active", "2022-01-15", "refuted"),
    _order("met", "metformin hydrochloride 500 MG Oral Tablet", "active", "2024-01-05", 2),
    _order("lis", "lisinopril 10 MG Oral Tablet", "active", "2024-01-05", 1),
    _order("war", "Warfarin Sodium 5 MG Oral Tablet", "stopped", "2022-01-15", 1),
    {"resourceType": "AllergyIntolerance", "id": "pen", "patient": {"reference": PATIENT}, "code": _coded("Penicillin G"),
     "clinicalStatus": {"coding": [{"code": "active"}]}, "criticality": "high", "recordedDate": "2001-04-01"},
    _observation("cr1", "2160-0", "Creatinine", 1.0, "mg/dL", "2024-01-05T08:00:00Z"),
    _observation("cr2", "2160-0", "Creatinine", 1.2, "mg/dL", "2024-06-01T08:00:00Z"),
    _observation("cr3", "2160-0", "Creatinine", 1.5, "mg/dL", "2025-01-10T08:00:00Z"),
    _observation("k1", "2823-3", "Potassium", 6.8, "mmol/L", "2025-01-10T08:00:00Z",
                 interpretation=[{"coding": [{"code": "HH"}]}]),
    _observation("a1c1", "4548-4", "Hemoglobin A1c", 8.2, "%", "2024-01-05"),
    _observation("a1c2", "4548-4", "Hemoglobin A1c", 7.1, "%", "2025-01-10"),
    _observation("wt", "29463-7", "Body weight", 82.5, "kg", "2025-01-10"),
    _observation("tmp", "8310-5", "Body temperature", 38.2, "Cel", "2025-01-10"),
    _observation("wbc", "6690-2", "Leukocytes", 11.4, "10*3/uL", "2025-01-10"),
    _observation("gone", "2160-0", "Creatinine", 9.9, "mg/dL", "2025-01-11T08:00:00Z", status="entered-in-error"),
    _pressure("bp1", 142, 88, "2025-01-10"),
    {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": PATIENT},
     "period": {"start": "2025-01-10T07:00:00Z", "end": "2025-01-12T10:00:00Z"}},
    {"resourceType": "Procedure", "id": "col", "status": "completed", "subject": {"reference": PATIENT},
     "code": _coded("Colonoscopy (procedure)"), "performedDateTime": "2020-09-09"},
]  # fmt: skip
SNAPSHOT = Snapshot(
    patient=PATIENT, as_of=parse_instant("2025-02-01T00:00:00Z"), resources=tuple(RESOURCES), complete=frozenset(TYPES),
    elsewhere={"Observation/zz": "other_patient", "Observation/none": "absent", "Observation/own": "same_patient"},
)  # fmt: skip

HAND: list[tuple[str, str]] = [
    # clean
    ("66-year-old woman with hypertension, type 2 diabetes and CKD stage 3.", "clean"),
    ("She is a 66 y/o female.", "clean"),
    ("PMH: HTN, T2DM, CKD.", "clean"),
    ("Creatinine rose from 1.0 in January 2024 to 1.5 mg/dL on 10 January 2025.", "clean"),
    ("Her creatinine has been trending up (1.0 -> 1.2 -> 1.5 mg/dL).", "clean"),
    ("Most recent potassium 6.8 mmol/L, critically high.", "clean"),
    ("K+ was not repeated.", "clean"),
    ("HbA1c improved from 8.2% to 7.1%.", "clean"),
    ("A1c 7.1 % (target below 7.0 %).", "clean"),
    ("BP 142/88 mmHg, temp 38.2 °C, weight 82.5 kg (181.9 lb).", "clean"),
    ("Temperature was 100.8 F.", "clean"),
    ("WBC 11.4 K/uL.", "clean"),
    ("She takes metformin 500 mg BID and lisinopril 10 mg daily.", "clean"),
    ("Metformin 500 mg PO twice daily since January 2024.", "clean"),
    ("Warfarin was discontinued; she is not currently on anticoagulation.", "clean"),
    ("No longer taking warfarin.", "clean"),
    ("History of pneumonia in November 2021, resolved.", "clean"),
    ("DVT was ruled out.", "clean"),
    ("No evidence of DVT or pulmonary embolism.", "clean"),
    ("Denies chest pain, shortness of breath, fever or cough.", "clean"),
    ("Allergic to penicillin.", "clean"),
    ("Penicillin allergy is documented.", "clean"),
    ("Father had a stroke at age 70 and her mother has type 1 diabetes.", "clean"),
    ("Colonoscopy on 2020-09-09.", "clean"),
    ("Admitted on 2025-01-10 and discharged two days later.", "clean"),
    ("No family history of breast cancer.", "clean"),
    ("If hyperkalemia persists, consider dialysis.", "clean"),
    ("Monitor for bleeding and signs of sepsis.", "clean"),
    ("Without change in weight.", "clean"),
    ("Creatinine 132.6 µmol/L.", "clean"),
    ("Serum creatinine of 1.5 mg/dl today, up from 1.2.", "clean"),
    ("Type 2 diabetes, well controlled on metformin.", "clean"),
    ("No acute distress; lungs clear, no edema.", "clean"),
    ("Diabetes was diagnosed in 2015.", "clean"),
    ("The patient does not have asthma, COPD or heart failure.", "clean"),
    ("Vaccinated against influenza.", "clean"),
    ("Penicillin must be avoided.", "clean"),
    ("Creatinine clearance was not calculated.", "clean"),
    ("She was told to follow up on 2025-03-01.", "clean"),
    ("Discussed the risk of stroke with atrial fibrillation in general.", "clean"),
    ("Hypertension: continue lisinopril 10 mg daily.", "clean"),
    ("Weight 82 kg at discharge.", "clean"),
    ("Her kidney function (creatinine 1.5) has worsened.", "clean"),
    ("Potassium was 6.8 (normal 3.5-5.1).", "clean"),
    ("1. Hypertension - stable on lisinopril 10 mg daily", "clean"),
    ("2) T2DM (A1c 7.1 %), on metformin", "clean"),
    ("Patient denies alcohol use.", "clean"),
    ("No new medications were started.", "clean"),
    ("Lisinopril 10 mg once daily was continued, metformin 500 mg twice daily.", "clean"),
    ("CKD stage 3 with creatinine 1.5 mg/dL.", "clean"),
    ("HbA1c fell to 7.1 %, potassium rose to 6.8 mmol/L.", "clean"),
    ("Not on insulin, no amiodarone, never took apixaban.", "clean"),
    ("There is no documentation of asthma; hypertension is controlled.", "clean"),
    ("Previously treated with warfarin 5 mg daily.", "clean"),
    ("Creatinine between 1.0 and 1.5 mg/dL during 2024 and 2025.", "clean"),
    ("Family: mother with hypertension, father died of lung cancer at 61.", "clean"),
    ("She weighs 82.5 kg.", "clean"),
    ("Her blood pressure remains above 140 mmHg systolic.", "clean"),
    ("Oral antibiotics were not indicated.", "clean"),
    ("Temperature has normalised.", "clean"),
    ("Started lisinopril in 2024.", "clean"),
    ("Stop date for metformin is not recorded.", "clean"),
    ("Penicillin-allergic; received no antibiotics.", "clean"),
    ("Last A1c was 7.1% (2025-01-10), previous 8.2% (2024-01-05).", "clean"),
    ("Metformin (500 mg) twice a day; lisinopril (10 mg) once a day.", "clean"),
    ("Pneumonia has resolved.", "clean"),
    ("Sister has asthma. Patient has hypertension.", "clean"),
    # wrong
    ("Hypertension has resolved.", "contradicted"),
    ("Last A1c was 8.2%.", "contradicted"),
    ("Metformin was stopped.", "contradicted"),
    ("Lisinopril 20 mg once daily was continued.", "contradicted"),
    ("She has no chronic kidney disease.", "contradicted"),
    ("Neither hypertension nor diabetes is known.", "contradicted"),
    ("Blood pressure 142/98 mmHg.", "unsupported"),
    ("Recent stroke with residual hemiparesis.", "unsupported"),
    ("66-year-old man with hypertension.", "contradicted"),
    ("76-year-old woman with hypertension.", "contradicted"),
    ("No history of hypertension.", "contradicted"),
    ("She does not have diabetes.", "contradicted"),
    ("Denies hypertension or diabetes.", "contradicted"),
    ("DVT is present.", "contradicted"),
    ("Creatinine improved to 1.5 mg/dL.", "contradicted"),
    ("Creatinine remained stable.", "contradicted"),
    ("Latest creatinine 1.0 mg/dL.", "contradicted"),
    ("Potassium 6.8 mg/dL.", "contradicted"),
    ("Creatinine was 1.5 mg/dL on 2024-06-01.", "contradicted"),
    ("HbA1c worsened from 8.2% to 7.1%.", "contradicted"),
    ("She takes metformin 1000 mg BID.", "contradicted"),
    ("Metformin 500 mg once daily.", "contradicted"),
    ("Metformin 500 mg IV twice daily.", "contradicted"),
    ("Currently on warfarin 5 mg daily.", "contradicted"),
    ("She is not on lisinopril.", "contradicted"),
    ("NKDA.", "contradicted"),
    ("No known drug allergies.", "contradicted"),
    ("Denies allergy to penicillin.", "contradicted"),
    ("Ongoing pneumonia.", "contradicted"),
    ("Potassium 6.8 mmol/L. [Observation/zz]", "contradicted"),
    ("Potassium 6.8 mmol/L. [Observation/none]", "contradicted"),
    ("Potassium 6.8 mmol/L. [Observation/cr1]", "contradicted"),
    ("Potassium 5.2 mmol/L. [Observation/k1]", "contradicted"),
    ("Hypertension since 2018.", "contradicted"),
    ("Potassium 6.8 mmol/L. [Observation/own]", "unsupported"),
    ("Potassium 6.8 mmol/L. [Observation/k1/_history/7]", "unsupported"),
    ("Potassium was 5.2 mmol/L.", "unsupported"),
    ("Has atrial fibrillation on apixaban 5 mg BID.", "unsupported"),
    ("Allergic to sulfa.", "unsupported"),
    ("Creatinine 9.9 mg/dL.", "unsupported"),
    ("BP 182/88 mmHg.", "unsupported"),
    ("Diagnosed with sepsis.", "unsupported"),
    ("Troponin was 0.8 ng/mL.", "unsupported"),
    ("Started on furosemide 40 mg daily.", "unsupported"),
    # as discharge summaries and plans say things
    (
        "Mrs. Doe is a 66-year-old female with a past medical history significant for hypertension, type 2 diabetes mellitus, and stage 3 chronic kidney disease who presented on 10 January 2025 with fatigue and fever (38.2 °C).",
        "clean",
    ),
    ("On admission, vital signs were notable for BP 142/88 mmHg and temperature 38.2 °C.", "clean"),
    (
        "Laboratory studies revealed a potassium of 6.8 mmol/L (critical) and creatinine of 1.5 mg/dL, up from a baseline of 1.0 mg/dL one year earlier.",
        "clean",
    ),
    ("Her HbA1c has improved to 7.1% from 8.2% in January 2024.", "clean"),
    ("Leukocytosis to 11.4 K/uL was noted.", "clean"),
    ("There was no clinical evidence of pneumonia on exam, and chest X-ray was clear.", "clean"),
    ("She has a documented allergy to penicillin, so ceftriaxone was considered instead.", "clean"),
    ("Given her prior history of DVT rule-out, no anticoagulation was started.", "clean"),
    ("Warfarin had been stopped in 2022.", "clean"),
    (
        "Home medications include metformin 500 mg twice daily and lisinopril 10 mg once daily, both of which were continued; lisinopril was held briefly due to hyperkalemia.",
        "clean",
    ),
    ("She was treated for hyperkalemia with insulin and calcium gluconate.", "unsupported"),
    ("Potassium normalized to 4.5 mmol/L by the time of discharge.", "unsupported"),
    ("Please repeat potassium and creatinine in 1 week; goal potassium < 5.0 mmol/L.", "clean"),
    ("Follow-up: nephrology on 2025-02-15, avoid NSAIDs such as ibuprofen.", "clean"),
    ("Weight at discharge 82.5 kg, BMI not calculated.", "clean"),
    ("Code status: full code.", "clean"),
    ("Patient is not currently on insulin.", "clean"),
    ("Diabetes is well-controlled without evidence of retinopathy or neuropathy.", "clean"),
    ("Blood pressure was 142/88 mm Hg, above the goal of 130/80 mm Hg.", "clean"),
    ("eGFR was not reported.", "clean"),
    ("She denies tobacco, alcohol, or drug use.", "clean"),
    ("She underwent colonoscopy on 9 September 2020, which was normal.", "clean"),
    ("Creatinine trend: 1.0 (Jan 2024), 1.2 (Jun 2024), 1.5 (Jan 2025).", "clean"),
    ("Creatinine: 1.5 <- 1.2 <- 1.0", "clean"),
    ("K 6.8, Cr 1.5, WBC 11.4", "clean"),
    ("Renal function has declined over the past year, with creatinine rising from 1.0 to 1.5 mg/dL.", "clean"),
    ("No hypoglycemic episodes.", "clean"),
    ("No chest pain.", "clean"),
    ("Hypertension, on lisinopril.", "clean"),
    ("Diabetes, on metformin.", "clean"),
    ("The patient's mother had hypertension and her father had diabetes.", "clean"),
    ("Hypertension (diagnosed March 2010), T2DM (2015), CKD (2023).", "clean"),
    ("HbA1c 8.2% one year ago, now 7.1%.", "clean"),
    ("Metformin dose was not changed (500 mg BID).", "clean"),
    ("Lisinopril was increased to 20 mg daily.", "contradicted"),
    ("Avoid metformin if eGFR below 30 mL/min.", "clean"),
    ("Consider switching lisinopril to amlodipine 5 mg daily.", "clean"),
    ("The maximum creatinine was 1.5 mg/dL and the minimum 1.0 mg/dL.", "clean"),
    ("Her temperature peaked at 38.2 and her potassium peaked at 6.8.", "clean"),
    ("Pneumonia in 2021 was treated with azithromycin.", "unsupported"),
    ("Since 2010 she has had hypertension.", "clean"),
    ("She is allergic to penicillin but tolerates cephalosporins.", "clean"),
]
"""A sentence, and the gravest verdict that it deserves; ``clean``: nothing of it may be flagged."""
