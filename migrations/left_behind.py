"""Tables that the release before still uses and this one does not. They are made and kept, so that it runs on this database,
until the next release's revision takes them away: expand first, then contract."""

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table, text

metadata = MetaData()

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
"""Until 0.5; since then ``monitoring_raised``."""
OPEN = text("state != 'resolved'")
Index(
    "monitoring_alerts_open", alerts.c.monitor, alerts.c.model, alerts.c.version, alerts.c.ehr, unique=True,
    sqlite_where=OPEN, postgresql_where=OPEN,
)  # fmt: skip
