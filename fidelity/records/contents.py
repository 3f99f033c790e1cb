"""What stands where the value of a record belongs (STR-03, STR-04, VAL, COD-07, TXT-01)."""

import re
from collections.abc import Mapping
from typing import Any

from fidelity.checks import BIT
from fidelity.elements import absent_reason, rows, table
from fidelity.expected import BY_CODE
from fidelity.records.concepts import Concept, answer_unknown
from fidelity.systems import LOINC
from fidelity.texts import holds

CENSORED, STRUCTURED = BIT["VAL-03"], BIT["VAL-04"]
CODED = BIT["COD-01"] | BIT["COD-02"] | BIT["COD-03"] | BIT["COD-04"]
"""What is judged of the code of a component as of the record's own."""
EMPTY = frozenset({"registered", "cancelled"})
"""Statuses that say themselves why there is no value. https://hl7.org/fhir/R4/valueset-observation-status.html"""
_STR03, _STR04 = BIT["STR-03"], BIT["STR-04"]
_VAL01, _VAL02, _COD07, _TXT01 = BIT["VAL-01"], BIT["VAL-02"], BIT["COD-07"], BIT["TXT-01"]
_DUP03 = BIT["DUP-03"]
READ = _STR03 | _STR04 | _VAL01 | _VAL02
"""What passes when a quantity holds a number."""
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*(?:=\s*){0,2}")
READABLE = ("text/", "application/xml", "application/json", "application/xhtml", "application/cda", "application/hl7")
"""Content types that a program reads as text; a scan is none of them."""
Resource = Mapping[str, Any]
DOSE = frozenset({"text", "sequence", "patientInstruction", "additionalInstruction", "id", "extension"})
"""What a dosage may say and still be nothing but a sentence."""


def numeric(concept: Concept) -> bool:
    """Whether a number is expected under the code."""
    return concept.system == LOINC and concept.code in BY_CODE


def value(resource: Resource, concept: Concept, fails: int, passes: int) -> tuple[int, int]:
    """An Observation without a measured quantity: absent and why, text, or a coded answer."""
    name = next((each for each in resource if each.startswith("value") and resource[each] is not None), None)
    if absent_reason(dict(resource)) is not None:
        return fails | _STR03, passes
    if name is None or name == "valueQuantity" or blank(resource[name]):  # a quantity with a number does not come here
        if resource.get("status") in EMPTY:
            return fails, passes
        held = resource.get("component") or resource.get("hasMember")
        return (fails, passes | _STR03 | _STR04) if held else (fails | _STR04, passes)
    passes |= _STR03 | _STR04
    if name == "valueString":
        return _text(str(resource[name]), numeric(concept), fails, passes)
    if name == "valueCodeableConcept":
        answer = resource[name]
        if answer_unknown(answer):
            return fails | _COD07, passes
        if not rows(answer.get("coding")) and answer.get("text") is not None:
            return _text(str(answer["text"]), numeric(concept), fails, passes)
        return fails, passes | _COD07
    return fails, passes


def _text(written: str, measured: bool, fails: int, passes: int) -> tuple[int, int]:
    held = holds(written)
    if held == "pressure":
        return fails | STRUCTURED, passes
    if held == "number":
        return fails | _VAL01, passes
    if held == "comment" or measured:
        return fails | _VAL02, passes | _VAL01
    return fails, passes | _VAL01 | _VAL02


def blank(value: Any) -> bool:
    """Whether nothing is said: an empty text, an empty object."""
    return not value.strip() if isinstance(value, str) else value == {}


def silent(part: Resource) -> int:
    """Bits of a component that fail by its own value: absent for a reason, or without one (R4 vital signs, vs-3), or a coded
    unknown. https://hl7.org/fhir/R4/vitalsigns.html"""
    answer = part.get("valueCodeableConcept")
    if answer and "dataAbsentReason" not in part and "extension" not in answer:
        return _COD07 if answer_unknown(answer) else 0
    if absent_reason(dict(part)) is not None:
        return _STR03
    name = next((each for each in part if each.startswith("value") and part[each] is not None), None)
    if name is None or blank(part[name]) or (name == "valueQuantity" and "value" not in part[name]):
        return _STR04
    return _COD07 if name == "valueCodeableConcept" and answer_unknown(part[name]) else 0


def component_text(part: Resource, concept: Concept, fails: int, passes: int) -> tuple[int, int]:
    """VAL-04: text in a component under a code that wants a number, or a number hidden in it."""
    held = holds(str(part["valueString"])) if isinstance(part["valueString"], str) else "words"
    bad = numeric(concept) or held == "pressure"
    return (fails | STRUCTURED, passes) if bad else (fails, passes | STRUCTURED)


def other(kind: str, resource: Resource, fails: int, passes: int) -> tuple[int, int]:
    """What records that are no Observations hold."""
    if kind == "MedicationRequest" or kind == "MedicationStatement":
        return _dosage(resource, fails, passes)
    if kind == "Patient":
        return _patient(resource, fails, passes)
    if kind in ("DocumentReference", "DiagnosticReport"):
        return _documents(kind, resource, fails, passes)
    return fails, passes


def _dosage(resource: Resource, fails: int, passes: int) -> tuple[int, int]:
    """VAL-04: a dose that is only a sentence."""
    dosages = resource.get("dosageInstruction") or resource.get("dosage")
    if not dosages:
        return fails, passes
    for dosage in dosages:
        if "text" in dosage and not dosage.keys() - DOSE:
            return fails | STRUCTURED, passes
    return fails, passes | STRUCTURED


def _patient(resource: Resource, fails: int, passes: int) -> tuple[int, int]:
    """COD-07 of the sex, STR-03 of what is absent for a stated reason."""
    if "gender" in resource:
        fails, passes = (fails | _COD07, passes) if resource["gender"] == "unknown" else (fails, passes | _COD07)
    absent = any(
        each.get("url", "").endswith("data-absent-reason")
        for name in ("_birthDate", "_gender")
        for each in rows(table(resource.get(name)).get("extension"))
    )
    return (fails | _STR03, passes) if absent else (fails, passes | _STR03)


def _documents(kind: str, resource: Resource, fails: int, passes: int) -> tuple[int, int]:
    """TXT-01: nothing but an attachment that cannot be read, or nothing but a narrative."""
    if kind == "DocumentReference":
        fails |= _DUP03 if resource.get("docStatus") in ("preliminary", "entered-in-error") else 0
        held = [table(each.get("attachment")) for each in rows(resource.get("content"))]
    else:
        held = rows(resource.get("presentedForm"))
        if resource.get("result") or not held:
            alone = not resource.get("result") and bool(table(resource.get("text")).get("div"))
            return (fails | _TXT01, passes) if alone else (fails, passes | _TXT01)
    good = any(map(readable, held))  # several contents are one document in several formats
    return (fails, passes | _TXT01) if good else (fails | _TXT01, passes)


def readable(attachment: Resource) -> bool:
    """Whether an attachment leads to text: its type is text, and it is at an address or in base64 that can be undone. Of what
    is at an address without a type nothing is known, and it is not held against it."""
    form, data = str(attachment.get("contentType") or "").lower(), attachment.get("data")
    if attachment.get("url"):
        return not form or form.startswith(READABLE)
    if not isinstance(data, str) or not form.startswith(READABLE) or _BASE64.fullmatch(data) is None:
        return False
    plain = "".join(data.split())  # R4 lets base64 be broken into lines
    return len(plain) % 4 == 0
