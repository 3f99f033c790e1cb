"""Every abuse case has its attack and its failing twin, and every twin a hole."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = [f"a{number:02}" for number in range(1, 41)] + ["b01", "b02", "b03", "b04", "b05", "b06", "b07", "b13", "b14"]
"""smart-auth.md §3.4; B08 to B12 are the app's side, and stand in tests/flow and tests/unit/auth/client."""


@cache
def attacks() -> list[tuple[str, str]]:
    """The name of every test here with the text of its body."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        text = path.read_text()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and re.match(r"test_[ab]\d\d_", node.name):
                found.append((node.name, ast.get_source_segment(text, node) or ""))
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_attacked_on_both_stores(case: str) -> None:
    assert [
        name
        for name, body in attacks()
        if name.startswith(f"test_{case}_") and "(target: Target)" in body and "== []" in body
    ]


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_twin_that_is_caught(case: str) -> None:
    twins = [body for name, body in attacks() if name.startswith(f"test_{case}_twin")]
    assert twins
    assert all("holed(" in body for body in twins)


def test_no_file_is_longer_than_it_can_be_read() -> None:
    assert [path.name for path in HERE.glob("*.py") if len(path.read_text().splitlines()) > 300] == []
