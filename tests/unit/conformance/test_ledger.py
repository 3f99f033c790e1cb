"""Every requirement has a check or a reason, every check a requirement, and the reader notices when one has not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.check import Check, check
from conformance.evidence import Evidence
from conformance.ledger import Requirement, faults, load_requirements, load_rows
from conformance.suites import SUITES

CHECKS = [item for suite in SUITES.values() for item in suite.checks]


def test_every_requirement_has_a_check_or_a_reason_and_every_check_a_requirement() -> None:
    assert faults(load_rows(), CHECKS) == []


def test_every_check_is_of_a_requirement_that_is_in_the_ledger() -> None:
    known = load_requirements()
    assert {id for item in CHECKS for id in item.requirements} <= known.keys()
    assert all(item.requirements for item in CHECKS)


@check("a@1")
def shown(evidence: Evidence) -> Iterator[str]:
    """Shown."""
    yield from ()


def row(**changes: object) -> Requirement:
    said = {"id": "a@1", "source": "hl7.org/fhir", "level": "SHALL", "actor": "server", "text": "It does.",
            "checks": ("shown",), "reason": ""}  # fmt: skip
    return Requirement(**{**said, **changes})  # type: ignore[arg-type]


def test_a_row_and_its_check_that_name_one_another_hold() -> None:
    assert faults([row()], [shown]) == []


@pytest.mark.parametrize(
    ("rows", "checks", "said"),
    [
        ([row(checks=())], [], "a@1: has neither check nor reason"),
        ([row(reason="a reason beside its check")], [shown], "a@1: has both a check and a reason against one"),
        ([row(checks=(), reason="no")], [], "a@1: the reason says nothing"),
        ([row(source="")], [shown], "a@1: has no source or no text"),
        ([row(level="MUST")], [shown], "a@1: its level or actor is none of"),
        ([row(actor="nobody")], [shown], "a@1: its level or actor is none of"),
        ([row(), row(level="MAY")], [shown], "a@1: the sources or levels of its rows differ"),
        ([row()], [], "a@1: lists shown, which is no check"),
        ([row(), row(id="a@2")], [shown], "a@2: lists shown, which does not name it"),
        ([], [shown], "a@1: shown names it, and no row lists that"),
    ],
)
def test_what_does_not_hold_is_named(rows: list[Requirement], checks: list[Check], said: str) -> None:
    assert any(found.startswith(said) for found in faults(rows, checks))


def test_a_requirement_of_two_files_has_the_checks_of_both(tmp_path: Path) -> None:
    head = "id,source,level,actor,text,checks,reason\n"
    (tmp_path / "one.csv").write_text(f"{head}a@1,hl7.org,SHALL,server,It does.,first,\n")
    (tmp_path / "two.csv").write_text(f"{head}a@1,hl7.org,SHALL,server,It does.,second first,\n")
    assert load_requirements(tmp_path)["a@1"].checks == ("first", "second")
    assert [each.checks for each in load_rows(tmp_path)] == [("first",), ("second", "first")]


@pytest.mark.parametrize("text", ["id,source\na,b\n", "id,source,level,actor,text,checks,reason\na@1,hl7.org\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.csv").write_text(text)
    with pytest.raises(ValueError, match="columns"):
        load_rows(tmp_path)


def test_a_source_is_an_address_where_it_is_one() -> None:
    assert row().address == "https://hl7.org/fhir"
    assert row(source="https://hl7.org/fhir").address == "https://hl7.org/fhir"
    assert row(source="this product: product.md").address == ""
