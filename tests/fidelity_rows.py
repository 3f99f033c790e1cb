"""The table of checks as the document has it: ``python -m tests.fidelity_rows`` prints it."""

from fidelity.chains import STANDS_ON
from fidelity.checks import CHECKS, Check

WHEN = {
    "record": "chart, scan",
    "chart": "chart, scan",
    "feed": "scan",
    "baseline": "scan with `--reference`",
}
OWNERS = {"engineering": "engineering", "clinical_informatics": "clinical informatics", "both": "both"}


def cells(check: Check) -> str:
    """The cells after the id: wants, Kahn category, PIQI dimension, owner, severity, grade, when, after which checks, note."""
    day = " \\*" if check.daily else ""
    after = ", ".join(STANDS_ON.get(check.id, ())) or "–"
    words = (check.kahn, check.dimension, OWNERS[check.owner], check.severity, check.grade, WHEN[check.decided], after)
    return " | ".join((f"{check.title}{day}", *words, check.note or "–"))


if __name__ == "__main__":
    for each in CHECKS:
        print(f"| {each.id} | {cells(each)} |")
