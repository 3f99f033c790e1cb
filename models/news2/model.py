"""National Early Warning Score (NEWS) 2: seven sub-scores and their total.

Royal College of Physicians. National Early Warning Score (NEWS) 2: Standardising the assessment of acute-illness
severity in the NHS. London: RCP, 2017. Integers are rounded half up before banding, temperature to one decimal. SpO2
scale 2 is used only when prescribed. A missing parameter means no total: the model abstains and names it.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Bands = tuple[tuple[str, int], ...]
"""Upper ends, included, with their points; the last band is open (``inf``)."""

BANDS: Mapping[str, Bands] = {
    "respiration_rate": (("8", 3), ("11", 1), ("20", 0), ("24", 2), ("inf", 3)),
    "spo2_scale_1": (("91", 3), ("93", 2), ("95", 1), ("inf", 0)),
    "systolic": (("90", 3), ("100", 2), ("110", 1), ("219", 0), ("inf", 3)),
    "pulse": (("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), ("inf", 3)),
    "temperature": (("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), ("inf", 2)),
}
SCALE_2: Mapping[bool, Bands] = {
    False: (("83", 3), ("85", 2), ("87", 1), ("inf", 0)),
    True: (("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2), ("inf", 3)),
}
"""SpO2 scale 2 for hypercapnic respiratory failure, by whether oxygen is given: 93 and above is 0 on air."""
CONSCIOUSNESS = {"alert": 0, "confusion": 3, "voice": 3, "pain": 3, "unresponsive": 3}
ROOM_AIR = 21.0
"""Percent of oxygen in air: an inspired fraction above it is oxygen given."""

MEASURED = ("respiration_rate", "spo2", "systolic", "pulse", "consciousness", "temperature")
TIERS = {
    "low": "low: total 0 to 4",
    "low-medium": "low to medium: a single parameter scores 3, urgent review on the ward",
    "medium": "medium: total 5 to 6, urgent response",
    "high": "high: total 7 or more, emergency response",
}


def predict(features: dict[str, Any], chart: Any) -> dict[str, Any]:
    """Features by name → total, seven sub-scores and tier; or ``abstained`` naming every parameter that is missing.
    ``chart`` (or None) tells how old each of two accounts of oxygen is."""
    missing = [name for name in MEASURED if features.get(name) is None]
    oxygen = _oxygen(features, chart)
    if oxygen is None:
        missing.append("oxygen")
    if missing or oxygen is None:
        return {"abstained": "no total without: " + ", ".join(missing)}
    if features["consciousness"] not in CONSCIOUSNESS:
        return {"abstained": "consciousness is not one of the ACVPU answers"}
    scores = _scores(features, oxygen)
    total = sum(scores.values())
    tier = _tier(total, scores)
    return {
        "value": total,
        "unit": "{score}",
        "components": [{"code": name, "value": score, "unit": "{score}"} for name, score in scores.items()],
        "tier": tier,
        "explanation": f"NEWS2 total {total}, {TIERS[tier]}",
    }


def _oxygen(features: Mapping[str, Any], chart: Any) -> bool | None:
    """Whether oxygen is given. Of a flow and a fraction the later tells; of the same time, oxygen if either says so."""
    flow, fraction = features.get("oxygen_flow"), features.get("oxygen_fraction")
    told = {"oxygen_flow": None if flow is None else flow > 0}
    told["oxygen_fraction"] = None if fraction is None else fraction > ROOM_AIR
    known = {name: given for name, given in told.items() if given is not None}
    if not known:
        return None
    found = getattr(chart, "features", {})
    times = {name: getattr(found.get(name), "at", None) or 0.0 for name in known}
    return any(given for name, given in known.items() if times[name] == max(times.values()))


def _scores(features: Mapping[str, Any], oxygen: bool) -> dict[str, int]:
    spo2 = _rounded(features["spo2"], "1")
    prescribed = features.get("spo2_scale_2_prescribed") is True
    scores = {"respiration_rate": _points(BANDS["respiration_rate"], _rounded(features["respiration_rate"], "1"))}
    if prescribed:
        scores["spo2_scale_2"] = _points(SCALE_2[oxygen], spo2)
    else:
        scores["spo2_scale_1"] = _points(BANDS["spo2_scale_1"], spo2)
    scores["air_or_oxygen"] = 2 if oxygen else 0
    scores["systolic"] = _points(BANDS["systolic"], _rounded(features["systolic"], "1"))
    scores["pulse"] = _points(BANDS["pulse"], _rounded(features["pulse"], "1"))
    scores["consciousness"] = CONSCIOUSNESS[features["consciousness"]]
    scores["temperature"] = _points(BANDS["temperature"], _rounded(features["temperature"], "0.1"))
    return scores


def _rounded(value: float, step: str) -> Decimal:
    """Half up at ``step``, from the shortest digits of the number: 38.05 → 38.1, which binary arithmetic would miss."""
    return Decimal(str(value)).quantize(Decimal(step), ROUND_HALF_UP)


def _points(bands: Bands, value: Decimal) -> int:
    return next(points for top, points in bands if value <= Decimal(top))


def _tier(total: int, scores: Mapping[str, int]) -> str:
    if total >= 7:
        return "high"
    if total >= 5:
        return "medium"
    return "low-medium" if 3 in scores.values() else "low"
