"""``reference.json`` is read strictly, and the shipped ones are read."""

import copy
import json
from typing import Any

import pytest

from gateway.model_folders.models import SHIPPED
from monitoring.reference import ReferenceInvalid, parse

GOOD: dict[str, Any] = {
    "features": {
        "pulse": {"bins": [0, 60, 100, 300], "shares": [0.2, 0.6, 0.15, 0.05, 0.0], "n": 1000, "mean": 80, "sd": 15},
        "sex": {"categories": ["female", "male"]},
        "age": {"bins": [0, 50, 120]},
    },
    "output": {"bins": [0, 0.1, 1], "alert_at": 0.2, "alert_rate": 0.1, "gap_p99": 600},
    "performance": {"auroc": 0.8},
    "learn": 1000,
}


def test_bins_shares_and_rates_are_read() -> None:
    found = parse(GOOD)
    assert found.features["pulse"].edges == (60.0, 100.0)
    assert found.features["pulse"].shares == (0.2, 0.6, 0.15, 0.05, 0.0)
    assert found.features["sex"].edges == (0.5,)
    assert found.features["age"].shares is None
    assert (found.alert_at, found.gap_p99, found.auroc, found.learn) == (0.2, 600, 0.8, 1000)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("features",), [], "features must be an object"),
        (("features", "pulse", "bins"), [0, 100, 60], "features.pulse.bins must be rising numbers"),
        (("features", "pulse", "bins"), [0, "1"], "features.pulse.bins must be rising numbers"),
        (("features", "pulse", "shares"), [1.0], "features.pulse.shares must be 5 shares"),
        (("features", "pulse", "shares"), [0.9, 0.9, 0, 0, 0], "features.pulse.shares must add up to one"),
        (("features", "pulse", "n"), 0, "features.pulse.n must be"),
        (("features", "pulse", "mean"), True, "features.pulse.mean must be a number"),
        (("features", "age", "bins"), list(range(100)), "features.age must have at most"),
        (("features", "sex", "categories"), "female", "features.sex.categories must be a list"),
        (("output", "alert_rate"), 1.5, "output.alert_rate must lie between 0 and 1"),
        (("performance", "auroc"), "high", "performance.auroc must be a number"),
        (("learn",), 5, "learn must be"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(path: tuple[str, ...], value: Any, said: str) -> None:
    document = copy.deepcopy(GOOD)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(ReferenceInvalid, match=said.replace(".", r"\.")):
        parse(document)


@pytest.mark.parametrize("model", ["news2", "prevent", "summary"])
def test_the_shipped_references_are_read(model: str) -> None:
    assert parse(json.loads((SHIPPED / model / "reference.json").read_text())).learn >= 200
