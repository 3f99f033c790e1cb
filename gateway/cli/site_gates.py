"""``site readiness|evidence|override|sign|keygen``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform
from gateway.cli.sites import Folder, Models, load, read_declared

By = Annotated[str, typer.Option(help="Who says so.")]


def register(sites: typer.Typer) -> None:
    """Adds these commands to the group ``site``."""
    sites.command("readiness")(readiness)
    sites.command("evidence")(evidence)
    sites.command("override")(override)
    sites.command("keygen")(keygen)
    sites.command("sign")(sign)


def examined(directory: Path, models: list[Path] | None, data: Path, *, rehearsed: bool = False) -> Any:
    """The readiness of a folder's site, from what this installation knows; or, ``rehearsed``, what a rehearsal kept in it."""
    import time

    from gateway.sites import readiness

    known = load(models)
    declared = read_declared(directory, known)
    places = readiness.rehearsed(declared) if rehearsed else readiness.placed(declared)
    found = perform(data, "sites.know", site=declared.id, places=places)
    return {**readiness.examine(declared, known, found, time.time()), "rehearsed": rehearsed}


def readiness(
    directory: Folder,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report there, as HTML.")] = None,
    rehearsed: Annotated[
        bool, typer.Option("--rehearsed", help="As DATA has it from `site rehearse --keep`: it counts for no go-live.")
    ] = False,
    models: Models = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Each gate of each model, green, amber or red, with what was seen and what to do. Exit 1 while a gate is red."""
    from gateway.cli.printing import print_json, print_table

    found = examined(directory, models, data, rehearsed=rehearsed)
    if report is not None:
        from gateway.pages import STATIC, render

        css = (STATIC / "style.css").read_text()
        report.write_text(render("readiness.html", **found, css=css))
    if json:
        print_json(found)
    else:
        for row in found["models"]:
            lines = [_line(gate) for gate in row["gates"]]
            title = f"{row['model']} {row['version']} at {row['ehr']}: {row['policy']}, {row['colour']}"
            print_table(title, ("gate", "", "seen", "next"), lines)
    raise typer.Exit(0 if found["ready"] else 1)


def _line(gate: Any) -> tuple[str, str, str, str]:
    if gate["overridden"]:
        by = " and ".join(gate["overridden"]["by"])
        return gate["title"], "red", f"{gate['text']}; overridden by {by}: {gate['overridden']['why']}", ""
    return gate["title"], gate["colour"], gate["text"], gate["next"]


def evidence(
    site: Annotated[str, typer.Argument(help="The site's id.")],
    gate: Annotated[str, typer.Argument(help="conformance, fidelity, routes, recall or backup.")],
    by: By,
    file: Annotated[Path | None, typer.Option(help="The JSON report of conform or of fidelity scan.")] = None,
    note: Annotated[str | None, typer.Option(help="What was done and seen, for the other gates.")] = None,
    acknowledged: Annotated[
        list[str] | None, typer.Option(help="For routes: an owner who acknowledged the test alert; repeatable.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="When it is about one model only, or MODEL@VERSION.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Keep what was shown for a gate."""
    from gateway.cli.keeping import keep_file
    from gateway.cli.printing import console
    from gateway.sites.documents import NOTED

    if (file is None) == (note is None) or (note is not None and gate not in NOTED):
        raise typer.BadParameter("conformance and fidelity take --file, the other gates --note")
    facts: dict[str, Any] = _facts(gate, file) if file is not None else {"ok": True, "text": note}
    if acknowledged:
        facts["acknowledged"] = acknowledged
    perform(data, "sites.evidence", site=site, gate=gate, by=by, facts=facts, model=model)
    if gate == "conformance" and file is not None:
        keep_file(data, file, by=by)
    console.print(f"kept for {gate}", markup=False)


def _facts(gate: str, file: Path) -> dict[str, Any]:
    import json as reader

    from gateway.sites.documents import EvidenceInvalid, read

    try:
        return read(gate, reader.loads(file.read_text()))
    except EvidenceInvalid as refused:
        raise typer.BadParameter(str(refused)) from refused
    except (OSError, ValueError):
        return could_not(f"{file} cannot be read as JSON")


def override(
    site: Annotated[str, typer.Argument(help="The site's id.")],
    model: Annotated[str, typer.Argument(help="The model's id, or MODEL@VERSION for that alone.")],
    gate: Annotated[str, typer.Argument(help="The gate that is red.")],
    by: Annotated[list[str], typer.Option(help="A person; exactly two.")],
    why: Annotated[str, typer.Option(help="Why it may go live all the same.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Two named people let a model go live although a gate is red. It is kept and shown."""
    from gateway.cli.printing import console

    if len(by) != 2:
        raise typer.BadParameter("--by twice: an override takes two people")
    perform(data, "sites.override", site=site, model=model, gate=gate, by=by, why=why)
    console.print(f"{gate} of {model} at {site} is overridden by {by[0]} and {by[1]}", markup=False)


def keygen(file: Annotated[Path, typer.Argument(help="The new key file (mode 0600).")], json: Json = False) -> None:
    """Make a key to sign metrics with; the public key goes into thresholds.signers of site.toml."""
    from gateway.cli.printing import console, print_json
    from gateway.sites.signing_keys import new_key

    try:
        public = new_key(file)
    except FileExistsError:
        could_not(f"{file} is there already: take another name")
    print_json({"public": public}) if json else console.print(f"public key: {public}", markup=False)


def sign(
    directory: Folder,
    key: Annotated[Path, typer.Option(help="The key file of who signs.")],
    by: By,
    role: Annotated[str, typer.Option(help="In what role.")],
    file: Annotated[str, typer.Option(help="The document of metrics, in the folder.")] = "metrics.json",
    json: Json = False,
) -> None:
    """Sign a site's metrics and thresholds. The version signed before is kept beside it."""
    from gateway.cli.printing import console, print_json
    from gateway.sites.metrics import MetricsRefused
    from gateway.sites.signing_keys import sign_file

    try:
        made = sign_file(directory / file, key, by=by, role=role)
    except MetricsRefused as refused:
        could_not(f"{file} {refused}")
    except OSError as failure:
        could_not(f"{failure.filename} cannot be read or written")
    print_json(made) if json else console.print(f"{file}: version {made['version']} is signed by {by}", markup=False)
