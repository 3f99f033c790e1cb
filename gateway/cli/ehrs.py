"""``ehrs add|list|check|remove|keys|rotate``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, perform, usage

Name = Annotated[str, typer.Argument(help="What it is called here: small letters, digits, hyphens.")]
Texts = list[str] | None


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    ehrs = typer.Typer(help="EHRs that the gateway is registered with.", no_args_is_help=True)
    ehrs.command("add")(add_ehr)
    ehrs.command("list")(list_ehrs)
    ehrs.command("check")(check_ehrs)
    ehrs.command("remove")(remove_ehr)
    ehrs.command("keys")(list_keys)
    ehrs.command("rotate")(rotate_keys)
    application.add_typer(ehrs, name="ehrs")


def add_ehr(
    name: Name,
    issuer: Annotated[str, typer.Option(help="Its FHIR base, exactly as it sends it as iss.")],
    client_id: Annotated[str, typer.Option(help="The id that the EHR gave to this gateway.")],
    method: Annotated[
        str | None, typer.Option(help="private_key_jwt (default), client_secret_basic, client_secret_post or none.")
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="What private_key_jwt signs by: ES384 (default) or RS384.")] = None,
    secret_file: Annotated[str | None, typer.Option(help="File (mode 0600) with the client secret.")] = None,
    scope: Annotated[Texts, typer.Option(help="What a launch asks for; repeatable, or space-separated.")] = None,
    backend_scope: Annotated[Texts, typer.Option(help="What the backend client asks for; repeatable.")] = None,
    no_backend: Annotated[bool, typer.Option("--no-backend", help="The EHR gives no backend access.")] = False,
    backend_client_id: Annotated[str | None, typer.Option(help="The backend client's id, when it is another.")] = None,
    vendor: Annotated[str | None, typer.Option(help="What kind of EHR it is (docs/reference/vendors.md).")] = None,
    network: Annotated[Texts, typer.Option(metavar="CIDR", help="The only networks it is in; repeatable.")] = None,
    origin: Annotated[Texts, typer.Option(help="A further origin of its endpoints; repeatable.")] = None,
    frame: Annotated[
        Texts, typer.Option(metavar="ORIGIN", help="A further origin that shows the app in a frame; repeatable.")
    ] = None,
    ca: Annotated[str | None, typer.Option(metavar="FILE", help="PEM of the authority that it is signed by.")] = None,
    cert: Annotated[str | None, typer.Option(metavar="FILE", help="PEM of the client certificate to show it.")] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="Key of --cert, PEM (mode 0600).")] = None,
    proxy: Annotated[str | None, typer.Option(help="http://host:port that connects to it.")] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:  # fmt: skip
    """Register the gateway with an EHR, or change that registration: it is in force at once."""
    said = {
        "name": name, "issuer": issuer, "client_id": client_id, "method": method, "algorithm": algorithm,
        "secret_file": secret_file, "scopes": _words(scope), "vendor": vendor, "networks": network, "origins": origin,
        "frames": frame, "backend_scopes": [] if no_backend else _words(backend_scope),
        "backend_client_id": backend_client_id, "ca": ca, "certificate": cert, "key": key, "proxy": proxy,
    }  # fmt: skip
    if no_backend and backend_scope:
        usage("--no-backend and --backend-scope exclude one another")
    made = perform(data, "ehrs.add", ehr=_read({member: value for member, value in said.items() if value is not None}))
    _print_added(made, json)


def _print_added(made: Any, json: bool) -> None:
    from gateway.cli.printing import console, print_json

    if json:
        return print_json(made)
    console.print(
        f"EHR {made['name']} is registered. Give to whoever runs it, each below the gateway's own address: the launch address "
        f"/app/launch, the redirect address {made['redirect_path']}, the keys /app/jwks.json. "
        f"Then: chartgate ehrs check {made['name']}", markup=False, soft_wrap=True,
    )  # fmt: skip
    return None


def _words(given: Texts) -> Texts:
    return None if given is None else [word for each in given for word in each.split()]


def _read(table: dict[str, Any]) -> dict[str, Any]:
    """The declaration with its files read. Ends with a usage error."""
    from gateway.ehrs.registrations import RegistrationRefused, read_table

    try:
        return read_table(table, Path.cwd())
    except RegistrationRefused as refused:
        raise typer.BadParameter(str(refused)) from refused


def list_ehrs(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Every EHR that the gateway is registered with, without anything secret."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "ehrs.list")
    if json:
        return print_json(found)
    rows = [
        (each["name"], each["issuer"], each["client_id"], each["method"], each["vendor"], each["redirect_path"],
         each["declared"])
        for each in found
    ]  # fmt: skip
    return print_table(
        "EHRs", ("name", "issuer", "client id", "method", "vendor", "redirect path", "declared by"), rows
    )


def check_ehrs(
    name: Annotated[str | None, typer.Argument(help="The EHR.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every EHR.")] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Ask an EHR what will and will not work, before anyone launches. Exit 1 when something will not."""
    from gateway.cli.printing import print_json

    if (name is None) != all:
        usage("name an EHR, or say --all")
    found = perform(data, "ehrs.check", name=name)
    failed = any(line["result"] == "fail" for each in found for line in each["lines"])
    if json:
        print_json({"ok": not failed, "ehrs": found})
    else:
        for each in found:
            print_lines(each)
    raise typer.Exit(1 if failed else 0)


def print_lines(checked: dict[str, Any]) -> None:
    from gateway.cli.printing import console

    console.print(f"EHR {checked['ehr']}", markup=False)
    for line in checked["lines"]:
        then = f"\n       → {line['next']}" if line["next"] and line["result"] != "pass" else ""
        console.print(f"  {line['result']:<4} {line['check']}: {line['text']}{then}", markup=False, soft_wrap=True)


def remove_ehr(name: Name, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Forget an EHR: nothing is launched from it and nothing written to it from now on."""
    from gateway.cli.printing import console, print_json

    done = perform(data, "ehrs.remove", name=name)
    return print_json(done) if json else console.print(f"EHR {name} is removed", markup=False)


def list_keys(
    new: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Make a key file for replicas to share, and nothing else.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """The keys that sign for EHRs and those that seal what is stored: ids only."""
    if new is not None:
        return _make_keys(new, json)
    return _print_keys(perform(data, "ehrs.keys"), json)


def _make_keys(path: Path, json: bool) -> None:
    """Ends with KeyFileError where there is a file already."""
    from gateway.cli.printing import console, print_json
    from gateway.keyring import make_key_file

    namespace = make_key_file(path.absolute()).namespace
    if json:
        return print_json({"keys_file": str(path), "namespace": namespace})
    return console.print(
        f"{path} (mode 0600) holds new keys: give every replica this file", markup=False, soft_wrap=True
    )


def rotate_keys(
    keys: Annotated[str, typer.Argument(help="signing or encryption.")],
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Signing keys: sign from now on, and drop the others: one is known.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Make new keys. New signing keys are published now and sign a day later; what is stored is sealed anew now."""
    if keys not in ("signing", "encryption"):
        usage("keys are signing or encryption")
    if at_once and keys != "signing":
        usage("--at-once is for signing keys")
    _print_keys(perform(data, "ehrs.rotate", keys=keys, at_once=at_once), json)


def _print_keys(found: Any, json: bool) -> None:
    from gateway.cli.printing import console, print_json, print_table

    if json:
        return print_json(found)
    rows = [(each["algorithm"], each["kid"], each["use"]) for each in found["signing"]]
    print_table("Signing keys", ("algorithm", "key id", "use"), rows)
    sealing = found["encryption"]
    others = ", ".join(name for name in sealing["kept"] if name != sealing["current"]) or "none"
    return console.print(f"Encryption: {sealing['current']} seals; kept to open: {others}", markup=False)
