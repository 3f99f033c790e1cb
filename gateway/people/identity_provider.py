"""Edge: ``[oidc]`` of ``chartgate.toml``: the OpenID provider where staff sign in, and what gives them roles and EHRs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from auth.client.oidc import NAME, Provider
from gateway.ehrs.registrations import RegistrationRefused, declare, read_table
from gateway.people.sessions import Role
from gateway.settings import FILE, SettingsRefused, read_document

CLIENT = ("issuer", "client_id", "method", "algorithm", "secret_file", "scopes", "networks", "origins", "ca", "proxy")
"""Members that are those of ``[[ehr]]``."""
OWN = ("roles_claim", "roles", "ehrs_claim", "ehrs", "every_ehr")
ROLES: tuple[Role, ...] = get_args(Role)


def read_provider(path: Path) -> Provider | None:
    """The provider; None where the file declares none. Raises SettingsRefused."""
    table = read_document(path).get("oidc")
    if table is None:
        return None
    where = f"{FILE}, [oidc]: "
    if not isinstance(table, dict):
        raise SettingsRefused(f"oidc in {FILE} must be written as [oidc]")
    if unknown := sorted(set(table) - {*CLIENT, *OWN}):
        raise SettingsRefused(f"{where}{unknown[0]} is not known: take it out; there is {', '.join((*CLIENT, *OWN))}")
    members = {"scopes": ["openid"], **{name: value for name, value in table.items() if name in CLIENT}, "name": NAME}
    try:
        found = {**read_table(members, path.parent, where=where), "backend_scopes": []}
        client = declare(found, "file", where=where, provider=True)
    except RegistrationRefused as refused:
        raise SettingsRefused(str(refused)) from refused
    if "openid" not in client.scopes:
        raise SettingsRefused(f"{where}scopes must have openid among them")
    claim = _claim(table, "roles_claim", "groups", where)
    return Provider(
        client=client, roles_claim=claim, roles=_roles(table.get("roles"), where),
        ehrs_claim=_claim(table, "ehrs_claim", claim, where), **_bounds(table, where),
    )  # fmt: skip


def _claim(table: Mapping[str, Any], name: str, usual: str, where: str) -> str:
    claim = table.get(name, usual)
    if not isinstance(claim, str) or not claim:
        raise SettingsRefused(f"{where}{name} must name a claim of the id_token, such as groups")
    return claim


def _bounds(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Who sees which EHR; without ``ehrs`` everybody sees all. Raises SettingsRefused."""
    given, every = table.get("ehrs"), table.get("every_ehr")
    if given is None:
        if every is not None or "ehrs_claim" in table:
            raise SettingsRefused(
                f"{where}every_ehr and ehrs_claim mean nothing without [oidc.ehrs]: add it, or take them out"
            )
        return {}
    if not isinstance(given, dict) or not given or not all(_texts(names) for names in given.values()):
        raise SettingsRefused(
            f"{where}ehrs must be written as [oidc.ehrs], names of EHRs, each with a list of texts; at least one"
        )
    if every is not None and not _texts(every):
        raise SettingsRefused(f"{where}every_ehr must be a list of texts")
    return {"ehrs": {name: frozenset(names) for name, names in given.items()}, "every_ehr": frozenset(every or ())}


def _texts(names: Any) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(each, str) and each for each in names)


def _roles(table: Any, where: str) -> Mapping[str, frozenset[str]]:
    """Values of the claim by role. Raises SettingsRefused."""
    fix = f"{where}roles must be written as [oidc.roles], with {', '.join(ROLES)}, each a list of texts; at least one"
    if not isinstance(table, dict) or not table or not set(table) <= set(ROLES):
        raise SettingsRefused(fix)
    if not all(
        isinstance(names, list) and all(isinstance(each, str) and each for each in names) for names in table.values()
    ):
        raise SettingsRefused(fix)
    return {role: frozenset(names) for role, names in table.items()}
