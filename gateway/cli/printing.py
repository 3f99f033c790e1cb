"""What the command line prints: JSON for programs on stdout, tables for people, complaints on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console()
stderr = Console(stderr=True)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with a title; cells are shown as they are."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) if cell is not None else "–" for cell in row))
    console.print(table)


def complain(text: str) -> None:
    """A sentence on stderr that says what to do next."""
    stderr.print(text, style="red", highlight=False, markup=False)


def print_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Lines of CSV (RFC 4180) on stdout; a cell that a spreadsheet would compute is shown to it as text."""
    import csv

    writer = csv.writer(sys.stdout)
    writer.writerow(heads)
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
