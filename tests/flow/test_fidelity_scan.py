"""``chartgate fidelity scan`` as it is driven from outside: files, folders, exit codes, JSON, and what it cannot do."""

import json
from pathlib import Path
from typing import Any

import pytest

from fidelity.checks import BY_ID
from gateway.sandbox_ehrs import filling
from r4 import codec
from sandbox.seed.messy import Label, Messiness, degrade
from tests.command import chartgate

ROOT = Path(__file__).parents[2]
NEWS2, PREVENT = str(ROOT / "models" / "news2"), str(ROOT / "models" / "prevent")
NOW = 1_795_000_000.0
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clean seed in files by type, as a bulk export has them."""
    folder = tmp_path_factory.mktemp("feed")
    by_type: dict[str, list[bytes]] = {}
    for each in filling.clean(NOW):
        by_type.setdefault(each["resourceType"], []).append(codec.format(each))
    for name, found in by_type.items():
        (folder / f"{name}.ndjson").write_bytes(b"\n".join(found) + b"\n")
    return folder


def scanned(source: Path, *more: str, model: str = NEWS2) -> tuple[int, dict[str, Any]]:
    made = chartgate("fidelity", "scan", str(source), "--model", model, "--json", *more)
    assert made.returncode in (0, 1), made.stderr
    return made.returncode, json.loads(made.stdout)


def checks(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in report["checks"]}


def write(path: Path, *resources: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(codec.format(each) + b"\n" for each in resources))
    return path


def test_a_clean_folder_carries_hardly_a_finding(feed: Path) -> None:
    _, report = scanned(feed)
    assert (report["source"], report["model"], report["unreadable"]) == (str(feed), "news2", 0)
    assert set(checks(report)) == set(BY_ID)
    of_records = [check for check in report["checks"] if check["of"] == "records"]
    assert 0 < sum(check["fail"] for check in of_records) <= 0.005 * report["resources"]
    assert [check["id"] for check in of_records if check["level"] in ("warn", "critical")] == []


def test_a_messy_file_fails_as_its_labels_say_and_ends_with_1(tmp_path: Path) -> None:
    told: list[Label] = []
    feed = list(degrade(filling.clean(NOW), Messiness(0.2, 3), arrived=NOW, tell=told.append))
    code, report = scanned(write(tmp_path / "messy.ndjson", *feed))
    found = checks(report)
    for check in ("COD-01", "COD-02", "COD-03", "UNI-02", "UNI-03", "VAL-01", "REF-03", "TIM-01", "DUP-03"):
        assert found[check]["fail"] == sum(label.check == check for label in told) > 0
    assert (code, report["resources"]) == (1, len(feed))


def test_a_small_clean_file_ends_with_0_and_lines_that_cannot_be_read_are_counted_and_end_with_1(
    tmp_path: Path,
) -> None:
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"value": "1"}], "name": [{"family": "A"}], "gender": "male", "birthDate": "1960-01-01"}  # fmt: skip
    source = write(tmp_path / "one.ndjson", patient)
    model = tmp_path / "model"
    model.mkdir()
    text = (ROOT / "models" / "summary" / "model.toml").read_text()
    (model / "model.toml").write_text(text)
    code, report = scanned(source, model=str(model))
    assert [check["id"] for check in report["checks"] if check["fail"]] == []
    assert (code, report["unreadable"]) == (0, 0)
    with source.open("ab") as file:
        file.write(b'{"resourceType": "Observation", "id"\n\xff\xfe\n{"resourceType": "Nothing"}\n[]\n')
        file.write(
            b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"q"}}]}\n'
        )
    code, report = scanned(source, model=str(model))
    assert (code, report["unreadable"], report["resources"]) == (1, 5, 1)
    assert report["unreadable_lines"] == [
        {"file": "one.ndjson", "line": 2, "wrong": "not JSON"}, {"file": "one.ndjson", "line": 3, "wrong": "not UTF-8"},
        {"file": "one.ndjson", "line": 4, "wrong": "unknown type"}, {"file": "one.ndjson", "line": 5, "wrong": "no object"},
        {"file": "one.ndjson", "line": 6, "wrong": "a Bundle"},
    ]  # fmt: skip


@pytest.mark.parametrize("verb", [("scan", "--model", PREVENT), ("profile",)], ids=["scan", "profile"])
def test_a_feed_of_which_nothing_was_read_is_no_clean_feed(verb: tuple[str, ...], tmp_path: Path) -> None:
    source = write(tmp_path / "none.ndjson")
    done = chartgate("fidelity", verb[0], str(source), *verb[1:], "--json")
    assert (done.returncode, json.loads(done.stdout)["resources"]) == (1, 0)
    assert "no resource was read" in done.stderr


def test_editions_of_the_feed_are_named_and_touch_the_models_codes(tmp_path: Path) -> None:
    condition = {
        "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "recordedDate": "2022-03-01",
        "code": {"coding": [{"system": ICD, "code": "M54.5", "version": "2022"}]},
    }  # fmt: skip
    source = write(tmp_path / "one.ndjson", condition)
    found = checks(scanned(source, model=PREVENT)[1])
    assert (found["VER-03"]["fail"], found["VER-02"]["fail"], found["VER-04"]["fail"]) == (1, 0, 1)
    assert found["VER-05"] == found["VER-05"] | {"pass": 2, "fail": 0}
    found = checks(scanned(source, "--edition", f"{ICD}=2022", model=PREVENT)[1])
    assert (found["VER-04"]["fail"], found["VER-05"]["of"]) == (0, "code systems")


def test_a_profile_of_the_training_data_turns_on_what_is_judged_beside_it(feed: Path, tmp_path: Path) -> None:
    profiled = chartgate("fidelity", "profile", str(feed), "--plain", "--json")
    reference = tmp_path / "profile.json"
    reference.write_text(profiled.stdout)
    silent = checks(scanned(feed)[1])
    found = checks(scanned(feed, "--reference", str(reference))[1])
    for id in ("VER-06", "VER-07", "STR-06", "TIM-08"):
        assert (silent[id]["pass"], silent[id]["fail"]) == (0, 0)
        assert (found[id]["pass"] > 0, found[id]["fail"]) == (True, 0), id
    gone = tmp_path / "gone.ndjson"
    lines = [line for path in feed.glob("*.ndjson") for line in path.read_bytes().splitlines()]
    gone.write_bytes(b"\n".join(line for line in lines if b'"2093-3"' not in line))
    vanished = checks(scanned(gone, "--reference", str(reference))[1])["VER-07"]
    assert [stratum["code"] for stratum in vanished["strata"]] == ["http://loinc.org|2093-3"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere.ndjson", "--model", NEWS2), 3),
        (("http://127.0.0.1:9/fhir", "--model", NEWS2), 3),
        ((".", "--model", "nowhere"), 3),
        ((".", "--model", NEWS2, "--limits", "nowhere.csv"), 3),
        ((".", "--model", NEWS2, "--reference", "nowhere.json"), 3),
        ((".", "--model", NEWS2, "--editions", "nowhere"), 3),
        ((".",), 2),
        ((".", "--model", NEWS2, "--edition", "2025"), 2),
        ((".", "--model", NEWS2, "--arrival-within", "soon"), 2),
    ],
)
def test_what_cannot_be_done_ends_with_2_or_3_and_says_what_to_do(arguments: tuple[str, ...], code: int) -> None:
    made = chartgate("fidelity", "scan", *arguments)
    assert (made.returncode, made.stdout) == (code, "")
    assert made.stderr


def test_people_get_a_table_of_what_failed(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "unknown"}
    made = chartgate("fidelity", "scan", str(write(tmp_path / "one.ndjson", patient)), "--model", NEWS2)
    assert "COD-07" in made.stdout
    assert "1 resources" in made.stdout
