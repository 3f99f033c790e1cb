"""The tables of alerts, in the gateway's database. Times are Unix seconds."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, Text, text

from monitoring.tables import metadata

_COUNTED = BigInteger().with_variant(Integer, "sqlite")

alerts = Table(
    "monitoring_raised",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("monitor", String(32), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("source", String(128), nullable=False),
    Column("stratum", String(128), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("owners", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("since", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Column("value", Double, nullable=True),
    Column("limit", Double, nullable=True),
    Column("inhibited", String(32), nullable=False, default=""),
    Column("silenced", String(32), nullable=False, default=""),
    Column("rolled", Boolean, nullable=False, default=False),
    Column("deadline", Double, nullable=True),
    Column("escalated", Double, nullable=True),
    Column("acknowledged_by", String(200), nullable=False, default=""),
    Column("resolved_by", String(200), nullable=False, default=""),
    Column("planned", String(128), nullable=False, server_default=""),
)
STANDING = text("state <> 'resolved'")
Index(
    "monitoring_raised_open",
    alerts.c.monitor, alerts.c.model, alerts.c.version, alerts.c.ehr, alerts.c.source, alerts.c.stratum,
    unique=True, sqlite_where=STANDING, postgresql_where=STANDING,
)  # fmt: skip
"""One standing alert for each series: what repeats is counted on it."""

events = Table(
    "monitoring_alert_events",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("what", String(16), nullable=False),
    Column("by", String(200), nullable=False),
    Column("note", String(500), nullable=False),
)
"""The audit trail: rows are only ever added. ``what``: raised, worsened, eased, acknowledged, silenced, heard, inhibited,
explained, rolled, escalated, resolved; of a decision (``alert`` is ``action:`` and its number) taken, lifted."""

silences = Table(
    "monitoring_silences",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("monitor", String(32), nullable=False),
    Column("model", String(128), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("source", String(128), nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False, index=True),
    Column("by", String(200), nullable=False),
    Column("why", String(500), nullable=False),
)

notices = Table(
    "monitoring_notices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("event", BigInteger, nullable=False),
    Column("sink", String(16), nullable=False),
    Column("to", String(500), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("secret", String(500), nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("cause", String(64), nullable=False),
    Column("since", Double, nullable=False),
)
"""What is to be told to somebody outside: ``state`` ready, sent or dead. ``secret`` names a file, it is not the secret."""
READY = text("state = 'ready'")
Index("monitoring_notices_due", notices.c.next_at, sqlite_where=READY, postgresql_where=READY)

cursors = Table(
    "monitoring_cursors",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""How far changes of signals were turned into alerts, and events of alerts into notices."""

actions = Table(
    "monitoring_actions",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("action", String(24), nullable=False),
    Column("feature", String(128), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("lifted", Double, nullable=True),
    Column("lifted_by", String(200), nullable=False, default=""),
)
"""What was decided about a model: in force until it is lifted; an empty EHR means everywhere."""

markers = Table(
    "monitoring_markers",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False, index=True),
    Column("model", String(128), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("what", String(200), nullable=False),
    Column("by", String(200), nullable=False),
)
"""Changes that series are read against: a model's version, a code-set edition, an EHR's upgrade, a checker's version."""
