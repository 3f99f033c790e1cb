"""The messy seed against its label file: what a scan finds is what was done, and nothing else (docs/reference/fidelity-checks.md)."""

import re
from pathlib import Path

from benchmarks import recall
from fidelity.checks import BY_ID
from gateway.sandbox_ehrs import filling
from sandbox.seed.messy import DEGRADATIONS, Messiness, degrade

NOW = 1_796_000_000.0
PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "fidelity-checks.md").read_text()
LINES = {line.check: line for line in recall.lines((4,), 1.0, NOW)}


def test_every_decidable_fault_is_found_and_no_other():
    assert {line.check: (line.found, line.false) for line in LINES.values()} == {
        line.check: (line.decidable, 0) for line in LINES.values()
    }


def test_every_check_that_the_seed_can_fail_is_measured_on_more_than_half_of_its_labels():
    assert set(LINES) == {row.check for row in DEGRADATIONS}
    assert [line.check for line in LINES.values() if line.decidable <= line.labels / 2] == []


def test_of_the_clean_records_at_most_one_in_two_hundred_carries_a_finding():
    assert 0 < recall.clean_share(NOW) <= 0.005


def test_a_blind_check_would_be_noticed():
    """The failing twin: as of 1970 every time is impossible, and no order is judged any more."""
    clean = list(filling.clean(NOW))
    feed = list(degrade(clean, Messiness(1.0, 4), arrived=NOW))
    seen = recall.found_in(feed, NOW)
    blind = recall.found_in(feed, 0.0)  # in 1970 every record lies in the future
    assert sum("TIM-06" in checks for checks in seen.values()) > sum("TIM-06" in checks for checks in blind.values())


def test_the_page_has_the_table_with_recall_and_precision_of_at_least_99_percent():
    rows = re.findall(
        r"^\| ([A-Z]{3}-\d\d) \| \d+ \| \d+ \| \d+ \| ([0-9.]+) \| \d+ \| ([0-9.]+) \| \d+ \|$", PAGE, re.M
    )
    assert {id for id, _, _ in rows} == set(LINES) <= set(BY_ID)
    assert all(float(found) >= 0.99 and float(true) >= 0.99 for _, found, true in rows)
