"""``chartgate monitor replay``: recorded outputs through the detectors, on the command line."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring.entries import Labelled, Observed, unpack_cells
from monitoring.replay import LineInvalid, entries, read
from tests.flow.outputs_world import MODEL, ROOT
from tests.monitored import plan
from vocabulary.instant import format_instant

REFERENCE = {
    "features": {"pulse": {"bins": [0, 60, 70, 80, 90, 300]}},
    "output": {"bins": [0, 0.1, 0.2, 1]},
    "learn": 500,
}
FEATURE = """
[[feature]]
name = "pulse"
kind = "observation"
codes = [{ system = "http://loinc.org", code = "8867-4" }]
[monitoring]
reference = "reference.json"
"""


def recorded(count: int, *, shifted: bool) -> Iterable[dict[str, Any]]:
    random = np.random.default_rng(1)
    for number in range(count):
        at = 1.7e9 + number * 600
        pulse = float(random.normal(80, 10)) + (25 if shifted and number > 900 else 0)
        yield {
            "type": "output", "at": format_instant(at), "output": f"o{number}", "encounter": f"e{number}",
            "value": float(random.beta(1, 9)) / 2, "features": {"pulse": pulse}, "strata": {"sex": "female"},
        }  # fmt: skip
        yield {"type": "label", "at": format_instant(at + 60), "output": f"o{number}", "label": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "echo"
    made.mkdir()
    (made / "model.toml").write_text(MODEL + FEATURE)
    (made / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    (made / "reference.json").write_text(json.dumps(REFERENCE))
    return made


Said = tuple[int, Any, str]
Replay = Callable[..., Said]


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Replay:
    """``replay(folder, lines, *options)``: exit code, report, and what was complained."""

    def run(folder: Path, lines: Iterable[Any], *more: str) -> Said:
        return _replay(capsys, folder, lines, *more)

    return run


def _replay(capsys: pytest.CaptureFixture[str], folder: Path, lines: Iterable[Any], *more: str) -> Said:
    file = folder.parent / "recorded.ndjson"
    file.write_text("".join(each if isinstance(each, str) else json.dumps(each) + "\n" for each in lines))
    command = [
        sys.executable,
        "-m",
        "gateway.cli",
        "monitor",
        "replay",
        str(file),
        "--model",
        str(folder),
        "--json",
        *more,
    ]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=False, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_a_quiet_period_raises_nothing_and_says_how_sure_that_is(folder: Path) -> None:
    code, report, _ = replay(folder, [each for each in recorded(1500, shifted=False) if each["type"] == "output"])
    assert (code, report["alarms"]["raised"], report["unreadable"]) == (0, 0, 0)
    assert (report["outputs"], report["encounters"], report["learnt_from"]) == (1500, 1000, 500)
    assert 0 < report["alarms"]["upper"] < 1
    assert all(each["per_1000_upper"] > 3 for each in report["signals"])
    assert {"M-IN-01", "M-IN-02", "M-IN-03", "M-OUT-02"} <= {each["monitor"] for each in report["signals"]}


def test_a_drift_and_labels_that_never_come_true_are_found_and_end_with_1(folder: Path) -> None:
    code, report, _ = replay(folder, recorded(1300, shifted=True))
    raised = {(each["monitor"], each["source"]) for each in report["signals"] if each["raised"]}
    assert code == 1
    assert {("M-IN-01", "pulse"), ("M-IN-02", "pulse"), ("M-PERF-02", "observed_over_expected")} <= raised
    mean = next(each for each in report["signals"] if (each["monitor"], each["source"]) == ("M-IN-02", "pulse"))
    assert mean["first"] > format_instant(1.7e9 + 900 * 600)
    assert mean["peak"] > mean["warn"]


def test_thresholds_can_be_tried(folder: Path) -> None:
    document = folder.parent / "thresholds.json"
    body = {"format": "chartgate-thresholds/1", "deployment": "urn:x", "version": 2, "issued": "2026-01-02T03:04:05Z"}
    document.write_text(json.dumps({**body, "monitors": {"M-IN-02": {"warn": 5000, "critical": 6000}}}))
    _, report, _ = replay(folder, recorded(1300, shifted=True), "--thresholds", str(document))
    assert report["thresholds"] == 2
    assert ("M-IN-02", "pulse") not in {
        (each["monitor"], each["source"]) for each in report["signals"] if each["raised"]
    }
    document.write_text(json.dumps({**body, "version": 0}))
    assert replay(folder, recorded(3, shifted=False), "--thresholds", str(document))[0] == 3


def test_lines_that_say_nothing_are_named_and_not_repeated(folder: Path) -> None:
    lines = [*recorded(5, shifted=False), "{secret\n", {"type": "output", "at": "secret"}]
    code, report, error = replay(folder, lines)
    assert (code, report["unreadable"]) == (1, 2)
    assert report["problems"] == ["line 11: type must be output or label", "line 12: at must be an instant"]
    assert "secret" not in json.dumps(report) + error


def test_a_file_without_a_line_and_a_folder_without_a_model_end_with_3(folder: Path) -> None:
    assert replay(folder, [])[0] == 3
    assert replay(folder, ["nothing\n"])[0] == 3
    assert replay(folder.parent, recorded(3, shifted=False))[0] == 3
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "monitor", "replay"], capture_output=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2


LINE = {
    "type": "output",
    "at": "2026-01-02T03:04:05Z",
    "output": "o",
    "encounter": "e",
    "value": 0.1,
    "features": {"f0": 1},
}


def test_a_line_is_what_the_gateway_would_have_told() -> None:
    at, told = read({**LINE, "features": {"f0": 1}, "strata": {"sex": "female", "age": "80+"}}, plan())
    assert isinstance(told, Observed)
    cells = unpack_cells(told.features)
    assert (cells[0], cells[1] != cells[1], told.strata) == (1.0, True, "sex=female;age=80+")
    assert (told.value, told.score) == (0.1, 0.1)
    _, percent = read({**LINE, "value": 10}, plan(), percent=True)
    assert isinstance(percent, Observed)
    assert (percent.value, percent.score) == (10, 0.1)
    _, label = read({"type": "label", "at": LINE["at"], "output": "o", "label": True}, plan())
    assert isinstance(label, Labelled)
    found = list(entries([(at + 86400, label), (at, told), (at + 1, told)]))
    assert [type(each.told).__name__ for each in found] == ["Observed", "Observed", "Ticked", "Labelled"]
    assert [each.first for each in found if isinstance(each.told, Observed)] == [True, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "x"}, "type must be"),
        ({"output": ""}, "output must be"),
        ({"encounter": None}, "encounter must be"),
        ({"features": []}, "features must be"),
        ({"features": {"f0": [1]}}, "f0 must be a number"),
        ({"value": []}, "value must be a number"),
        ({"strata": {"sex": 1}}, "strata must be"),
        ({"confidence": "high"}, "confidence must be"),
        ({"type": "label", "label": 1}, "label must be"),
    ],
)
def test_a_member_that_cannot_be_meant_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(LineInvalid, match=said):
        read({**LINE, **change}, plan())
