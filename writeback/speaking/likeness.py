"""What an EHR that keeps no identifier of ours has of a delivery: looked for by what it says (reference/fhir-writeback.md §5.4).

The question narrows by patient, code and time; whether an answer is the resource that was sent is judged here, for an
EHR may look away from a parameter that it does not know.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from vocabulary.instant import format_instant, parse_instant
from writeback import keys
from writeback.ownership import WITHDRAWN, unversioned
from writeback.receipt import compare

CODED: Mapping[str, str] = {"Observation": "code", "DocumentReference": "type"}
"""The types that EHRs without our identifiers take, and the element of their code, which is its search parameter too."""
MOST = 200
"""Matches that are asked for at once."""
VALUES = ("valueQuantity", "valueCodeableConcept", "valueString", "dataAbsentReason")


def question(body: Mapping[str, Any]) -> str | None:
    """The search for what says the same, as a path; None for a type that is not found so, or what is about no patient. A
    Provenance is found by what it is about."""
    type = str(body.get("resourceType"))
    if type == "Provenance":
        return f"{type}?{urlencode([('target', _targets(body)[0]), ('_count', str(MOST))])}" if _targets(body) else None
    subject = body.get("subject")
    patient = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
    if type not in CODED or not patient.startswith("Patient/"):
        return None
    asked = [("patient", patient.partition("/")[2])]
    asked += [(CODED[type], f"{coding['system']}|{coding['code']}") for coding in _codings(body.get(CODED[type]))[:1]]
    if (at := _second(body.get("effectiveDateTime"))) is not None:
        asked.append(("date", f"{format_instant(at)[:19]}Z"))
    return f"{type}?{urlencode([*asked, ('_count', str(MOST))])}"


def alike(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    """Whether a resource that carries no name of ours says of the same patient at the same time what was sent."""
    if kept.get("resourceType") != sent.get("resourceType") or keys.marked(kept) or kept.get("status") == WITHDRAWN:
        return False
    type = str(sent["resourceType"])
    if type == "Provenance":
        same = _is_kept({"target": [{"reference": each} for each in _targets(sent)]}, kept)
        return same and _second(sent.get("recorded")) == _second(kept.get("recorded"))
    said = {"subject": sent["subject"], CODED[type]: _coded(sent.get(CODED[type]))}
    if type == "DocumentReference":
        return _is_kept(said, kept) and _same_text(sent, kept)
    said |= {name: _value(sent[name]) for name in VALUES if name in sent}
    return _is_kept(said, kept) and _second(sent.get("effectiveDateTime")) == _second(kept.get("effectiveDateTime"))


def _targets(resource: Mapping[str, Any]) -> list[str]:
    """What a Provenance is about, without versions: not every EHR keeps those."""
    targets = resource.get("target")
    found = [each.get("reference") for each in (targets if isinstance(targets, list) else ()) if isinstance(each, dict)]
    return [unversioned(each) for each in found if isinstance(each, str)]


def _is_kept(said: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    return not compare(_plain(dict(said)), _plain(dict(kept)))


def _codings(concept: Any) -> list[dict[str, str]]:
    """System and code of each coding that has both."""
    given = concept.get("coding") if isinstance(concept, dict) else None
    return [
        {"system": each["system"], "code": each["code"]}
        for each in (given if isinstance(given, list) else ())
        if isinstance(each, dict) and isinstance(each.get("system"), str) and isinstance(each.get("code"), str)
    ]


def _coded(concept: Any) -> dict[str, Any]:
    """The first code, for EHRs that take one; words where there is none."""
    codings = _codings(concept)[:1]
    return {"coding": codings} if codings else {"text": concept.get("text")} if isinstance(concept, dict) else {}


def _value(value: Any) -> Any:
    """A quantity's number, a concept's first code."""
    if isinstance(value, dict) and "value" in value:
        return {"value": value["value"]}
    return _coded(value) if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    """With numbers that say the same alike: an EHR may store 1.50 as 1.5."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return Decimal(value).normalize() if number else value


def _same_text(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    """The text by itself, its checksum or its size, and the period, as far as the EHR gives them; one of the text's own and
    of the period has to be there."""
    ours, theirs = _attachment(sent), _attachment(kept)
    told = [name for name in ("data", "hash", "size") if name in ours and name in theirs]
    period = [_period(each) for each in (sent, kept)]
    same_period = None in period or period[0] == period[1]
    return same_period and all(ours[name] == theirs[name] for name in told) and bool(told or None not in period)


def _attachment(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    contents = resource.get("content")
    first = contents[0] if isinstance(contents, list) and contents else None
    found = first.get("attachment") if isinstance(first, dict) else None
    return found if isinstance(found, dict) else {}


def _period(resource: Mapping[str, Any]) -> float | None:
    """The end of the period that a document is about."""
    context = resource.get("context")
    period = context.get("period") if isinstance(context, dict) else None
    return _second(period.get("end")) if isinstance(period, dict) else None


def _second(instant: Any) -> float | None:
    """A point in time to the second: not every EHR stores what is behind it."""
    try:
        return parse_instant(instant) // 1
    except (TypeError, ValueError):
        return None
