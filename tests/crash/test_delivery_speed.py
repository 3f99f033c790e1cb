"""Rows 11 to 13 of the scoreboard in the campaign: the figures of ``make bench`` that they name, into the same table."""

import pytest

from benchmarks import delivery, storage
from tests.crash.delivery_judge import record


@pytest.mark.campaign
def test_durable_accepts_and_deliveries_reach_their_bars() -> None:
    lines = [*(("11", line) for line in storage.figures()), *(("12, 13", line) for line in delivery.figures())]
    for row, line in lines:
        record(
            f"{row} {line['figure']}",
            **{name: line[name] for name in ("bar", "value", "unit", "ratio_to", "ratio", "holds")},
        )
    assert [line["figure"] for _, line in lines if line["holds"] is False] == []
