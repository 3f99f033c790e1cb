"""A foreign project whose tests use ``chartgate_ehr``: run by pytest in processes of its own, two of them at once."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = f"{sys.executable} -m gateway.cli"

TESTS = """
import httpx2
import pytest


def read(ehr, token, path):
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.get(f"{ehr.fhir}/{path}", headers=headers, trust_env=False)


def test_an_app_is_launched_and_reads_its_patient(chartgate_ehr):
    print(f"RAN {chartgate_ehr.fhir}")
    client = chartgate_ehr.register(scope="launch patient/*.rs")
    said = chartgate_ehr.launch(client, patient=chartgate_ehr.patient(), scope="launch patient/Patient.rs")
    assert said["patient"] == chartgate_ehr.patient()
    assert read(chartgate_ehr, said["access_token"], f"Patient/{said['patient']}").status_code == 200
    assert read(chartgate_ehr, said["access_token"], f"Patient/{chartgate_ehr.patient(1)}").status_code == 404


@pytest.mark.chartgate(own=True, seed="messy:0.5:7")
def test_two_ehrs_stand_side_by_side_and_what_is_written_to_one_is_not_in_the_other(chartgate_ehr, chartgate_ehrs):
    messy, shared = chartgate_ehr, chartgate_ehrs()
    print(f"RAN {messy.fhir}")
    counts = []
    for ehr in (shared, messy):
        answer = read(ehr, ehr.backend_token(), "Observation?_summary=count")
        counts.append(answer.json()["total"])
    assert counts[1] > counts[0], "a messy feed says some things twice"
    token = messy.backend_token(scope="system/*.cruds")
    body = {"resourceType": "Patient", "id": "only-here"}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
    made = httpx2.put(f"{messy.fhir}/Patient/only-here", json=body, headers=headers, trust_env=False)
    assert made.status_code == 201


def test_faults_are_switched_by_the_test(chartgate_ehr):
    token = chartgate_ehr.backend_token()
    with chartgate_ehr.faults.on("error-503"):
        assert chartgate_ehr.faults.active() == ["error-503"]
        assert read(chartgate_ehr, token, "Patient/x").status_code == 503
    assert read(chartgate_ehr, token, "Patient/x").status_code == 404
    chartgate_ehr.faults.switch("throttled")


def test_the_shared_one_is_untouched_and_its_faults_are_off_again(chartgate_ehr):
    assert chartgate_ehr.faults.active() == []
    assert read(chartgate_ehr, chartgate_ehr.backend_token(), "Patient/only-here").status_code == 404
"""


def project(directory: Path, tests: str, *options: str, command: str = COMMAND) -> subprocess.CompletedProcess[str]:
    """The outcome of pytest in a project that knows nothing of this one but the plugin."""
    directory.mkdir(exist_ok=True)
    (directory / "test_app.py").write_text(tests)
    words = [sys.executable, "-m", "pytest", "-p", "conformance.pytest_plugin", "-p", "no:cacheprovider", "-s", "-q"]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "CHARTGATE_COMMAND": command, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # fmt: skip
    return subprocess.run(
        [*words, "--strict-markers", "--rootdir", str(directory), *options, "test_app.py"], cwd=directory,
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the recipe."""
    text = (ROOT / "docs" / "how-to" / "test-your-app-in-ci.md").read_text()
    return [part.partition("\n```")[0] for part in text.split(f"```{kind}\n")[1:]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list["subprocess.CompletedProcess[str]"]]:
    """Two such projects, tested at the same time; the second is what the recipe shows."""
    folder = tmp_path_factory.mktemp("foreign")
    with ThreadPoolExecutor(2) as pool:
        whole = pool.submit(project, folder / "one", TESTS)
        yield [project(folder / "two", blocks("python")[0]), whole.result()]


def test_a_foreign_project_launches_writes_and_shares_in_two_processes_at_once(both: list) -> None:
    for made, passed in zip(both, ("2 passed", "4 passed"), strict=True):
        assert made.returncode == 0, made.stdout + made.stderr
        assert passed in made.stdout


def test_each_ehr_had_a_port_of_its_own_and_all_are_gone(both: list) -> None:
    bases = [line.removeprefix("RAN ") for made in both for line in made.stdout.splitlines() if "RAN " in line]
    assert len(set(bases)) == len(bases) == 2
    for base in bases:
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{base[base.index('http') :]}/metadata", trust_env=False)


ONE = "def test_one(chartgate_ehr):\n    pass\n"
MARKED = "import pytest\n\n@pytest.mark.chartgate({})\ndef test_one(chartgate_ehr):\n    pass\n"


@pytest.mark.parametrize(
    ("tests", "options", "command", "said"),
    [
        (ONE, (), "/nowhere/chartgate", "--chartgate-command"),
        (ONE, ("--chartgate-persona", "nobody"), COMMAND, "--persona must be one of"),
        (ONE, ("--chartgate-seed", "dirty"), COMMAND, "the seed is clean, messy"),
        (MARKED.format("colour='red'"), (), COMMAND, "there is no other argument"),
    ],
    ids=["no command", "no such persona", "no such seed", "no such argument"],
)
def test_what_cannot_start_says_why(tmp_path: Path, tests: str, options: tuple, command: str, said: str) -> None:
    made = project(tmp_path / "p", tests, *options, command=command)
    assert made.returncode != 0
    assert said in made.stdout


def test_the_shell_recipe_runs_as_it_is_written(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "chartgate"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {COMMAND} "$@"\n')
    script.chmod(0o755)
    places = f"{script.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    made = subprocess.run(
        ["sh", "-eu", "-c", blocks("sh")[-1]], cwd=tmp_path, timeout=180, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": places},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert '"resourceType":"CapabilityStatement"' in made.stdout
    assert not (tmp_path / ".chartgate" / "server.json").exists()


def test_the_package_offers_the_plugin_to_every_project_that_installs_it() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert declared == {"chartgate": "conformance.pytest_plugin"}
