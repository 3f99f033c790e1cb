"""``site promote|demote``: a model version's step at a site, judged, written into site.toml and kept with who and why."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform
from gateway.cli.sites import Folder, Models, load, read_declared

Version = Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="As site.toml has it.")]
By = Annotated[str, typer.Option(help="Who decides.")]
Why = Annotated[str, typer.Option(help="Why.")]
Ehr = Annotated[str | None, typer.Option(help="Which entry, when the version has one for each EHR.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Judge and show, change nothing.")]
FORCE = "in force from the next start of each server on it (they read site.toml when they start)"


def register(sites: typer.Typer) -> None:
    """Adds these commands to the group ``site``."""
    sites.command("promote")(promote)
    sites.command("demote")(demote)


def promote(
    directory: Folder,
    version: Version,
    to: Annotated[Literal["confirm", "automatic"], typer.Option(help="The policy that it gets.")],
    by: By,
    why: Why,
    ehr: Ehr = None,
    replacing: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version that writes there now: it goes to shadow.")
    ] = None,
    dry: Dry = False,
    models: Models = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Let a version do more at a site: from shadow to confirm, from confirm to automatic. Exit 1 while a gate is red."""
    _change(locals(), up=True)


def demote(
    directory: Folder,
    version: Version,
    to: Annotated[Literal["shadow", "confirm"], typer.Option(help="The policy that it gets.")],
    by: By,
    why: Why,
    ehr: Ehr = None,
    dry: Dry = False,
    models: Models = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Let a version do less at a site. No gate is asked."""
    _change({**locals(), "replacing": None}, up=False)


def _change(said: dict[str, Any], *, up: bool) -> None:
    from gateway.sites import contradictions
    from gateway.sites.promoting import NotPromoted, changed

    known = load(said["models"])
    declared = read_declared(said["directory"], known)
    text = _read(said["directory"])
    step, made = _planned(declared, text, said, up=up)
    after = replace(declared, site=changed(declared.site, step))
    problems = contradictions.find(after.site, {key: model.manifest for key, model in known.items()})
    rows = _judged(after, known, step, said["data"]) if up and not problems else []
    red = [f"{gate['id']} at {row['ehr']}" for row in rows for gate in row["gates"] if _stands(gate)]
    ok = not problems and not red
    if ok and not said["dry"]:
        try:
            _keep(declared, after, said, step, text=text, made=made, rows=rows)
        except NotPromoted as refused:
            could_not(str(refused))
    _tell(said, step, rows, problems=problems, red=red)
    raise typer.Exit(0 if ok else 1)


def _planned(declared: Any, text: str, said: dict[str, Any], *, up: bool) -> tuple[Any, str]:
    """The step and the file after it; exit 2 for what was asked wrongly, 3 when the file has to be changed by hand."""
    from gateway.sites.promoting import NotPromoted, edit, plan

    id, _, version = said["version"].partition("@")
    try:
        step = plan(declared.site, id=id, version=version, to=said["to"], ehr=said["ehr"], replacing=said["replacing"])
    except NotPromoted as refused:
        raise typer.BadParameter(str(refused)) from refused
    if step.up != up:
        raise typer.BadParameter(f"from {step.before} to {step.after} is {'demote' if up else 'promote'}")
    try:
        return step, edit(text, declared.site, step)
    except NotPromoted as refused:
        return could_not(str(refused))


def _read(directory: Path) -> str:
    from gateway.sites.folder import FILE

    with (directory / FILE).open(encoding="utf-8", newline="") as file:  # its line ends stay
        return file.read()


def _judged(after: Any, known: Any, step: Any, data: Path) -> list[dict[str, Any]]:
    """The gates of the step at each EHR where the version is to be promoted, as they are with the new policy."""
    import time

    from gateway.sites import readiness
    from gateway.sites.gates import STEPS

    key = (step.entry.id, step.entry.version)
    places = readiness.placed(after)
    found = perform(data, "sites.know", site=after.id, places=places)
    rows = readiness.examine(after, known, found, time.time(), gates=STEPS[step.after])["models"]
    return [row for row in rows if (row["model"], row["version"]) == key and row["ehr"] in step.ehrs]


def _stands(gate: dict[str, Any]) -> bool:
    return gate["colour"] == "red" and not gate["overridden"]


def _keep(
    declared: Any, after: Any, said: dict[str, Any], step: Any, *, text: str, made: str, rows: list[dict[str, Any]]
) -> None:
    """Written beside the file first, then recorded, then put in its place: what stands in the history is in the file. Raises
    NotPromoted when somebody changed the file meanwhile."""
    from gateway.sites.folder import FILE
    from gateway.sites.promoting import NotPromoted

    file = said["directory"] / FILE
    partial = file.with_name(f"{FILE}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            out.write(made)
        partial.chmod(file.stat().st_mode & 0o777)
        if _read(said["directory"]) != text:
            raise NotPromoted("site.toml was changed meanwhile: nothing was done, ask again")
        documents = [each.site.model_dump(mode="json", exclude_none=True) for each in (declared, after)]
        perform(
            said["data"], "sites.change", before=documents[0], document=documents[1], by=said["by"], why=_why(said, step, rows)
        )  # fmt: skip
        partial.replace(file)
    except OSError as failure:
        could_not(f"{file} cannot be written: {failure.strerror}")
    finally:
        partial.unlink(missing_ok=True)


def _why(said: dict[str, Any], step: Any, rows: list[dict[str, Any]]) -> str:
    """What the history says: the step, the reason, and which gates stood open because two people said so."""
    open = sorted({gate["id"] for row in rows for gate in row["gates"] if gate["overridden"]})
    instead = f", in the place of {said['replacing']}" if said["replacing"] else ""
    taken = f" (overridden: {', '.join(open)})" if open else ""
    return f"{said['version']} from {step.before} to {step.after}{instead}{taken}: {said['why']}"


def _tell(said: dict[str, Any], step: Any, rows: list[dict[str, Any]], *, problems: list[str], red: list[str]) -> None:
    from gateway.cli.printing import complain, console, print_json

    done = not problems and not red and not said["dry"]
    if said["json"]:
        return print_json({
            "ok": not problems and not red, "done": done, "version": said["version"], "from": step.before, "to": step.after,
            "ehrs": list(step.ehrs), "replaced": said["replacing"], "problems": problems, "red": red, "gates": rows,
            "in_force": FORCE,
        })  # fmt: skip
    for problem in problems:
        complain(problem)
    for row in rows:
        for gate in row["gates"]:
            if _stands(gate):
                complain(f"{gate['id']} at {row['ehr']}: {gate['text']}. {gate['next']}")
    if not problems and not red:
        words = f"{said['version']} goes from {step.before} to {step.after} at {', '.join(step.ehrs)}"
        console.print(f"{words}: {FORCE if done else 'nothing was changed'}", markup=False, soft_wrap=True)
    return None
