"""Edge: brings alerts that an earlier Chartgate raised into the table of today. The same statements on both databases."""

from sqlalchemy import Connection, inspect, text

_STEPS = (
    "INSERT INTO monitoring_raised (id, monitor, model, version, ehr, source, stratum, severity, owners, state, since, seen, "
    "count, inhibited, silenced, rolled, acknowledged_by, resolved_by) SELECT id, monitor, model, version, ehr, '', '', "
    "severity, owners, state, since, seen, count, '', '', false, '', '' FROM monitoring_alerts",
    "DROP TABLE monitoring_alerts",
)


def upgrade(connection: Connection, now: float) -> bool:
    """Whether there was anything to do. The tables of today have been made already."""
    if connection.dialect.name == "postgresql":  # of several processes at once one does it
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
    if not inspect(connection).has_table("monitoring_alerts"):
        return False
    for step in _STEPS:
        connection.execute(text(step))
    return True
