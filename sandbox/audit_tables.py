"""The tables of the audit log, in each sandbox EHR's own database and apart from the resources that tokens read."""

from sqlalchemy import Column, Double, Integer, MetaData, String, Table, Text

metadata = MetaData()

events = Table(
    "audit_events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("what", String(16), nullable=False),
    Column("at", Double, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", String(64)),
    Column("client", String(128)),
    Column("user", String(128)),
    Column("patient", String(64)),
    Column("grant", String(64)),
    Column("type", String(64)),
    Column("id", String(64)),
    Column("version", String(64)),
    Column("query", Text),
    Column("request", String(64)),
    Column("network", String(64)),
    Column("server", Integer, nullable=False),
)
"""One row for each access and each authorization event; the columns are those of ``sandbox.audit.Event``. Append only,
and without an index: it is written at every access and read seldom (docs/decisions/0006)."""

servers = Table(
    "audit_servers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("base", Text, nullable=False, unique=True),
)
"""The FHIR bases under which this EHR has run: the port may be another at each start."""
