"""``python -m benchmarks [name …]``: the figures as a table, and ``benchmarks/results/latest.json``."""

import importlib
import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import ROOT

NAMES = (
    "resource", "storage", "intake", "delivery", "launch", "chart", "start", "audit", "face", "guard", "grounding", "monitors",
    "fidelity", "profile", "score", "serve", "hapi",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Runs the named figures, all when none is named. Exit code 0 whatever the bars say: they are figures, not tests."""
    found = []
    for name in names or NAMES:
        Console(stderr=True).print(f"measuring {name}")
        found += importlib.import_module(f"benchmarks.{name}").figures()
    table = Table("figure", "value", "ratio", "bar", "holds")
    for line in found:
        ratio = f"{line['ratio']} × {line['ratio_to']}" if line["ratio"] is not None else ""
        holds = {True: "yes", False: "no", None: ""}[line["holds"]]
        table.add_row(line["figure"], f"{line['value']:,.1f} {line['unit']}", ratio, line["bar"] or "", holds)
    Console().print(table)
    if not names:
        target = ROOT / "benchmarks" / "results" / "latest.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
