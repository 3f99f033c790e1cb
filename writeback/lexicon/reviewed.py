"""The words that say whether a person has looked at what a machine made, and how they change when one accepts it.

They stand in the text itself, for an EHR may drop every label around it (reference/AI Transparency on FHIR): so the
status alone must not change, or a final document would go on saying that nobody has reviewed it.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from hashlib import sha1
from typing import Any


def draft(day: str | None) -> str:
    """What stands between a machine's words and a reader who takes them for a colleague's; ``day`` is when a clinician
    accepted them, None while nobody has."""
    if day is None:
        return "AI-generated draft, not reviewed"
    return f"AI-generated draft, not reviewed when generated. Accepted by a clinician on {day}"


def machine_made(day: str | None) -> str:
    """The sentence that stands in for the AI label where that is lost."""
    if day is None:
        return "Machine-generated; not clinician-confirmed."
    return f"Machine-generated; accepted by a clinician on {day}."


TOLD = ("description", "conclusion", "detail")
"""Members of one string that may say it (DocumentReference, DiagnosticReport, DetectedIssue)."""


def accepted(resource: Mapping[str, Any], day: str) -> dict[str, Any]:
    """The members that say something else once a clinician has accepted it on ``day``: nothing but those sentences
    changes, whatever else people have written there."""
    found = {name: _said(resource[name], day) for name in TOLD if isinstance(resource.get(name), str)}
    for name, part, renewed in (("note", "text", _said), ("content", "attachment", _attached)):
        entries = resource.get(name)
        if isinstance(entries, list):
            found[name] = [_renewed(entry, part, renewed, day) for entry in entries]
    return {name: value for name, value in found.items() if value != resource[name]}


def _renewed(entry: Any, part: str, renewed: Any, day: str) -> Any:
    return {**entry, part: renewed(entry[part], day)} if isinstance(entry, dict) and part in entry else entry


def _said(text: Any, day: str) -> Any:
    if not isinstance(text, str):
        return text
    return text.replace(f"{draft(None)}.", f"{draft(day)}.").replace(machine_made(None), machine_made(day))


def _attached(attachment: Any, day: str) -> Any:
    """Plain and rich text alike: the sentence is ASCII in both. R4's Attachment.hash is SHA-1 by definition."""
    data = attachment.get("data") if isinstance(attachment, dict) else None
    try:
        text = b64decode(data, validate=False) if isinstance(data, str) else b""
    except (Error, ValueError):
        return attachment
    new = text.replace(f"{draft(None)}.".encode(), f"{draft(day)}.".encode(), 1)
    if new == text:
        return attachment
    digest = b64encode(sha1(new, usedforsecurity=False).digest()).decode()
    told = {"size": len(new), "hash": digest}
    return {**attachment, "data": b64encode(new).decode(), **{name: told[name] for name in told if name in attachment}}
