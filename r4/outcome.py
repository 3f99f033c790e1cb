"""OperationOutcome as a value: what is wrong, where, and which FHIR issue type it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. ``code`` is a FHIR issue type (``structure``, ``required``, ``value``, ``invariant``, ``not-found``,
    ``forbidden`` …); ``element`` a FHIRPath-like path (``Observation.component[1].valueQuantity``); ``text`` says what
    is expected and never repeats what was sent; ``rule`` names the rule (``obs-6``, ``required-binding``)."""

    code: str
    text: str
    element: str = ""
    rule: str = ""
    severity: str = "error"


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The OperationOutcome resource of the issues; at least one is required by R4."""
    return {"resourceType": "OperationOutcome", "issue": [_format(issue) for issue in issues]}


def _format(issue: Issue) -> dict[str, Any]:
    body: dict[str, Any] = {"severity": issue.severity, "code": issue.code, "details": {"text": issue.text}}
    if issue.rule:
        body["details"]["coding"] = [{"system": "urn:chartgate:rule", "code": issue.rule}]
    if issue.element:
        body["expression"] = [issue.element]
    return body
