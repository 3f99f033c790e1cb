"""``fidelity profile`` and ``fidelity shape``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform

if TYPE_CHECKING:
    from fidelity.profiling import Survey, Tell

CORES = os.cpu_count() or 1
SHOWN = 20
"""Unreadable lines that are listed on the terminal."""

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="A FHIR URL, an NDJSON file, or a folder of them.")]
Auth = Annotated[
    Path | None, typer.Option("--auth", metavar="FILE", help="Bearer token for a FHIR URL (file of mode 0600).")
]
Processes = Annotated[int, typer.Option(min=1, help="Processes (threads of the bulk lane) on this machine.")]


def register(group: typer.Typer) -> None:
    """Adds these commands to the group ``fidelity``."""
    group.command("profile")(profile)
    group.command("shape")(shape)


def profile(
    source: Source,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE.json", help="Where profile.json, report.html, piqi.json go.")
    ] = None,
    auth: Auth = None,
    processes: Processes = CORES,
    plain: Annotated[bool, typer.Option("--plain", help="Plain Python, even where the bulk extra is there.")] = False,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster.")] = None,
    feed: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the profile with the installation, for its page /fidelity.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """What a feed is like: codes, units, times, what is missing, stratum by stratum. Exit 1 when something could not be read."""
    from fidelity.document import document
    from gateway.cli.printing import print_json
    from gateway.feeds import reports

    survey, whole = _survey(source, auth, processes=processes, plain=plain, dask=dask, quiet=json)
    made = document(survey.profile)
    if out is not None:
        reports.save(out, made, survey.troubles)
    if feed is not None:
        perform(data, "fidelity.keep", feed=feed, document=made)
    if json:
        print_json(made)
    else:
        _show(made, survey)
    nothing(made["resources"])
    raise typer.Exit(1 if survey.profile.unreadable or not whole else 0)


def nothing(resources: int) -> None:
    """Ends with 1 where no resource was read: silence is no pass."""
    from gateway.cli.printing import complain

    if resources == 0:
        complain("no resource was read: there is nothing in SOURCE, or nothing of it can be read")
        raise typer.Exit(1)


def _survey(
    source: str, auth: Path | None, *, processes: int, plain: bool, dask: str | None, quiet: bool
) -> tuple["Survey", bool]:
    """The profile of a source, and whether all of it could be read; what cannot be had at all ends with exit code 3."""
    from fidelity import bulk, profiling
    from fidelity.lines import NoLines
    from gateway.feeds import spool

    try:
        with spool.spooled(source, auth=auth, tell=_note) as found, _progress(found.place, quiet) as tell:
            in_bulk = not plain and dask is None and bulk.installed()
            made = profiling.survey(found.place, processes=processes, scheduler=dask, in_bulk=in_bulk, tell=tell)
            return made, all(found.complete.values())
    except (NoLines, spool.NotSpooled) as wrong:
        return could_not(str(wrong))
    except ImportError:
        return could_not("--dask needs the extra: pip install 'chartgate[dask]'")


def _note(text: str) -> None:
    from gateway.cli.printing import stderr

    stderr.print(text, markup=False, highlight=False)


@contextmanager
def _progress(place: Path, quiet: bool) -> Iterator["Tell"]:
    """A bar of bytes, on a terminal."""
    from rich.progress import Progress

    from fidelity import lines

    size = sum(path.stat().st_size for path in lines.files(place))
    with Progress(disable=quiet or not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("counting", total=size or 1)
        yield lambda done: bar.advance(task, done)


def _show(made: dict[str, Any], survey: "Survey") -> None:
    from gateway.cli.printing import console, print_table

    rows = [
        (
            name,
            each["resources"],
            each["patients"],
            *(_commonest(each["states"], name_) for name_ in ("code", "value", "time")),
        )
        for name, each in made["types"].items()
    ]
    print_table("Profile", ("type", "resources", "patients", "code", "value", "time"), rows)
    for wrong, number in made["unreadable"].items():
        console.print(f"unreadable: {number} lines, {wrong}", markup=False)
    for trouble in survey.troubles[:SHOWN]:
        console.print(f"  {trouble.file}, line {trouble.line}: {trouble.wrong}", markup=False)


def _commonest(states: dict[str, dict[str, int]], dimension: str) -> str:
    """The commonest form of a dimension, and its share."""
    counts = states.get(dimension) or {}
    if not counts:
        return ""
    name = max(sorted(counts), key=lambda each: counts[each])
    return f"{name} {counts[name] / sum(counts.values()):.1%}"


def shape(
    clean: Annotated[
        Path, typer.Argument(metavar="CLEAN", help="NDJSON of clean resources: a file or a folder.", exists=True)
    ],
    like: Annotated[
        Path, typer.Option(metavar="PROFILE", help="profile.json of the live feed, or its folder.", exists=True)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="An empty or new folder.")],
    draw: Annotated[int | None, typer.Option(min=1, help="Number of the draw; else the first accepted one.")] = None,
    as_of: Annotated[str | None, typer.Option(help="A FHIR instant: what was not available then is left out.")] = None,
    json: Json = False,
) -> None:
    """Training data shaped like a live feed, with a label for each change. Exit 1 when the result is not accepted."""
    from fidelity.lines import NoLines
    from fidelity.published import ProfileError
    from fidelity.shaping import NotShaped, shape_files
    from gateway.cli.printing import print_json
    from vocabulary.instant import parse_instant

    try:
        moment = parse_instant(as_of) if as_of else None
    except ValueError as wrong:
        raise typer.BadParameter("--as-of must be a FHIR instant such as 2026-01-02T03:04:05Z") from wrong
    try:
        made = shape_files(
            clean, _document(like), out, draw=draw, as_of=moment, tell=(lambda text: None) if json else _note
        )
    except (NoLines, NotShaped, ProfileError) as wrong:
        could_not(str(wrong))
    if json:
        print_json(made)
    else:
        _show_shaped(made)
    raise typer.Exit(1 if made["acceptance"]["holds"] is False or made["unreadable"] else 0)


def _document(like: Path) -> Any:
    import orjson

    from fidelity.published import ProfileError

    try:
        return orjson.loads((like / "profile.json" if like.is_dir() else like).read_bytes())
    except (OSError, orjson.JSONDecodeError) as wrong:
        raise ProfileError("--like is no profile: `chartgate fidelity profile SOURCE --out DIR` makes one") from wrong


def _show_shaped(made: dict[str, Any]) -> None:
    from gateway.cli.printing import console, print_table

    print_table("Degradations", ("degradation", "records"), sorted(made["degradations"].items()))
    rows = [
        (each["type"], each["setting"], each["kind"], each["records"], f"{each['largest_marginal']:.2%}", each["of"],
         f"{each['total_variation']:.3f}", "yes" if each["holds"] else "no")
        for each in made["acceptance"]["strata"]
    ]  # fmt: skip
    heads = ("type", "setting", "kind", "records", "largest gap", "of", "variation", "holds")
    print_table("Beside the feed", heads, rows)
    if made["acceptance"]["holds"] is None:
        console.print("too few records to judge: a stratum needs a thousand in both", markup=False)
    told = f"{made['touched']} of {made['resources']} records touched, {made['withheld']} left out"
    console.print(f"{told}, {made['unreadable']} unreadable", markup=False)
