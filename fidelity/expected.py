"""What a number under a LOINC code is measured in: its property, and the units in which it is reported.

The first unit is the customary one; a feature of a model says its own. Two units of one dimension convert, so a code has
as a rule one row with one unit; more are listed where UCUM cannot convert what chemistry can (mass and substance) or
where a scaling to body surface is left off. The property is LOINC's and gives the dimension.

Source of every row: the code's page, https://loinc.org/CODE. This content is from LOINC (https://loinc.org). LOINC is
copyright Regenstrief Institute, Inc. and the LOINC Committee, available at no cost under https://loinc.org/license.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Expected(NamedTuple):
    """One code. ``names`` are LOINC's long name and other names under which the code is sent."""

    code: str
    property: str
    units: tuple[str, ...]
    names: tuple[str, ...]


def _row(code: str, property: str, units: str, names: str) -> Expected:
    """``units`` apart by spaces, ``names`` by bars."""
    return Expected(code, property, tuple(units.split()), tuple(names.split("|")))


EXPECTED: tuple[Expected, ...] = (
    # vital signs
    _row("8480-6", "Pres", "mm[Hg]", "Systolic blood pressure"),
    _row("8462-4", "Pres", "mm[Hg]", "Diastolic blood pressure"),
    _row("8478-0", "Pres", "mm[Hg]", "Mean blood pressure"),
    _row("8867-4", "NRat", "/min", "Heart rate|Pulse"),
    _row("9279-1", "NRat", "/min", "Respiratory rate"),
    _row("8310-5", "Temp", "Cel", "Body temperature"),
    _row("8331-1", "Temp", "Cel", "Oral temperature"),
    _row("29463-7", "Mass", "kg", "Body weight"),
    _row("3141-9", "Mass", "kg", "Body weight Measured"),
    _row("8302-2", "Len", "cm", "Body height"),
    _row("8306-3", "Len", "cm", "Body height --lying"),
    _row("9843-4", "Circ", "cm", "Head Occipital-frontal circumference"),
    _row("8289-1", "Prctl", "%", "Head Occipital-frontal circumference Percentile"),
    _row("77606-2", "Prctl", "%", "Weight-for-length Per age and sex"),
    _row("59576-9", "Prctl", "%", "Body mass index (BMI) [Percentile] Per age and sex"),
    _row("39156-5", "Ratio", "kg/m2", "Body mass index (BMI) [Ratio]"),
    _row("3140-1", "Area", "m2", "Body surface area"),
    _row("59408-5", "MFr", "%", "Oxygen saturation in Arterial blood by Pulse oximetry"),
    _row("2708-6", "MFr", "%", "Oxygen saturation in Arterial blood"),
    _row("3150-0", "VFr", "%", "Inhaled oxygen concentration"),
    _row("3151-8", "VRat", "L/min", "Inhaled oxygen flow rate"),
    _row("9192-6", "VRat", "mL mL/(24.h)", "Urine output 24 hour"),
    # chemistry
    _row("2345-7", "MCnc", "mg/dL mmol/L", "Glucose [Mass/volume] in Serum or Plasma"),
    _row("2339-0", "MCnc", "mg/dL mmol/L", "Glucose [Mass/volume] in Blood"),
    _row("1558-6", "MCnc", "mg/dL mmol/L", "Fasting glucose [Mass/volume] in Serum or Plasma"),
    _row("4548-4", "MFr", "% mmol/mol", "Hemoglobin A1c/Hemoglobin.total in Blood"),
    _row("2951-2", "SCnc", "mmol/L meq/L", "Sodium [Moles/volume] in Serum or Plasma"),
    _row("2947-0", "SCnc", "mmol/L meq/L", "Sodium [Moles/volume] in Blood"),
    _row("2823-3", "SCnc", "mmol/L meq/L", "Potassium [Moles/volume] in Serum or Plasma"),
    _row("6298-4", "SCnc", "mmol/L meq/L", "Potassium [Moles/volume] in Blood"),
    _row("2075-0", "SCnc", "mmol/L meq/L", "Chloride [Moles/volume] in Serum or Plasma"),
    _row("2069-3", "SCnc", "mmol/L meq/L", "Chloride [Moles/volume] in Blood"),
    _row("2028-9", "SCnc", "mmol/L meq/L", "Carbon dioxide, total [Moles/volume] in Serum or Plasma"),
    _row("20565-8", "SCnc", "mmol/L meq/L", "Carbon dioxide, total [Moles/volume] in Blood"),
    _row("1963-8", "SCnc", "mmol/L meq/L", "Bicarbonate [Moles/volume] in Serum or Plasma"),
    _row("33037-3", "SCnc", "mmol/L meq/L", "Anion gap in Serum or Plasma"),
    _row("3094-0", "MCnc", "mg/dL mmol/L", "Urea nitrogen [Mass/volume] in Serum or Plasma"),
    _row("6299-2", "MCnc", "mg/dL mmol/L", "Urea nitrogen [Mass/volume] in Blood"),
    _row("2160-0", "MCnc", "mg/dL umol/L", "Creatinine [Mass/volume] in Serum or Plasma"),
    _row("38483-4", "MCnc", "mg/dL umol/L", "Creatinine [Mass/volume] in Blood"),
    _row("17861-6", "MCnc", "mg/dL mmol/L", "Calcium [Mass/volume] in Serum or Plasma"),
    _row("49765-1", "MCnc", "mg/dL mmol/L", "Calcium [Mass/volume] in Blood"),
    _row("19123-9", "MCnc", "mg/dL mmol/L", "Magnesium [Mass/volume] in Serum or Plasma"),
    _row("2777-1", "MCnc", "mg/dL mmol/L", "Phosphate [Mass/volume] in Serum or Plasma"),
    _row("1751-7", "MCnc", "g/dL", "Albumin [Mass/volume] in Serum or Plasma"),
    _row("2885-2", "MCnc", "g/dL", "Protein [Mass/volume] in Serum or Plasma"),
    _row("10834-0", "MCnc", "g/L g/dL", "Globulin [Mass/volume] in Serum by calculation"),
    _row("1975-2", "MCnc", "mg/dL umol/L", "Bilirubin.total [Mass/volume] in Serum or Plasma"),
    _row("1742-6", "CCnc", "U/L [IU]/L", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("1920-8", "CCnc", "U/L [IU]/L", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("6768-6", "CCnc", "U/L [IU]/L", "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("2324-2", "CCnc", "U/L [IU]/L", "Gamma glutamyl transferase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("2532-0", "CCnc", "U/L [IU]/L", "Lactate dehydrogenase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("2157-6", "CCnc", "U/L [IU]/L", "Creatine kinase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("3040-3", "CCnc", "U/L [IU]/L", "Lipase [Enzymatic activity/volume] in Serum or Plasma"),
    _row("2524-7", "SCnc", "mmol/L mg/dL", "Lactate [Moles/volume] in Serum or Plasma"),
    _row("2093-3", "MCnc", "mg/dL mmol/L", "Cholesterol [Mass/volume] in Serum or Plasma|Total Cholesterol"),
    _row("2085-9", "MCnc", "mg/dL mmol/L",
         "Cholesterol in HDL [Mass/volume] in Serum or Plasma|High Density Lipoprotein Cholesterol"),
    _row("18262-6", "MCnc", "mg/dL mmol/L",
         "Cholesterol in LDL [Mass/volume] in Serum or Plasma by Direct assay|Low Density Lipoprotein Cholesterol"),
    _row("13457-7", "MCnc", "mg/dL mmol/L", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation"),
    _row("2571-8", "MCnc", "mg/dL mmol/L", "Triglyceride [Mass/volume] in Serum or Plasma|Triglycerides"),
    _row("33914-3", "VRat", "mL/min/{1.73_m2} mL/min",
         "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum or Plasma by MDRD"),
    _row("62238-1", "VRat", "mL/min/{1.73_m2} mL/min",
         "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood by CKD-EPI"),
    _row("98979-8", "VRat", "mL/min/{1.73_m2} mL/min",
         "Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by CKD-EPI 2021"),
    _row("14959-1", "MRto", "mg/g{creat} mg/mmol{creat}", "Microalbumin/Creatinine [Mass Ratio] in Urine"),
    _row("9318-7", "MRto", "mg/g{creat} mg/mmol{creat}", "Albumin/Creatinine [Mass Ratio] in Urine"),
    _row("1988-5", "MCnc", "mg/L", "C reactive protein [Mass/volume] in Serum or Plasma"),
    _row("2276-4", "MCnc", "ng/mL", "Ferritin [Mass/volume] in Serum or Plasma"),
    _row("3016-3", "ACnc", "m[IU]/L u[IU]/mL", "Thyrotropin [Units/volume] in Serum or Plasma"),
    _row("6598-7", "MCnc", "ug/L ng/mL", "Troponin T.cardiac [Mass/volume] in Serum or Plasma"),
    _row("10839-9", "MCnc", "ng/mL", "Troponin I.cardiac [Mass/volume] in Serum or Plasma"),
    _row("33762-6", "MCnc", "pg/mL", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma"),
    _row("33959-8", "MCnc", "ng/mL", "Procalcitonin [Mass/volume] in Serum or Plasma"),
    _row("1989-3", "MCnc", "ng/mL", "25-hydroxyvitamin D3 [Mass/volume] in Serum or Plasma"),
    _row("2857-1", "MCnc", "ng/mL", "Prostate specific Ag [Mass/volume] in Serum or Plasma"),
    # blood gases
    _row("2744-1", "LsCnc", "[pH]", "pH of Arterial blood"),
    _row("2703-7", "PPres", "mm[Hg]", "Oxygen [Partial pressure] in Arterial blood"),
    _row("2019-8", "PPres", "mm[Hg]", "Carbon dioxide [Partial pressure] in Arterial blood"),
    # haematology
    _row("6690-2", "NCnc", "10*3/uL", "Leukocytes [#/volume] in Blood by Automated count"),
    _row("26464-8", "NCnc", "10*3/uL", "Leukocytes [#/volume] in Blood"),
    _row("789-8", "NCnc", "10*6/uL", "Erythrocytes [#/volume] in Blood by Automated count"),
    _row("718-7", "MCnc", "g/dL mmol/L", "Hemoglobin [Mass/volume] in Blood"),
    _row("4544-3", "VFr", "%", "Hematocrit [Volume Fraction] of Blood by Automated count"),
    _row("20570-8", "VFr", "%", "Hematocrit [Volume Fraction] of Blood"),
    _row("787-2", "EntVol", "fL", "MCV [Entitic volume] by Automated count|MCV [Entitic mean volume] in Red Blood Cells"),
    _row("785-6", "EntMass", "pg", "MCH [Entitic mass] by Automated count"),
    _row("786-4", "MCnc", "g/dL", "MCHC [Mass/volume] by Automated count|MCHC [Entitic Mass/volume] in Red Blood Cells"),
    _row("21000-5", "EntVol", "fL", "Erythrocyte distribution width [Entitic volume] by Automated count"),
    _row("788-0", "Ratio", "%", "Erythrocyte distribution width [Ratio] by Automated count"),
    _row("777-3", "NCnc", "10*3/uL", "Platelets [#/volume] in Blood by Automated count"),
    _row("26515-7", "NCnc", "10*3/uL", "Platelets [#/volume] in Blood"),
    _row("32207-3", "EntVol", "fL", "Platelet distribution width [Entitic volume] in Blood by Automated count"),
    _row("32623-1", "EntVol", "fL", "Platelet mean volume [Entitic volume] in Blood by Automated count"),
    _row("6301-6", "RelTime", "{INR} 1", "INR in Platelet poor plasma by Coagulation assay"),
    _row("5902-2", "Time", "s", "Prothrombin time (PT)"),
    _row("3173-2", "Time", "s", "aPTT in Blood by Coagulation assay"),
    # further codes of the same kinds
    _row("3137-7", "Len", "cm", "Body height Measured"),
    _row("8328-7", "Temp", "Cel", "Axillary temperature"),
    _row("8332-9", "Temp", "Cel", "Rectal temperature"),
    _row("20564-1", "MFr", "%", "Oxygen saturation in Blood"),
    _row("2713-6", "MFr", "%", "Oxygen saturation Calculated from oxygen partial pressure in Blood"),
    _row("14749-6", "SCnc", "mmol/L", "Glucose [Moles/volume] in Serum or Plasma"),
    _row("14682-9", "SCnc", "umol/L", "Creatinine [Moles/volume] in Serum or Plasma"),
    _row("14647-2", "SCnc", "mmol/L", "Cholesterol [Moles/volume] in Serum or Plasma"),
    _row("2000-8", "SCnc", "mmol/L", "Calcium [Moles/volume] in Serum or Plasma"),
    _row("1968-7", "MCnc", "mg/dL umol/L", "Bilirubin.direct [Mass/volume] in Serum or Plasma"),
    _row("3084-1", "MCnc", "mg/dL umol/L", "Urate [Mass/volume] in Serum or Plasma"),
    _row("2498-4", "MCnc", "ug/dL umol/L", "Iron [Mass/volume] in Serum or Plasma"),
    _row("30341-2", "Vel", "mm/h", "Erythrocyte sedimentation rate"),
    _row("26453-1", "NCnc", "10*6/uL", "Erythrocytes [#/volume] in Blood"),
    # scores and counts
    _row("72514-3", "Num", "{score}", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
    _row("55758-7", "Num", "{score}", "Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]"),
    _row("44261-6", "Num", "{score}", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
    _row("89204-2", "Num", "{score}", "Patient Health Questionnaire-9: Modified for Teens total score [Reported.PHQ.Teen]"),
    _row("70274-6", "Num", "{score}", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
    _row("75626-2", "Num", "{score}", "Total score [AUDIT-C]"),
    _row("82667-7", "Num", "{score}", "Total score [DAST-10]"),
    _row("76504-0", "Num", "{score}", "Total score [HARK]"),
    _row("59460-6", "Num", "{#} {score}", "Fall risk total [Morse Fall Scale]"),
    _row("9269-2", "Score", "{score}", "Glasgow coma score total"),
    _row("63512-8", "Num", "{#}", "How many people are living or staying at this address [#]|family members"),
    _row("38265-5", "Num", "{T-score}", "DXA Radius and Ulna [T-score] Bone density|DXA [T-score] Bone density"),
    _row("33756-8", "Len", "mm", "Polyp size greatest dimension by CAP cancer protocols"),
)  # fmt: skip
BY_CODE: Mapping[str, Expected] = {row.code: row for row in EXPECTED}
