"""Texts and charts are hostile: whatever they hold, the checker answers, and with spans of the text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.grounding.checker import check, count
from monitoring.grounding.index import build
from monitoring.grounding.values import Snapshot
from tests.grounding.said import HAND
from tests.grounding.ward import PATIENT, RESOURCES, SNAPSHOT

INDEX = build(SNAPSHOT)
PIECES = st.one_of(st.sampled_from([text for text, _ in HAND]), st.text(max_size=30), st.sampled_from(
    ["[Observation/k1]", "No", "1/2", "99999999999999999999.9", "-", "on", "2024-13-45", "between", "creatinine", "\n", "mg/dL", "İ"]
))  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=12) | st.just("2024-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["code", "coding", "text", "display", "status", "value", "unit", "start", "meta", "versionId", "reference"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_any_text_is_answered_with_spans_that_are_within_it(text):
    found = check(text, INDEX)
    assert all(0 <= each.span[0] < each.span[1] <= len(text) for each in found)
    assert count(found, index=INDEX, text=text).claims == len(found)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_resource_is_indexed(data):
    resource = dict(data.draw(st.sampled_from(RESOURCES)))
    name = data.draw(
        st.sampled_from([*resource, "period", "valueQuantity", "effectiveDateTime", "interpretation", "component"])
    )
    if name != "resourceType":
        resource[name] = data.draw(JSON)
    index = build(Snapshot(patient=PATIENT, as_of=0.0, resources=(resource,)))
    check(HAND[0][0] + " Creatinine 1.5 mg/dL is rising. Hypertension since 2010. Takes metformin 500 mg.", index)
