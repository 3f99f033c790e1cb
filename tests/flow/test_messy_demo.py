"""The whole way with messy patients: what was fit is refused or carries caveats, and the labels say why."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.command import chartgate


def test_models_meet_the_messy_charts_and_the_labels_lie_beside_the_installation(tmp_path: Path) -> None:
    made = chartgate(
        "demo", "--model", "news2", "--messy", "0.6", "--messy-seed", "3", "--json", "--data", str(tmp_path)
    )
    assert made.returncode == 0, made.stderr
    outputs: list[Any] = [each for patient in json.loads(made.stdout)["patients"] for each in patient["outputs"]]
    fitness = Counter(each["verdict"]["fitness"] for each in outputs)
    assert fitness["fit"] < 5  # ten of the clean ones are
    assert fitness["unfit"] > 4
    refused = [each for each in outputs if each["verdict"]["fitness"] == "unfit"]
    assert all(each["state"] == "refused" and each["deliveries"] == [] for each in refused)
    labels = [json.loads(line) for line in (tmp_path / "messy.ndjson").read_text().splitlines()]
    assert {"number-in-text", "unit-in-text", "duplicate"} <= {label["degradation"] for label in labels}
    again = chartgate("demo", "--messy", "0.1", "--data", str(tmp_path))
    assert again.returncode == 3
    assert "--messy" in again.stderr


def test_messiness_is_of_the_synthetic_patients_only() -> None:
    refused = chartgate("demo", "--messy", "0.5", "--ehr", "http://127.0.0.1:9/fhir")
    assert refused.returncode == 3
    assert "--seed" in refused.stderr
