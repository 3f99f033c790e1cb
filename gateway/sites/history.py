"""Edge: every version of a site's declaration that was in force, with who changed it and why, in the gateway's database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Double, Integer, String, Table, Text, insert, select

from gateway.sites.declaration import Site
from gateway.tables import metadata
from monitoring.alerting.marks import mark_version

versions = Table(
    "gateway_site_versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("site", String(64), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("why", String(500), nullable=False),
)

AT_START = ("nobody named", "found changed when the gateway started")


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """``at`` in Unix seconds, from when the version was in force."""

    site: str
    at: float
    by: str
    why: str
    declared: Site


def record(connection: Connection, now: float, site: Site, *, by: str, why: str) -> bool:
    """Keeps the declaration when it is another than the newest kept, and marks the change beside the series of its EHRs. Whether
    it was."""
    document = json.dumps(site.model_dump(mode="json", exclude_none=True), sort_keys=True, ensure_ascii=False)
    digest = sha256(document.encode()).hexdigest()
    id = site.site.id
    newest = select(versions.c.digest).where(versions.c.site == id).order_by(versions.c.id.desc()).limit(1)
    if connection.execute(newest).scalar() == digest:
        return False
    connection.execute(
        insert(versions).values(site=id, at=now, digest=digest, document=document, by=by[:200], why=why[:500])
    )
    for ehr in site.ehrs:
        mark_version(connection, now, subject=f"site {id}: declaration", version=digest[:12], ehr=ehr, by=by)
    return True


def record_all(connection: Connection, now: float, sites: Sequence[Site]) -> None:
    """What the gateway starts with."""
    by, why = AT_START
    for site in sites:
        record(connection, now, site, by=by, why=why)


def find_versions(connection: Connection, now: float, site: str) -> list[Version]:
    """Every version of a site, the newest first."""
    rows = connection.execute(select(versions).where(versions.c.site == site).order_by(versions.c.id.desc()))
    return [_read(row) for row in rows]


def find_version(connection: Connection, now: float, site: str, at: float) -> Version | None:
    """What was in force at a point in time."""
    wanted = select(versions).where(versions.c.site == site, versions.c.at <= at)
    row = connection.execute(wanted.order_by(versions.c.id.desc()).limit(1)).first()
    return None if row is None else _read(row)


def _read(row: Any) -> Version:
    declared = Site.model_validate_json(row.document)
    return Version(site=row.site, at=row.at, by=row.by, why=row.why, declared=declared)
