"""Edge: what makes a queue in PostgreSQL slow from outside: a snapshot that somebody holds (a dump, an idle transaction, a slow
replica), so that rows which moved on are not cleared away, and how many of these there are.

Whoever watches ``/metrics`` is told before it hurts (reference/reliability-performance.md §2.3).
"""

from sqlalchemy import Connection, text

from writeback.tables import deliveries

OLDEST, DEAD = "chartgate_database_oldest_snapshot_seconds", "chartgate_database_dead_rows"
HELP = {
    OLDEST: "Age of the oldest transaction that holds a snapshot of the database",
    DEAD: "Rows of the deliveries that moved on and were not cleared away yet",
}
_OLDEST = text(
    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
)
_DEAD = text("SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_user_tables WHERE relname = :name")


def gauges(connection: Connection, now: float) -> bytes:
    """Both in Prometheus text format; nothing on SQLite, where nobody else is."""
    if connection.dialect.name != "postgresql":
        return b""
    values = {OLDEST: connection.scalar(_OLDEST), DEAD: connection.scalar(_DEAD, {"name": deliveries.name})}
    lines = [f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n{name} {value!r}\n" for name, value in values.items()]
    return "".join(lines).encode()
