"""Edge: what an installation is told: ``[serve]`` of ``chartgate.toml``, and ``CHARTGATE_*``, which wins. Read once, at the
start; what is unknown or missing stops it, by name, with the fix (house.md §4)."""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from writeback.terms import EVERYTHING, ReadBack, parse_read_back

FILE = "chartgate.toml"
TABLES = ("ehr", "serve", "oidc", "claim_checker")
"""What the file may hold."""
PREFIX = "CHARTGATE_"
ELSEWHERE = (
    "CHARTGATE_DATA", "CHARTGATE_COMMAND", "CHARTGATE_KEYS", "CHARTGATE_SMTP", "CHARTGATE_SMTP_FROM",
    "CHARTGATE_SMTP_PASSWORD_FILE",
)  # fmt: skip
"""Variables that something else reads: the command line, the pytest plugin, the keyring, the mail of alerts."""
FOR_TESTS = ("CHARTGATE_TEST_", "CHARTGATE_BENCH_")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsRefused(RuntimeError):
    """The settings cannot be used; the text names the member or variable and says how to put it right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """``url`` is the address by which browsers reach the app face, None for the loopback one; ``database_url`` PostgreSQL's,
    None for the installation's own SQLite file; ``keys_file`` a key file elsewhere than in the installation."""

    url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8700
    database_url: str | None = field(default=None, repr=False)
    keys_file: Path | None = None
    models: tuple[Path, ...] = ()
    read_back: ReadBack = EVERYTHING
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    log: str = "text"


def _url(value: Any, folder: Path) -> str:
    parts = urlsplit(value) if isinstance(value, str) and value.isprintable() else urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if (
        not secure
        or not parts.hostname
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _host(value: Any, folder: Path) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        raise ValueError
    return value


def _port(value: Any, folder: Path) -> int:
    number = int(value)
    if isinstance(value, bool) or not 0 <= number <= 65535:
        raise ValueError
    return number


def check_database(value: Any, folder: Path = Path()) -> str:
    """The address of a PostgreSQL database in one form. Raises ValueError."""
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise ValueError
    return value.replace("postgres://", "postgresql://", 1)


def _path(value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError
    return folder / value


def _paths(value: Any, folder: Path) -> tuple[Path, ...]:
    parts = [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise ValueError
    return tuple(_path(part, folder) for part in parts)


def _share(value: Any, folder: Path) -> ReadBack:
    return parse_read_back(str(value))


def _yes(value: Any, folder: Path) -> bool:
    found = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(str(value).lower())
    if found is None:
        raise ValueError
    return found


def _log(value: Any, folder: Path) -> str:
    if value not in ("text", "json"):
        raise ValueError
    return str(value)


MEMBERS: Mapping[str, tuple[Callable[[Any, Path], Any], str]] = {
    "url": (_url, "the address of this gateway for browsers: https (http on loopback only), nothing behind the host and port"),
    "host": (_host, "an address of this machine to listen on, such as 0.0.0.0"),
    "port": (_port, "a port, 0 to 65535; 0 takes any free one"),
    "database_url": (check_database, "postgresql://USER@HOST/NAME; without it the installation's own SQLite file is used"),
    "keys_file": (_path, "the path of a key file, mode 0600: `chartgate ehrs keys --new FILE` makes one"),
    "models": (_paths, "folders of model folders, a list; as a variable separated by colons"),
    "read_back": (_share, "always, never or a share in [0, 1], with exceptions by EHR: 0.1,epic=always"),
    "tls_cert": (_path, "the path of a certificate with its chain, PEM"),
    "tls_key": (_path, "the path of the certificate's key, PEM without a password"),
    "behind_proxy": (_yes, "true where a proxy in front ends TLS"),
    "log": (_log, "text or json"),
}  # fmt: skip
"""Members of ``[serve]``; the variable is ``CHARTGATE_`` and the name in capitals. What each must be, for whoever wrote
something else."""


def variable(name: str) -> str:
    """The variable of a member."""
    return f"{PREFIX}{name.upper()}"


VARIABLES = frozenset({*map(variable, MEMBERS), *ELSEWHERE})
"""Those that may be set."""


def read_document(path: Path) -> dict[str, Any]:
    """The file as TOML; empty when there is none. Raises SettingsRefused."""
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as failure:
        raise SettingsRefused(f"{FILE} cannot be read: make it readable for whoever runs this") from failure
    except tomllib.TOMLDecodeError as failure:
        raise SettingsRefused(f"{FILE} is not TOML ({failure})") from failure
    if unknown := sorted(set(document) - set(TABLES)):
        raise SettingsRefused(f"{unknown[0]} in {FILE} is not known: take it out; there is {', '.join(TABLES)}")
    return document


def read_settings(path: Path, environment: Mapping[str, str], given: Mapping[str, Any] | None = None) -> Settings:
    """What the file, the environment and the command line (``given``, members that are not None) say, each over the one
    before. Relative paths of the file are from its folder. Raises SettingsRefused."""
    table = read_document(path).get("serve", {})
    if not isinstance(table, dict):
        raise SettingsRefused(f"serve in {FILE} must be written as [serve]")
    if unknown := sorted(set(table) - set(MEMBERS)):
        raise SettingsRefused(
            f"{unknown[0]} in [serve] of {FILE} is not known: take it out; there is {', '.join(MEMBERS)}"
        )
    found = {name: _read(name, value, path.parent, f"{name} in [serve] of {FILE}") for name, value in table.items()}
    for name, value in _of_environment(environment).items():
        found[name] = _read(name, value, Path.cwd(), variable(name))
    for name, value in (given or {}).items():
        if value is not None:
            found[name] = _read(name, value, Path.cwd(), f"--{name.replace('_', '-')}")
    return Settings(**found)


def _of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    known = {variable(name): name for name in MEMBERS}
    said = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    if unknown := sorted(name for name in set(said) - VARIABLES if not name.startswith(FOR_TESTS)):
        raise SettingsRefused(f"{unknown[0]} is not known: unset it; there is {', '.join(sorted(VARIABLES))}")
    return {known[name]: value for name, value in said.items() if name in known}


def _read(name: str, value: Any, folder: Path, where: str) -> Any:
    read, fix = MEMBERS[name]
    try:
        return value if isinstance(value, Path) else read(value, folder)
    except (ValueError, TypeError) as failure:
        raise SettingsRefused(f"{where} cannot be used: it is {fix}") from failure


def check_exposure(settings: Settings) -> None:
    """Beyond loopback nothing is listened to in clear. Raises SettingsRefused."""
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsRefused("tls_cert and tls_key go together: give both, or neither")
    beyond, secured = settings.host not in LOOPBACK, settings.tls_cert is not None
    if beyond and not secured and not settings.behind_proxy:
        raise SettingsRefused(
            f"host {settings.host} is beyond loopback: give tls_cert and tls_key, or --behind-proxy where a proxy in front "
            "ends TLS"
        )
    if (secured or settings.behind_proxy) and settings.url is not None and not settings.url.startswith("https://"):
        raise SettingsRefused("url must be https: that is how browsers reach what is served by TLS")
