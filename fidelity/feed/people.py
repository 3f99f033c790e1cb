"""What is judged beside the patient: within the life (TIM-05), plausible for sex and age (PLA-04), who is who (DUP-04)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from unicodedata import normalize

from fidelity.elements import first_code, rows, table, text
from fidelity.forms import measured
from fidelity.periods import Interval, after, parse_point
from fidelity.systems import ICD10CM, SNOMED

GRACE = 30 * 86400.0
"""Seconds after death in which results may still come (qualifier's rule)."""
OWN = frozenset({"MR", "SS", "NI", "NH", "PI", "PPN", "DL"})
"""Types of identifiers that no two people share. https://terminology.hl7.org/CodeSystem-v2-0203.html"""
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


def _blocks(sex: str, codes: str, low: float = 0.0, high: float = 150.0) -> tuple[SexRule, ...]:
    return tuple(SexRule(ICD10CM, code, sex, low, high) for code in codes.split())


SEX_RULES: tuple[SexRule, ...] = (
    # ICD-10-CM chapters and blocks that name an organ or pregnancy: tabular list, chapters 2, 14 and 15 (CMS).
    *_blocks("female", "O Z33 Z34 Z3A", 8, 70),
    *_blocks("female", "C51 C52 C53 C54 C55 C56 C57 C58"),
    *_blocks("female", "N70 N71 N72 N73 N75 N76 N80 N81 N82 N83 N84 N85 N86 N87 N88 N89 N90 N91 N92 N93 N94 N95 N96 N97 N98"),
    *_blocks("male", "C60 C61 C62 C63 N41 N42 N43 N44 N45 N46 N47 N48 N49 N50 N51 N52 N53"),
    *_blocks("male", "N40", 10),
    # SNOMED CT concepts of the same meaning; https://browser.ihtsdotools.org
    SexRule(SNOMED, "72892002", "female", 8, 70),  # normal pregnancy
    SexRule(SNOMED, "77386006", "female", 8, 70),  # pregnancy
    SexRule(SNOMED, "398254007", "female", 8, 70),  # pre-eclampsia
    SexRule(SNOMED, "363354003", "female"),  # malignant tumour of cervix
    SexRule(SNOMED, "363443007", "female"),  # malignant tumour of ovary
    SexRule(SNOMED, "236886002", "female"),  # hysterectomy
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
    """DUP-04: whether another patient has the same name, birth date and sex, or the same identifier, and is not linked to this
    one. Only hashes are kept."""

    seen: dict[int, int]

    def repeated(self, patient: Resource) -> bool | None:
        """Whether somebody with the same particulars came before under another id; None where they are incomplete."""
        marks = [*_particulars(patient), *_identifiers(patient)]
        own = hash(text(patient.get("id")))
        same = {hash(name) for name in linked(patient)} | {own}
        found = [self.seen.setdefault(hash(mark), own) for mark in marks]
        return any(each not in same for each in found) if found else None


def linked(patient: Resource) -> list[str]:
    """The ids of the patients that the record itself says are the same person: merged, or known twice.
    https://hl7.org/fhir/R4/patient-definitions.html#Patient.link"""
    found = [text(table(each.get("other")).get("reference")) or "" for each in rows(patient.get("link"))]
    return [name.rpartition("/")[2] for name in found if "Patient/" in name]


def _particulars(patient: Resource) -> list[tuple[Any, ...]]:
    """First name, family name, birth date to the day and sex, where all are there: twins share the rest, and years too."""
    name = (rows(patient.get("name")) or [{}])[0]
    given = name.get("given")
    first = given[0] if isinstance(given, list) and given and isinstance(given[0], str) else None
    born = text(patient.get("birthDate"))
    told = (_plain(text(name.get("family"))), _plain(first), born, patient.get("gender"))
    return [told] if None not in told and born is not None and len(born) == 10 else []


def _identifiers(patient: Resource) -> list[tuple[str, str]]:
    """Numbers that one person has, with who gives them: a member number may be a family's."""
    return [
        (system, value)
        for each in rows(patient.get("identifier"))
        if (system := text(each.get("system")))
        and (value := text(each.get("value")))
        and first_code(each.get("type")) in OWN
    ]


def _plain(name: str | None) -> str | None:
    """The letters of a name, without case and accents."""
    return "".join(sign for sign in normalize("NFKD", name.casefold()) if sign.isalpha()) if name else None


def quantity_of(element: Resource) -> tuple[float, str | None] | None:
    """The number of a ``valueQuantity`` and its UCUM code."""
    quantity = table(element.get("valueQuantity"))
    value = measured(quantity.get("value"))
    return None if value is None else (value, text(quantity.get("code")))
