"""Codes of a concept against the codes a feature lists.

Two rules of terminology are applied without its content: an OID names the same code system as its URI, and an
ICD-10-CM category stands for its subdivisions (``E11`` covers ``E11.65``), because that hierarchy is in the code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fidelity.elements import rows, table, text
from fidelity.systems import ICD10CM, LOINC, RXNORM, SNOMED, proper
from vocabulary.manifest import Code

__all__ = [
    "ICD10CM",
    "LOINC",
    "RXNORM",
    "SNOMED",
    "Listing",
    "covers",
    "listing",
    "named",
    "rank",
    "system_of",
]

UNSUITABLE_FORMS = frozenset(
    {"ophthalmic", "otic", "topical", "nasal", "vaginal", "rectal", "cutaneous", "transdermal", "shampoo"}
)
"""A drug so applied does not treat what its oral form treats; used only when a drug is recognised by its name."""


def system_of(coding: dict[str, Any]) -> str | None:
    """The coding's system under its proper name."""
    return proper(text(coding.get("system")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A feature's codes made ready to look up: places by (system, code), ICD-10-CM apart, words of drug names."""

    places: Mapping[tuple[str, str], int]
    hierarchical: Sequence[tuple[int, Code]]
    names: Sequence[frozenset[str]]


def listing(codes: Sequence[Code]) -> Listing:
    """Codes best first → Listing."""
    places: dict[tuple[str, str], int] = {}
    for place, code in enumerate(codes):
        places.setdefault((code.system, code.code), place)
    return Listing(
        places=places,
        hierarchical=[(place, code) for place, code in enumerate(codes) if code.system == ICD10CM],
        names=[frozenset(_words(code.display)) for code in codes if code.system == RXNORM and code.display],
    )


def rank(concept: Any, codes: Sequence[Code] | Listing) -> int | None:
    """The place of the best listed code that the concept carries; None when it carries none."""
    listed = codes if isinstance(codes, Listing) else listing(codes)
    found = []
    for coding in rows(table(concept).get("coding")):
        system, code = system_of(coding), text(coding.get("code"))
        if system is None or code is None:
            continue
        if (place := listed.places.get((system, code))) is not None:
            found.append(place)
        if system == ICD10CM:
            found += [place for place, wanted in listed.hierarchical if covers(wanted, code)]
    return min(found, default=None)


def covers(wanted: Code, code: str) -> bool:
    """Whether a listed code stands for ``code``: itself, and in ICD-10-CM its subdivisions."""
    if wanted.system != ICD10CM:
        return wanted.code == code
    listed, given = wanted.code.replace(".", "").upper(), code.replace(".", "").upper()
    return given == listed or (len(listed) >= 3 and given.startswith(listed))


def named(concept: Any, codes: Listing) -> bool:
    """Whether an RxNorm coding that is not listed has, in its display, the name of a listed ingredient as whole words.
    RxNorm names a clinical drug by its ingredients, so no list of drugs need be complete."""
    for coding in rows(table(concept).get("coding")):
        display = text(coding.get("display"))
        words = frozenset(_words(display)) if system_of(coding) == RXNORM and display else frozenset()
        if not words & UNSUITABLE_FORMS and any(name <= words for name in codes.names):
            return True
    return False


def _words(name: str) -> Iterator[str]:
    return (word for word in name.casefold().replace("/", " ").replace("[", " ").replace("]", " ").split() if word)
