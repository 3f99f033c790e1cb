"""``chartgate score`` from the command line: the walk of docs/how-to/score-a-population.md, and what it refuses."""

import json
import re
from pathlib import Path

import pytest

from gateway.cli.score import OUTPUTS, SUMMARY, UNREADABLE
from sandbox.seed import load
from tests.command import chartgate

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "score-a-population.md").read_text()
LINES = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
MEMBERS = list(json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.S)[0]))


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported").mkdir()
    for kind in ("Patient", "Observation"):
        body = b"".join(each.body + b"\n" for each in load.packed() if each.type == kind)
        (tmp_path / "exported" / f"{kind}.ndjson").write_bytes(body)
    return tmp_path / "exported"


def test_the_walk_scores_a_bulk_export_twice_to_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    for line in LINES:
        done = chartgate(
            *line.split()[1:], *(("--processes", "1") if "score" in line and "--processes" not in line else ())
        )
        assert done.returncode == 0, (line, done.stderr)
    summary = json.loads(done.stdout)
    scored = tmp_path / "scored"
    assert sorted(each.name for each in scored.iterdir()) == sorted([OUTPUTS, SUMMARY, UNREADABLE])
    assert (scored / OUTPUTS).read_bytes() == (tmp_path / "again.ndjson").read_bytes()
    lines = [json.loads(line) for line in (scored / OUTPUTS).read_text().splitlines()]
    assert [list(line) for line in lines] == [MEMBERS] * summary["patients"]
    assert [line["patient"] for line in lines] == sorted(line["patient"] for line in lines)
    assert summary["states"] == {"refused": 2, "scored": 11}
    kept = json.loads((scored / SUMMARY).read_text())
    assert {name for name in kept if kept[name] != summary[name]} <= {"seconds", "resources_per_second"}
    assert (
        "written to any EHR"
        in chartgate("score", "exported", "--model", "models/fall-risk", "--out", "x", "--processes", "1").stdout
    )


def test_an_unreadable_line_is_told_and_makes_the_exit_code_one(exported: Path) -> None:
    with (exported / "Patient.ndjson").open("ab") as file:
        file.write(b'{"resourceType":"Pat')
    chartgate("models", "new", "a")
    done = chartgate("score", "exported", "--model", "a", "--out", "out", "--processes", "1")
    assert done.returncode == 1
    assert "Patient.ndjson, line 14: not JSON" in done.stdout
    assert json.loads(Path("out", UNREADABLE).read_text()) == {
        "file": "Patient.ndjson",
        "line": 14,
        "wrong": "not JSON",
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("exported", "--model", "a", "--out", "exported/out.ndjson"), 2),
        (("exported/Patient.ndjson", "--model", "a", "--out", "exported/Patient.ndjson"), 2),
        (("exported", "--model", "a", "--out", "out", "--as-of", "2026-01-01"), 2),
        (("nowhere", "--model", "a", "--out", "out"), 2),
        (("exported", "--model", "nothing", "--out", "out"), 3),
        (("a", "--model", "a", "--out", "out"), 3),
    ],
)
def test_what_cannot_be_run_is_refused_and_writes_nothing(
    exported: Path, arguments: tuple[str, ...], code: int
) -> None:
    chartgate("models", "new", "a")
    before = (exported / "Patient.ndjson").read_bytes()
    assert chartgate("score", *arguments).returncode == code
    assert not Path("out").exists() or not list(Path("out").iterdir())
    assert (exported / "Patient.ndjson").read_bytes() == before
