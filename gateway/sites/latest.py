"""Edge: the newest version of signed thresholds that was in force: an older one, however well signed, does not come back.

Kept in the gateway's database, so that neither a folder of before nor a replica that has one takes the numbers back.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from sqlalchemy import Connection

from gateway.keyring import KeyFileError
from gateway.sites import metrics
from gateway.sites.folder import Declared, SiteRefused
from gateway.storage.leases import find_fact, set_fact
from monitoring.thresholds import Thresholds

INSTALLATION = ""
"""Whose thresholds they are where they are no site's."""


def newest(connection: Connection, now: float, *, of: Iterable[str]) -> dict[str, int]:
    """The newest version that was in force of each, by site; 0 where none was."""
    return {each: int(find_fact(connection, now, name=_name(each)) or 0) for each in of}


def keep(connection: Connection, now: float, *, in_force: Mapping[str, int]) -> None:
    """These versions are in force now; a newer one that was stays the newest."""
    for of, version in in_force.items():
        if version > newest(connection, now, of=(of,))[of]:
            set_fact(connection, now, name=_name(of), value=str(version))


def hold(connection: Connection, now: float, *, installed: Thresholds, declared: Sequence[Declared]) -> None:
    """What is to be in force becomes so. Raises KeyFileError, SiteRefused for an older version than was in force."""
    found = {INSTALLATION: installed.version} if installed.version else {}
    held = newest(connection, now, of=(INSTALLATION, *(each.id for each in declared)))
    if found and installed.version < held[INSTALLATION]:
        raise KeyFileError(f"thresholds.json {metrics.overtaken(installed.version, held[INSTALLATION])}")
    for each in declared:
        signed = metrics.read(each)
        if signed is not None and signed.version < held[each.id]:
            file = each.site.thresholds.file if each.site.thresholds else ""
            problem = f"thresholds.file: {file} {metrics.overtaken(signed.version, held[each.id])}"
            raise SiteRefused(each.folder, [problem])
        found |= {} if signed is None else {each.id: signed.version}
    keep(connection, now, in_force=found)


def _name(of: str) -> str:
    return f"signed:{sha256(of.encode()).hexdigest()[:32]}"
