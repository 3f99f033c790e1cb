"""The tables of the monitoring room, in the gateway's database. Times are Unix seconds."""

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table

metadata = MetaData()

journal = Table(
    "monitoring_journal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("what", String(16), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("resource_type", String(64), nullable=False),
    Column("value", Double),
)

alerts = Table(
    "monitoring_alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("monitor", String(32), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("owners", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("count", Integer, nullable=False),
)

Index(
    "monitoring_alerts_open",
    alerts.c.monitor, alerts.c.model, alerts.c.version, alerts.c.ehr,
    unique=True,
    sqlite_where=alerts.c.state != "resolved",
    postgresql_where=alerts.c.state != "resolved",
)  # fmt: skip
