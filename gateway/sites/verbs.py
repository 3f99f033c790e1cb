"""Edge: what the command line asks of the history of sites: see ``gateway.verbs``."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from gateway.sites import evidence, history, latest
from gateway.sites.declaration import Site
from gateway.sites.gates import BY_ID
from gateway.sites.readiness import known
from vocabulary.instant import format_instant

Arguments = Mapping[str, Any]


def record(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """Keeps a declaration (``document``) with ``by`` and ``why``: ``{"site", "new"}``."""
    site = Site.model_validate(arguments["document"])
    new = history.record(connection, now, site, by=arguments["by"], why=arguments["why"])
    return {"site": site.site.id, "new": new}


def change(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """Keeps a declaration (``document``) that ``by`` made of another (``before``), and ``why``: ``{"site"}``. Where the one
    before was not kept yet, it is kept too, as nobody's, so that the change that is told is this one and no other."""
    before, site = (Site.model_validate(arguments[name]) for name in ("before", "document"))
    history.record(connection, now, before, by=history.AT_START[0], why="found changed when a version was promoted")
    history.record(connection, now, site, by=arguments["by"], why=arguments["why"])
    return {"site": site.site.id}


def versions(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, str]]:
    """Who changed the site when, and why, the newest first."""
    found = history.find_versions(connection, now, arguments["site"])
    return [{"at": format_instant(each.at), "by": each.by, "why": each.why} for each in found]


def at(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """The declaration in force at ``at`` (Unix seconds); empty when there was none."""
    found = history.find_version(connection, now, arguments["site"], arguments["at"])
    return {} if found is None else found.declared.model_dump(mode="json", exclude_none=True)


def show(connection: Connection, now: float, arguments: Arguments) -> None:
    """Keeps evidence for a gate: ``site``, ``gate``, ``by``, ``facts`` and, about one model only, ``model``."""
    _known(arguments["gate"])
    evidence.record_evidence(
        connection, now, site=arguments["site"], gate=arguments["gate"], by=arguments["by"], facts=arguments["facts"],
        model=arguments.get("model") or "",
    )  # fmt: skip


def override(connection: Connection, now: float, arguments: Arguments) -> None:
    """Two named people take it on themselves that a gate is red. Raises ValueError."""
    _known(arguments["gate"])
    first, second = (name.strip() for name in arguments["by"])
    if not first or not second or first.casefold() == second.casefold():
        raise ValueError("an override takes two different people: --by NAME --by NAME")
    evidence.record_override(
        connection, now, site=arguments["site"], model=arguments["model"], gate=arguments["gate"], by=(first, second),
        why=arguments["why"],
    )  # fmt: skip


def _known(gate: str) -> None:
    if gate not in BY_ID:
        raise ValueError(f"the gate must be one of {', '.join(BY_ID)}")


def know(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """What the database knows of ``places`` of a ``site``."""
    return known(connection, now, site=arguments["site"], places=arguments["places"])


def newest_thresholds(connection: Connection, now: float, arguments: Mapping[str, Any]) -> int:
    """The newest version of the installation's own thresholds that was in force; 0 where none was."""
    return latest.newest(connection, now, of=(latest.INSTALLATION,))[latest.INSTALLATION]


VERBS: Mapping[str, Callable[[Connection, float, Arguments], Any]] = {
    "sites.record": record, "sites.change": change, "sites.versions": versions, "sites.at": at,
    "sites.evidence": show, "sites.override": override, "sites.know": know, "thresholds.newest": newest_thresholds,
}  # fmt: skip
