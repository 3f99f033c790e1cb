"""docs/reference/monitors.md says of every monitor and threshold what the code says."""

import re
from pathlib import Path

from monitoring.catalogue import MONITORS
from monitoring.thresholds import DEFAULTS

DOCUMENT = (Path(__file__).parents[3] / "docs" / "reference" / "monitors.md").read_text()


def monitor_rows() -> list[str]:
    """The table of monitors, as it has to stand there."""
    return [
        f"| {m.id} | {m.title} | {m.algorithm} | {', '.join(m.owners)} | "
        f"{', '.join(f'{level} {span}' for level, span in m.review.items())} | {m.action} | {m.source} |"
        for m in MONITORS.values()
    ]


def threshold_rows() -> list[str]:
    """The table of thresholds, as it has to stand there."""
    return [
        f"| {monitor} | {', '.join(f'`{name}` {value:g}' for name, value in numbers.items())} |"
        for monitor, numbers in DEFAULTS.items()
    ]


def test_every_monitor_has_its_row_and_no_other_has() -> None:
    found = [line for line in DOCUMENT.splitlines() if re.match(r"\| M-[A-Z]+-\d\d \|", line) and line.count("|") == 8]
    assert found == monitor_rows()


def test_every_threshold_has_its_row_and_no_other_has() -> None:
    found = [line for line in DOCUMENT.splitlines() if re.match(r"\| M-[A-Z]+-\d\d \| `", line)]
    assert found == threshold_rows()


if __name__ == "__main__":
    print("\n".join([*monitor_rows(), "", *threshold_rows()]))
