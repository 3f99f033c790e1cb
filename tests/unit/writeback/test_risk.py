"""A RiskAssessment always says over which time its predictions reach: to the horizon, or without end when none is declared."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.writeback.examples import NAMES, NOW, manifest, output
from vocabulary.manifest import Span
from writeback.adapters import canonical
from writeback.gate import Admitted


def predictions(horizon: Span | None) -> list[dict[str, Any]]:
    model = replace(manifest("risk"), horizon=horizon)
    planned = canonical(output("risk"), model, NAMES, NOW, admitted=Admitted())
    (found,) = [each.body["prediction"] for each in planned if each.role == "primary"]
    return list(found)


@pytest.mark.parametrize(
    ("horizon", "ends"), [(Span(months=120), True), (None, False)], ids=["declared", "not declared"]
)
def test_a_prediction_always_has_a_period_and_its_end_is_the_declared_horizon(horizon: Span | None, ends: bool) -> None:
    found = predictions(horizon)
    assert len(found) == 2
    assert all("start" in prediction["whenPeriod"] for prediction in found)
    assert all(("end" in prediction["whenPeriod"]) is ends for prediction in found)
