"""A RiskAssessment says over which time its predictions reach, when the model declared one."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.writeback.examples import NAMES, NOW, manifest, output
from vocabulary.manifest import Span
from writeback.gate import Admitted
from writeback.planning import canonical


def predictions(horizon: Span | None) -> list[dict[str, Any]]:
    model = replace(manifest("risk"), horizon=horizon)
    planned = canonical(output("risk"), model, NAMES, NOW, admitted=Admitted())
    (found,) = [each.body["prediction"] for each in planned if each.role == "primary"]
    return list(found)


@pytest.mark.parametrize(
    ("horizon", "said"), [(Span(months=120), True), (None, False)], ids=["declared", "not declared"]
)
def test_a_prediction_has_a_period_when_the_model_declares_a_horizon(horizon: Span | None, said: bool) -> None:
    found = predictions(horizon)
    assert len(found) == 2
    assert all(("whenPeriod" in prediction) is said for prediction in found)
