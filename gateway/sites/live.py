"""Edge: what writes at a site, and since when."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Double, String, Table, delete, select, text

from gateway.tables import metadata

Place = tuple[str, str, str]
"""Model, version, EHR."""

live = Table(
    "gateway_site_live",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("ehr", String(64), primary_key=True),
    Column("policy", String(16), nullable=False),
    Column("at", Double, nullable=False),
)
"""A row for each place that went live, since ``at``; one that goes back to its shadow loses it."""
PLACE = (live.c.model, live.c.version, live.c.ehr)
_ADD = text(
    "INSERT INTO gateway_site_live (site, model, version, ehr, policy, at) VALUES (:site, :model, :version, :ehr, :policy, :at) "
    "ON CONFLICT (site, model, version, ehr) DO NOTHING"
)


def place_of(row: Mapping[str, Any]) -> Place:
    """Of a row of ``live``, or of ``readiness.examine``."""
    return row["model"], row["version"], row["ehr"]


def find_live(connection: Connection, now: float, *, site: str) -> dict[Place, str]:
    """The policy of each place of a site that went live."""
    rows = connection.execute(select(live).where(live.c.site == site)).mappings()
    return {place_of(dict(row)): row["policy"] for row in rows}


def keep_live(connection: Connection, now: float, *, site: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """What is live now, of ``rows`` as ``readiness.examine`` has them; a place that stays as it is keeps its time."""
    here = {place_of(row): row["policy"] for row in rows if row["live"]}
    for place, policy in find_live(connection, now, site=site).items():
        if here.get(place) != policy:
            same = (column == value for column, value in zip(PLACE, place, strict=True))
            connection.execute(delete(live).where(live.c.site == site, *same))
    for (model, version, ehr), policy in here.items():
        row = {"site": site, "model": model, "version": version, "ehr": ehr, "policy": policy, "at": now}
        connection.execute(_ADD, row)
