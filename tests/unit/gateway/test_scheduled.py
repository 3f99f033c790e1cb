"""What a schedule asks of an EHR's backend client, against the scopes that it holds: what is missing is named, and how bad it is."""

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gateway.cli  # noqa: F401 -- registers every command
from auth.client.ehr import RegisteredEhr
from gateway.cli.application import application
from gateway.ehrs import lines, scheduled
from gateway.ehrs.facts import Asked, Facts, Trouble
from gateway.model_folders.models import load_all
from gateway.sites import checking, contradictions
from gateway.sites.folder import Declared, read_document

MODELS = {model.key: model for model in load_all()}
NEWS2 = MODELS["news2", "1.0.0"].manifest
FOLDER = Path(__file__).resolve().parents[3] / "gateway" / "sites" / "examples" / "lakeside"
READS = "system/Patient.r system/Observation.s"
EHR = RegisteredEhr(
    name="north", issuer="https://north.example/r4", client_id="c", backend_scopes=("system/Patient.r",)
)


def asked(type: str = "Encounter", *, writes: bool = False) -> Asked:
    return Asked(id="ward", type=type, models=(NEWS2,), writing=(NEWS2,) if writes else ())


@pytest.mark.parametrize(("held", "type", "writes", "result", "words"), [
    (f"{READS} system/Encounter.s", "Encounter", False, "pass", "may read"),
    (f"{READS} system/Encounter.rs", "Encounter", False, "pass", "may read"),
    ("system/*.rs", "Group", False, "pass", "may read"),
    ("system/*.read", "Encounter", False, "pass", "may read"),
    (f"{READS} system/Group.r", "Group", False, "pass", "may read"),
    (READS, "Encounter", False, "fail", "lacks system/Encounter.s"),
    (f"{READS} system/Encounter.r", "Encounter", False, "fail", "lacks system/Encounter.s"),
    (f"{READS} system/Group.s", "Group", False, "fail", "lacks system/Group.r"),
    ("system/Observation.s system/Group.r", "Group", False, "fail", "lacks system/Patient.r"),
    ("system/Patient.r system/Group.r", "Group", False, "fail", "lacks system/Observation.s"),
    ("user/*.cruds patient/*.rs", "Group", False, "fail", "system/Group.r, system/Patient.r, system/Observation.s"),
    ("", "Group", False, "fail", "lacks system/Group.r"),
    (f"{READS} system/Group.r", "Group", True, "fail", "may create nothing that outputs of news2 are written as"),
    (f"{READS} system/Group.r system/DocumentReference.c", "Group", True, "pass", "may read"),
    (f"{READS} system/Group.r system/Observation.u", "Group", True, "pass", "may read"),
])  # fmt: skip
def test_what_a_schedule_lacks_is_named(held: str, type: str, writes: bool, result: str, words: str) -> None:
    ((check, said, text, advice),) = scheduled.judged([asked(type, writes=writes)], held)
    assert (check, said) == ("schedule-ward", result)
    assert words in text
    assert (advice is None) == (result == "pass")


def test_what_a_model_can_do_without_is_a_warning() -> None:
    optional = replace(NEWS2, features=tuple(replace(each, required=False) for each in NEWS2.features))
    ((_, said, text, _),) = scheduled.judged(
        [Asked(id="ward", type="Patient", models=(optional,), writing=())], "system/Patient.rs"
    )
    assert (said, text) == ("warn", "the backend client lacks system/Observation.s: outputs are made without")


def facts(**changes: Any) -> Facts:
    given = {
        "ehr": EHR,
        "models": (),
        "now": 0.0,
        "discovery": None,
        "metadata": None,
        "schedules": (asked(),),
        **changes,
    }
    return Facts(**given)


@pytest.mark.parametrize(("backend", "missing"), [
    ("system/*.rs", ""), ("system/Patient.r", "system/Encounter.s"), (None, "system/Encounter.s"),
    (Trouble("no token", "ask"), "system/Encounter.s"),
])  # fmt: skip
def test_what_was_granted_counts_and_where_nothing_was_what_is_declared(backend: Any, missing: str) -> None:
    (line,) = scheduled.schedules(facts(backend=backend))
    assert (line.result, missing in line.text) == ("fail" if missing else "pass", True)


def test_a_client_that_proves_nothing_has_no_backend_access_whatever_is_declared() -> None:
    public = RegisteredEhr(
        name="north", issuer=EHR.issuer, client_id="c", method="none", backend_scopes=("system/*.rs",)
    )
    (line,) = scheduled.schedules(facts(ehr=public))
    assert line.result == "fail"
    assert list(scheduled.schedules(facts(schedules=()))) == []
    assert scheduled.schedules in lines.RULES


SCHEDULE = {"id": "ward", "ehr": "lakeside-epic", "models": ["news2"], "cron": "*/15 * * * *",
            "patients": "Encounter?status=in-progress"}  # fmt: skip


def declared(*scopes: str, **changes: Any) -> Declared:
    document = tomllib.loads((FOLDER / "site.toml").read_text())
    document["schedule"] = [{**SCHEDULE, **changes}]
    ehr = RegisteredEhr(
        name="lakeside-epic", issuer="https://e.example/r4", client_id="c", vendor="epic", backend_scopes=scopes
    )
    return Declared(folder=FOLDER, site=read_document(FOLDER, document), ehrs=(ehr,))


def test_a_sites_schedules_are_checked_without_asking_anybody_by_the_models_that_run_there() -> None:
    (line,) = checking.check_schedules(declared(*READS.split(), "system/Encounter.s", "system/Observation.c"), MODELS)
    assert (line["ehr"], [each["result"] for each in line["lines"]]) == ("lakeside-epic", ["pass"])
    (line,) = checking.check_schedules(declared("system/*.rs"), MODELS)
    assert "may create nothing" in line["lines"][0]["text"]
    (line,) = checking.check_schedules(declared("system/*.rs", models=["prevent-cvd"]), MODELS)
    assert [each["result"] for each in line["lines"]] == ["pass"], "it is in shadow there: nothing is written"


def test_the_command_says_so_and_exits_1(tmp_path: Path) -> None:
    written = (FOLDER / "site.toml").read_text()
    schedule = "\n".join(f"{name} = {json.dumps(value)}" for name, value in SCHEDULE.items())
    shutil.copytree(FOLDER, tmp_path / "lakeside")
    for scopes, code in ((["system/Patient.r"], 1), (["system/*.cruds"], 0)):
        said = written.replace('vendor = "epic"', f'vendor = "epic"\nbackend_scopes = {json.dumps(scopes)}')
        (tmp_path / "lakeside" / "site.toml").write_text(f"{said}\n[[schedule]]\n{schedule}\n")
        done = CliRunner().invoke(application, ["site", "check", str(tmp_path / "lakeside"), "--offline", "--json"])
        assert done.exit_code == code, done.output
        assert ("system/Observation.s" in done.output) == (code == 1)


@pytest.mark.parametrize(("change", "words"), [
    ({"ehr": "elsewhere"}, "names an EHR that the site does not have"),
    ({"models": ["none"]}, "names a model that is not deployed there"),
])  # fmt: skip
def test_a_model_or_an_ehr_that_is_not_there_is_a_fault_of_the_file(change: dict[str, Any], words: str) -> None:
    found = contradictions.find(
        declared("system/*.rs", **change).site, {key: each.manifest for key, each in MODELS.items()}
    )
    assert any(words in problem for problem in found)
