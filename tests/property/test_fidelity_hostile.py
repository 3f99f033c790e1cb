"""Whatever JSON claims to be a resource: it is judged, nothing is raised, and nothing of it is repeated in a report."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fidelity.checks import BIT
from fidelity.report import format_report
from fidelity.scan import Scan
from tests.unit.fidelity.vectors import VECTORS
from tests.unit.fidelity.vectors import settings as rules

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(
    ["http://loinc.org", "8310-5", "Cel", "2026-05-01T08:00:00Z", "2026-13", "Patient/p", "0001", "9999-12-31T23:59:59+14:00", "SECRET"]
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "resourceType", "id", "meta", "status", "code", "coding", "system", "value", "unit", "valueQuantity", "valueString", "component",
        "subject", "reference", "effectiveDateTime", "issued", "effectivePeriod", "start", "end", "category", "text", "div", "name",
        "given", "birthDate", "gender", "referenceRange", "low", "high", "interpretation", "dosageInstruction", "content",
        "attachment", "data", "contentType", "presentedForm", "extension", "url", "lastUpdated", "source", "versionId",
    ]
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)
TYPES = st.sampled_from(
    [
        "Patient",
        "Observation",
        "Condition",
        "MedicationRequest",
        "DocumentReference",
        "DiagnosticReport",
        "Encounter",
        "X",
    ]
)


@st.composite
def resources(draw):
    made = draw(st.dictionaries(NAMES, ANYTHING, max_size=8))
    return made | {"resourceType": draw(TYPES)}


@settings(max_examples=400, deadline=None)
@given(st.lists(resources(), max_size=4))
def test_no_resource_makes_a_scan_raise_and_all_are_counted(feed):
    scan = Scan(rules(linkage=True, reference=VECTORS["PLA-02"]["with"]["reference"]))
    for resource in feed:
        scan.add(resource)
    report = format_report(scan.results(), source="feed", model="m", version="1")
    assert report["resources"] == len(feed)
    assert all(check["pass"] >= 0 and check["fail"] >= 0 for check in report["checks"])
    json.dumps(report)


@settings(max_examples=100, deadline=None)
@given(resources())
def test_a_check_never_passes_and_fails_at_once(resource):
    seen = rules().judge(resource)
    assert not seen.fails & seen.passes
    assert seen.fails < 1 << len(BIT)
