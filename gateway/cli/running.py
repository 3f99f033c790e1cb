"""``up``, ``down`` and ``demo``."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not

Ehr = Annotated[str, typer.Option(help="embedded, hapi, or the FHIR base of a server.")]
Persona = Annotated[str | None, typer.Option(help="How the sandbox EHR departs from the specifications.")]
Models = Annotated[list[Path] | None, typer.Option("--models", help="A folder of model folders; repeatable.")]
Seed = Annotated[bool, typer.Option("--seed", help="Load the synthetic patients into the server at the given URL.")]
Messy = Annotated[
    float | None,
    typer.Option(
        "--messy",
        min=0.0,
        max=1.0,
        metavar="RATE",
        help="Degrade this share of the synthetic records.",
    ),
]
Draw = Annotated[int, typer.Option("--messy-seed", min=0, help="With --messy: another number touches other records.")]
Remote = Annotated[bool, typer.Option("--allow-remote", help="Accept a FHIR base that is not on loopback.")]
Upstream = Annotated[
    Path | None, typer.Option(help="File (mode 0600) with the Authorization header for the FHIR base.")
]


ReadBack = Annotated[
    str,
    typer.Option(
        envvar="CHARTGATE_READ_BACK",
        help="What is read back after it was written: always, never or a share; by EHR: 0.1,epic=always.",
    ),
]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("up")(up)
    application.command("down")(down)
    application.command("demo")(demo)


def options_of(**given: Any) -> Any:
    """The process's options. Ends with a usage error for what this version does not have."""
    from sandbox.personas import PERSONAS

    if given.get("persona") not in (None, *PERSONAS):  # before what takes a second to import
        raise typer.BadParameter(f"--persona must be one of {', '.join(PERSONAS)}")
    from gateway.processes.process import Options
    from sandbox.seed.messy import Messiness

    rate, draw = given.pop("messy"), given.pop("messy_seed")
    given["messiness"] = None if rate is None else Messiness(rate, draw)
    lists = {"models": tuple(given.get("models") or ()), "sees": frozenset(given.get("sees") or ())}
    return Options(**{**given, **lists})


def policy_of(text: str) -> Any:
    """The read-back policy; a usage error for one that says nothing."""
    from writeback.terms import parse_read_back

    try:
        return parse_read_back(text)
    except ValueError as failure:
        raise typer.BadParameter(str(failure)) from None


def _require_model(id: str, folders: list[Path]) -> None:
    """Ends with a usage error when no model folder has this id, with exit code 3 when one cannot be used."""
    from gateway.model_folders.models import ModelError, load_all
    from vocabulary.manifest import ManifestError

    try:
        known = sorted({model.manifest.id for model in load_all(folders)})
    except (ModelError, ManifestError) as failure:
        could_not(str(failure))
    if id not in known:
        raise typer.BadParameter(f"--model must be one of {', '.join(known)}")


def up(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8700,
    ehr: Ehr = "embedded",
    persona: Persona = None,
    models: Models = None,
    references: Annotated[str, typer.Option(help="check or free: whether references must exist.")] = "check",
    allow_loopback_jwks: Annotated[
        bool, typer.Option("--allow-loopback-jwks", help="Clients may name a jwks_uri on this machine.")
    ] = False,
    seed: Seed = False,
    messy: Messy = None,
    messy_seed: Draw = 1,
    allow_remote: Remote = False,
    upstream_auth: Upstream = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve by https: a certificate for localhost and 127.0.0.1.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The key of --tls-cert.")] = None,
    read_back: ReadBack = "always",
    sees: Annotated[
        list[str] | None, typer.Option(metavar="EHR", help="Bind the one-time link to this EHR; repeatable.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --detach: return when it answers.")] = False,
    json: Json = False,
) -> None:
    """A sandbox on loopback: an EHR with synthetic patients, and the gateway launched from it."""
    if references not in ("check", "free"):
        raise typer.BadParameter("--references must be check or free")
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    if detach:
        return _detached(data, json)
    options = options_of(
        port=port, ehr=ehr, persona=persona, models=models, references=references, seed=seed,
        allow_loopback_jwks=allow_loopback_jwks, allow_remote=allow_remote, upstream_auth=upstream_auth,
        tls_cert=tls_cert, tls_key=tls_key, messy=messy, messy_seed=messy_seed, read_back=policy_of(read_back), sees=sees,
    )  # fmt: skip
    run_loop(_up(data, options, json))
    return None


async def _up(data: Path, options: Any, json: bool) -> None:
    from gateway.cli.printing import console, print_json, stderr
    from gateway.processes import process
    from gateway.processes.stopping import serve_until_stopped

    async with process.running(data, options, lambda text: stderr.print(text, markup=False)) as running:
        if json:
            import os

            print_json({"app": running.app, "ehr": running.ehr, "enter": running.enter, "pid": os.getpid()})
        else:
            for name, base in running.ehr.items():
                console.print(f"EHR {name}   {base}", markup=False)
            console.print(f"gateway    {running.app}", markup=False)
            console.print(f"enter      {running.enter}   (one use, ten minutes)", markup=False, soft_wrap=True)
        await serve_until_stopped()


def run_loop(main: Any) -> Any:
    """Runs a coroutine to its end on uvloop; what could not run becomes exit code 3 with the reason."""
    import gc

    import uvloop

    refusals = _refusals()
    gc.freeze()  # what is imported stays until the end: the collector need not look through it again
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    except refusals as failure:
        return could_not(str(failure))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refusals() -> tuple[type[Exception], ...]:
    """What a start may be refused with; the text says what to do."""
    from gateway.browser import BrowserError
    from gateway.ehrs.file import SettingsRefused
    from gateway.feeds.editions import EditionsError
    from gateway.model_folders.models import ModelError
    from gateway.processes.tls import TlsError
    from gateway.sandbox_ehrs.hapi import HapiError
    from gateway.sandbox_ehrs.sandboxes import SandboxError
    from gateway.sites.folder import SiteRefused
    from gateway.sites.going_live import NotReady
    from gateway.storage.schema import SchemaRefused
    from vocabulary.manifest import ManifestError

    return (
        HapiError, SandboxError, SettingsRefused, SiteRefused, NotReady, SchemaRefused, TlsError, ModelError, ManifestError,
        BrowserError, EditionsError,
    )  # fmt: skip


def _detached(data: Path, json: bool) -> None:
    """Starts the same command without --detach in a session of its own, and waits for the line that it prints. A start that
    fails ends with its words and its exit code."""
    import json as reader
    import subprocess
    import sys

    from gateway.cli.printing import console, print_json
    from gateway.installation import prepare

    arguments = [word for word in sys.argv[1:] if word not in ("--detach", "--wait", "--json")]
    log = prepare(data) / "server.log"
    with log.open("ab") as errors:
        before = errors.tell()
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "gateway.cli", *arguments, "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
        )  # fmt: skip
    line = child.stdout.readline() if child.stdout else b""
    if not line:
        typer.echo(log.read_bytes()[before:].decode("utf-8", "replace").strip(), err=True)
        raise typer.Exit(child.wait() or 3)
    started = reader.loads(line)
    if json:
        return print_json(started)
    return console.print(
        f"running with pid {started['pid']}: {started['app']}\nenter {started['enter']}", soft_wrap=True
    )


def down(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """End the server of this installation."""
    from gateway.cli.printing import console, print_json
    from gateway.processes import server

    stopped = server.stop(data)
    return print_json({"stopped": stopped}) if json else console.print("stopped" if stopped else "nothing was running")


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", envvar="CHARTGATE_DATA", help="Keep the installation here; else temporary.")
    ] = None,
    ehr: Ehr = "embedded",
    persona: Persona = None,
    model: Annotated[str | None, typer.Option(metavar="ID", help="Only this model.")] = None,
    models: Models = None,
    seed: Seed = False,
    messy: Messy = None,
    messy_seed: Draw = 1,
    allow_remote: Remote = False,
    upstream_auth: Upstream = None,
    json: Json = False,
) -> None:
    """The main job, headless: launch, chart, verdict, models, write-back, and what the EHR kept."""
    from gateway import demo as main_job

    if model is not None:
        _require_model(model, models or [])
    options = options_of(
        port=0, ehr=ehr, persona=persona or "spec", models=models, only=model, seed=seed, allow_remote=allow_remote,
        upstream_auth=upstream_auth, messy=messy, messy_seed=messy_seed,
    )  # fmt: skip
    ok: Literal[True, False] = run_loop(main_job.run(data, options, only=model, as_json=json))
    raise typer.Exit(0 if ok else 1)
