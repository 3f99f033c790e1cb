"""``conform URL``."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import Json, could_not

SUITES = ("smart", "access", "writeback", "gateway", "bulk", "api")
FORMATS = ("json", "junit", "html")


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("conform")(conform)


def conform(
    url: Annotated[str, typer.Argument(metavar="URL", help="The FHIR base of the server under test.")],
    suite: Annotated[str | None, typer.Option(help="Suites, comma separated: " + ",".join(SUITES))] = None,
    writes: Annotated[bool, typer.Option("--writes", help="Also run what writes; it cleans up after itself.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Also run what has to wait, such as code expiry.")] = False,
    client: Annotated[
        Path | None, typer.Option(help="A registered client (JSON); dynamic registration without it.")
    ] = None,
    deadline: Annotated[float, typer.Option(metavar="S", min=1, help="Seconds for the whole run.")] = 300.0,
    report: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the reports there.")] = None,
    format: Annotated[str, typer.Option(help="Report formats, comma separated: json,junit,html")] = "json",
    json: Json = False,
) -> None:
    """What a server does of SMART App Launch, scope enforcement and FHIR writes; exit 1 when a check fails."""
    wanted = tuple(suite.split(",")) if suite else None
    formats = tuple(format.split(","))
    if unknown := [name for name in (*(wanted or ()),) if name not in SUITES]:
        raise typer.BadParameter(f"--suite knows {', '.join(SUITES)}, not {len(unknown)} of those given")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise typer.BadParameter(f"--format knows {', '.join(FORMATS)}, not {len(unknown)} of those given")
    found = asyncio.run(_run(url, suites=wanted, writes=writes, slow=slow, client=client, deadline=deadline))
    _publish(found, report, formats, json)
    raise typer.Exit(1 if found.failed else 0)


async def _run(url: str, **options: Any) -> Any:
    import conformance

    try:
        return await conformance.run(url, **options)
    except conformance.CannotRun as failure:
        return could_not(str(failure))


def _publish(found: Any, directory: Path | None, formats: tuple[str, ...], json: bool) -> None:
    from conformance import report
    from gateway.cli.printing import console, print_json

    if directory is not None:
        report.write(found, directory, formats)
    if json:
        print_json(report.as_json(found))
    else:
        report.print_table(found, console)
