"""The tables of this room: outputs, the idempotency keys that made them, and their deliveries.

Times are Unix seconds. Bodies are bytes of FHIR JSON as it will be sent, save for the placeholders of references to
deliveries that are not there yet.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)  # fmt: skip

metadata = MetaData()

_COUNTED = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts only a column of type INTEGER up by itself."""

outputs = Table(
    "outputs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("ehr", String(64), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("patient", String(80), nullable=False),
    Column("inference_id", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("as_of", Double, nullable=False),
    Column("valid_until", Double, nullable=False),
    Column("state", String(24), nullable=False),
    Column("refusal", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("verdict", Text, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("admission", Text, nullable=True),
    Column("fingerprint", String(64), nullable=False),
    Column("principal", String(80), nullable=False),
    Column("submitter", String(80), nullable=False),
    Column("losses", Text, nullable=False),
    Column("withheld", LargeBinary, nullable=True),
    Column("decided_by", String(128), nullable=True),
    Column("decided_at", Double, nullable=True),
    Column("since", Double, nullable=False),
)
"""``refusal`` and ``verdict`` are JSON for people and ``admission`` what the gate noted; ``body`` is the output as
submitted; ``principal`` is whose tokens write it (``launch:<id>`` or ``backend``), ``submitter`` who said it;
``withheld`` holds what a shadow output would have sent."""

TAKEN = text("refusal IS NULL")
Index(
    "outputs_inference", outputs.c.ehr, outputs.c.model, outputs.c.version, outputs.c.patient, outputs.c.inference_id,
    unique=True, sqlite_where=TAKEN, postgresql_where=TAKEN,
)  # fmt: skip
"""An inference is said once; a refusal leaves its name free for the corrected output."""
REFUSED = text("refusal IS NOT NULL")
"""Said by a column that no later step touches: an index whose condition names ``state`` is written at each of them."""
Index(
    "outputs_refused", outputs.c.patient, outputs.c.inference_id, sqlite_where=REFUSED, postgresql_where=REFUSED
)  # fmt: skip
Index("outputs_newest", outputs.c.ehr, outputs.c.patient, outputs.c.model, outputs.c.as_of)
Index("outputs_since", outputs.c.since)
AWAITING = text("state = 'awaiting_confirmation'")
PENDING = text("state = 'pending'")
Index("outputs_waiting", outputs.c.valid_until, sqlite_where=AWAITING, postgresql_where=AWAITING)
Index(
    "outputs_waiting_of", outputs.c.ehr, outputs.c.patient, outputs.c.model, outputs.c.state,
    sqlite_where=AWAITING, postgresql_where=AWAITING,
)  # fmt: skip
"""With the state, which is always the same, it has a column more to look by than ``outputs_newest``, and SQLite takes it."""
Index("outputs_pending", outputs.c.since, sqlite_where=PENDING, postgresql_where=PENDING)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(80), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("output", String(64), nullable=False),
    Column("since", Double, nullable=False, index=True),
)
"""One row per Idempotency-Key and caller, for 24 hours."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("ehr", String(64), nullable=False),
    Column("resource_type", String(64), nullable=False),
    Column("fhir_id", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("output", String(64), nullable=True),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("lane", String(64), nullable=True),
    Column("principal", String(80), nullable=False),
    Column("strategy", String(16), nullable=False),
    Column("quarantine", Double, nullable=False),
    Column("needs", Text, nullable=False),
    Column("blockers", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("moving", Boolean, nullable=False),
    Column("doubtful", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", String(80), nullable=True),
    Column("lease_until", Double, nullable=True),
    Column("next_at", Double, nullable=False),
    Column("valid_until", Double, nullable=True),
    Column("location", String(160), nullable=True),
    Column("kept_version", String(64), nullable=True),
    Column("losses", Text, nullable=False),
    Column("read_back", Boolean, nullable=False),
    Column("status", Integer, nullable=True),
    Column("cause", String(32), nullable=True),
    Column("since", Double, nullable=False),
    Column("changed", Double, nullable=False),
)
"""One resource of one write. ``output`` is NULL for what outputs share. ``blockers`` counts the deliveries that have to
be settled first; ``next_at`` is 0 until the first try; ``doubtful`` says that it may be at the EHR already; ``moving``
that its state is no settled one. What changes with every step is here, and what never does is in ``bodies``."""

bodies = Table(
    "delivery_bodies",
    metadata,
    Column("delivery", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""What a delivery sends, by its row number: apart, so that no step of its life writes it again."""

FRESH = text("state = 'ready' AND blockers = 0 AND next_at = 0")
LATER = text("state IN ('ready', 'in_doubt') AND blockers = 0 AND next_at > 0")
LEASED = text("state = 'leased'")
MOVING = text("moving")
DEAD = text("state IN ('rejected', 'dead')")
"""Conditions of partial indexes, as literal text: a database uses such an index only for a query that says the same,
and a bound parameter says nothing when the plan is made."""

Index("deliveries_fresh", deliveries.c.ehr, deliveries.c.id, sqlite_where=FRESH, postgresql_where=FRESH)
Index("deliveries_later", deliveries.c.ehr, deliveries.c.next_at, sqlite_where=LATER, postgresql_where=LATER)
Index("deliveries_leased", deliveries.c.lease_until, sqlite_where=LEASED, postgresql_where=LEASED)
Index("deliveries_lane", deliveries.c.lane, deliveries.c.id, sqlite_where=MOVING, postgresql_where=MOVING)
Index("deliveries_dead", deliveries.c.id, sqlite_where=DEAD, postgresql_where=DEAD)
Index("deliveries_output", deliveries.c.output)

waits = Table(
    "delivery_waits",
    metadata,
    Column("needed", String(64), primary_key=True),
    Column("delivery", String(64), primary_key=True),
    sqlite_with_rowid=False,
)
"""An open wait, key for key: this delivery may not go before the needed one is settled; then the row goes."""

targets = Table(
    "delivery_targets",
    metadata,
    Column("ehr", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("paused_until", Double, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("batch_most", Integer, nullable=False),
    Column("booked", Double, nullable=False),
)
"""How an EHR is doing, for all workers alike: failures in a row, and until when nobody sends it anything; how many
entries a Bundle for it has, and at most; until when what its rate limit allows is used up."""
