"""Edge: what the command line asks of the history of sites: see ``gateway.verbs``."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from gateway.sites import history
from gateway.sites.declaration import Site
from vocabulary.instant import format_instant

Arguments = Mapping[str, Any]


def record(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """Keeps a declaration (``document``) with ``by`` and ``why``: ``{"site", "new"}``."""
    site = Site.model_validate(arguments["document"])
    new = history.record(connection, now, site, by=arguments["by"], why=arguments["why"])
    return {"site": site.site.id, "new": new}


def versions(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, str]]:
    """Who changed the site when, and why, the newest first."""
    found = history.find_versions(connection, now, arguments["site"])
    return [{"at": format_instant(each.at), "by": each.by, "why": each.why} for each in found]


def at(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """The declaration in force at ``at`` (Unix seconds); empty when there was none."""
    found = history.find_version(connection, now, arguments["site"], arguments["at"])
    return {} if found is None else found.declared.model_dump(mode="json", exclude_none=True)


VERBS: Mapping[str, Callable[[Connection, float, Arguments], Any]] = {
    "sites.record": record, "sites.versions": versions, "sites.at": at,
}  # fmt: skip
