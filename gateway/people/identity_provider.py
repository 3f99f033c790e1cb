"""Edge: ``[oidc]`` of ``chartgate.toml``: the OpenID provider where staff sign in, and what gives them which role."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from auth.client.oidc import NAME, Provider
from gateway.ehrs.registrations import RegistrationRefused, declare, read_table
from gateway.people.sessions import Role
from gateway.settings import FILE, SettingsRefused, read_document

CLIENT = ("issuer", "client_id", "method", "algorithm", "secret_file", "scopes", "networks", "origins", "ca", "proxy")
"""Members that are those of ``[[ehr]]``."""
OWN = ("roles_claim", "roles")
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
    claim = table.get("roles_claim", "groups")
    if not isinstance(claim, str) or not claim:
        raise SettingsRefused(f"{where}roles_claim must name a claim of the id_token, such as groups")
    return Provider(client=client, roles_claim=claim, roles=_roles(table.get("roles"), where))


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
