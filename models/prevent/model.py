"""PREVENT base equations, 10-year risk of total cardiovascular disease, ASCVD and heart failure.

Khan SS, Coresh J, Pencina MJ, et al. Development and Validation of the American Heart Association's PREVENT Equations.
Circulation 2024;149:430-449, doi 10.1161/CIRCULATIONAHA.123.067626. Sex-specific and race-free.
Outside its validity the model abstains and names the input; nothing is ever clamped into range.
"""

from math import exp
from typing import Any

TERMS = (
    "age", "non_hdl", "hdl", "sbp_lt110", "sbp_ge110", "diabetes", "smoker", "bmi_lt30", "bmi_ge30", "egfr_lt60",
    "egfr_ge60", "bp_treated", "statin", "bp_treated*sbp_ge110", "statin*non_hdl", "age*non_hdl", "age*hdl",
    "age*sbp_ge110", "age*diabetes", "age*smoker", "age*bmi_ge30", "age*egfr_lt60", "constant",
)  # fmt: skip

COEFFICIENTS: dict[tuple[str, str], tuple[float, ...]] = {
    ("cvd", "female"): (
        0.7939329, 0.0305239, -0.1606857, -0.2394003, 0.3600781, 0.8667604, 0.5360739, 0, 0, 0.6045917, 0.0433769,
        0.3151672, -0.1477655, -0.0663612, 0.1197879, -0.0819715, 0.0306769, -0.0946348, -0.27057, -0.078715, 0,
        -0.1637806, -3.307728,
    ),
    ("cvd", "male"): (
        0.7688528, 0.0736174, -0.0954431, -0.4347345, 0.3362658, 0.7692857, 0.4386871, 0, 0, 0.5378979, 0.0164827,
        0.288879, -0.1337349, -0.0475924, 0.150273, -0.0517874, 0.0191169, -0.1049477, -0.2251948, -0.0895067, 0,
        -0.1543702, -3.031168,
    ),
    ("ascvd", "female"): (
        0.719883, 0.1176967, -0.151185, -0.0835358, 0.3592852, 0.8348585, 0.4831078, 0, 0, 0.4864619, 0.0397779,
        0.2265309, -0.0592374, -0.0395762, 0.0844423, -0.0567839, 0.0325692, -0.1035985, -0.2417542, -0.0791142, 0,
        -0.1671492, -3.819975,
    ),
    ("ascvd", "male"): (
        0.7099847, 0.1658663, -0.1144285, -0.2837212, 0.3239977, 0.7189597, 0.3956973, 0, 0, 0.3690075, 0.0203619,
        0.2036522, -0.0865581, -0.0322916, 0.114563, -0.0300005, 0.0232747, -0.0927024, -0.2018525, -0.0970527, 0,
        -0.1217081, -3.500655,
    ),
    ("hf", "female"): (
        0.8998235, 0, 0, -0.4559771, 0.3576505, 1.038346, 0.583916, -0.0072294, 0.2997706, 0.7451638, 0.0557087,
        0.3534442, 0, -0.0981511, 0, 0, 0, -0.0946663, -0.3581041, -0.1159453, -0.003878, -0.1884289, -4.310409,
    ),
    ("hf", "male"): (
        0.8972642, 0, 0, -0.6811466, 0.3634461, 0.923776, 0.5023736, -0.0485841, 0.3726929, 0.6926917, 0.0251827,
        0.2980922, 0, -0.0497731, 0, 0, 0, -0.1289201, -0.3040924, -0.1401688, 0.0068126, -0.1797778, -3.946391,
    ),
}  # fmt: skip
"""The paper's supplement, base model, 10 years, in the order of ``TERMS``; a term that an equation lacks is 0."""

VALIDITY = {
    "age": (30, 79), "total_cholesterol": (130, 320), "hdl": (20, 100), "systolic": (90, 200), "bmi": (18.5, 39.9),
    "egfr": (15, 150),
}  # fmt: skip
"""Both ends included; years, mg/dL, mg/dL, mm[Hg], kg/m2, mL/min/{1.73_m2}."""
YES_NO = ("diabetes", "bp_treated", "statin", "prior_cvd")
SMOKING = {"current": True, "not current": False}


def predict(features: dict[str, Any]) -> dict[str, Any]:
    """Features by name → the three risks as fractions, or ``abstained`` with every input that is outside validity."""
    reasons = [*_missing(features), *_outside(features)]
    if reasons:
        return {"abstained": "; ".join(reasons)}
    terms = _terms(features)
    risks = {name: _risk(name, str(features["sex"]), terms) for name in ("cvd", "ascvd", "hf")}
    return {
        "value": risks["cvd"],
        "unit": "fraction",
        "components": [{"code": name, "value": risks[name], "unit": "fraction"} for name in ("ascvd", "hf")],
        "explanation": "10-year risk by the PREVENT base equations: "
        + ", ".join(f"{label} {100 * risks[name]:.1f} %" for name, label in LABELS.items()),
    }


LABELS = {"cvd": "total cardiovascular disease", "ascvd": "ASCVD", "hf": "heart failure"}


def _missing(features: dict[str, Any]) -> list[str]:
    wanted = (*VALIDITY, "sex", "smoking", *YES_NO)
    return [f"{name} is not known" for name in wanted if features.get(name) is None]


def _outside(features: dict[str, Any]) -> list[str]:
    """Inputs that are there and for which the equations were not derived."""
    reasons = []
    for name, (low, high) in VALIDITY.items():
        value = features.get(name)
        if value is not None and not low <= value <= high:
            reasons.append(f"{name} is outside {low} to {high}, for which the equations are valid")
    if features.get("sex") not in (None, "female", "male"):
        reasons.append("sex is neither female nor male, for which the equations are valid")
    if features.get("smoking") not in (None, *SMOKING):
        reasons.append("smoking is not one of the known answers")
    if features.get("prior_cvd"):
        reasons.append("prior_cvd: the equations are valid only without cardiovascular disease")
    return reasons


def _terms(features: dict[str, Any]) -> dict[str, float]:
    sbp, bmi, egfr = (float(features[name]) for name in ("systolic", "bmi", "egfr"))
    hdl = float(features["hdl"]) * 0.02586
    terms = {
        "age": (float(features["age"]) - 55) / 10,
        "non_hdl": (float(features["total_cholesterol"]) - float(features["hdl"])) * 0.02586 - 3.5,
        "hdl": (hdl - 1.3) / 0.3,
        "sbp_lt110": (min(sbp, 110) - 110) / 20,
        "sbp_ge110": (max(sbp, 110) - 130) / 20,
        "bmi_lt30": (min(bmi, 30) - 25) / 5,
        "bmi_ge30": (max(bmi, 30) - 30) / 5,
        "egfr_lt60": (min(egfr, 60) - 60) / -15,
        "egfr_ge60": (max(egfr, 60) - 90) / -15,
        "smoker": float(SMOKING[features["smoking"]]),
        "constant": 1.0,
    }
    return terms | {name: float(bool(features[name])) for name in YES_NO}


def _risk(outcome: str, sex: str, terms: dict[str, float]) -> float:
    total = 0.0
    for name, coefficient in zip(TERMS, COEFFICIENTS[outcome, sex], strict=True):
        left, _, right = name.partition("*")
        total += coefficient * terms[left] * (terms[right] if right else 1.0)
    return 1 / (1 + exp(-total))
