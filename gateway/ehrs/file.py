"""Edge: the EHRs that ``chartgate.toml`` declares, registered at every start: the file wins over the command line."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from auth.client.ehr import RegisteredEhr
from auth.client.encryption import Cipher
from auth.client.registry import find_named, list_ehrs, remove_ehr, save_ehr
from gateway.ehrs.forgetting import forget
from gateway.ehrs.registrations import RegistrationRefused, declare, read_table
from gateway.installation import Installation
from gateway.sites.folder import declared_by_sites

FILE = "chartgate.toml"
TABLES = ("ehr", "claim_checker")
"""What the file may hold."""


class SettingsRefused(RuntimeError):
    """The file cannot be used; the text names the member and says how to put it right."""


def read_ehrs(path: Path) -> tuple[RegisteredEhr, ...]:
    """The EHRs of ``[[ehr]]`` tables; none when there is no file. Paths in it are relative to it. Raises SettingsRefused."""
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as failure:
        raise SettingsRefused(f"{FILE} cannot be read: make it readable for whoever runs this") from failure
    except tomllib.TOMLDecodeError as failure:
        raise SettingsRefused(f"{FILE} is not TOML ({failure})") from failure
    if unknown := sorted(set(document) - set(TABLES)):
        raise SettingsRefused(f"{unknown[0]} in {FILE} is not known: take it out; there is {', '.join(TABLES)}")
    tables = document.get("ehr", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise SettingsRefused(f"ehr in {FILE} must be written as [[ehr]], once for each EHR")
    return _distinct([_one(table, number, path.parent) for number, table in enumerate(tables, start=1)])


def _one(table: dict[str, Any], number: int, folder: Path) -> RegisteredEhr:
    where = f"{FILE}, [[ehr]] {number}: "
    try:
        return declare(read_table(table, folder, where=where), "file", where=where)
    except RegistrationRefused as refused:
        raise SettingsRefused(str(refused)) from refused


def _distinct(ehrs: Sequence[RegisteredEhr]) -> tuple[RegisteredEhr, ...]:
    for member in ("name", "issuer"):
        values = [getattr(ehr, member) for ehr in ehrs]
        if twice := [value for value in values if values.count(value) > 1]:
            raise SettingsRefused(f"{FILE} has two [[ehr]] with the {member} {twice[0]}: take one out")
    return tuple(ehrs)


async def register_declared(installation: Installation, progress: Callable[[str], None]) -> None:
    """Makes the registry say what this file and those of the sites say: what they declare is registered in place of a
    registration of that name, and what they no longer declare is gone. Raises SettingsRefused and SiteRefused; nothing is
    changed then."""
    directory, cipher = installation.directory, installation.keyring.cipher
    declared = _distinct([*read_ehrs(directory / FILE), *declared_by_sites(directory)])
    try:
        replaced = await installation.database.run(lambda c, now: _replace(c, now, declared, cipher))
    except IntegrityError as failure:
        raise SettingsRefused(
            f"{FILE} declares an issuer that another EHR is registered with: chartgate ehrs remove that one"
        ) from failure
    for name in replaced:
        progress(f"EHR {name}: {FILE} took the place of what was registered on the command line")


def _replace(connection: Connection, now: float, declared: Sequence[RegisteredEhr], cipher: Cipher) -> list[str]:
    there = {ehr.name: ehr for ehr in list_ehrs(connection, now, cipher=cipher)}
    for name, ehr in there.items():
        if ehr.declared == "file":
            remove_ehr(connection, now, name=name)
    for ehr in declared:
        save_ehr(connection, now, ehr=ehr, cipher=cipher)
    for name, ehr in there.items():
        after = find_named(connection, now, name=name)
        if after != (ehr.issuer, ehr.client_id):
            forget(connection, now, name)
    return [ehr.name for ehr in declared if ehr.name in there and there[ehr.name].declared == "command"]
