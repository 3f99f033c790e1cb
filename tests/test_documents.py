"""What is there is documented, and what the documents name is there. Contract items of later work are marked "not yet"."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main

from auth.server.faults import BY_NAME as AUTH
from conformance.suites import NOT_YET, SUITES
from gateway.cli.application import application
from gateway.sandbox_ehrs.faults import available
from gateway.vendors import VENDORS
from gateway.vendors.declaration import Vendor
from sandbox.personas import PERSONAS
from sandbox.personas.comparing import documented
from tests.vendor_rows import section
from vocabulary.output import KINDS
from writeback.adapters import ADAPTERS
from writeback.rules import WriteRules

ROOT = Path(__file__).parent.parent
CONTRACT = (ROOT / "docs" / "reference" / "contract.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_YET_LINES = 1
"""How many lines of the contract still wait for later work: this number only falls."""


def commands() -> set[str]:
    import gateway.cli  # noqa: F401 -- registers every command

    found: set[str] = set()
    root = typer.main.get_command(application)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {f"{name} {each}" for each in below} if below else {name}
    return found


def rows() -> list[str]:
    return [line for line in CONTRACT.splitlines() if line.startswith("| `")]


def test_every_command_is_in_the_contract_and_every_command_there_exists_or_is_not_yet() -> None:
    there = {name for line in rows() if "not yet" not in line for name in re.findall(r"`chartgate ([a-z ]+)`", line)}
    later = {name for line in rows() if "not yet" in line for name in re.findall(r"`chartgate ([a-z ]+)`", line)}
    assert commands() == there
    assert not commands() & later


def test_what_is_not_yet_only_shrinks() -> None:
    assert sum("not yet" in line for line in rows()) <= NOT_YET_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_personas_adapters_and_suites_are_named() -> None:
    assert set(ADAPTERS) == set(KINDS)
    words = set(re.findall(r"[a-z0-9]+", CONTRACT))
    assert {*PERSONAS, *ADAPTERS, *SUITES, *NOT_YET} <= words


@pytest.mark.parametrize("name", PERSONAS)
def test_every_line_of_a_persona_is_documented_as_it_is_declared_and_no_other(name: str) -> None:
    document = (ROOT / "docs" / "reference" / "personas.md").read_text()
    section = document.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and line != "| about | says | source |"]
    assert rows == documented(PERSONAS[name]), "`sandbox.personas.comparing.documented` gives the rows"


def test_every_fault_has_its_line_and_no_other_has() -> None:
    text = (ROOT / "docs" / "reference" / "faults.md").read_text()
    assert re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \|", text, re.M) == sorted(
        available(), key=lambda row: row[0] in AUTH
    )


def test_every_target_that_a_document_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"make ([a-z]+)(?![a-z])", path.read_text())}
    assert named & {"demo", "test", "check", "bench", "campaign", "up", "lock"} <= targets


def test_no_document_or_lock_file_names_a_machine_path_or_a_registry() -> None:
    files = [*DOCUMENTS, ROOT / "requirements.lock", ROOT / "requirements-test.lock", ROOT / "CHANGELOG.md"]
    assert [
        path.name for path in files if re.search(r"/(root|home|work)/|index-url|--find-links", path.read_text())
    ] == []


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_the_table_of_a_vendor_is_its_declaration(vendor: Vendor) -> None:
    document = (ROOT / "docs" / "reference" / "vendors.md").read_text()
    assert section(vendor) in document, "python -m tests.vendor_rows prints the tables"


def test_every_rule_of_a_vendor_is_explained_and_every_member_of_the_manifest_that_decides_about_writing() -> None:
    vendors = (ROOT / "docs" / "reference" / "vendors.md").read_text()
    writing = (ROOT / "docs" / "reference" / "write-back.md").read_text()
    assert [each.name for each in fields(WriteRules) if f"`{each.name}`" not in vendors] == []
    members = (
        "write_abstention",
        "flag",
        "flag_tiers",
        "must_keep",
        "report",
        "reference_range",
        "interpretation",
        "qualitative",
    )
    assert [name for name in members if f"`{name}`" not in writing] == []
