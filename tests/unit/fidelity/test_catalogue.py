"""Every check of the catalogue has a vector that passes and one that fails, and one fault is counted once."""

import re
from pathlib import Path

import pytest

from fidelity.chains import DEPENDANTS, STANDS_ON, settle
from fidelity.checks import BIT, BY_ID, CHECKS, ids, mask
from fidelity.tallies import totals
from tests.fidelity_rows import cells
from tests.unit.fidelity.vectors import FOLDER, VECTORS, scanned

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "fidelity-checks.md"


@pytest.mark.parametrize("id", BY_ID)
def test_the_passing_vector_of_a_check_is_judged_and_found_good(id):
    tally = totals(scanned(id, "pass"))[id]
    assert (tally.passed > 0, tally.failed) == (True, 0)


@pytest.mark.parametrize("id", BY_ID)
def test_the_failing_vector_of_a_check_fails_it_and_no_other(id):
    found = totals(scanned(id, "fail"))
    assert {name for name, tally in found.items() if tally.failed} == {id, *VECTORS[id].get("also", ())}


def test_the_catalogue_has_57_checks_of_which_37_are_of_the_first_day():
    assert len(CHECKS) == len(BY_ID) == 57
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BY_ID)


def test_no_check_stands_on_itself_and_every_link_names_checks_of_the_catalogue():
    assert {*STANDS_ON, *(below for row in STANDS_ON.values() for below in row)} <= set(BY_ID)
    assert all(not above & bit for bit, above in DEPENDANTS.items())


def test_what_stands_on_a_failure_is_skipped_and_what_failed_did_not_pass():
    fails, passes = settle(mask("UNI-01", "UNI-04", "PLA-01"), mask("UNI-01", "UNI-02", "TIM-01"))
    assert (ids(fails), ids(passes)) == (("UNI-01",), ("TIM-01",))
    assert settle(BIT["PLA-01"], BIT["UNI-04"]) == (BIT["PLA-01"], BIT["UNI-04"])


def test_the_documentation_has_a_row_for_each_check_as_it_is_declared_and_no_other():
    table = DOCUMENT.read_text().partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([A-Z]{3}-\d\d) \| (.*) \|$", table, re.M))
    assert rows == {check.id: cells(check) for check in CHECKS}
