"""``audit list|purges``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    audit = typer.Typer(help="Who did what at a sandbox EHR.", no_args_is_help=True)
    audit.command("list")(list_audit)
    audit.command("purges")(list_purges)
    application.add_typer(audit, name="audit")


def list_audit(
    data: Data = DEFAULT_DATA,
    ehr: Annotated[str, typer.Option(metavar="NAME", help="The sandbox EHR.")] = "spec",
    patient: Annotated[str | None, typer.Option(metavar="ID", help="Only what was about this patient.")] = None,
    client: Annotated[str | None, typer.Option(metavar="ID", help="Only what this client did.")] = None,
    since: Annotated[str | None, typer.Option(metavar="T", help="A date, or a time like 2026-01-02T03:04:05Z.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many, the newest first.")] = 100,
    json: Json = False,
) -> None:
    """The audit log of a sandbox EHR, the newest first; with --json a Bundle of FHIR AuditEvents. Reading it is recorded."""
    from gateway.cli.printing import print_json, print_table
    from gateway.sandbox_ehrs.audit_verb import bundle_of
    from vocabulary.instant import format_instant

    rows = _read(data, limit, ehr=ehr, patient=patient, client=client, since=_moment(since))
    if json:
        return print_json(bundle_of(rows, site=ehr))
    shown = [
        (
            format_instant(row["at"]), row["what"], row["status"], row["client"], row["user"], row["patient"],
            f"{row['type']}/{row['id']}" if row["id"] else row["type"],
        )
        for row in rows
    ]  # fmt: skip
    return print_table(
        f"Audit log of {ehr}", ("when", "what", "status", "client", "user", "patient", "resource"), shown
    )


def list_purges(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """What was purged, how much of it and when, the newest first."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "purges.list")
    if json:
        return print_json(found)
    return print_table("Purges", ("when", "what", "rows"), [(each["at"], each["kind"], each["rows"]) for each in found])


def _moment(said: str | None) -> float | None:
    from vocabulary.instant import parse_instant

    try:
        return None if said is None else parse_instant(f"{said}T00:00:00Z" if len(said) == 10 else said)
    except ValueError as wrong:
        raise typer.BadParameter("--since is a date, or a time with its zone like 2026-01-02T03:04:05Z") from wrong


def _read(data: Path, limit: int, **arguments: Any) -> list[dict[str, Any]]:
    """Page by page, so that a long log never holds the EHR up."""
    rows: list[dict[str, Any]] = []
    before: int | None = None
    while len(rows) < limit:
        page = perform(data, "audit.list", **arguments, before=before, limit=limit - len(rows))
        rows += page["rows"]
        if (before := page["before"]) is None:
            break
    return rows
