"""The body of an output, read strictly."""

import pytest

from gateway.bodies.bodies import MOST_LISTED, read_output
from vocabulary.output import Output

BODY = {
    "model": "m", "version": "1", "ehr": "spec", "patient": "Patient/p1", "kind": "issue", "label": "interaction",
    "as_of": "2026-01-02T03:04:05Z", "inference_id": "i",
}  # fmt: skip


@pytest.mark.parametrize("member", ["inputs", "implicated"])
def test_what_is_read_from_the_ehr_for_one_output_is_bounded(member: str) -> None:
    """Each reference is a request to the EHR."""
    assert isinstance(read_output({**BODY, member: ["Observation/1"] * MOST_LISTED}), Output)
    refused = read_output({**BODY, member: ["Observation/1"] * (MOST_LISTED + 1)})
    assert isinstance(refused, list)
    assert [issue.element for issue in refused] == [member]
