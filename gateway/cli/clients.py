"""``clients add|list|remove``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform

Ehr = Annotated[str, typer.Option(metavar="NAME", help="The sandbox EHR.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    clients = typer.Typer(help="SMART clients of a sandbox EHR.", no_args_is_help=True)
    clients.command("add")(add_client)
    clients.command("list")(list_clients)
    clients.command("remove")(remove_client)
    application.add_typer(clients, name="clients")


def add_client(
    name: Annotated[str, typer.Argument(help="What people are shown when they are asked.")],
    ehr: Ehr = "spec",
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Where codes may go, exactly; repeatable.")] = None,
    launch_url: Annotated[str | None, typer.Option(help="Where the EHR launches the app.")] = None,
    method: Annotated[
        str, typer.Option(help="How it authenticates: none, client_secret_basic, private_key_jwt …")
    ] = "none",
    grant_type: Annotated[list[str] | None, typer.Option(help="authorization_code unless said; repeatable.")] = None,
    scope: Annotated[str | None, typer.Option(help="All that it may ever be granted, space-separated.")] = None,
    jwks: Annotated[Path | None, typer.Option(help="File with its public keys (JWKS).")] = None,
    jwks_uri: Annotated[str | None, typer.Option(help="Where it publishes its public keys.")] = None,
    state_code: Annotated[
        list[str] | None, typer.Option(help="App state of another app that it may use, system|code; repeatable.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Register an app or a backend service; a secret is shown this once."""
    from gateway.cli.printing import console, print_json

    said = {
        "client_name": name, "redirect_uris": redirect_uri or [], "initiate_login_uri": launch_url, "scope": scope,
        "token_endpoint_auth_method": method, "grant_types": grant_type, "jwks": _read(jwks), "jwks_uri": jwks_uri,
    }  # fmt: skip
    metadata = {member: value for member, value in said.items() if value is not None}
    made = perform(data, "clients.add", ehr=ehr, metadata=metadata, state_codes=state_code or [])
    if json:
        return print_json(made)
    secret = f", its secret is shown this once:\n{made['client_secret']}" if "client_secret" in made else ""
    return console.print(f"client {made['client_id']} at {ehr}{secret}", markup=False, soft_wrap=True)


def _read(path: Path | None) -> Any:
    """A key set from a file. Ends with a usage error."""
    import json

    if path is None:
        return None
    try:
        return json.loads(path.read_text())  # not FHIR: a JWKS
    except (OSError, ValueError) as failure:
        raise typer.BadParameter("--jwks must be a readable JSON file") from failure


def list_clients(ehr: Ehr = "spec", data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Every client of a sandbox EHR, without its secret."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "clients.list", ehr=ehr)
    if json:
        return print_json(found)
    rows = [
        (
            each["client_id"], each["client_name"], each["token_endpoint_auth_method"], " ".join(each["grant_types"]),
            " ".join(each["redirect_uris"]),
        )
        for each in found
    ]  # fmt: skip
    return print_table(f"SMART clients of {ehr}", ("id", "name", "method", "grants", "redirect addresses"), rows)


def remove_client(
    id: Annotated[str, typer.Argument(help="The client's id.")], ehr: Ehr = "spec", data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:  # fmt: skip
    """Forget a client; what it was granted opens nothing from the next request on."""
    from gateway.cli.printing import console, print_json

    done = perform(data, "clients.remove", ehr=ehr, id=id)
    return print_json(done) if json else console.print(f"client {id} is removed", markup=False)
