"""Edge: a site's folder: ``site.toml``, read whole, every fault by the name of its member and with what to do about it."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auth.client.ehr import RegisteredEhr
from gateway.ehrs.registrations import RegistrationRefused, declare, read_table
from gateway.sites import contradictions
from gateway.sites.contradictions import Manifests
from gateway.sites.declaration import Site

FILE = "site.toml"
SITES = "sites"
"""The folder of an installation that has one folder for each site."""


class SiteRefused(RuntimeError):
    """The site cannot be used; ``problems`` names each member and says how to put it right."""

    def __init__(self, folder: Path, problems: Sequence[str]) -> None:
        super().__init__("; ".join(f"{folder.name}/{FILE}: {problem}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A site and the EHRs of its file, ready to be registered."""

    folder: Path
    site: Site
    ehrs: tuple[RegisteredEhr, ...]

    @property
    def id(self) -> str:
        return self.site.site.id


def read_site(folder: Path, manifests: Manifests) -> Declared:
    """The site of a folder, for the models of this installation. Raises SiteRefused with every fault."""
    site = parse_site(folder)
    ehrs, problems = _ehrs(site, folder)
    problems += contradictions.find(site, manifests)
    if problems:
        raise SiteRefused(folder, problems)
    return Declared(folder=folder, site=site, ehrs=tuple(ehrs))


def parse_site(folder: Path) -> Site:
    """The file as it is written, its form alone checked. Raises SiteRefused."""
    try:
        document = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise SiteRefused(folder, ["is missing: chartgate site new DIR writes one"]) from missing
    except (OSError, UnicodeDecodeError) as failure:
        raise SiteRefused(folder, ["cannot be read as UTF-8 text"]) from failure
    except tomllib.TOMLDecodeError as failure:
        raise SiteRefused(folder, [f"is not TOML ({failure})"]) from failure
    return read_document(folder, document)


def read_document(folder: Path, document: Any) -> Site:
    """A parsed file → Site. Raises SiteRefused."""
    try:
        return Site.model_validate(document)
    except ValidationError as wrong:
        raise SiteRefused(folder, [_told(error) for error in wrong.errors(include_input=False)]) from None


def _ehrs(site: Site, folder: Path) -> tuple[list[RegisteredEhr], list[str]]:
    ehrs, problems = [], []
    for number, table in enumerate(site.ehr):
        try:
            ehrs.append(declare(read_table(table, folder), "file"))
        except RegistrationRefused as refused:
            problems.append(f"ehr[{number}].{refused}")
    return ehrs, problems


def folders(directory: Path) -> list[Path]:
    """The folders of an installation's sites."""
    return sorted(path.parent for path in (directory / SITES).glob(f"*/{FILE}"))


def declared_by_sites(directory: Path) -> tuple[RegisteredEhr, ...]:
    """Every EHR that a site's file declares. Raises SiteRefused."""
    found: list[RegisteredEhr] = []
    for folder in folders(directory):
        ehrs, problems = _ehrs(parse_site(folder), folder)
        if problems:
            raise SiteRefused(folder, problems)
        found += ehrs
    return tuple(found)


def read_sites(directory: Path, manifests: Manifests) -> tuple[Declared, ...]:
    """Every site of an installation, by id. Raises SiteRefused, also for two sites that share an id, an EHR or an issuer."""
    sites = [read_site(folder, manifests) for folder in folders(directory)]
    taken: dict[str, str] = {}
    for declared in sites:
        for name in _names(declared):
            if name in taken:
                raise SiteRefused(
                    declared.folder, [f"{name} belongs to the site in {taken[name]}: one of them must go"]
                )
            taken[name] = declared.folder.name
    return tuple(sites)


def _names(declared: Declared) -> list[str]:
    """What no two sites may share."""
    ehrs = declared.ehrs
    return [
        f"id {declared.id}",
        *(f"ehr {each.name}" for each in ehrs),
        *(f"issuer {each.issuer}" for each in ehrs),
    ]


UNKNOWN = {"extra_forbidden": "is not known: take it out, or see docs/reference/site.md", "missing": "is missing"}


def _told(error: Any) -> str:
    """One fault of the form: the member's path and what it must be; never what was written."""
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    kind = error["type"]
    if kind in UNKNOWN:
        return f"{path} {UNKNOWN[kind]}"
    if kind == "literal_error":
        return f"{path} must be one of {error['ctx']['expected']}"
    if kind == "value_error":
        return f"{path} {error['ctx']['error']}"
    return f"{path} {FORMS.get(kind, 'does not have the right form')}"


FORMS = {
    "string_type": "must be a text", "string_too_short": "must not be empty", "string_too_long": "is too long",
    "string_pattern_mismatch": "does not have the right form (see docs/reference/site.md)",
    "tuple_type": "must be a list", "too_short": "must have at least one entry", "dict_type": "must be a table",
    "model_type": "must be a table", "model_attributes_type": "must be a table", "date_type": "must be a date",
    "date_from_datetime_inexact": "must be a date", "date_from_datetime_parsing": "must be a date",
    "int_type": "must be a whole number", "greater_than_equal": "is too small", "less_than_equal": "is too large",
}  # fmt: skip
"""The faults of form, in our own words."""
