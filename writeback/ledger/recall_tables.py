"""The tables of recalls: one row for a model version that is withdrawn, one for each resource that it concerns."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text, UniqueConstraint

from writeback.tables import metadata

recalls = Table(
    "recalls",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(80), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("cursor", String(64), nullable=True),
    Column("ehrs", Text, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("since", Double, nullable=False),
    Column("changed", Double, nullable=False),
    UniqueConstraint("model", "version", name="recalls_version"),
)
"""``state`` is ``running`` or ``done``. ``cursor`` is the last output that was looked at, NULL when the ledger was read
to its end; ``ehrs`` says of each EHR whether it was searched (JSON: name → ``searched`` or ``cannot``)."""

items = Table(
    "recall_items",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("recall", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("resource_type", String(64), nullable=False),
    Column("location", String(160), nullable=True),
    Column("output", String(64), nullable=True),
    Column("source", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("cause", String(32), nullable=True),
    Column("edit", String(64), nullable=True),
    Column("since", Double, nullable=False),
    Column("changed", Double, nullable=False),
    UniqueConstraint("recall", "key", name="recall_items_once"),
)
"""``key`` is the delivery that wrote it, or a digest of its place where the ledger knows of none (``source`` is then
``ehr`` and not ``ledger``), or the id of an output that has no resource (``resource_type`` is then empty); ``edit`` the delivery
that withdraws it."""

Index("recall_items_state", items.c.recall, items.c.state, items.c.id)
Index("recall_items_place", items.c.recall, items.c.location)
Index("recall_items_edit", items.c.edit)
