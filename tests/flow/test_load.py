"""``chartgate load``: NDJSON and Bundles into an embedded EHR, through its running server or without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.storage.database import open_sqlite
from gateway.verbs import perform
from sandbox import tables
from tests.command import chartgate

PATIENT = {"resourceType": "Patient", "id": "one", "gender": "female"}


def observation(id: str, patient: str = "Patient/one", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "status": "final", "code": {"text": "t"},
        "subject": {"reference": patient}, **more,
    }  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation whose EHR has been used, and nothing running."""
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    database = open_sqlite(directory / "ehr-spec.db", metadata=[tables.metadata])
    database.run_now(lambda c, now: c.exec_driver_sql("INSERT INTO fhir_settings (name, value) VALUES ('seeded', '0')"))
    database.close()
    return directory


def load(data: Path, *files: Path) -> tuple[int, dict[str, Any]]:
    done = chartgate("load", *map(str, files), "--data", str(data), "--json")
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def ndjson(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_lines_in_any_order_are_loaded_and_again_change_nothing(data: Path, tmp_path: Path) -> None:
    file = ndjson(tmp_path / "a.ndjson", observation("o1"), PATIENT, "", observation("o2", valueInteger=3))
    code, said = load(data, file)
    assert (code, said["files"][0]["created"], said["dangling_total"]) == (0, 3, 0)
    ndjson(file, observation("o1", note=[{"text": "new"}]), PATIENT)
    assert [load(data, file)[1]["files"][0][name] for name in ("created", "updated", "unchanged")] == [0, 0, 2]


def test_what_is_wrong_is_told_by_line_and_element_and_the_rest_is_loaded(data: Path, tmp_path: Path) -> None:
    secret = "Mrs. Secret"
    wrong = {**observation("o2"), "status": secret}
    file = ndjson(
        tmp_path / "a.ndjson",
        PATIENT,
        wrong,
        "{not json",
        {"resourceType": "Nothing"},
        observation("o1", "Patient/gone"),
    )
    code, said = load(data, file)
    told = said["files"][0]
    assert (code, told["created"], told["refused_total"]) == (1, 2, 3)
    assert [each["line"] for each in told["refused"]] == [2, 3, 4]
    assert told["refused"][0]["element"] == "Observation.status"
    assert said["dangling"] == ["Patient/gone"]
    assert secret not in json.dumps(said)


def test_a_bundle_brings_its_own_names_and_conditional_references(data: Path, tmp_path: Path) -> None:
    doctor = {"resourceType": "Practitioner", "id": "d", "identifier": [{"system": "urn:npi", "value": "1"}]}
    made = observation("o1", "urn:uuid:p", performer=[{"reference": "Practitioner?identifier=urn:npi|1"}])
    entries = [{"fullUrl": "urn:uuid:p", "resource": PATIENT}, {"fullUrl": "urn:uuid:o", "resource": made}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.json").write_text(json.dumps(bundle))
    ndjson(tmp_path / "in" / "a.ndjson", doctor)
    code, said = load(data, tmp_path / "in")
    assert (code, [each["created"] for each in said["files"]], said["dangling_total"]) == (0, [1, 2], 0)
    arguments = {
        "ehr": "spec",
        "base": "http://127.0.0.1/ehr/spec/fhir",
        "references": ["Patient/one", "Practitioner/d", "Patient/x"],
    }
    assert perform(data, "load.missing", arguments) == ["Patient/x"]


def test_what_cannot_be_loaded_says_what_to_do(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert load(data, tmp_path / "a.txt")[0] == 3
    file = ndjson(tmp_path / "a.ndjson", PATIENT)
    code, said = load(tmp_path / "nowhere", file)
    assert (code, "chartgate up" in said["error"].replace("\n", " ")) == (3, True)
