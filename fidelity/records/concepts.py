"""What a CodeableConcept shows by itself: coded, in a known system, well formed, known, active (COD, VER).

Concepts repeat, so each is judged once and remembered by what it says.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fidelity.checks import BIT
from fidelity.editions.edition import Spans, Standing, Terminology
from fidelity.editions.forms import WELL_FORMED
from fidelity.elements import ABSENT_REASON, rows, table, text
from fidelity.records.displays import agree, displayed
from fidelity.systems import DATA_ABSENT, KNOWN, LOINC, NULL_FLAVOR, SNOMED, SYNONYMS, proper, recognised

REMEMBERED = 50_000
"""Concepts kept; beyond that the memory starts anew. A hospital's live vocabulary is smaller."""

UNKNOWNS = frozenset(
    {
        (SNOMED, "261665006"), (SNOMED, "373068000"), (SNOMED, "266927001"), (SNOMED, "74964007"),
        (LOINC, "LA4489-6"), (LOINC, "LA15920-4"),
    }
)  # fmt: skip
"""Answers that say that nothing is known: unknown, undetermined, unknown if ever smoked, other."""


PUBLIC = (
    "loinc.org", "snomed.info", "snomed.org", "nlm.nih.gov", "hl7.org", "cms.gov", "cms.hhs.gov", "ama-assn.org",
    "unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.",
)  # fmt: skip
"""Owners of public code systems: an address of theirs that is not in the table is a system named wrongly."""


class Concept(NamedTuple):
    """``fails`` and ``passes`` are bits of checks, ``key`` is ``system|code`` of the coding that was best understood (empty
    when it is not coded), ``loinc`` its LOINC code, ``spans`` when each dated code could be used."""

    fails: int
    passes: int
    key: str
    system: str
    code: str
    spans: tuple[Spans, ...]


class Concepts:
    """The rules of concepts for one set of accepted systems, with what they have seen so far."""

    def __init__(
        self, *, accepted: Mapping[str, frozenset[str]], terminology: Terminology, pins: Mapping[str, str]
    ) -> None:
        self.accepted, self.terminology, self.pins = accepted, terminology, pins
        self._seen: dict[tuple[Any, ...], Concept] = {}

    def read(self, kind: str, concept: Mapping[str, Any]) -> Concept:
        """What the concept of a record of this type shows. Raises TypeError where something is no string."""
        codings = concept.get("coding")
        if codings and len(codings) == 1:
            coding = codings[0]
            key: tuple[Any, ...] = (
                kind, coding.get("system"), coding.get("code"), coding.get("version"), coding.get("display"),
            )  # fmt: skip
        else:
            key = (kind, concept.get("text") is not None, "extension" in concept, *map(_parts, rows(codings)))
        found = self._seen.get(key)
        if found is None:
            if len(self._seen) > REMEMBERED:
                self._seen.clear()
            found = self._seen[key] = self._judge(kind, concept)
        return found

    def _judge(self, kind: str, concept: Mapping[str, Any]) -> Concept:
        codings = [each for each in rows(concept.get("coding")) if text(each.get("code")) or text(each.get("system"))]
        if not codings:
            return Concept(_uncoded(concept), 0, "", "", "", ())
        accepted = self.accepted.get(kind)
        outcomes = {
            "COD-01": True,
            "COD-02": None
            if accepted is None
            else any(proper(text(each.get("system"))) in accepted for each in codings),
            "COD-03": self._systems(codings, accepted or frozenset()),
            "COD-04": _formed(codings),
            "COD-05": displayed(codings),
            "COD-06": agree(codings),
            "COD-07": known(codings),
        }
        standings = [found for each in codings if (found := self._standing(each)) is not None]
        outcomes |= _standing_outcomes([standing for standing, _ in standings])
        outcomes["VER-04"] = _agreed([agreed for _, agreed in standings])
        best = _best(codings, accepted)
        spans = tuple(standing.spans for standing, _ in standings if standing.spans is not None)
        return Concept(*bits(outcomes), *best, spans)

    def _systems(self, codings: Iterable[Mapping[str, Any]], accepted: frozenset[str]) -> bool:
        """COD-03. A site's own code beside one that is understood is no fault: laboratories send both on purpose."""
        for each in codings:
            system = text(each.get("system"))
            if system is None or system in SYNONYMS:
                return False
            if system not in accepted and not recognised(system) and not local(system):
                return False
        return True

    def _standing(self, coding: Mapping[str, Any]) -> tuple[Standing, bool | None] | None:
        system, code = proper(text(coding.get("system"))), text(coding.get("code"))
        if system is None or code is None:
            return None
        pin, stated = self.pins.get(system), text(coding.get("version"))
        agreed = None if pin is None or stated is None else _names(stated, pin)
        return self.terminology.standing(system, code, pin), agreed


def local(system: str) -> bool:
    """Whether this is a site's own address, and not a public system named wrongly: that is COD-02's business."""
    return system.startswith(("http://", "https://", "urn:")) and not any(owner in system for owner in PUBLIC)


def unknown(coding: Mapping[str, Any]) -> bool:
    """Whether the coding only says that nothing is known (COD-07)."""
    system, code = proper(text(coding.get("system"))), text(coding.get("code"))
    return system in (NULL_FLAVOR, DATA_ABSENT) or (system or "", code or "") in UNKNOWNS


def known(codings: Iterable[Mapping[str, Any]]) -> bool:
    """COD-07: a null flavour beside a coding of a public system is how CDA says that the other is a translation."""
    said = [(unknown(each), proper(text(each.get("system")))) for each in codings]
    return not any(blank for blank, _ in said) or any(not blank and system in KNOWN for blank, system in said)


def _names(stated: str, pin: str) -> bool:
    """Whether a stated version names the pinned one: ``2.78`` is not 2.7, ``…/version/20240901`` is 20240901."""
    return re.search(rf"(?<![0-9.]){re.escape(pin)}(?![0-9.])", stated) is not None


def _uncoded(concept: Mapping[str, Any]) -> int:
    """Bits of a concept without a code: only written (COD-01), absent for a stated reason (STR-03), or not there (STR-01)."""
    written = text(concept.get("text")) or any(text(each.get("display")) for each in rows(concept.get("coding")))
    if written:
        return BIT["COD-01"]
    reasons = [each for each in rows(concept.get("extension")) if each.get("url") == ABSENT_REASON]
    return BIT["STR-03"] if reasons else BIT["STR-01"]


def bits(outcomes: Mapping[str, bool | None]) -> tuple[int, int]:
    """Outcomes by id (None: not judged) → bits of those that failed, bits of those that passed."""
    fails = passes = 0
    for name, passed in outcomes.items():
        if passed is True:
            passes |= BIT[name]
        elif passed is False:
            fails |= BIT[name]
    return fails, passes


def _parts(coding: Mapping[str, Any]) -> tuple[Any, ...]:
    return coding.get("system"), coding.get("code"), coding.get("version"), coding.get("display")


def _formed(codings: Iterable[Mapping[str, Any]]) -> bool | None:
    checked = [
        rule(code)
        for each in codings
        if (rule := WELL_FORMED.get(proper(text(each.get("system"))) or "")) and (code := text(each.get("code")))
    ]
    return all(checked) if checked else None


def _agreed(stated: list[bool | None]) -> bool | None:
    judged = [each for each in stated if each is not None]
    return all(judged) if judged else None


def _standing_outcomes(standings: list[Standing]) -> dict[str, bool | None]:
    known = [each.known for each in standings if each.known is not None]
    active = [each.active for each in standings if each.active is not None]
    return {"VER-01": all(known) if known else None, "VER-02": all(active) if active else None}


def _best(codings: list[dict[str, Any]], accepted: frozenset[str] | None) -> tuple[str, str, str]:
    def understood(coding: Mapping[str, Any]) -> bool:
        return proper(text(coding.get("system"))) in (accepted or ())

    chosen = next((each for each in codings if understood(each)), codings[0])
    system, code = proper(text(chosen.get("system"))) or "", text(chosen.get("code")) or ""
    return f"{system}|{code}", system, code


def answer_unknown(concept: Any) -> bool:
    """Whether a coded answer says that nothing is known."""
    return any(unknown(each) for each in rows(table(concept).get("coding")))
