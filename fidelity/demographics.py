"""Features that come from the Patient: age in calendar years and administrative sex."""

from datetime import UTC, date, datetime

from fidelity.elements import rows, table, text, versioned
from fidelity.periods import future, parse_point
from vocabulary.chart import FeatureValue, Resource
from vocabulary.manifest import Feature

BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
AGES, SEXES = frozenset({"age"}), frozenset({"sex", "gender"})


def read(feature: Feature, patient: Resource, as_of: float) -> FeatureValue | str:
    """The value, or why it is absent. Only ``age`` and ``sex`` (or ``gender``) are known."""
    if feature.name in AGES:
        found = age(patient, as_of)
    elif feature.name in SEXES:
        found = sex(patient)
    else:
        return "a patient feature is age or sex"
    if isinstance(found, FeatureValue) and feature.limits and isinstance(found.value, int):
        low, high = feature.limits
        if not low <= found.value <= high:
            return "the value lies outside the hard plausibility limits"
    return found


def age(patient: Resource, as_of: float) -> FeatureValue | str:
    """Completed calendar years at ``as_of`` (UTC). A partial birth date gives the lower age, with a caveat."""
    born = parse_point(patient.get("birthDate"))
    if born is None:
        return "the birth date is missing or is no date"
    if future(born, as_of):
        return "the birth date lies in the future"
    today = _day(as_of)
    low, high = (max(0, _years(_day(each), today)) for each in (max(born.start, min(born.end, as_of)), born.start))
    caveats = ("the birth date is incomplete, so the age may be a year more",) if low != high else ()
    return FeatureValue(value=low, unit="a", sources=(versioned(patient),), at=as_of, caveats=caveats)


def sex(patient: Resource) -> FeatureValue | str:
    """Administrative gender; a recorded sex at birth that differs is a caveat."""
    gender = text(patient.get("gender"))
    if gender is None or gender == "unknown":
        return "the sex is not recorded"
    recorded = [text(item.get("valueCode")) for item in rows(patient.get("extension")) if item.get("url") == BIRTH_SEX]
    at_birth = {"F": "female", "M": "male"}.get((recorded or [None])[0] or "", gender)
    differs = at_birth != gender
    caveats = ("the recorded sex at birth differs from the administrative sex",) if differs else ()
    return FeatureValue(value=gender, sources=(versioned(patient),), caveats=caveats)


def deceased(patient: Resource, as_of: float) -> bool:
    """Whether the patient is recorded as dead at ``as_of``."""
    if table(patient).get("deceasedBoolean") is True:
        return True
    died = parse_point(table(patient).get("deceasedDateTime"))
    return died is not None and not future(died, as_of)


def _day(point: float) -> date:
    return datetime.fromtimestamp(point, UTC).date()


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
