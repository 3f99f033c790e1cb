"""Every requirement of SMART App Launch 2.2 for servers and for clients has a test, or a written reason why it has none.

The tables: ``smart_server.csv`` are the ids of Inferno's requirement list that no Inferno test covers, ``inferno_smart_2_2.csv``
its tests, ``smart_client.csv`` all ids of that list for clients that are not withdrawn, ``checklist.csv`` and
``client_checklist.csv`` the rows of our own checklist, with the abuse cases of the client (B08 to B12). Tests are named as ``file::function``.
"""

import ast
import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLES = {
    path.stem: list(csv.DictReader(path.read_text().splitlines()))
    for path in sorted((ROOT / "tests" / "requirements").glob("*.csv"))
}
ROWS = [(table, row) for table, rows in TABLES.items() for row in rows]
NAMES = [f"{table}-{row['id']}" for table, row in ROWS]
SHORTEST_REASON = 40


@cache
def functions_of(file: str) -> frozenset[str]:
    """The test functions that a file has, found by parsing it."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.parse("")
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing(tests: str) -> list[str]:
    """The named tests that are not there."""
    pairs = [name.partition("::") for name in tests.split()]
    return [f"{file}::{function}" for file, _, function in pairs if function not in functions_of(file)]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=NAMES)
def test_a_requirement_has_a_test_that_exists_or_a_reason(table: str, row: dict[str, str]) -> None:
    assert missing(row["tests"]) == []
    assert bool(row["tests"]) != (len(row["reason"]) >= SHORTEST_REASON)
    assert row["requirement"]
    assert row["page"]


def test_no_requirement_is_listed_twice_and_none_is_lost() -> None:
    assert {table: len({row["id"] for row in rows}) for table, rows in TABLES.items()} == {
        "checklist": 24, "client_checklist": 23, "inferno_smart_2_2": 36, "smart_client": 164, "smart_server": 119,
    }  # fmt: skip
    assert {"14", "15", "31", "283"} <= {row["id"] for row in TABLES["smart_server"]}
    assert sum(1 for row in TABLES["smart_server"] if row["reason"]) <= 5
    levels = Counter(row["level"] for row in TABLES["smart_client"])
    assert levels == {"SHALL": 115, "SHALL NOT": 6, "SHOULD": 25, "SHOULD NOT": 3, "MAY": 15}
    duties = [row for row in TABLES["smart_client"] if row["level"].startswith("SHALL") and row["page"] != "brands"]
    assert sum(1 for row in duties if row["reason"]) <= 6


def test_a_test_that_is_not_there_is_noticed() -> None:
    """The failing twin."""
    assert missing("tests/test_requirements.py::test_nothing") == ["tests/test_requirements.py::test_nothing"]
    assert missing("tests/no_such_file.py::test_nothing") == ["tests/no_such_file.py::test_nothing"]
    assert missing("tests/test_requirements.py::test_a_test_that_is_not_there_is_noticed") == []


def test_the_documents_say_how_links_between_patients_are_treated() -> None:
    """Requirement 139; that it is so is shown in tests/flow/test_smart_scopes.py."""
    text = (ROOT / "docs" / "reference" / "authorization-server.md").read_text()
    line = next(line for line in text.splitlines() if "Patient.link" in line)
    assert "not followed" in line
