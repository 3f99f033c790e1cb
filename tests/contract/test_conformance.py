"""The conformance suite passes on our EHR face, and a server with one fault fails at the check of that fault."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import httpx2
import pytest

from conformance import CannotRun, report, run
from conformance.check import check, judge
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.run import Report
from conformance.suites import NOT_YET, SUITES
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from tests.mutants import short, tables
from tests.mutants.servers import MUTANTS
from tests.mutants.world import BASE, TOKEN, judged


def test_our_ehr_face_passes_every_check_and_none_is_skipped(clean: Report) -> None:
    assert [(item.id, item.problems) for item in clean.checks if item.result != "pass" and item.why != "slow"] == []
    assert len(clean.checks) >= 25
    assert not clean.failed


@pytest.mark.parametrize("name", short())
def test_a_server_with_one_fault_fails_at_its_own_check(seeded: SandboxEhr, name: str) -> None:
    mutant = tables()[name]()
    found = judged(seeded, mutant)
    assert mutant.caught_by
    assert mutant.caught_by <= {item.id for item in found.checks if item.result == "fail"}
    assert found.failed


def test_the_checks_that_mutants_name_are_there() -> None:
    there = {item.id for suite in SUITES.values() for item in suite.checks}
    assert {name: made().caught_by - there for name, made in tables().items() if made().caught_by - there} == {}


def test_without_writes_what_writes_is_skipped_and_shown_so(seeded: SandboxEhr) -> None:
    transport = httpx2.ASGITransport(app=ehr_face.application([seeded]))
    found = asyncio.run(run(BASE, transport=transport, listen="127.0.0.1:0"))
    writing = {item.id for suite in SUITES.values() if not suite.plays for item in suite.checks if item.writes}
    withheld = {item.id for item in found.checks if item.why == "writes"}
    assert withheld == writing
    assert {item.id for item in found.checks if item.why == "not seen"} == set()
    assert all(item.problems == ("not run without --writes",) for item in found.checks if item.id in withheld)
    assert {each.url for each in found.exchanges if writes(each)} == set()


def writes(each: Exchange) -> bool:
    """Whether it would make, change or delete a record, refused or not."""
    path = each.url.partition("?")[0]
    if not path.startswith(BASE) or each.method in ("GET", "HEAD") or path.endswith("/_search") or "/bulk/" in path:
        return False
    entries = json.loads(each.content)["entry"] if path.rstrip("/") == BASE else [{"request": {"method": each.method}}]
    return {entry["request"]["method"] for entry in entries} != {"GET"}


def test_the_reports_say_the_same_in_every_format(seeded: SandboxEhr, tmp_path: Path) -> None:
    found = judged(seeded, MUTANTS["drops digits"]())
    report.write(found, tmp_path, ("json", "junit", "html"))
    document = json.loads((tmp_path / "conformance.json").read_text())
    assert set(document) >= {"suite_version", "target", "started", "seconds", "summary", "checks"}
    failed = sum(item.result == "fail" for item in found.checks)
    assert document["summary"]["fail"] == failed > 0
    suites = ElementTree.parse(tmp_path / "conformance.xml").getroot()
    assert sum(int(suite.get("failures", "0")) for suite in suites) == failed
    assert "digits" in (tmp_path / "conformance.html").read_text()
    assert TOKEN not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_a_server_that_is_not_there_cannot_be_judged() -> None:
    with pytest.raises(CannotRun, match="is the server running"):
        asyncio.run(run("http://127.0.0.1:9/fhir"))


def test_a_suite_of_later_work_is_an_error_and_not_an_empty_pass() -> None:
    for name in NOT_YET:
        with pytest.raises(CannotRun, match=name):
            asyncio.run(run(BASE, suites=[name]))


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

    @check("x")
    def excused(evidence: Evidence) -> Iterator[str]:
        """Asks for nothing that is not offered."""
        raise NotOffered("it")
        yield ""

    @check("x", writes=True)
    def writer(evidence: Evidence) -> Iterator[str]:
        """Needs --writes."""
        yield "never"

    found = [judge(item, "s", Evidence(), writes=False) for item in (blind, broken, needy, excused, writer)]
    assert [item.result for item in found] == ["error", "error", "skip", "skip", "skip"]
    assert [item.why for item in found] == ["", "", "not seen", "not offered", "writes"]


def test_what_was_found_before_evidence_ran_out_is_a_failure() -> None:
    @check("x")
    def half(evidence: Evidence) -> Iterator[str]:
        """Finds a fault, then misses something."""
        yield f"answered {evidence.seen('one').status}"
        yield from evidence["two"]

    evidence = Evidence()
    evidence["one"] = Exchange(method="GET", url="http://x/", status=500)
    found = judge(half, "s", evidence)
    assert (found.result, found.problems, found.evidence) == ("fail", ("answered 500",), ("one: GET / → 500",))


def test_what_follows_the_title_says_how_to_fix_it() -> None:
    @check("x")
    def told(evidence: Evidence) -> Iterator[str]:
        """The title.

        Do this,
        and that.
        """
        yield from ()

    assert (told.title, told.fix) == ("The title.", "Do this, and that.")


def test_check_names_are_unique_and_each_names_a_requirement() -> None:
    checks = [item for suite in SUITES.values() for item in suite.checks]
    assert len({item.id for item in checks}) == len(checks)
    assert all(item.requirements and item.title for item in checks)
