"""``monitor sign`` and ``monitor thresholds``: the thresholds that an installation runs on, and who signed them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform


def register(monitor: typer.Typer) -> None:
    """Adds these commands to the group ``monitor``."""
    monitor.command("sign")(sign)
    monitor.command("thresholds")(thresholds)


def sign(
    key: Annotated[Path, typer.Option(metavar="FILE", help="The key file of who signs (chartgate site keygen).")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The document; thresholds.json of --data.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="List the key in thresholds.pub: for whoever runs the installation.")
    ] = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Sign the thresholds of this installation as their next version; the versions before are kept beside them.

    Who signs answers for what raises an alarm, and is not the model's own team. The server takes it up at its next start."""
    import time

    from gateway.cli.printing import console, print_json
    from gateway.keyring import KeyFileError, open_keyring
    from gateway.monitors import threshold_signing as signing
    from gateway.monitors.signed import FILE
    from monitoring.thresholds import ThresholdsInvalid

    path = file or data / FILE
    try:
        public = signing.private_key(key).public_key()
        made = signing.sign_file(path, key=key, deployment=open_keyring(data).namespace, now=time.time())
        listed = trust and signing.trust(data, public, remark=f"listed by monitor sign for {path.name}")
    except (ThresholdsInvalid, KeyFileError) as wrong:
        could_not(str(wrong))
    except OSError as failure:
        could_not(f"{Path(str(failure.filename)).name} cannot be read or written")
    if json:
        print_json(made)
        return
    key_id = made["signature"]["key"]
    console.print(f"{path.name}: version {made['version']} is signed with the key {key_id}", markup=False)
    if listed:
        console.print("The key is listed in thresholds.pub.", markup=False)


def thresholds(data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """The thresholds in force: signed, or the defaults that nobody signed. Exit 1 when nobody signed them."""
    from gateway.cli.printing import console, print_json
    from gateway.keyring import KeyFileError, open_keyring
    from gateway.monitors.signed import FILE
    from gateway.monitors.threshold_signing import in_force
    from gateway.sites.metrics import overtaken

    try:
        found = in_force(data, deployment=open_keyring(data).namespace)
    except KeyFileError as wrong:
        could_not(str(wrong))
    newest = perform(data, "thresholds.newest") if found["signed"] else 0
    if found["version"] < newest:
        could_not(f"{FILE} {overtaken(found['version'], newest)}")
    print_json(found) if json else console.print(told(found), markup=False, soft_wrap=True)
    raise typer.Exit(0 if found["signed"] else 1)


def told(found: dict[str, Any]) -> str:
    """In a sentence."""
    if not found["signed"]:
        return "The defaults are in force: nobody signed them. chartgate monitor sign --key FILE signs thresholds.json."
    return f"Version {found['version']} is in force, signed with the key {found['key']} on {found['issued'][:10]}."
