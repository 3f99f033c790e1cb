"""``score``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.application import Json, could_not

if TYPE_CHECKING:
    from gateway.population.running import Result, Tell

CORES = os.cpu_count() or 1
SHOWN = 20
"""Unreadable lines that are listed on the terminal."""
LINES = (".ndjson", ".jsonl")
OUTPUTS, SUMMARY, UNREADABLE = "outputs.ndjson", "summary.json", "unreadable.ndjson"


def register(application: typer.Typer) -> None:
    """Adds this command to the application."""
    application.command("score")(score)


def score(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="NDJSON of a bulk export: a file, or a folder of them.", exists=True),
    ],
    model: Annotated[Path, typer.Option("--model", metavar="DIR", help="A folder with model.toml.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE.ndjson|DIR", help=f"A file, or a folder for it and {SUMMARY}, {UNREADABLE}.")
    ],
    processes: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = CORES,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="A FHIR instant: only what was available then is used. Absent: the present.")
    ] = None,
    json: Json = False,
) -> None:
    """Scores every patient of a bulk export, a line each; writes to no EHR. Exit 1 when something could not be read."""
    import time

    from gateway.cli.printing import print_json

    at, file = _instant(as_of), _file(out, source)
    began = time.perf_counter()
    made = _scored(source, model, file, processes=processes, dask=dask, at=at, quiet=json)
    seconds = time.perf_counter() - began
    rate = made.summary["resources"] / max(seconds, 1e-9)
    summary = {**made.summary, "seconds": round(seconds, 3), "resources_per_second": round(rate)}
    if file != out:
        _save(out, summary, made)
    if json:
        print_json(summary)
    else:
        _show(summary, made)
    raise typer.Exit(1 if made.summary["unreadable"] else 0)


def _instant(as_of: str | None) -> float:
    import time

    from vocabulary.instant import parse_instant

    try:
        return parse_instant(as_of) if as_of else time.time()
    except ValueError as wrong:
        raise typer.BadParameter("--as-of must be a FHIR instant such as 2026-01-02T03:04:05Z") from wrong


def _file(out: Path, source: Path) -> Path:
    """The file of the lines. It may not lie in the source: the next run would read it."""
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise typer.BadParameter("--out lies within SOURCE: take a place outside of it")
    if out.suffix in LINES and not out.is_dir():
        if source.resolve() == out.resolve():
            raise typer.BadParameter("--out is SOURCE: take another file")
        return out
    return out / OUTPUTS


def _scored(
    source: Path, model: Path, out: Path, *, processes: int, dask: str | None, at: float, quiet: bool
) -> "Result":  # fmt: skip
    """What cannot be done at all ends with exit code 3."""
    from fidelity.lines import NoLines
    from fidelity.spreading import WorkersLost
    from gateway.model_folders import models
    from gateway.population.running import How, NotScored, score
    from vocabulary.manifest import ManifestError

    try:
        loaded = models.load(model)
        with _progress(quiet) as tell:
            return score(source, loaded, out, as_of=at, how=How(processes=processes, scheduler=dask, tell=tell))
    except (NoLines, ManifestError, models.ModelError, NotScored, WorkersLost) as wrong:
        return could_not(str(wrong))
    except ImportError:
        return could_not("--dask needs the extra: pip install 'chartgate[dask]'")
    except OSError as wrong:
        return could_not(f"it cannot be read or written: {wrong.strerror or 'no answer in time'}")


@contextmanager
def _progress(quiet: bool) -> Iterator["Tell"]:
    """A bar of bytes sorted and one of buckets scored, on a terminal."""
    from rich.progress import Progress, TaskID

    with Progress(disable=quiet or not sys.stdout.isatty(), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, more: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of or 1)
            bar.advance(tasks[what], more)

        yield tell


def _save(out: Path, summary: dict[str, Any], made: "Result") -> None:
    from r4 import codec

    (out / SUMMARY).write_bytes(codec.format(summary) + b"\n")
    (out / UNREADABLE).write_bytes(b"".join(codec.format(each._asdict()) + b"\n" for each in made.troubles))


def _show(summary: dict[str, Any], made: "Result") -> None:
    from gateway.cli.printing import console, print_table

    rows = [(what, name, number) for what in ("states", "verdicts") for name, number in summary[what].items()]
    print_table(f"{summary['patients']} patients", ("", "", "patients"), rows)
    told = [f"{summary['resources']} resources in {summary['seconds']} s, {summary['asked']} of them asked for"]
    told += (
        [f"{summary['withheld']} records were not available yet as of {summary['as_of']}"]
        if summary["withheld"]
        else []
    )
    told += [f"{summary['of_nobody']} records name no patient"] if summary["of_nobody"] else []
    told += [f"unreadable: {number} lines, {why}" for why, number in summary["unreadable"].items()]
    told += [f"  {each.file}, line {each.line}: {each.wrong}" for each in made.troubles[:SHOWN]]
    told += [f"digest {summary['digest']}; nothing was written to any EHR"]
    for line in told:
        console.print(line, markup=False, soft_wrap=True)
