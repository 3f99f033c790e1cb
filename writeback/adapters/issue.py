"""An issue with drugs or orders → DetectedIssue (R4 §11.5); its subject is ``patient``, and it has no encounter."""

from typing import Any

from writeback.adapters.classification import label_concept
from writeback.adapters.telling import told
from writeback.labels import Occasion, author, code_of, filled, head, notes, references

SEVERITIES = frozenset({"high", "moderate", "low"})
"""R4's detectedissue-severity, a required binding: a tier of another name is not one."""


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One DetectedIssue; ``implicated`` are the resources the model accuses, the evidence is what it looked at."""
    output = occasion.output
    evidence = references(output.inputs)
    severity = output.tier if output.tier in SEVERITIES else None
    more = told(occasion, "label", "text", "explanation", "implicated", *(["tier"] if severity else []))
    said = [output.text, output.explanation, *more, *(note["text"] for note in notes(occasion))]
    return filled(
        {
            **head("DetectedIssue", occasion),
            "status": occasion.status,
            "code": code_of(occasion) if output.label is None else label_concept(occasion, output.label),
            "severity": severity,
            "patient": {"reference": output.patient},
            "identifiedDateTime": occasion.as_of,
            "author": author(occasion),
            "implicated": references(output.implicated),
            "evidence": [{"detail": evidence}] if evidence else [],
            "detail": " ".join(words.strip() for words in said if words),
        }
    )
