"""In which form a code, value, unit or time is given: small closed lists, the dimensions of a pattern.

Plain Python and the bulk lane (``bulk_query``) decide the same; what stands here as an expression is used by both, so only
ASCII classes that ``re`` and RE2 read alike. Nothing here repeats what a record says.
"""

import re
from bisect import bisect_left
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from fidelity.editions.forms import WELL_FORMED
from fidelity.quantities import UCUM_NAMES
from fidelity.systems import ICD10CM, KNOWN, LOINC, OWN, RXNORM, SNOMED, SYNONYMS

PREFERRED: Final = (
    LOINC, SNOMED, RXNORM, ICD10CM, "http://hl7.org/fhir/sid/cvx", "http://hl7.org/fhir/sid/ndc",
    "http://www.nlm.nih.gov/research/umls/hcpcs",
)  # fmt: skip
"""Of several codings the first in one of these stands for the concept, else the first."""
TIMES: Final = (
    "effectiveDateTime", "effectiveInstant", "effectivePeriod", "onsetDateTime", "onsetPeriod", "performedDateTime",
    "performedPeriod", "occurrenceDateTime", "authoredOn", "period", "recordedDate", "date",
)  # fmt: skip
"""Where the clinically relevant time stands, first one present; of a period its start."""
TIMED: Final = frozenset(
    {
        "Observation", "Condition", "MedicationRequest", "Procedure", "AllergyIntolerance", "Immunization", "Encounter",
        "DiagnosticReport", "DocumentReference",
    }
)  # fmt: skip
"""Types of which a missing time is told."""
CHOICES: Final = (
    "valueInteger", "valueBoolean", "valueDateTime", "valueTime", "valuePeriod", "valueRange", "valueRatio", "valueSampledData",
)  # fmt: skip
"""``value[x]`` of an Observation besides quantity, coded answer and text. https://hl7.org/fhir/R4/observation.html"""
NULL_FLAVORS: Final = ("UNK", "NI", "NA", "ASKU", "NASK", "NAV", "OTH", "unknown", "asked-unknown", "not-asked")
"""https://terminology.hl7.org/CodeSystem-v3-NullFlavor.html and R4 data-absent-reason."""
EDGES: Final = (-1, 60, 900, 3600, 14400, 43200, 86400, 259200, 604800, 2592000, 31536000)
"""Seconds from the clinical time to the availability: upper edges of the bins; the first is *before it was measured*."""
DELAYS: Final = (*(str(edge) for edge in EDGES), "inf")

NUMBER_TEXT: Final = r"[ \t]*[<>]?=?[ \t]*[-+]?[0-9]+([.,/][0-9]+)?([ \t][^ \t\n]{1,24})?[ \t]*"
"""A number in text, with at most a sign of comparison before and a unit behind; ``120/80`` is one."""
EXACT: Final = (
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?(Z|[-+](0[0-9]|1[0-4]):[0-5][0-9])"
)
ZONELESS: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
DATE: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]"
PARTIAL: Final = r"[0-9]{4}(-[01][0-9])?"
ENCOUNTER: Final = r"Encounter/([A-Za-z0-9.-]{1,64})"
_number_text, _exact, _zoneless, _date, _partial, _encounter = (
    re.compile(each).fullmatch if each is not ENCOUNTER else re.compile(each).search
    for each in (NUMBER_TEXT, EXACT, ZONELESS, DATE, PARTIAL, ENCOUNTER)
)  # fmt: skip


def number_text(value: str) -> bool:
    """Whether a text is a number that should not stand in text."""
    return _number_text(value) is not None


@lru_cache(65_536)
def encounter_id(reference: str) -> str:
    """The id of the visit that a reference names, else an empty string."""
    found = _encounter(reference)
    return found[1] if found else ""


@lru_cache(65_536)
def time_form(at: str) -> str:
    """``exact`` (with a zone), ``zoneless``, ``date``, ``partial``, ``impossible`` (before 1900, after 2099) or ``malformed``."""
    if _exact(at):
        form = "exact"
    elif _zoneless(at):
        form = "zoneless"
    elif _date(at):
        form = "date"
    else:
        form = "partial" if _partial(at) else "malformed"
    return form if form == "malformed" or "1900" <= at[:4] < "2100" else "impossible"


@lru_cache(65_536)
def seconds(at: str) -> int | None:
    """Unix seconds of an exact time, fractions left off; None of any other."""
    if time_form(at) != "exact":
        return None
    zone = "Z" if at[-1] == "Z" else at[-6:]
    try:
        return int(datetime.fromisoformat(at[:19] + zone).timestamp())
    except ValueError:
        return None


@lru_cache(65_536)
def hour(at: str) -> str:
    """The hour of the day in UTC of an exact time, two digits."""
    if at[-1] == "Z":
        return at[11:13]
    away = (int(at[-5:-3]) * 60 + int(at[-2:])) * (-1 if at[-6] == "-" else 1)
    return f"{(int(at[11:13]) * 60 + int(at[14:16]) - away + 2880) % 1440 // 60:02d}"


def delay(lag: int) -> str:
    """The bin of a lag in seconds, by its upper edge."""
    return DELAYS[bisect_left(EDGES, lag)]


@lru_cache(65_536)
def bin_of(value: float) -> str:
    """The bin of a number: its three leading digits, as ``1.23e+02``; no other bins are needed, and none can be off."""
    return "%.2e" % (value + 0.0)  # printf is what both lanes have


def measured(value: Any) -> float | None:
    """A finite number as JSON gave it (``r4.codec`` gives a Decimal), else None."""
    if type(value) is float or type(value) is int or isinstance(value, Decimal):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if isfinite(number) else None
    return None


def unit_form(quantity: dict[str, Any]) -> str:
    """``coded`` in UCUM, ``text`` or ``missing``."""
    code, system = quantity.get("code"), quantity.get("system")
    if code not in (None, "") and type(system) is str and system in UCUM_NAMES:
        return "coded"
    return "missing" if code in (None, "") and quantity.get("unit") in (None, "") else "text"


@lru_cache(65_536)
def code_form(system: str, code: str, worded: bool) -> str:
    """``coded`` and well formed, ``malformed``, ``oid`` (named by OID or an old address), ``local``, ``unsystematic`` (a code
    without system), ``text`` only, or ``none``."""
    if not code:
        return "text" if worded else "none"
    if not system:
        return "unsystematic"
    if system in SYNONYMS:
        return "oid"
    if system not in KNOWN and not system.startswith(OWN):
        return "local"
    rule = WELL_FORMED.get(system)
    return "coded" if rule is None or rule(code) else "malformed"
