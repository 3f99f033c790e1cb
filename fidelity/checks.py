"""The catalogue: every fidelity check there is, by its stable id. Ids, Kahn categories and owners do not change.

Source: the catalogue of the project's fidelity reference, §1.2, which names for each check the precedents it takes
after: OHDSI DataQualityDashboard, sync-for-science/qualifier, HL7 PIQI. ``dimension`` is PIQI's.

``decided`` says what has to be seen before a check can be decided: one ``record``, the ``chart`` of one patient, the
whole ``feed`` (a scan), or a ``baseline`` (a scan beside a reference profile). ``grade`` chooses the thresholds, which
stand apart in ``fidelity.thresholds``. ``daily``: in the day-one set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vocabulary.finding import Owner, Severity

Kahn = Literal["conformance", "completeness", "plausibility"]
Dimension = Literal["Accuracy", "Availability", "Conformity", "Consistency", "Timeliness", "Uniqueness"]
Decided = Literal["record", "chart", "feed", "baseline"]
Grade = Literal["fatal", "convention", "characterisation"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the catalogue."""

    id: str
    title: str
    kahn: Kahn
    dimension: Dimension
    severity: Severity
    owner: Owner
    decided: Decided
    grade: Grade = "convention"
    daily: bool = False
    note: str = ""


C: Kahn = "conformance"
P: Kahn = "completeness"
V: Kahn = "plausibility"
ENG: Owner = "engineering"
CI: Owner = "clinical_informatics"

CHECKS: tuple[Check, ...] = (
    Check("STR-01", "mandatory element present", C, "Availability", "warning", ENG, "record", "fatal", True),
    Check("STR-02", "must-support element present", P, "Availability", "info", CI, "record", "characterisation", True,
          "a rate, compared with the baseline; never a fault of one record"),
    Check("STR-03", "value present, absence explained", P, "Availability", "info", CI, "record", "characterisation", True,
          "a failure is a value that is absent for a stated reason"),
    Check("STR-04", "no silent absence", P, "Availability", "warning", ENG, "record", daily=True),
    Check("STR-05", "feature available", P, "Availability", "critical", "both", "chart", daily=True),
    Check("STR-06", "value of the usual type for its code", C, "Conformity", "warning", CI, "baseline"),
    Check("COD-01", "coded, not only written", C, "Conformity", "warning", CI, "record", daily=True),
    Check("COD-02", "coded in an accepted system", C, "Conformity", "warning", CI, "record", daily=True),
    Check("COD-03", "code system recognised", C, "Conformity", "warning", ENG, "record", daily=True),
    Check("COD-04", "code well formed", C, "Conformity", "warning", CI, "record", daily=True),
    Check("COD-05", "display agrees with its code", V, "Consistency", "info", CI, "record"),
    Check("COD-06", "codings of one concept agree", V, "Consistency", "warning", CI, "record"),
    Check("COD-07", "no coded unknown", P, "Availability", "info", CI, "record", "characterisation"),
    Check("VER-01", "code known in the pinned edition", C, "Conformity", "warning", CI, "record", daily=True),
    Check("VER-02", "code active in the pinned edition", C, "Conformity", "warning", CI, "record", daily=True),
    Check("VER-03", "code valid on the date of the event", C, "Conformity", "warning", CI, "record", daily=True),
    Check("VER-04", "stated edition is the pinned one", C, "Conformity", "info", ENG, "record"),
    Check("VER-05", "no feature touched by edition skew", C, "Conformity", "warning", CI, "feed", daily=True),
    Check("VER-06", "code seen in training", V, "Consistency", "info", CI, "baseline", daily=True),
    Check("VER-07", "no code vanished", P, "Availability", "critical", "both", "baseline", daily=True),
    Check("VAL-01", "no number in text", C, "Conformity", "warning", CI, "record", daily=True),
    Check("VAL-02", "no comment in value", C, "Conformity", "warning", CI, "record", daily=True),
    Check("VAL-03", "value not censored", P, "Availability", "warning", CI, "record", "characterisation"),
    Check("VAL-04", "component and dose structured", C, "Conformity", "warning", CI, "record"),
    Check("UNI-01", "unit present", P, "Availability", "warning", CI, "record", daily=True),
    Check("UNI-02", "unit coded in UCUM", C, "Conformity", "warning", ENG, "record", daily=True),
    Check("UNI-03", "unit is one of UCUM", C, "Conformity", "warning", ENG, "record"),
    Check("UNI-04", "unit of the right dimension", V, "Accuracy", "warning", CI, "record", daily=True),
    Check("UNI-05", "unit the one trained on", C, "Consistency", "info", CI, "record"),
    Check("UNI-06", "value fits its unit", V, "Accuracy", "warning", CI, "record"),
    Check("PLA-01", "within hard limits", V, "Accuracy", "warning", CI, "record", daily=True),
    Check("PLA-02", "within the limits learned in training", V, "Accuracy", "info", CI, "baseline", "characterisation"),
    Check("PLA-03", "reference range and interpretation agree", V, "Consistency", "warning", CI, "record"),
    Check("PLA-04", "plausible for sex and age", V, "Accuracy", "warning", CI, "feed"),
    Check("PLA-05", "plausible beside the last value", V, "Accuracy", "warning", CI, "feed"),
    Check("PLA-06", "no spike or preferred digit", V, "Accuracy", "info", CI, "baseline"),
    Check("TIM-01", "time present", P, "Timeliness", "warning", ENG, "record", daily=True),
    Check("TIM-02", "time of day present", C, "Timeliness", "info", ENG, "record", "characterisation"),
    Check("TIM-03", "time with its zone", C, "Timeliness", "warning", ENG, "record", daily=True),
    Check("TIM-04", "time possible", V, "Timeliness", "warning", ENG, "record", "fatal", True),
    Check("TIM-05", "within the patient's life", V, "Timeliness", "warning", CI, "feed"),
    Check("TIM-06", "times in order", V, "Timeliness", "warning", ENG, "record", daily=True),
    Check("TIM-07", "fresh enough for the model", P, "Timeliness", "warning", ENG, "feed", daily=True),
    Check("TIM-08", "no shift of the time zone", V, "Timeliness", "warning", ENG, "baseline"),
    Check("TIM-09", "available when it is said to be true", V, "Timeliness", "info", "both", "record"),
    Check("REF-01", "subject present and a patient", C, "Conformity", "warning", ENG, "record", "fatal", True),
    Check("REF-02", "references resolve", P, "Consistency", "warning", ENG, "feed", daily=True),
    Check("REF-03", "encounter known", P, "Availability", "info", ENG, "record", "characterisation"),
    Check("REF-04", "no other patient's record", V, "Consistency", "critical", ENG, "feed", "fatal"),
    Check("DUP-01", "one record for an id and version", C, "Uniqueness", "warning", ENG, "feed", "fatal"),
    Check("DUP-02", "said once", V, "Uniqueness", "info", ENG, "feed", daily=True),
    Check("DUP-03", "settled, not preliminary or withdrawn", C, "Uniqueness", "warning", ENG, "record"),
    Check("DUP-04", "one record for a person", V, "Uniqueness", "warning", CI, "feed",
          note="compares names and birth dates between patients, so it is off unless it is asked for"),
    Check("VOL-01", "usual volume for a patient's day", P, "Availability", "warning", ENG, "baseline"),
    Check("VOL-02", "no gap in the feed", P, "Timeliness", "warning", ENG, "feed"),
    Check("VOL-03", "read to the end", P, "Availability", "warning", ENG, "feed"),
    Check("TXT-01", "content not only in narrative or attachment", P, "Conformity", "info", CI, "record"),
)  # fmt: skip
"""In the order of the catalogue; the bit of a check in a mask is its place here."""

BY_ID: Mapping[str, Check] = {check.id: check for check in CHECKS}
BIT: Mapping[str, int] = {check.id: 1 << place for place, check in enumerate(CHECKS)}


def ids(mask: int) -> tuple[str, ...]:
    """The ids whose bits are set, in the order of the catalogue."""
    return tuple(check.id for check in CHECKS if mask & BIT[check.id])


def mask(*names: str) -> int:
    """The bits of these ids. Raises KeyError for one that is not in the catalogue."""
    made = 0
    for name in names:
        made |= BIT[name]
    return made
