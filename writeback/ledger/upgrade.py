"""Edge: brings an outbox that an earlier Chartgate made to what it is now: bodies in a table of their own, and the indexes
of today. The same statements on both databases. It belongs to the first revision of ``migrations`` and changes no more."""

from sqlalchemy import Connection, inspect, text

from writeback.tables import deliveries, metadata, outputs, waits

_INDEXES = ("outputs_inference", "outputs_refused", "outputs_pending", "deliveries_lane", "delivery_waits_needed")
"""Those whose columns or conditions are other ones today."""
_STEPS = (
    "INSERT INTO delivery_bodies (delivery, body) SELECT id, body FROM deliveries",
    "ALTER TABLE deliveries DROP COLUMN body",
    "ALTER TABLE deliveries ADD COLUMN moving BOOLEAN NOT NULL DEFAULT false",
    "UPDATE deliveries SET moving = true WHERE state IN ('ready', 'leased', 'in_doubt')",
    "ALTER TABLE delivery_waits RENAME TO earlier_waits",
)


def upgrade(connection: Connection, now: float) -> bool:
    """Whether there was anything to do. The tables of today that are new have been made already."""
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:  # of several processes at once one does it
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('chartgate tables'))"))
    if "body" not in {column["name"] for column in inspect(connection).get_columns("deliveries")}:
        return False
    for name in _INDEXES:
        connection.execute(text(f'DROP INDEX IF EXISTS "{name}"'))
    for step in _STEPS:
        connection.execute(text(step))
    if postgresql:
        connection.execute(text("ALTER INDEX delivery_waits_pkey RENAME TO earlier_waits_pkey"))
    metadata.create_all(connection, tables=[waits])
    connection.execute(text("INSERT INTO delivery_waits (needed, delivery) SELECT needed, delivery FROM earlier_waits"))
    connection.execute(text("DROP TABLE earlier_waits"))
    for index in (*outputs.indexes, *deliveries.indexes):
        if index.name in _INDEXES:
            index.create(connection)
    return True
