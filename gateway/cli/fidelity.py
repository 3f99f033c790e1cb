"""``fidelity scan``; ``profile`` and ``shape`` are in ``profiles``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import profiles
from gateway.cli.application import Json, could_not

SHOWN = 10
"""Unreadable lines that are listed for people."""


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    fidelity = typer.Typer(help="Feeds: scan one, profile one, shape data like one.", no_args_is_help=True)
    fidelity.command("scan")(scan)
    profiles.register(fidelity)
    application.add_typer(fidelity, name="fidelity")


def scan(
    source: profiles.Source,
    model: Annotated[Path, typer.Option("--model", metavar="DIR", help="The model folder whose needs count.")],
    reference: Annotated[
        Path | None, typer.Option(help="A profile (JSON) of the training data: turns on what is judged beside it.")
    ] = None,
    editions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Code-set editions: CMS order files, Loinc.csv, RXNCONSO.RRF.")
    ] = None,
    edition: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM=VERSION", help="The edition this feed is coded in; repeatable.")
    ] = None,
    limits: Annotated[Path | None, typer.Option(help="Hard limits that a clinician signed (CSV).")] = None,
    terminology: Annotated[str | None, typer.Option(metavar="URL", help="A server to ask by $validate-code.")] = None,
    arrival: Annotated[
        str | None, typer.Option("--arrival-within", metavar="SPAN", help="How soon records should arrive: PT4H.")
    ] = None,
    link_patients: Annotated[
        bool, typer.Option("--link-patients", help="Look for patients recorded twice, by name and birth date.")
    ] = False,
    auth: profiles.Auth = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Measure a feed against a model's needs: every check of the catalogue. Exit 1 when something is wrong with it."""
    from fidelity.report import problems

    told = _told(
        model=model, reference=reference, editions=editions, edition=edition or [], limits=limits,
        terminology=terminology, arrival=arrival, linkage=link_patients,
    )  # fmt: skip
    report = _scanned(source, told, auth)
    _print(report, json)
    profiles.nothing(report["resources"])
    raise typer.Exit(1 if problems(report) or report["unreadable"] else 0)


def _told(**given: Any) -> Any:
    """What the options say, read. Ends with a usage error or exit code 3."""
    from gateway.feeds.editions import EditionsError, load_editions
    from gateway.feeds.scanning import Scanned
    from gateway.model_folders.models import ModelError, read_manifest
    from vocabulary.manifest import ManifestError

    try:
        manifest = read_manifest(given["model"])
        pins = dict(_pin(each) for each in given["edition"])
        library = load_editions(given["editions"])
    except (ManifestError, ModelError, EditionsError, OSError) as failure:
        return could_not(str(failure))
    return Scanned(
        manifest=manifest, library=library, pins=pins, linkage=given["linkage"], terminology=given["terminology"],
        arrival=_seconds(given["arrival"]), reference=_reference(given["reference"]), **_limits(given["limits"]),
    )  # fmt: skip


def _pin(given: str) -> tuple[str, str]:
    system, _, version = given.rpartition("=")
    if not system or not version:
        raise typer.BadParameter("--edition must be SYSTEM=VERSION, such as http://hl7.org/fhir/sid/icd-10-cm=2026")
    return system, version


def _seconds(span: str | None) -> float | None:
    from vocabulary.instant import parse_span, shift

    try:
        return shift(0.0, parse_span(span)) if span is not None else None
    except ValueError as wrong:
        raise typer.BadParameter("--arrival-within must be an ISO 8601 duration such as PT4H") from wrong


def _limits(path: Path | None) -> dict[str, Any]:
    from fidelity.limits import LimitsError, parse_limits

    try:
        return {} if path is None else {"limits": parse_limits(path.read_text())}
    except (OSError, LimitsError, ValueError) as wrong:
        return dict(could_not(f"--limits cannot be used: {wrong}"))


def _reference(path: Path | None) -> Any:
    import json as reader

    from fidelity.published import ProfileError, parse_published

    try:
        return None if path is None else parse_published(reader.loads(path.read_bytes()))  # a profile
    except (OSError, ProfileError, ValueError) as wrong:
        return could_not(f"--reference cannot be used: {wrong}")


def _scanned(source: str, told: Any, auth: Path | None) -> Any:
    """Scans with a progress bar. Ends with exit code 3 when the source cannot be read."""
    from fidelity import lines
    from gateway.cli.printing import stderr
    from gateway.feeds.scanning import scan as work
    from gateway.feeds.spool import NotSpooled, spooled

    try:
        with stderr.status("reading") as status, spooled(source, auth=auth, tell=status.update) as found:
            files = lines.files(found.place)
            status.stop()
            with _bar(files) as progress:
                return work(files, told, source=source, complete=found.complete, progress=progress)
    except (NotSpooled, OSError, lines.NoLines) as failure:
        return could_not(f"{source} cannot be read: {failure}. Name an NDJSON file, a folder of them, or a FHIR URL")


@contextmanager
def _bar(files: tuple[Path, ...]) -> Iterator[Callable[[int], None]]:
    """A progress bar over the bytes of the files; what it gives is told how many more are behind."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.cli.printing import stderr

    columns = (TextColumn("scanning"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task("", total=max(1, sum(path.stat().st_size for path in files)))
        yield lambda size: bar.update(task, advance=size)


def _print(report: Any, json: bool) -> None:
    from gateway.cli.printing import console, print_json, print_table

    if json:
        return print_json(report)
    rows = [
        (each["id"], each["title"], each["fail"], each["pass"], each["skip"], each["level"], each["owner"])
        for each in report["checks"]
        if each["fail"]
    ]
    print_table(
        f"what failed, of {report['resources']} resources",
        ("check", "wants", "fail", "pass", "skip", "level", "owner"),
        rows,
    )
    for each in report["unreadable_lines"][:SHOWN]:
        console.print(f"{each['file']}, line {each['line']}: {each['wrong']}", markup=False)
    silent = sum(not each["pass"] and not each["fail"] for each in report["checks"])
    console.print(
        f"{report['unreadable']} lines could not be read; {silent} checks had nothing to judge.", markup=False
    )
    return None
