"""The walk of docs/how-to/add-a-model.md, line by line, by a newcomer with nothing but an empty folder."""

import json
import re
import time
from pathlib import Path

import pytest

from r4 import codec
from r4.validate import validate
from tests.command import chartgate

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "add-a-model.md").read_text()
LINES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]


def test_the_walk_leads_from_an_empty_folder_to_a_shadow_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHARTGATE_DATA", raising=False)
    began, said = time.monotonic(), {}
    for line in LINES:
        done = chartgate(*line.split()[1:])
        assert done.returncode == 0, (line, done.stderr)
        said[line] = done.stdout
    assert time.monotonic() - began < 15 * 60
    demo = json.loads(said["chartgate demo --models models --model kidney-risk --json"])
    states = {output["state"] for patient in demo["patients"] for output in patient["outputs"]}
    assert "shadow" in states
    assert states <= {"shadow", "refused", "abstained"}
    assert (tmp_path / "kidney-risk.html").read_text().count("Not stated.") == 31


def test_a_name_that_is_no_id_and_a_folder_that_is_there_are_refused(tmp_path: Path) -> None:
    for name in ("Kidney", "a--b", "-a", "a b", "../x"):
        assert chartgate("models", "new", name, "--into", str(tmp_path)).returncode == 2, name
    assert chartgate("models", "new", "a", "--into", str(tmp_path)).returncode == 0
    before = (tmp_path / "a" / "model.py").read_text()
    assert chartgate("models", "new", "a", "--into", str(tmp_path)).returncode == 3
    assert (tmp_path / "a" / "model.py").read_text() == before


@pytest.mark.parametrize("name", ["news2", "prevent", "summary"])
def test_the_cards_of_the_shipped_models_state_everything_and_are_valid_fhir(name: str) -> None:
    folder = str(Path(__file__).parents[2] / "models" / name)
    page = chartgate("models", "card", folder).stdout
    assert page.count("<dt>") == 31
    assert "Not stated." not in page
    document = codec.parse(chartgate("models", "card", folder, "--fhir").stdout.encode())
    assert validate(document) == []
    assert document["resourceType"] == "DocumentReference"


def test_what_a_card_says_is_text_and_never_markup(tmp_path: Path) -> None:
    chartgate("models", "new", "a", "--into", str(tmp_path))
    with (tmp_path / "a" / "model.toml").open("a") as manifest:
        manifest.write('developer = "<script>alert(1)</script>"\n')
    page = chartgate("models", "card", str(tmp_path / "a")).stdout
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("Not stated.") == 30
    assert chartgate("models", "card", str(tmp_path / "nowhere")).returncode == 3
