"""``models new|check|run|card``; ``compare`` is in ``model_versions``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import Json, could_not

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with model.toml.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    from gateway.cli import model_versions

    models = typer.Typer(help="Model folders: verify a manifest, score a chart offline.", no_args_is_help=True)
    models.command("new")(new)
    models.command("check")(check)
    models.command("run")(run)
    models.command("card")(card)
    model_versions.register(models)
    application.add_typer(models, name="models")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's id: small letters, digits, hyphens.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder of model folders.")] = Path(),
    json: Json = False,
) -> None:
    """A new model folder that runs at once: a manifest, a few lines of code, and one chart to run them on."""
    from gateway.cli.printing import console, print_json
    from gateway.model_folders.model_scaffold import NAME, ScaffoldRefused, make

    if NAME.fullmatch(name) is None:
        raise typer.BadParameter("NAME is small letters, digits and single hyphens")
    try:
        files = make(into / name, name)
    except ScaffoldRefused as refused:
        could_not(str(refused))
    if json:
        return print_json({"directory": str(into / name), "files": files})
    return console.print(
        f"{into / name}: {', '.join(files)}\nchartgate models run {into / name} --bundle {into / name}/example.json\n"
        f"chartgate models check {into / name}", markup=False, soft_wrap=True,
    )  # fmt: skip


def card(
    directory: Folder,
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it there.")] = None,
    fhir: Annotated[bool, typer.Option("--fhir", help="As the DocumentReference that EHRs are given.")] = False,
    json: Json = False,
) -> None:
    """The model card: a page (HTML) with the 31 source attributes of 45 CFR 170.315(b)(11); with --json or --fhir FHIR."""
    import sys

    from gateway.model_folders import model_card, models
    from r4 import codec
    from vocabulary.manifest import ManifestError

    try:
        manifest = models.read_manifest(directory)
    except (ManifestError, models.ModelError) as wrong:
        could_not(str(wrong))
    said = codec.format(model_card.as_document(manifest)).decode() if fhir or json else model_card.as_html(manifest)
    try:
        output.write_text(said) if output is not None else sys.stdout.write(f"{said}\n")
    except OSError as wrong:
        could_not(f"--output cannot be written: {wrong.strerror}")


def check(
    directory: Folder,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the service of a model behind a URL: its contract test.")
    ] = False,
    url: Annotated[str | None, typer.Option(help="Ask this address instead of the manifest's.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="The chart to ask about; example.json when absent.")] = None,
    json: Json = False,
) -> None:
    """Verify a model folder: what is wrong (exit 1), and what a deployment would miss."""
    from gateway.cli.printing import console, print_json
    from gateway.model_folders import models

    problems, warnings = models.check(directory)
    asked = _ask(directory, url, bundle) if (ask or url) and not problems else []
    ok = not problems and all(each["result"] != "fail" for each in asked)
    if json:
        print_json({"ok": ok, "problems": problems, "warnings": warnings, "service": asked})
    else:
        for problem in problems:
            console.print(f"wrong: {problem}", style="red", markup=False)
        for warning in warnings:
            console.print(f"missing for a deployment: {warning}", style="yellow", markup=False)
        _print_service(asked)
        console.print("the manifest cannot be used" if problems else "the manifest can be used")
    raise typer.Exit(0 if ok else 1)


def _ask(directory: Path, url: str | None, bundle: Path | None) -> list[dict[str, Any]]:
    """What the service does of its contract; exit 3 when there is none to ask."""
    import time
    from dataclasses import asdict

    from gateway.model_folders import models, remote_contract
    from vocabulary.manifest import ManifestError

    try:
        document = bundle.read_bytes() if bundle is not None else None
        service = remote_contract.service(directory, now=time.time(), bundle=document, url=url)
        return [asdict(each) for each in remote_contract.check(service)]
    except (ManifestError, models.ModelError) as wrong:
        return list(could_not(str(wrong)))
    except OSError as wrong:
        return list(could_not(f"--bundle cannot be read: {wrong.strerror}"))


def _print_service(asked: list[dict[str, Any]]) -> None:
    from gateway.cli.printing import print_table

    if asked:
        rows = [(each["check"].replace("_", " "), each["result"], each["text"], each["next"]) for each in asked]
        print_table("The service", ("check", "result", "seen", "what to do"), rows)


def run(
    directory: Folder,
    bundle: Annotated[Path, typer.Option(help="A FHIR bundle (JSON) or NDJSON with one patient's resources.")],
    as_of: Annotated[str | None, typer.Option(help="A FHIR instant; the present when absent.")] = None,
    json: Json = False,
) -> None:
    """Score one chart offline: verdict, features, and what the model says, or why it says nothing."""
    from gateway.cli.printing import console, print_json
    from gateway.model_folders import models

    answer = _score(models, directory, bundle, as_of)
    if json:
        return print_json(answer)
    for name, value in answer.items():
        console.print(f"{name}: {value}", markup=False, soft_wrap=True)
    return None


def _score(models: Any, directory: Path, bundle: Path, as_of: str | None) -> dict[str, Any]:
    import time

    from gateway.feeds import offline
    from vocabulary.instant import parse_instant
    from vocabulary.manifest import ManifestError

    try:
        at = parse_instant(as_of) if as_of else time.time()
    except ValueError as wrong:
        raise typer.BadParameter("--as-of must be a FHIR instant such as 2026-01-02T03:04:05Z") from wrong
    try:
        document = bundle.read_bytes()
    except OSError as wrong:
        return dict(could_not(f"--bundle cannot be read: {wrong.strerror}"))
    try:
        return dict(offline.score_bundle(models.load(directory), document, as_of=at))
    except (ManifestError, models.ModelError) as wrong:
        return dict(could_not(str(wrong)))
