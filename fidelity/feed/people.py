"""What is judged beside the patient: within the life (TIM-05), plausible for sex and age (PLA-04), who is who (DUP-04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fidelity.elements import rows, table, text
from fidelity.forms import measured
from fidelity.periods import Interval, after, parse_point
from fidelity.systems import ICD10CM, SNOMED

GRACE = 30 * 86400.0
"""Seconds after death in which results may still come (qualifier's rule)."""
YEAR = 365.25 * 86400.0
Resource = Mapping[str, Any]


class Person(NamedTuple):
    """A patient's life, as intervals, and administrative sex; None where the record does not say."""

    born: Interval | None
    died: Interval | None
    sex: str | None


class SexRule(NamedTuple):
    """Codes that a body of the other sex cannot have. ``start`` of an ICD-10-CM code, or a whole code."""

    system: str
    code: str
    sex: str
    low: float = 0.0
    high: float = 150.0


SEX_RULES: tuple[SexRule, ...] = (
    # ICD-10-CM chapters and blocks that name an organ or pregnancy: tabular list, chapters 2, 14 and 15 (CMS).
    SexRule(ICD10CM, "O", "female", 8, 70), SexRule(ICD10CM, "Z34", "female", 8, 70), SexRule(ICD10CM, "Z33", "female", 8, 70),
    SexRule(ICD10CM, "C53", "female"), SexRule(ICD10CM, "C54", "female"), SexRule(ICD10CM, "C56", "female"),
    SexRule(ICD10CM, "N80", "female"), SexRule(ICD10CM, "N94", "female"),
    SexRule(ICD10CM, "C60", "male"), SexRule(ICD10CM, "C61", "male"), SexRule(ICD10CM, "C62", "male"),
    SexRule(ICD10CM, "N40", "male", 10), SexRule(ICD10CM, "N41", "male"),
    # SNOMED CT concepts of the same meaning; https://browser.ihtsdotools.org
    SexRule(SNOMED, "72892002", "female", 8, 70),  # normal pregnancy
    SexRule(SNOMED, "77386006", "female", 8, 70),  # pregnancy
    SexRule(SNOMED, "398254007", "female", 8, 70),  # pre-eclampsia
    SexRule(SNOMED, "363354003", "female"),  # malignant tumour of cervix
    SexRule(SNOMED, "399068003", "male", 15),  # malignant tumour of prostate
    SexRule(SNOMED, "266569009", "male", 15),  # benign prostatic hyperplasia
)  # fmt: skip
"""Transgender people have records that break these rules rightly: the finding asks somebody to look, it refuses nothing."""


def person_of(patient: Resource) -> Person:
    """The Patient resource → what is judged by."""
    sex = text(patient.get("gender"))
    return Person(
        parse_point(patient.get("birthDate")), parse_point(patient.get("deceasedDateTime")),
        sex if sex in ("female", "male") else None,
    )  # fmt: skip


def alive(person: Person, when: Interval) -> bool | None:
    """TIM-05: not before birth, not more than 30 days after death. Of partial dates the earliest of one side is held
    against the latest of the other."""
    if person.born is None and person.died is None:
        return None
    early = person.born is not None and after(person.born, when)
    late = person.died is not None and when.start > person.died.end + GRACE
    return not (early or late)


def plausible(person: Person, system: str, code: str, when: Interval | None) -> bool | None:
    """PLA-04: no condition of the other sex, none of an age that the patient cannot have had; None where no rule speaks
    of the code or the patient's record is silent."""
    plain = code.replace(".", "")
    rule = next((each for each in SEX_RULES if _speaks(each, system, plain)), None)
    if rule is None or person.sex is None:
        return None
    if person.sex != rule.sex:
        return False
    if person.born is None or when is None:
        return True
    youngest, oldest = (when.start - person.born.end) / YEAR, (when.end - person.born.start) / YEAR
    return oldest >= rule.low and youngest <= rule.high


def _speaks(rule: SexRule, system: str, code: str) -> bool:
    if rule.system != system:
        return False
    return code.startswith(rule.code) if system == ICD10CM else code == rule.code


@dataclass(slots=True)
class Linkage:
    """DUP-04: whether another patient has the same name, birth date and sex. Only hashes are kept."""

    seen: dict[int, int]

    def repeated(self, patient: Resource) -> bool | None:
        """Whether somebody with the same particulars came before under another id; None where they are incomplete."""
        name = (rows(patient.get("name")) or [{}])[0]
        given = name.get("given")
        first = given[0] if isinstance(given, list) and given and isinstance(given[0], str) else None
        particulars = (
            _plain(text(name.get("family"))),
            _plain(first),
            text(patient.get("birthDate")),
            patient.get("gender"),
        )
        if None in particulars:
            return None
        return self.seen.setdefault(hash(particulars), hash(text(patient.get("id")))) != hash(text(patient.get("id")))


def _plain(name: str | None) -> str | None:
    return "".join(sign for sign in name.casefold() if sign.isalpha()) if name else None


def quantity_of(element: Resource) -> tuple[float, str | None] | None:
    """The number of a ``valueQuantity`` and its UCUM code."""
    quantity = table(element.get("valueQuantity"))
    value = measured(quantity.get("value"))
    return None if value is None else (value, text(quantity.get("code")))
