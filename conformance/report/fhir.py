"""A report as a FHIR R4 TestReport (hl7.org/fhir/R4/testreport.html)."""

from typing import Any

from conformance.report.showing import Shown, ShownCheck
from conformance.run import SUITE_VERSION

RESULTS = {"pass": "pass", "fail": "fail", "skip": "skip", "error": "error"}
"""Of an assertion: TestReport's own words for ours."""


def test_report(shown: Shown) -> dict[str, Any]:
    """One test for each check, its problems as the assertion's message, its requirement's address as the detail."""
    report, summary = shown.report, shown.report.summary
    judged = summary["pass"] + summary["fail"] + summary["error"]
    return {
        "resourceType": "TestReport", "name": f"Conformance of {shown.target}",
        "status": "completed" if report.complete else "stopped",
        "testScript": {"display": f"Chartgate conformance suite {SUITE_VERSION}"},
        "result": "fail" if summary["fail"] or summary["error"] else "pass" if report.complete else "pending",
        **({"score": round(100 * summary["pass"] / judged, 1)} if judged else {}),
        "tester": "Chartgate", "issued": report.started,
        "participant": [
            {"type": "server", "uri": shown.target},
            {"type": "test-engine", "uri": "urn:chartgate:conformance", "display": f"version {SUITE_VERSION}"},
        ],
        "test": [_test(item) for item in shown.checks],
    }  # fmt: skip


def _test(item: ShownCheck) -> dict[str, Any]:
    address = next((each.address for each in item.requirements if each.address), None)
    said = {"result": RESULTS[item.result], "message": "; ".join(item.problems) or item.title}
    return {
        "name": item.id,
        "description": item.title,
        "action": [{"assert": {**said, **({"detail": address} if address else {})}}],
    }
