"""The application that every command adds itself to, and what commands share."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

application = typer.Typer(
    name="chartgate",
    help="The gate between a clinical model and the chart: SMART on FHIR gateway, EHR sandbox, conformance suite.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path, typer.Option("--data", envvar="CHARTGATE_DATA", help="Directory of the installation.", show_default=True)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
DEFAULT_DATA = Path(".chartgate")


def usage(text: str) -> Any:
    """Ends with exit code 2."""
    raise typer.BadParameter(text)


def could_not(text: str) -> NoReturn:
    """Ends with exit code 3."""
    from gateway.cli.printing import complain

    complain(text)
    raise typer.Exit(3)


def perform(data: Path, verb: str, **arguments: Any) -> Any:
    """Does the verb where the installation is; what cannot be done ends with exit code 3."""
    from gateway.verbs import VerbRefused
    from gateway.verbs import perform as do

    try:
        return do(data, verb, arguments)
    except VerbRefused as refused:
        return could_not(str(refused))
