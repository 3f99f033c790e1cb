"""``chartgate conform`` and its pytest plugin against a sandbox in another process: options, files, exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gateway.cli  # noqa: F401 -- registers every command
from conformance.running_ehr import Wanted, running
from gateway import kept_reports
from gateway.cli.application import application
from gateway.installation import open_installation
from gateway.sites import evidence

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def fhir() -> Iterator[str]:
    with running(Wanted(command=f"{sys.executable} -m gateway.cli")) as ehr:
        yield ehr.fhir


def conform(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(application, ["conform", *words])
    return done.exit_code, done.output


def test_a_run_writes_its_reports_and_its_evidence_and_is_judged_again(fhir: str, tmp_path: Path) -> None:
    bundle, key = str(tmp_path / "evidence.json"), str(tmp_path / "lab.json")
    code, said = conform(
        fhir, "--suite", "bulk", "--report", str(tmp_path), "--format", "json,junit,html,badge,fhir", "--profile", "hti-1",
        "--bundle", bundle, "--bundle-key", key,
    )  # fmt: skip
    assert code == 0, said
    assert "signed by" in said
    files = {
        "conformance.json",
        "conformance.xml",
        "conformance.html",
        "conformance.svg",
        "conformance.TestReport.json",
    }
    assert files <= {file.name for file in tmp_path.iterdir()}
    first = json.loads((tmp_path / "conformance.json").read_text())
    assert first["bundle"]["key"] == "lab"
    assert first["readiness"][0]["profile"] == "hti-1"
    site(tmp_path / "data", fhir)
    code, said = conform(
        "--replay", bundle, "--bundle-key", key, "--json", "--keep", "Ana", "--data", str(tmp_path / "data")
    )
    again = json.loads(said.splitlines()[-1])
    assert code == 0
    assert conform("--replay", bundle, "--bundle-key", key, "--suite", "smart")[0] == 3
    code, one = conform("--replay", bundle, "--bundle-key", key, "--suite", "bulk", "--report", key)
    assert (code, "--report must name" in one) == (3, True)
    assert again["summary"] == first["summary"]
    assert again["started"] == first["started"]
    assert "as evidence of the site north" in " ".join(said.split())
    is_kept(tmp_path / "data", fhir, first["summary"])


def site(data: Path, fhir: str) -> None:
    """An installation with a site that declares this EHR."""
    folder = data / "sites" / "north"
    assert CliRunner().invoke(application, ["site", "new", str(folder), "--title", "North"]).exit_code == 0
    file = folder / "site.toml"
    file.write_text(file.read_text().replace("https://ehr.example.org/fhir/r4", fhir))


def is_kept(data: Path, fhir: str, summary: dict[str, int]) -> None:
    """The report is there with its page, and is the evidence of the site that it is about."""
    installation = open_installation(data)
    try:
        kept = installation.database.run_now(kept_reports.latest)[fhir]
        _, page = installation.database.run_now(lambda c, now: kept_reports.find_page(c, now, kept["id"]))
        seen = installation.database.run_now(lambda c, now: evidence.find_evidence(c, now, site="north", model=""))
    finally:
        installation.close()
    assert (kept["by"], kept["whole"], kept["bad"], kept["complete"]) == ("Ana", True, [], True)
    assert kept["summary"] == summary
    assert kept["suites"] == [{"suite": "bulk", "summary": summary}]
    assert kept_reports.unpacked(page or b"").startswith(b"<!doctype html>")
    assert seen["conformance"].facts["target"] == fhir
    assert seen["conformance"].facts["pass"] == summary["pass"] > 0


def test_with_a_baseline_only_what_became_worse_fails(fhir: str, tmp_path: Path) -> None:
    checks = [{"id": "an_export_wants_a_token", "result": "pass"}, {"id": "system_export_is_ndjson", "result": "fail"}]
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"checks": checks}))
    code, said = conform(fhir, "--suite", "bulk", "--baseline", str(baseline))
    assert code == 0
    assert "better than the baseline" in said
    baseline.write_text(json.dumps({"checks": [{"id": "a_create_says_where", "result": "pass"}]}))
    code, said = conform(fhir, "--suite", "writeback", "--baseline", str(baseline))
    assert code == 1, "a pass that is not judged any more is no pass"
    assert "a_create_says_where" in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "URL is missing"),
        (("http://127.0.0.1:9/fhir",), 3, "is the server running"),
        (("http://127.0.0.1:9/fhir", "--suite", "smart,nonsense"), 2, "--suite knows"),
        (("http://127.0.0.1:9/fhir", "--format", "pdf"), 2, "--format knows"),
        (("http://127.0.0.1:9/fhir", "--profile", "hti-9"), 2, "--profile knows"),
        (("http://127.0.0.1:9/fhir", "--attest", "a.toml"), 2, "--attest is for a --profile"),
        (("http://127.0.0.1:9/fhir", "--bundle", "b.json"), 2, "need --bundle-key"),
        (("http://127.0.0.1:9/fhir", "--login", "l.toml", "--paste"), 2, "two ways of the same"),
        (("http://127.0.0.1:9/fhir", "--tls-key", "k.pem"), 2, "--tls-key is the key of --tls-cert"),
        (("http://127.0.0.1:9/fhir", "--patient", "a"), 2, "--patient names two test patients"),
        (("http://127.0.0.1:9/fhir", "--listen", "here"), 2, "--listen is HOST:PORT"),
        (("http://127.0.0.1:9/fhir", "--public-url", "https://x"), 2, "--public-url says how --listen is reached"),
        (("http://127.0.0.1:9/fhir", "--proxy", "nonsense"), 3, "--proxy must be"),
        (("http://127.0.0.1:9/fhir", "--login", "no-such.toml"), 3, "--login must name"),
        (("http://127.0.0.1:9/fhir", "--baseline", "no-such.json"), 3, "--baseline must name"),
        (("http://127.0.0.1:9/fhir", "--client", "no-such.json"), 3, "--client must name"),
        (("https://127.0.0.1:9/fhir", "--tls-ca", "no-such.pem"), 3, "--tls"),
        (("http://127.0.0.1:9/fhir", "--suite", "smart,gateway"), 3, "run it alone"),
    ],
)
def test_what_is_asked_wrongly_is_2_and_what_cannot_begin_is_3(words: tuple[str, ...], code: int, says: str) -> None:
    found, said = conform(*words)
    assert found == code
    assert says in " ".join(said.replace("│", " ").split())


def test_each_check_is_a_test_of_a_foreign_project(fhir: str, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_of_their_own():\n    assert sorted('ba') == ['a', 'b']\n")
    command = [
        sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--chartgate-url", fhir, "--chartgate-suite",
        "bulk,writeback", "--chartgate-report", "report", "-k", "own or wants_a_token or a_create_says_where",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_own.py::test_of_their_own PASSED" in done.stdout
    assert "chartgate/bulk::an_export_wants_a_token PASSED" in done.stdout
    assert "chartgate/writeback::a_create_says_where SKIPPED" in done.stdout
    assert (tmp_path / "report" / "conformance.html").exists()
    wrong = subprocess.run([*command[:6], "--chartgate-url", "http://127.0.0.1:9/fhir", "--chartgate-suite", "bulk"],
                           cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert wrong.returncode == 1
    assert "is the server running" in wrong.stdout
