"""Edge: what was shown for a site's gates, and by whom a red gate was overridden, in the gateway's database."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Double, Integer, String, Table, Text, insert, select

from gateway.sites.gates import Evidence
from gateway.tables import metadata

shown = Table(
    "gateway_site_evidence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("site", String(64), nullable=False, index=True),
    Column("model", String(128), nullable=False),
    Column("gate", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("facts", Text, nullable=False),
)
"""``model`` is empty where the evidence is about the whole site; a model's id, or ``id@version`` where it is about one version.
Rows are only ever added."""

overrides = Table(
    "gateway_site_overrides",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("site", String(64), nullable=False, index=True),
    Column("model", String(128), nullable=False),
    Column("gate", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Column("first", String(200), nullable=False),
    Column("second", String(200), nullable=False),
    Column("why", String(500), nullable=False),
)


def record_evidence(
    connection: Connection, now: float, *, site: str, gate: str, by: str, facts: Mapping[str, Any], model: str = ""
) -> None:
    """Adds what was seen; the newest of a gate is the one that counts."""
    values = {"site": site, "model": model, "gate": gate, "at": now, "by": by[:200]}
    connection.execute(insert(shown).values(**values, facts=json.dumps(dict(facts), sort_keys=True)))


def find_evidence(
    connection: Connection, now: float, *, site: str, model: str, version: str | None = None
) -> dict[str, Evidence]:
    """The newest evidence of each gate: of the model, of this version of it, or of the whole site."""
    names = ("", *_names(model, version))
    wanted = select(shown).where(shown.c.site == site, shown.c.model.in_(names)).order_by(shown.c.id)
    return {
        row.gate: Evidence(gate=row.gate, at=row.at, by=row.by, facts=json.loads(row.facts))
        for row in connection.execute(wanted)
    }


def _names(model: str, version: str | None) -> tuple[str, ...]:
    return (model,) if version is None else (model, f"{model}@{version}")


def record_override(
    connection: Connection, now: float, *, site: str, model: str, gate: str, by: tuple[str, str], why: str
) -> None:
    """Two named people let a model leave its shadow although a gate is red."""
    values = {"site": site, "model": model, "gate": gate, "at": now, "why": why[:500]}
    connection.execute(insert(overrides).values(**values, first=by[0][:200], second=by[1][:200]))


def find_overrides(
    connection: Connection, now: float, *, site: str, model: str, version: str | None = None
) -> dict[str, dict[str, Any]]:
    """By gate: ``{"at", "by": [two], "why"}``, the newest of the model or of this version of it."""
    own = overrides.c.model.in_(_names(model, version))
    wanted = select(overrides).where(overrides.c.site == site, own).order_by(overrides.c.id)
    return {
        row.gate: {"at": row.at, "by": [row.first, row.second], "why": row.why} for row in connection.execute(wanted)
    }
