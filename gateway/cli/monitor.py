"""``monitor replay|sign|thresholds``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import threshold_verbs
from gateway.cli.application import Json, could_not

if TYPE_CHECKING:
    from gateway.model_folders.models import Model
    from monitoring.plan import Plan
    from monitoring.replay import Replayed


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    monitor = typer.Typer(help="The monitors: replay before go-live, thresholds signed.", no_args_is_help=True)
    monitor.command("replay")(replay)
    threshold_verbs.register(monitor)
    application.add_typer(monitor, name="monitor")


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded outputs and labels, a JSON object a line.")],
    model: Annotated[Path, typer.Option(metavar="DIR", help="The model's folder, with its reference.")],
    thresholds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Thresholds to try: the document, signed or not.")
    ] = None,
    json: Json = False,
) -> None:
    """Run recorded outputs and labels through the monitors: what they would have raised, and how often.

    Of a period without drift, what is raised are false alarms. Exit code 1 when something was raised or a line could not be
    read, 3 when there is nothing to replay."""
    from gateway.cli.printing import print_json
    from gateway.model_folders.models import ModelError, load
    from gateway.monitors.observing import plan_of
    from monitoring.reference import ReferenceInvalid
    from vocabulary.manifest import ManifestError

    try:
        loaded = load(model)
        plan = plan_of(loaded, "replay", _thresholds(thresholds))
    except (ModelError, ManifestError, ReferenceInvalid) as wrong:
        could_not(str(wrong))
    told, problems = _read(file, loaded, plan)
    if not told:
        could_not(f"{file.name} has no line that can be replayed: {problems[0] if problems else 'it is empty'}")
    found = _replayed(plan, told)
    report = _report(file, plan, found, outputs=sum(hasattr(each, "encounter") for _, each in told), problems=problems)
    print_json(report) if json else _show(report)
    raise typer.Exit(1 if problems or report["alarms"]["raised"] else 0)


def _thresholds(path: Path | None) -> Any:
    """Those of a file, whoever signed them; the defaults without one."""
    import json

    from monitoring.thresholds import Thresholds, ThresholdsInvalid, parse_unsigned

    if path is None:
        return Thresholds()
    try:
        return parse_unsigned(json.loads(path.read_text()))
    except (OSError, ValueError, ThresholdsInvalid) as wrong:
        return could_not(f"{path.name}: {wrong if isinstance(wrong, ThresholdsInvalid) else 'cannot be read as JSON'}")


def _read(file: Path, model: "Model", plan: "Plan") -> tuple[list[Any], list[str]]:
    """What the lines say, and of those that say nothing, which and why."""
    from monitoring.replay import LineInvalid, read

    told: list[Any] = []
    problems, lines = [], []
    percent = model.manifest.kind == "risk" and model.manifest.output.unit == "percent"
    for number, line in _lines(file):
        try:
            told.append(read(line, plan, percent=percent))
            lines.append(number)
        except LineInvalid as wrong:
            problems.append(f"line {number}: {wrong}")
    given: dict[str, float] = {}
    for at, each in told:
        if hasattr(each, "encounter"):
            given[each.output] = min(at, given.get(each.output, at))
    problems += [
        f"line {number}: the label is of no output before it"
        for number, (at, each) in zip(lines, told, strict=True)
        if not hasattr(each, "encounter") and given.get(each.output, at) > at - (each.output not in given)
    ]
    return told, problems


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    import orjson

    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    try:
                        yield number, orjson.loads(line)  # not FHIR: recorded numbers
                    except orjson.JSONDecodeError:
                        yield number, None
    except OSError:
        could_not(f"{file.name} cannot be read")


def _replayed(plan: "Plan", told: list[Any]) -> "Replayed":
    from rich.progress import Progress

    from gateway.cli.printing import stderr
    from monitoring.replay import Replayed, entries, run

    found, journal = Replayed(), list(entries(told))
    with Progress(console=stderr, transient=True) as progress:
        task = progress.add_task("replaying", total=len(journal))
        for done, so_far in run(plan, journal):
            found = so_far
            progress.update(task, completed=done)
    return found


def _report(file: Path, plan: "Plan", found: "Replayed", *, outputs: int, problems: list[str]) -> dict[str, Any]:
    from vocabulary.instant import format_instant

    signals: list[dict[str, Any]] = []
    for (monitor, source, stratum), seen in sorted(found.seen.items()):
        rate, upper = found.rate(seen.raised)
        signals.append(
            {
                "monitor": monitor, "source": source, "stratum": stratum, "level": seen.signal.level,
                "value": seen.signal.value, "peak": seen.peak, "warn": seen.signal.warn, "critical": seen.signal.critical,
                "n": seen.signal.n, "raised": seen.raised, "raised_critical": seen.critical,
                "first": None if seen.first is None else format_instant(seen.first),
                "per_1000": rate, "per_1000_upper": upper,
            }
        )  # fmt: skip
    raised = sum(seen.raised for seen in found.seen.values())
    streams = max(1, len(signals))
    rate, upper = (each / streams for each in found.rate(raised))
    return {
        "source": file.name, "model": plan.model, "version": plan.version, "thresholds": plan.thresholds.version,
        "outputs": outputs, "encounters": found.encounters, "learnt_from": found.learnt, "labels": found.labels,
        "unreadable": len(problems), "problems": problems[:20], "signals": signals,
        "alarms": {"raised": raised, "streams": len(signals), "per_stream_per_1000": rate, "upper": upper},
    }  # fmt: skip


def _show(report: dict[str, Any]) -> None:
    from gateway.cli.printing import console, print_table

    learnt = f", the first {report['learnt_from']} to learn from" if report["learnt_from"] else ""
    console.print(
        f"{report['model']} {report['version']}: {report['outputs']} outputs, {report['encounters']} encounters{learnt}, "
        f"{report['labels']} labels, {report['unreadable']} lines not read", markup=False,
    )  # fmt: skip
    rows = [
        (each["monitor"], " ".join((each["source"], each["stratum"])), each["level"], _number(each["peak"]),
         _number(each["warn"]), each["raised"], f"{each['per_1000']:.3f} (≤ {each['per_1000_upper']:.3f})")
        for each in report["signals"]
    ]  # fmt: skip
    print_table("Signals", ("monitor", "of", "level", "peak", "warns at", "raised", "per 1,000 encounters"), rows)
    alarms = report["alarms"]
    console.print(
        f"{alarms['raised']} raised; per stream and 1,000 encounters {alarms['per_stream_per_1000']:.4f}, 95 % at most "
        f"{alarms['upper']:.4f}", markup=False,
    )  # fmt: skip
    for problem in report["problems"]:
        console.print(problem, markup=False)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
