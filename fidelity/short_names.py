"""Short names under which laboratories and wards send a LOINC code, beside LOINC's long ones in ``expected``.

Source: LOINC's short names and related names, https://loinc.org/CODE; the content is from LOINC (https://loinc.org), copyright
Regenstrief Institute, Inc. and the LOINC Committee, available at no cost under https://loinc.org/license.
"""

from collections.abc import Mapping

_ROWS = (
    ("8480-6", "SBP|BP sys"), ("8462-4", "DBP|BP dias"), ("8478-0", "MAP"), ("8867-4", "HR|Pulse rate"),
    ("9279-1", "RR|Resp rate"), ("8310-5", "Temp|Temperature"), ("8331-1", "Temp oral"), ("29463-7", "Wt|Weight"),
    ("3141-9", "Wt|Weight"), ("8302-2", "Ht|Height"), ("9843-4", "HC|Head circumference"), ("39156-5", "BMI"),
    ("3140-1", "BSA"), ("59408-5", "SpO2|O2 sat|Oxygen saturation|Pulse oximetry"), ("2708-6", "SaO2|SpO2|O2 sat"),
    ("3150-0", "FiO2"), ("3151-8", "O2 flow"), ("2345-7", "Gluc|Glu"), ("2339-0", "Gluc|Glu"), ("1558-6", "FBG|FBS"),
    ("4548-4", "HbA1c|A1c|HgbA1c|Hemoglobin A1c"), ("2951-2", "Na"), ("2947-0", "Na"), ("2823-3", "K"), ("6298-4", "K"),
    ("2075-0", "Cl"), ("2069-3", "Cl"), ("2028-9", "CO2|TCO2|Bicarbonate|HCO3"), ("20565-8", "CO2|TCO2"), ("1963-8", "HCO3"),
    ("33037-3", "AGAP"), ("3094-0", "BUN|Urea"), ("6299-2", "BUN|Urea"), ("2160-0", "Creat|Cr"), ("38483-4", "Creat|Cr"),
    ("17861-6", "Ca"), ("49765-1", "Ca"), ("19123-9", "Mg"), ("2777-1", "PO4|Phos|Phosphorus"), ("1751-7", "Alb"),
    ("2885-2", "TP|Total protein"), ("1975-2", "TBIL|T bili|Total bilirubin"), ("1968-7", "DBIL|Direct bilirubin"),
    ("1742-6", "ALT|SGPT|GPT"), ("1920-8", "AST|SGOT|GOT"), ("6768-6", "ALP|Alk phos"), ("2324-2", "GGT|GGTP"),
    ("2532-0", "LDH|LD"), ("2157-6", "CK|CPK"), ("2524-7", "Lactic acid"), ("2093-3", "Chol"), ("2085-9", "HDL|HDLc"),
    ("18262-6", "LDL|LDLc"), ("13457-7", "LDL|LDLc"), ("2571-8", "TG|Trig|Trigl"), ("33914-3", "eGFR|GFR"),
    ("62238-1", "eGFR|GFR"), ("98979-8", "eGFR|GFR"), ("14959-1", "ACR|UACR"), ("9318-7", "ACR|UACR"), ("1988-5", "CRP"),
    ("2276-4", "Ferr"), ("3016-3", "TSH"), ("6598-7", "cTnT|TnT|Troponin T"), ("10839-9", "cTnI|TnI|Troponin I"),
    ("33762-6", "NT-proBNP|proBNP"), ("33959-8", "PCT"), ("1989-3", "Vitamin D 25-OH|25OHD3"), ("2857-1", "PSA"),
    ("2744-1", "pH"), ("2703-7", "pO2|PaO2"), ("2019-8", "pCO2|PaCO2"), ("6690-2", "WBC|White blood cells|White cell count"),
    ("26464-8", "WBC|White blood cells|White cell count"), ("789-8", "RBC|Red blood cells|Red cell count"),
    ("26453-1", "RBC|Red blood cells"), ("718-7", "Hgb|Hb"), ("4544-3", "Hct|PCV"), ("20570-8", "Hct|PCV"), ("787-2", "MCV"),
    ("785-6", "MCH"), ("786-4", "MCHC"), ("21000-5", "RDW"), ("788-0", "RDW"), ("777-3", "PLT|Platelet count"),
    ("26515-7", "PLT|Platelet count"), ("32207-3", "PDW"), ("32623-1", "MPV"), ("6301-6", "INR"), ("5902-2", "PT"),
    ("3173-2", "aPTT|PTT"), ("20564-1", "SO2|O2 sat"), ("3084-1", "Uric acid"), ("2498-4", "Fe"), ("30341-2", "ESR"),
    ("72514-3", "Pain score"), ("55758-7", "PHQ-2"), ("44261-6", "PHQ-9"), ("70274-6", "GAD-7"), ("9269-2", "GCS|Glasgow"),
)  # fmt: skip
SHORT: Mapping[str, tuple[str, ...]] = {code: tuple(names.split("|")) for code, names in _ROWS}
"""LOINC code → its short names."""
