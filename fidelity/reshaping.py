"""One record into another pattern: what a feed does to it, with a label for each change. The record is changed in place.

Nothing of the live feed is copied in but closed words: a comment is one of ours, a unit in text the record's own in lower case.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fidelity import forms
from fidelity.facts import CONCEPTS
from fidelity.patterns import SETTLED, UNSETTLED, Pattern
from fidelity.systems import SYNONYMS
from vocabulary.instant import format_instant

Resource = dict[str, Any]
LOCAL = "https://shaped.invalid/codes"
"""No code system that anybody recognises."""
COMMENTS = ("SEE COMMENT", "NOT DONE", "SPECIMEN REJECTED", "PENDING")
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
OIDS: Mapping[str, str] = {uri: oid for oid, uri in SYNONYMS.items() if oid.startswith("urn:oid:")}
KEPT = ("quantity", "coded", "components", "members", "dose", *forms.CHOICES)


class Done(NamedTuple):
    """One change: the name of the degradation, the check that finds it, the element, and what stood there."""

    degradation: str
    check: str
    element: str
    before: str


def reshape(resource: Resource, now: Pattern, wanted: Pattern, at: float) -> Iterator[Done]:
    """Changes the record from one pattern towards another as far as it can be; ``at`` in [0, 1) chooses words."""
    for name, change in CHANGES:
        was, will = getattr(now, name), getattr(wanted, name)
        if was != will and will and (done := change(resource, was, will, at)) is not None:
            yield done


def code(resource: Resource, was: str, will: str, at: float) -> Done | None:
    """What the record is about: ``oid``, ``local``, ``malformed``, ``unsystematic``, ``text`` or ``none``."""
    name = next((each for each in CONCEPTS if isinstance(resource.get(each), dict)), None)
    if name is None or was != "coded" or will not in _CODES:
        return None
    concept = resource[name]
    first = concept["coding"][0]
    before = f"{first.get('system', '')}|{first.get('code', '')}"
    element = f"{resource['resourceType']}.{name}"
    return Done(*_CODES[will][:2], element, before) if _CODES[will][2](concept, first) else None


def _oid(concept: Resource, first: Resource) -> bool:
    if first.get("system") not in OIDS:
        return False
    concept["coding"] = [{**first, "system": OIDS[first["system"]]}]
    return True


def _local(concept: Resource, first: Resource) -> bool:
    concept["coding"] = [{"system": LOCAL, "code": f"L{first['code']}"}]
    return True


def _malformed(concept: Resource, first: Resource) -> bool:
    code = str(first["code"])
    if not code[-1:].isdigit():
        return False
    concept["coding"] = [{**first, "code": f"{code[:-1]}{(int(code[-1]) + 1) % 10}"}]
    return True


def _unsystematic(concept: Resource, first: Resource) -> bool:
    concept["coding"] = [{name: value for name, value in first.items() if name != "system"}]
    return True


def _text(concept: Resource, first: Resource) -> bool:
    concept.setdefault("text", first.get("display") or first["code"])
    del concept["coding"]
    return True


def _nothing(concept: Resource, first: Resource) -> bool:
    concept.clear()
    return True


_CODES: Mapping[str, tuple[str, str, Callable[[Resource, Resource], bool]]] = {
    "oid": ("system-as-oid", "COD-03", _oid),
    "local": ("local-code", "COD-02", _local),
    "malformed": ("malformed-code", "COD-04", _malformed),
    "unsystematic": ("system-missing", "COD-03", _unsystematic),
    "text": ("text-only", "COD-01", _text),
    "none": ("code-missing", "STR-01", _nothing),
}


def value(resource: Resource, was: str, will: str, at: float) -> Done | None:
    """The value lost, or where it does not belong."""
    if resource["resourceType"] == "MedicationRequest":
        return _dose(resource, was, will)
    if was not in KEPT or will not in _VALUES:
        return None
    held = next((name for name in resource if name.startswith("value") or name in ("component", "hasMember")), None)
    if held is None or (will in ("censored", "quantity-empty") and was != "quantity"):
        return None
    made = _VALUES[will](resource, held, at)
    name = {"reason": "absent-with-reason", "none": "silent-absence", "quantity-empty": "silent-absence"}.get(
        will, will
    )
    resource.update(made)
    return Done(name, _CHECKS[will], f"Observation.{held}", "a value")


_CHECKS = {
    "number-text": "VAL-01", "comment": "VAL-02", "text-answer": "VAL-02", "null-flavour": "COD-07", "censored": "VAL-03",
    "quantity-empty": "STR-04", "reason": "STR-03", "none": "STR-04",
}  # fmt: skip


def _number_text(resource: Resource, held: str, at: float) -> Resource:
    gone = resource.pop(held)
    if isinstance(gone, dict):
        return {"valueString": f"{gone.get('value', '1')} {gone.get('unit', '') if at < 0.5 else ''}".strip()}
    numbers = [str(part.get("valueQuantity", {}).get("value", "")) for part in gone] if isinstance(gone, list) else []
    return {"valueString": "/".join(number for number in numbers[:2] if number) or "1"}


def _comment(resource: Resource, held: str, at: float) -> Resource:
    del resource[held]
    return {"valueString": COMMENTS[int(at * len(COMMENTS))]}


def _null_flavour(resource: Resource, held: str, at: float) -> Resource:
    del resource[held]
    return {"valueCodeableConcept": {"coding": [{"system": NULL_FLAVOR, "code": "UNK", "display": "unknown"}]}}


def _text_answer(resource: Resource, held: str, at: float) -> Resource:
    gone = resource.pop(held)
    codings = gone.get("coding") if isinstance(gone, dict) else None
    return {"valueCodeableConcept": {"text": str((codings or [{}])[0].get("display", "see text"))}}


def _censored(resource: Resource, held: str, at: float) -> Resource:
    return {"valueQuantity": {"comparator": ">" if at < 0.5 else "<", **resource[held]}}


def _empty(resource: Resource, held: str, at: float) -> Resource:
    resource[held].pop("value", None)
    return {}


def _reason(resource: Resource, held: str, at: float) -> Resource:
    del resource[held]
    return {"dataAbsentReason": {"coding": [{"system": ABSENT, "code": "unknown"}]}}


def _none(resource: Resource, held: str, at: float) -> Resource:
    del resource[held]
    resource.pop("dataAbsentReason", None)
    return {}


_VALUES: Mapping[str, Callable[[Resource, str, float], Resource]] = {
    "number-text": _number_text, "comment": _comment, "null-flavour": _null_flavour, "text-answer": _text_answer,
    "censored": _censored, "quantity-empty": _empty, "reason": _reason, "none": _none,
}  # fmt: skip


def _dose(resource: Resource, was: str, will: str) -> Done | None:
    if was not in ("dose", "sig") or will not in ("sig", "none"):
        return None
    if will == "none":
        del resource["dosageInstruction"]
    else:
        resource["dosageInstruction"] = [{"text": "as directed"}]
    return Done(
        "sig-in-text" if will == "sig" else "dose-missing", "VAL-04", "MedicationRequest.dosageInstruction", "a dose"
    )


def unit(resource: Resource, was: str, will: str, at: float) -> Done | None:
    """The unit written, or missing."""
    parts = resource.get("component")
    found = resource.get("valueQuantity") or (
        parts[0].get("valueQuantity") if isinstance(parts, list) and parts else None
    )
    if not isinstance(found, dict) or will not in ("text", "missing") or was == "missing":
        return None
    before = str(found.get("code") or found.get("unit") or "")
    for name in ("code", "system", "unit"):
        found.pop(name, None)
    if will == "missing":
        return Done("unit-missing", "UNI-01", "Observation.valueQuantity.unit", before)
    found["unit"] = before.lower()
    return Done("unit-in-text", "UNI-02", "Observation.valueQuantity.unit", before)


def time(resource: Resource, was: str, will: str, at: float) -> Done | None:
    """When it was so: less exact, impossible, out of order, or not said."""
    held = next((name for name in forms.TIMES if resource.get(name) is not None), None)
    if held is None or was not in ("exact", "date", "reversed") or will not in _TIMES:
        return None
    kind, start = resource["resourceType"], resource[held]
    before = str(start.get("start", "") if isinstance(start, dict) else start)
    if will == "missing":
        for name in forms.TIMES:
            resource.pop(name, None)
    elif will == "reversed":
        if (seen := forms.seconds(before)) is None:
            return None
        resource["issued" if kind == "Observation" or "issued" in resource else "recordedDate"] = format_instant(
            seen - 86400.0
        )
    else:
        made = {"date": before[:10], "partial": before[:7], "zoneless": before[:19], "impossible": "1899-12-30T00:00:00Z",
                "malformed": "unknown"}[will]  # fmt: skip
        resource[held] = {**start, "start": made} if isinstance(start, dict) else made
    return Done(*_TIMES[will], f"{kind}.{held}", before)


_TIMES = {
    "missing": ("time-missing", "TIM-01"), "date": ("date-only", "TIM-02"), "partial": ("date-only", "TIM-02"),
    "zoneless": ("zone-missing", "TIM-03"), "impossible": ("impossible-time", "TIM-04"),
    "malformed": ("impossible-time", "TIM-04"), "reversed": ("times-reversed", "TIM-06"),
}  # fmt: skip


def status(resource: Resource, was: str, will: str, at: float) -> Done | None:
    """Preliminary, or withdrawn. A Condition or allergy says so elsewhere, and then has no clinical status (R4 con-5, ait-2)."""
    kind = resource["resourceType"]
    if was != SETTLED or will not in UNSETTLED:
        return None
    before = str(resource.get("status", "confirmed"))
    if "verificationStatus" in resource:
        first = (resource["verificationStatus"].get("coding") or [{}])[0]
        resource["verificationStatus"] = {"coding": [{**first, "code": will}]}
        if will == "entered-in-error":
            resource.pop("clinicalStatus", None)
    else:
        resource["status"] = will
    return Done(will, "DUP-03", f"{kind}.status", before)


def _gone(*names: str, what: str, degradation: str, check: str) -> Callable[[Resource, str, str, float], Done | None]:
    def change(resource: Resource, was: str, will: str, at: float) -> Done | None:
        held = [name for name in names if name in resource]
        if will != "missing" or not held:
            return None
        for name in held:
            del resource[name]
        return Done(degradation, check, f"{resource['resourceType']}.{held[0]}", what)

    return change


CHANGES: tuple[tuple[str, Callable[[Resource, str, str, float], Done | None]], ...] = (
    ("unit", unit),
    ("value", value),
    ("code", code),
    ("time", time),
    ("status", status),
    ("subject", _gone("subject", "patient", what="a reference", degradation="subject-missing", check="REF-01")),
    ("encounter", _gone("encounter", what="a reference", degradation="encounter-lost", check="REF-03")),
    ("category", _gone("category", what="a category", degradation="category-missing", check="STR-02")),
)
"""By dimension, in an order in which none undoes another."""
