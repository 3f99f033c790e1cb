"""The conformance suite passes on our EHR face, and a server with one fault fails at the check of that fault alone."""

import asyncio
import csv
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from conformance import CannotRun, report, run
from conformance.check import check, judge
from conformance.evidence import Evidence
from conformance.run import Report
from conformance.suites import SUITES
from gateway import ehr_face
from gateway.database import open_sqlite
from gateway.ehr import SandboxEhr
from gateway.serving import rules_of
from sandbox import loading, tables
from sandbox.seed import load
from tests.keys import KEYS
from tests.mutants.servers import MUTANTS, Mutant, Wrapped

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
TOKEN = "t" * 43


@pytest.fixture(scope="module")
def ehr() -> Iterator[SandboxEhr]:
    """A seeded sandbox EHR in memory, with one token that opens everything (for mutants to misuse)."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    made = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex + uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip

    def fill(connection: Connection, now: float) -> None:
        loading.load(connection, now, load.resources(), rules_of(made))
        everything = scopes.parse("system/*.cruds")
        grants.save_grant(connection, now, id="all", client_id="mutant", scopes=everything, context=grants.Context())
        grants.save_access(connection, now, token=TOKEN, grant="all", scopes="system/*.cruds", life=3600)

    database.run_now(fill)
    yield made
    database.close()


def judged(ehr: SandboxEhr, mutant: Mutant | None = None) -> Report:
    app: Any = ehr_face.application([ehr])
    if mutant is not None:
        mutant.token, mutant.kept["base"] = TOKEN, BASE
        app = Wrapped(app, mutant)
    return asyncio.run(run(BASE, writes=True, transport=httpx2.ASGITransport(app=app)))


def test_our_ehr_face_passes_every_check_and_none_is_skipped(ehr: SandboxEhr) -> None:
    found = judged(ehr)
    assert [(item.id, item.problems) for item in found.checks if item.result != "pass"] == []
    assert len(found.checks) >= 25
    assert not found.failed


@pytest.mark.parametrize("name", MUTANTS)
def test_a_server_with_one_fault_fails_at_its_own_check_alone(ehr: SandboxEhr, name: str) -> None:
    mutant = MUTANTS[name]()
    found = judged(ehr, mutant)
    assert {item.id for item in found.checks if item.result == "fail"} == mutant.caught_by
    assert found.failed


def test_without_writes_what_writes_is_skipped_and_shown_so(ehr: SandboxEhr) -> None:
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    found = asyncio.run(run(BASE, transport=transport))
    assert {item.result for item in found.checks if item.suite == "writeback"} == {"skip"}
    assert found.summary["skip"] == len(SUITES["writeback"].checks)


def test_the_reports_say_the_same_in_every_format(ehr: SandboxEhr, tmp_path: Path) -> None:
    found = judged(ehr, MUTANTS["drops digits"]())
    report.write(found, tmp_path, ("json", "junit", "html"))
    document = json.loads((tmp_path / "conformance.json").read_text())
    assert set(document) >= {"suite_version", "target", "started", "seconds", "summary", "checks"}
    assert document["summary"]["fail"] == 1
    suites = ElementTree.parse(tmp_path / "conformance.xml").getroot()
    assert sum(int(suite.get("failures", "0")) for suite in suites) == 1
    assert "digits" in (tmp_path / "conformance.html").read_text()
    assert TOKEN not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_a_server_that_is_not_there_cannot_be_judged() -> None:
    with pytest.raises(CannotRun, match="is the server running"):
        asyncio.run(run("http://127.0.0.1:9/fhir"))


def test_a_suite_of_later_work_is_an_error_and_not_an_empty_pass() -> None:
    with pytest.raises(CannotRun, match="bulk"):
        asyncio.run(run(BASE, suites=["bulk"]))


def test_a_check_that_looks_at_nothing_never_passes_and_a_crash_is_an_error() -> None:
    @check("x")
    def blind(evidence: Evidence) -> Iterator[str]:
        """Looks at nothing."""
        yield from ()

    @check("x")
    def broken(evidence: Evidence) -> Iterator[str]:
        """Breaks."""
        yield str(1 // 0)

    @check("x")
    def needy(evidence: Evidence) -> Iterator[str]:
        """Needs what is not there."""
        yield from evidence["nothing"]

    assert [judge(item, "s", Evidence()).result for item in (blind, broken, needy)] == ["error", "error", "skip"]


def test_check_names_are_unique_and_each_names_a_requirement() -> None:
    checks = [item for suite in SUITES.values() for item in suite.checks]
    assert len({item.id for item in checks}) == len(checks)
    assert all(item.requirements and item.title for item in checks)


def test_every_requirement_has_a_check_or_a_reason_and_every_check_a_requirement() -> None:
    rows = [
        row
        for file in (Path(__file__).parents[2] / "conformance" / "requirements").glob("*.csv")
        for row in csv.DictReader(file.read_text().splitlines())
    ]
    assert all(row["source"] and row["text"] and bool(row["checks"]) != bool(row["reason"]) for row in rows)
    listed = {(row["id"], name) for row in rows for name in row["checks"].split()}
    assert listed == {
        (name, item.id) for suite in SUITES.values() for item in suite.checks for name in item.requirements
    }
