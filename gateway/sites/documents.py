"""What the reports of other commands say to a gate: numbers and names out of them, nothing else. Pure."""

from collections.abc import Callable, Mapping
from typing import Any


class EvidenceInvalid(ValueError):
    """The file is not what the gate takes; the text says what it takes."""


def _conformance(document: Mapping[str, Any]) -> dict[str, Any]:
    summary, target = document.get("summary"), document.get("target")
    if not isinstance(summary, dict) or not isinstance(target, str) or "checks" not in document:
        raise EvidenceInvalid("conformance takes the JSON report of chartgate conform")
    counts = {word: int(summary.get(word, 0)) for word in ("pass", "fail", "skip", "error")}
    if not any(counts.values()):
        raise EvidenceInvalid("the report holds no check: run chartgate conform again")
    suites = sorted({str(each.get("suite")) for each in document["checks"] if isinstance(each, dict)})
    return {"target": target.rstrip("/"), "suites": suites, **counts}


def _fidelity(document: Mapping[str, Any]) -> dict[str, Any]:
    checks = document.get("checks")
    if not isinstance(checks, list) or not isinstance(document.get("resources"), int):
        raise EvidenceInvalid("fidelity takes the JSON of chartgate fidelity scan --json")
    failing = [each for each in checks if isinstance(each, dict) and each.get("fail")]
    critical = sum(each.get("severity") == "critical" for each in failing)
    return {
        "resources": document["resources"], "unreadable": int(document.get("unreadable", 0)), "checks": len(checks),
        "failing": len(failing), "critical": critical,
    }  # fmt: skip


READERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "conformance": _conformance,
    "fidelity": _fidelity,
}
"""Gates whose evidence is another command's report. The others take a note: ``{"ok", "text"}``."""
NOTED = ("routes", "recall", "backup")


def read(gate: str, document: Any) -> dict[str, Any]:
    """The facts of a report. Raises EvidenceInvalid."""
    if gate not in READERS:
        raise EvidenceInvalid(f"{gate} takes --note, not --file")
    if not isinstance(document, dict):
        raise EvidenceInvalid(f"{gate} takes a JSON object")
    return READERS[gate](document)
