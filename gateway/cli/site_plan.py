"""``site plan``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import Json, could_not
from gateway.cli.sites import Folder, Models, load, read_declared


def register(sites: typer.Typer) -> None:
    """Adds this command to the group ``site``."""
    sites.command("plan")(plan)


def plan(
    directory: Folder,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, as JSON.")] = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """For a predetermined change control plan: the metrics in force, and every signed version with what it changed. Exit 1
    when a kept version's signature does not hold."""
    from gateway.cli.printing import print_json, print_table
    from gateway.sites.change_plan import change_plan
    from gateway.sites.metrics import MetricsRefused

    try:
        found = change_plan(read_declared(directory, load(models)))
    except MetricsRefused as refused:
        could_not(f"thresholds.file {refused}")
    if report is not None:
        _write(report, found)
    if json:
        print_json(found)
    else:
        for each in found["versions"]:
            by = each["signature"]
            signed = f"signed by {by['by']} ({by['role']}), {by['at'][:10]}" if by else "not signed"
            print_table(f"version {each['version']}: {each['problem'] or signed}", ("metric", "member", "before", "after"), [
                tuple(_said(row[name]) for name in ("metric", "member", "before", "after")) for row in each["changes"]
            ])  # fmt: skip
    raise typer.Exit(1 if any(each["problem"] for each in found["versions"]) else 0)


def _said(value: Any) -> str:
    return "–" if value is None else str(value)


def _write(report: Path, found: Any) -> None:
    import json as writer

    try:
        report.write_text(writer.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError:
        could_not(f"{report} cannot be written")
