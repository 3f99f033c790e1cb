"""A report on a terminal."""

from typing import Any

from conformance.report.showing import BADLY, Shown

COLOURS = {"pass": "green", "fail": "red", "error": "magenta", "skip": "dim"}


def print_table(shown: Shown, console: Any) -> None:
    """What did not pass, why, and the counts by suite; ``console`` is Rich's."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("suite", "check", "level", "result", "problems", title=f"Conformance of {escape(shown.target)}")
    for item in sorted(shown.checks, key=lambda item: BADLY.index(item.result)):
        if item.result in ("fail", "error"):
            says = "\n".join((*item.problems, *([f"To fix it: {item.fix}"] if item.fix else [])))
            table.add_row(
                item.suite, escape(item.title), item.level, f"[{COLOURS[item.result]}]{item.result}[/]", escape(says)
            )
    if table.row_count:
        console.print(table)
    _suites(shown, console)
    for why, number in _reasons(shown).items():
        console.print(f"requirements (SHALL) not shown, {why}: {number}", markup=False)
    if shown.advised and shown.comparison is None:
        console.print(f"failed at SHOULD or MAY: {len(shown.advised)}, without making the run fail (--strict does)")
    _beside(shown, console)
    for line in shown.stopped:
        console.print(f"cut short: {line}", markup=False)
    if shown.report.left:
        console.print(f"could not be taken away: {', '.join(shown.report.left)}", markup=False)
    console.print(", ".join(f"{number} {word}" for word, number in shown.report.summary.items()))


def _suites(shown: Shown, console: Any) -> None:
    from rich.table import Table

    table = Table("suite", *COLOURS, "seconds")
    for name in shown.report.suites:
        counts = shown.counts(name)
        table.add_row(name, *(str(counts[word]) for word in COLOURS), f"{shown.report.took.get(name, 0.0):.1f}")
    console.print(table)


def _reasons(shown: Shown) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in shown.owed:
        why = f"not run without --{item.why}" if item.why in ("writes", "slow") else "their evidence was not seen"
        counts[why] = counts.get(why, 0) + 1
    return counts


def _beside(shown: Shown, console: Any) -> None:
    """What was asked beside the run."""
    if shown.comparison is not None:
        found = shown.comparison
        for word, ids in (("worse", found.worse), ("better", found.better)):
            if ids:
                console.print(f"{word} than the baseline: {', '.join(ids)}", markup=False)
        console.print(f"{len(found.worse)} worse, {len(found.better)} better, {len(found.known)} known failures")
    for each in shown.readiness:
        counts = ", ".join(f"{number} {word}" for word, number in each.counts.items())
        console.print(f"{each.profile.name} ({each.profile.status}): {counts}", markup=False)
    if shown.bundle is not None:
        said = shown.bundle
        console.print(f"evidence: {said['file']}, key {said['key']}, signed by {said['signer']}", markup=False)
