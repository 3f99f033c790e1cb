"""``conform URL``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json

SUITES = ("smart", "access", "writeback", "gateway", "bulk", "api")
FORMATS = ("json", "junit", "html", "badge", "fhir")
Run, Reach, Enter, Tell = (
    partial(typer.Option, rich_help_panel=panel)
    for panel in ("What is run", "How the server is reached", "Who signs in", "What is reported")
)


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("conform")(conform)


def conform(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The FHIR base (of the gateway suite: the app's launch address).")
    ] = "",
    suite: Annotated[list[str] | None, Run(help="Suites, comma separated or one by one: " + ",".join(SUITES))] = None,
    writes: Annotated[bool, Run("--writes", help="Also run what writes; it cleans up after itself.")] = False,
    slow: Annotated[bool, Run("--slow", help="Also run what has to wait, such as code expiry.")] = False,
    deadline: Annotated[float, Run(metavar="S", min=1, help="Seconds for the whole run.")] = 300.0,
    listen: Annotated[
        str | None,
        Run(metavar="HOST:PORT", help="Where a suite that plays the EHR serves, and the suite smart a key set."),
    ] = None,
    public_url: Annotated[str | None, Run(metavar="URL", help="The same as what is under test reaches it.")] = None,
    tls_ca: Annotated[Path | None, Reach(metavar="FILE", help="Own authorities that are trusted (PEM).")] = None,
    tls_cert: Annotated[Path | None, Reach(metavar="FILE", help="A client certificate (PEM).")] = None,
    tls_key: Annotated[Path | None, Reach(metavar="FILE", help="Its key, where it is in a file of its own.")] = None,
    proxy: Annotated[str | None, Reach(metavar="URL", help="An HTTP proxy.")] = None,
    timeout: Annotated[float, Reach(metavar="S", min=0.1, help="Seconds for one request.")] = 15.0,
    rate: Annotated[float, Reach(metavar="N", min=0, help="Requests a second at most; 0: no limit.")] = 0.0,
    client: Annotated[
        Path | None, Enter(metavar="FILE", help="A registered client (JSON); dynamic registration without it.")
    ] = None,
    login: Annotated[
        Path | None, Enter(metavar="FILE", help="The steps of the login page (TOML), for a browser.")
    ] = None,
    paste: Annotated[bool, Enter("--paste", help="A person signs in and pastes the address where it ends.")] = False,
    patient: Annotated[
        list[str] | None, Enter(metavar="ID", help="Two test patients, first the one of the sign-in.")
    ] = None,
    report: Annotated[Path | None, Tell(metavar="DIR", help="Write the reports there.")] = None,
    format: Annotated[
        list[str] | None, Tell(help="Report formats (json), comma separated or one by one: " + ",".join(FORMATS))
    ] = None,
    keep: Annotated[str | None, Tell(metavar="NAME", help="Keep it with the installation, as run by NAME.")] = None,
    data: Data = DEFAULT_DATA,
    strict: Annotated[bool, Tell("--strict", help="A missed SHOULD makes the exit code 1 too.")] = False,
    baseline: Annotated[
        Path | None, Tell(metavar="FILE", help="An earlier JSON report: 1 only for what is worse.")
    ] = None,
    profile: Annotated[list[str] | None, Tell(metavar="NAME", help="Readiness for hti-1 or hti-5.")] = None,
    attest: Annotated[Path | None, Tell(metavar="FILE", help="What is attested for a profile (TOML).")] = None,
    bundle: Annotated[Path | None, Tell(metavar="FILE", help="Keep all evidence there, encrypted and signed.")] = None,
    bundle_key: Annotated[
        Path | None, Tell(metavar="FILE", help="The key of bundles; --bundle makes a missing one.")
    ] = None,
    replay: Annotated[
        Path | None, Tell(metavar="FILE", help="Judge a bundle's evidence again, without a server.")
    ] = None,
    json: Json = False,
) -> None:
    """What a server does of SMART App Launch, scope enforcement and FHIR writes; exit 1 when a SHALL is not met."""
    given: dict[str, Any] = dict(locals())
    from gateway.cli import conforming

    raise typer.Exit(conforming.conform(conforming.Said(**given)))
