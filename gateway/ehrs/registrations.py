"""Edge: the registration of an EHR as people write it, on the command line or as ``[[ehr]]`` in ``chartgate.toml``: one table
of members, read in one place. Files are named by path; what is in them is checked before anything is kept."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from auth.client.ehr import RegisteredEhr, Source
from auth.client.errors import RegistrationError
from auth.client.oidc import NAME
from gateway.ehrs.reachable import trust
from gateway.vendors import VENDORS, sign_in_rules
from sandbox.personas import PERSONAS


class RegistrationRefused(ValueError):
    """The EHR cannot be registered as declared; the text names the member and says how to put it right."""


def _text(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise RegistrationRefused("must be a printable text")
    return value


def _texts(value: Any, folder: Path) -> list[str]:
    if not isinstance(value, list):
        raise RegistrationRefused("must be a list of texts")
    return [_text(each, folder) for each in value]


def _open_file(value: Any, folder: Path) -> str:
    """What a file holds that anybody may read."""
    try:
        return (folder / _text(value, folder)).read_text()
    except (OSError, UnicodeDecodeError) as failure:
        raise RegistrationRefused("must name a readable text file") from failure


def _private_file(value: Any, folder: Path) -> str:
    """What a file holds that only its owner may read."""
    path = folder / _text(value, folder)
    try:
        shared = path.stat().st_mode & 0o077
    except OSError as failure:
        raise RegistrationRefused("must name a readable text file") from failure
    if shared:
        raise RegistrationRefused("names a file that others can read: chmod 600 it, and consider what it holds known")
    return _open_file(value, folder)


def _secret_file(value: Any, folder: Path) -> str:
    secret = _private_file(value, folder).strip()
    if not secret or not secret.isprintable():
        raise RegistrationRefused("must name a file of one printable line")
    return secret


MEMBERS: Mapping[str, tuple[str, Callable[[Any, Path], Any]]] = {
    "name": ("name", _text), "issuer": ("issuer", _text), "client_id": ("client_id", _text), "method": ("method", _text),
    "algorithm": ("algorithm", _text), "secret_file": ("secret", _secret_file), "scopes": ("scopes", _texts),
    "backend_scopes": ("backend_scopes", _texts), "backend_client_id": ("backend_client_id", _text),
    "vendor": ("vendor", _text), "networks": ("networks", _texts), "origins": ("origins", _texts),
    "frames": ("frames", _texts), "ca": ("ca", _open_file), "certificate": ("certificate", _open_file),
    "key": ("key", _private_file), "proxy": ("proxy", _text),
}  # fmt: skip
"""As people write it: the member of ``RegisteredEhr`` that it becomes, and how it is read."""
LISTS = ("scopes", "backend_scopes", "networks", "origins", "frames")
REQUIRED = ("name", "issuer", "client_id")

FIXES: Mapping[str, str] = {
    "name": "small letters, digits and hyphens, at most 63: it stands in addresses",
    "issuer": "the EHR's FHIR base exactly as it sends it as iss: https (http on loopback only), no user, no query, no fragment",
    "client_id": "the id that the EHR gave to this gateway",
    "method": "private_key_jwt, client_secret_basic, client_secret_post or none",
    "algorithm": "RS384 or ES384",
    "scopes": "at least one scope, without spaces in it",
    "backend_scopes": "scopes without spaces in them; none where the EHR gives no backend access",
    "networks": "networks as CIDR (10.20.0.0/16), with no bit set beyond the prefix",
    "origins": "https origins of further endpoints (https://login.example.org)",
    "frames": "https origins whose pages show the app in a frame (https://ehr.example.org), nothing behind them",
    "ca": "a PEM file with at least one certificate",
    "certificate": "a PEM file with the client certificate, its chain after it",
    "key": "the client certificate's private key, PEM without a password; certificate and key go together",
    "proxy": "http://host:port, without a user; only an https EHR is reached through one",
    "vendor": f"one of {', '.join(VENDORS)}",
    "secret": "client_secret_basic and client_secret_post need a secret file; the other methods have none",
}
"""What each member must be, for whoever wrote something else."""


def read_table(table: Mapping[str, Any], folder: Path, *, where: str = "") -> dict[str, Any]:
    """One declaration as written → members of ``RegisteredEhr``, files read (relative ones from ``folder``). ``where`` goes
    before the name of a member that is wrong. Raises RegistrationRefused."""
    if unknown := sorted(set(table) - set(MEMBERS)):
        known = ", ".join(MEMBERS)
        raise RegistrationRefused(f"{where}{unknown[0]} is not known: take it out, or write one of {known}")
    if missing := [name for name in REQUIRED if name not in table]:
        raise RegistrationRefused(f"{where}{missing[0]} is missing: {FIXES[missing[0]]}")
    found = {}
    for name, value in table.items():
        member, read = MEMBERS[name]
        try:
            found[member] = read(value, folder)
        except RegistrationRefused as refused:
            raise RegistrationRefused(f"{where}{name} {refused}") from refused
    return found


def declare(
    members: Mapping[str, Any], declared: Source, *, where: str = "", provider: bool = False
) -> RegisteredEhr:  # fmt: skip
    """Members → the EHR, its certificates tried; what is not said is as EHRs of its vendor have it. Raises
    RegistrationRefused."""
    given: dict[str, Any] = {name: tuple(value) if name in LISTS else value for name, value in members.items()}
    rules = sign_in_rules(str(given.get("vendor")))
    given["origins"] = tuple(dict.fromkeys((*given.get("origins", ()), *rules.endpoints_at)))
    usual = {"scopes": rules.launch_scopes, "backend_scopes": rules.backend_scopes, "algorithm": rules.algorithm}
    try:
        ehr = RegisteredEhr(**{**usual, **given}, declared=declared)
    except RegistrationError as refused:
        raise RegistrationRefused(f"{where}{refused.member} cannot be used: {FIXES[refused.member]}") from refused
    if ehr.vendor not in VENDORS:
        raise RegistrationRefused(f"{where}vendor cannot be used: {FIXES['vendor']}")
    if ehr.name in PERSONAS:
        raise RegistrationRefused(f"{where}name {ehr.name} belongs to the sandbox's own EHR: take another")
    if ehr.name == NAME and not provider:
        raise RegistrationRefused(f"{where}name {ehr.name} belongs to the provider of [oidc]: take another")
    for member, parts in (("ca", (ehr.ca, None, None)), ("certificate", (None, ehr.certificate, ehr.key))):
        try:
            trust(*parts)
        except (OSError, ValueError) as failure:  # ssl.SSLError is an OSError
            raise RegistrationRefused(f"{where}{member} cannot be used: {FIXES[member]}") from failure
    return ehr


def shown(ehr: RegisteredEhr) -> dict[str, Any]:
    """A registration as it may be shown: of secret, key and certificates only whether there are any."""
    return {
        "name": ehr.name, "issuer": ehr.issuer, "client_id": ehr.client_id, "method": ehr.method,
        "algorithm": ehr.algorithm if ehr.method == "private_key_jwt" else None, "secret": ehr.secret is not None,
        "scopes": list(ehr.scopes), "backend_client_id": ehr.backend_client_id, "backend_scopes": list(ehr.backend_scopes),
        "vendor": ehr.vendor, "networks": list(ehr.networks), "origins": list(ehr.origins),
        "frames": list(ehr.frames), "ca": ehr.ca is not None,
        "client_certificate": ehr.certificate is not None, "proxy": ehr.proxy, "redirect_path": ehr.redirect_path,
        "declared": ehr.declared,
    }  # fmt: skip
