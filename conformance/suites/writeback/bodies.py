"""Bodies that R4 forbids, as a table: what is changed of a good one, and the element that a refusal must name."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.reading import resources

MARKER = "conformance-echo-4711"
"""A word of what is sent: a refusal that repeats it would repeat a patient's data."""
VALIDITY = "fhir-r4#validity"


class Body(NamedTuple):
    """``change`` are members replaced (None: left out), ``raw`` replaces bytes; ``element`` is named by the refusal."""

    title: str
    element: str = ""
    change: Mapping[str, Any] | None = None
    raw: Callable[[bytes], bytes] | None = None


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(old, new, 1)


FINAL = b'"status": "final"'
BODIES: Mapping[str, Body] = {
    "required code": Body("A code outside a required value set is refused by element, without echo.", "status",
                          {"status": MARKER}),
    "missing element": Body("A missing required element is refused by element.", "code", {"code": None}),
    "missing status": Body("A missing status is refused by element.", "status", {"status": None}),
    "unknown element": Body("An element that R4 does not have is refused without echo.", "Observation", {"extra": MARKER}),
    "impossible date": Body("A day that the calendar does not have is refused by element.", "effectiveDateTime",
                            {"effectiveDateTime": "2026-02-30"}),
    "time without zone": Body("A time without a time zone is refused by element.", "effectiveDateTime",
                              {"effectiveDateTime": "2026-02-03T04:05:06"}),
    "two values": Body("Two values of one choice are refused.", "value", {"valueString": "a", "valueBoolean": True}),
    "text for a number": Body("A text where a number belongs is refused by element.", "valueQuantity",
                              {"valueQuantity": {"value": "7", "unit": "kg"}}),
    "text for an object": Body("A text where an object belongs is refused by element.", "code", {"code": MARKER}),
    "one for many": Body("An object where a list belongs is refused by element.", "category", {"category": {"text": "x"}}),
    "many for one": Body("A list where one value belongs is refused.", "", {"subject": []}),
    "empty object": Body("An empty object is refused.", "code", {"code": {}}),
    "null": Body("A null where a value belongs is refused.", "", {"issued": None, "note": [None]}),
    "empty text": Body("An empty string is refused by element.", "", {"note": [{"text": ""}]}),
    "absent reason beside a value": Body("A reason for absence beside a value is refused (obs-6).", "",
                                         {"valueString": "a", "valueQuantity": None, "dataAbsentReason": {"text": "b"}}),
    "bad reference": Body("A reference to a type that the element does not take is refused.", "",
                          {"subject": {"reference": "Organization/x"}}),
    "broken body": Body("A body that is not JSON is a 4xx with an OperationOutcome.", raw=lambda body: body[:-20]),
    "empty body": Body("An empty body is a 4xx with an OperationOutcome.", raw=lambda body: b""),
    "list body": Body("A list as body is refused.", raw=lambda body: b"[" + body + b"]"),
    "equal keys": Body("An object with equal keys is refused.", raw=_swap(FINAL, FINAL + b', "status": "amended"')),
    "not a number": Body("NaN is refused.", raw=_swap(b"{", b'{"valueInteger": NaN, ')),
    "deep body": Body("A body nested without end is refused.",
                      raw=lambda body: b'{"resourceType":"Observation","a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "lone surrogate": Body("Half of a surrogate pair is refused.", raw=_swap(b"{", b'{"language": "\\ud800", ')),
    "no utf-8": Body("Bytes that are no UTF-8 are refused.", raw=_swap(b"{", b'{"language": "\xff\xfe", ')),
    "control letter": Body("A bare control letter in a text is refused.", raw=_swap(b"{", b'{"language": "a\x00b", ')),
}  # fmt: skip


def broken(row: Body, good: Mapping[str, Any]) -> bytes:
    """The good body with its one fault, as bytes."""
    changed = {**good, **(row.change or {})}
    kept = {name: value for name, value in changed.items() if value is not None}
    content = json.dumps(kept).encode()
    return row.raw(content) if row.raw else content


def outcome(answer: Exchange, *, element: str = "") -> Problems:
    """A refusal is a 4xx with an OperationOutcome that names the element."""
    if not 400 <= answer.status < 500:
        yield f"answered {answer.status} instead of 4xx"
    issues = answer.table.get("issue")
    if answer.table.get("resourceType") != "OperationOutcome" or not isinstance(issues, list) or not issues:
        yield "is no OperationOutcome"
    elif element and element not in str([(issue.get("expression"), issue.get("location")) for issue in issues]):
        yield f"does not name {element}"


def _refusal(name: str, row: Body) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require(evidence, "Observation", "create")
        answer = evidence.seen(name)
        yield from outcome(answer, element=row.element)
        if evidence["marker"].encode() in answer.body:
            yield "repeats what was sent"
        if resources(evidence.seen(f"{name}, read back")):
            yield "what was refused is there all the same"

    find.__doc__ = row.title
    find.__name__ = name.replace(" ", "_").replace("-", "") + "_is_refused"
    return check(VALIDITY)(find)


@check("fhir-r4#errors")
def an_unknown_type_is_refused(evidence: Evidence) -> Problems:
    """A type that R4 does not have is 404 with an OperationOutcome."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("unknown type")
    yield from outcome(answer)
    if answer.status not in (400, 404, 403):
        yield f"answered {answer.status}"


@check("fhir-r4#create")
def a_body_of_another_type_is_refused(evidence: Evidence) -> Problems:
    """A body of another type than its address names is 400."""
    capability.require(evidence, "Observation", "create")
    yield from outcome(evidence.seen("other type"))


@check("fhir-r4#formats")
def a_form_as_resource_is_refused(evidence: Evidence) -> Problems:
    """A body of a format that is not served is 415."""
    capability.require(evidence, "Observation", "create")
    if evidence.seen("form body").status not in (400, 415):
        yield f"answered {evidence.seen('form body').status}"


@check("fhir-r4#read")
def an_absent_id_is_404(evidence: Evidence) -> Problems:
    """A read of what is not there is 404 with an OperationOutcome."""
    capability.require(evidence, "Observation", "create")
    answer = evidence.seen("read absent")
    if answer.status != 404:
        yield f"answered {answer.status}"
    yield from outcome(answer)


CHECKS: tuple[Check, ...] = marked(
    (
        *(_refusal(name, row) for name, row in BODIES.items()),
        an_unknown_type_is_refused, a_body_of_another_type_is_refused, a_form_as_resource_is_refused, an_absent_id_is_404,
    ),
    writes=True,
)  # fmt: skip
