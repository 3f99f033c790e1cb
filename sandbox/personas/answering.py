"""How a persona says what was decided and done: the form of a create's answer, stale versions, the dialect of errors."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from r4.interaction import Answer, Interaction
from sandbox.personas import forms, rules
from sandbox.personas.persona import Persona

WRITES = frozenset({"create", "update", "patch", "delete"})
RULE = "urn:chartgate:rule"


def answer(persona: Persona, interaction: Interaction | None, given: Answer) -> Answer:
    """The answer as this EHR gives it; ``interaction`` is as it was asked, None where the request was not understood."""
    if not persona.rules:
        return given
    if given.status >= 400:
        given = _dialect(persona, interaction, _stale(persona, interaction, given))
    elif interaction is not None:
        given = _done(persona, interaction, _versionless(persona, interaction, given))
    if bodiless(persona, given.status):
        return Answer(status=given.status, headers=given.headers)
    return given


def bodiless(persona: Persona, status: int) -> bool:
    """Whether answers of this status have no body."""
    return any(rule.status == status for rule in persona.all(forms.Bodiless))


def _stale(persona: Persona, i: Interaction | None, given: Answer) -> Answer:
    """A version that is no more, by the status of this EHR. A condition that matches several stays 412."""
    rule = persona.one(forms.Stale)
    named = i is not None and any(each.if_match is not None for each in i.entries or (i,))
    conflict = any(issue.get("code") == "conflict" for issue in (given.resource or {}).get("issue", ()))
    return replace(given, status=rule.status) if rule and named and conflict and given.status == 412 else given


def _dialect(persona: Persona, i: Interaction | None, given: Answer) -> Answer:
    numeric, numbers = persona.one(forms.Numeric), persona.one(forms.Numbers)
    resource = given.resource
    if resource is None or resource.get("resourceType") != "OperationOutcome":
        return given
    if numeric is not None and i is not None and i.action in WRITES:
        said = _numeric(numeric, resource)
        status = 200 if said["key"] in numeric.mild else given.status
        return replace(given, status=status, resource=said, encoded=None)
    if numbers is not None:
        issues = [_numbered(numbers, issue) for issue in resource["issue"]]
        return replace(given, resource={**resource, "issue": issues}, encoded=None)
    return given


def _numbered(rule: forms.Numbers, issue: Mapping[str, Any]) -> dict[str, Any]:
    """The issue with the vendor's number: its own, or that of its type."""
    said = [each["code"] for each in issue["details"].get("coding", ()) if each.get("system") == RULE]
    own = next((code for code in said if code.isdigit()), None)
    number = own or rule.numbers.get(str(issue["code"]))
    details = {name: value for name, value in issue["details"].items() if name != "coding"}
    coding = {"coding": [{"system": rule.system, "code": number}]} if number else {}
    return {**issue, "details": {**details, **coding}}


def _numeric(rule: forms.Numeric, resource: Mapping[str, Any]) -> dict[str, Any]:
    """The first issue as a number and a key."""
    issue = resource["issue"][0]
    said = [each["code"] for each in issue["details"].get("coding", ()) if each.get("system") == RULE]
    known = {key: number for number, key in rule.refusals.values()}
    if said and said[0].isupper():
        return {"status": known.get(said[0], UNNUMBERED), "key": said[0]}
    number, key = rule.refusals.get(str(issue["code"]), (UNNUMBERED, "UNKNOWN_ERROR"))
    return {"status": number, "key": key}


UNNUMBERED = 999
"""The number of a key whose own is not published."""


def _versionless(persona: Persona, i: Interaction, given: Answer) -> Answer:
    rule = persona.one(rules.Versionless)
    if rule is None or i.action not in rule.on:
        return given
    return replace(given, headers={name: value for name, value in given.headers.items() if name != "etag"})


def _done(persona: Persona, i: Interaction, given: Answer) -> Answer:
    if i.action == "delete":
        deleted = persona.one(forms.Deleted)
        return _settled(given, deleted.status) if deleted and given.status == 204 else given
    if i.action not in WRITES:
        return given
    created = persona.one(forms.Created, i.type)
    if created is not None and i.action == "create" and given.status == 201:
        given = _created(created, i, given)
    numeric = persona.one(forms.Numeric)
    if numeric is not None:
        number, key = numeric.success
        return replace(given, resource={"status": number, "key": key}, encoded=None)
    return given


def _settled(given: Answer, status: int) -> Answer:
    issue = {"severity": "information", "code": "informational", "details": {"text": "Deleted."}}
    return replace(given, status=status, resource={"resourceType": "OperationOutcome", "issue": [issue]}, encoded=None)


def _created(rule: forms.Created, i: Interaction, given: Answer) -> Answer:
    headers = {name: value for name, value in given.headers.items() if name not in ("location", "etag")}
    location = given.headers.get("location")
    if location is not None and rule.location != "none":
        headers |= _location(rule.location, location)
    if rule.etag and "etag" in given.headers:
        headers["etag"] = given.headers["etag"]
    shown = rule.body == "preferred" or (rule.body == "asked" and i.prefer == "representation")
    if not shown:
        return Answer(status=rule.status, headers=headers)
    return replace(given, status=rule.status, headers=headers)


def _location(form: str, location: str) -> dict[str, str]:
    """An absolute, versioned location in the form of this EHR."""
    if form == "relative":
        type, id = location.partition("/_history/")[0].rsplit("/", 2)[-2:]
        return {"location": f"{type}/{id}"}
    return {"content-location" if form == "content-location" else "location": location}
