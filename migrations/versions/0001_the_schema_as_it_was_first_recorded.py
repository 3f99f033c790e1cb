"""The schema as it was first recorded: an installation of before there were revisions is brought to it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0001", None, "0001"


def upgrade() -> None:
    op.create_table(
        "app_ehrs",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=512), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("issuer"),
        if_not_exists=True,
    )
    op.create_table(
        "app_launches",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=True),
        sa.Column("encounter", sa.String(length=64), nullable=True),
        sa.Column("fhir_user", sa.String(length=128), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("context", sa.LargeBinary(), nullable=False),
        sa.Column("access", sa.LargeBinary(), nullable=True),
        sa.Column("refresh", sa.LargeBinary(), nullable=True),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("generation", sa.String(length=64), nullable=False),
        sa.Column("refreshing_until", sa.Double(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_app_launches_ehr"), "app_launches", ["ehr"], unique=False, if_not_exists=True)
    op.create_table(
        "app_pending_launches",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_app_pending_launches_expires"), "app_pending_launches", ["expires"], unique=False, if_not_exists=True
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("fhir_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("output", sa.String(length=64), nullable=True),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=64), nullable=True),
        sa.Column("principal", sa.String(length=80), nullable=False),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("quarantine", sa.Double(), nullable=False),
        sa.Column("needs", sa.Text(), nullable=False),
        sa.Column("blockers", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("moving", sa.Boolean(), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("valid_until", sa.Double(), nullable=True),
        sa.Column("location", sa.String(length=160), nullable=True),
        sa.Column("kept_version", sa.String(length=64), nullable=True),
        sa.Column("losses", sa.Text(), nullable=False),
        sa.Column("read_back", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        if_not_exists=True,
    )
    op.create_index(
        "deliveries_dead",
        "deliveries",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('rejected', 'dead')"),
        postgresql_where=sa.text("state IN ('rejected', 'dead')"),
        if_not_exists=True,
    )
    op.create_index(
        "deliveries_fresh",
        "deliveries",
        ["ehr", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'ready' AND blockers = 0 AND next_at = 0"),
        postgresql_where=sa.text("state = 'ready' AND blockers = 0 AND next_at = 0"),
        if_not_exists=True,
    )
    op.create_index(
        "deliveries_lane",
        "deliveries",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("moving"),
        postgresql_where=sa.text("moving"),
        if_not_exists=True,
    )
    op.create_index(
        "deliveries_later",
        "deliveries",
        ["ehr", "next_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('ready', 'in_doubt') AND blockers = 0 AND next_at > 0"),
        postgresql_where=sa.text("state IN ('ready', 'in_doubt') AND blockers = 0 AND next_at > 0"),
        if_not_exists=True,
    )
    op.create_index(
        "deliveries_leased",
        "deliveries",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
        if_not_exists=True,
    )
    op.create_index("deliveries_output", "deliveries", ["output"], unique=False, if_not_exists=True)
    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("issues", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "delivery_attempts_delivery", "delivery_attempts", ["delivery", "id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "delivery_bodies",
        sa.Column(
            "delivery", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("delivery"),
        if_not_exists=True,
    )
    op.create_table(
        "delivery_targets",
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.Double(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("batch_most", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("ehr"),
        if_not_exists=True,
    )
    op.create_table(
        "delivery_waits",
        sa.Column("needed", sa.String(length=64), nullable=False),
        sa.Column("delivery", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("needed", "delivery"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_table(
        "gateway_api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("ehrs", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_banners",
        sa.Column("launch", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("launch"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_jobs",
        sa.Column("launch", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("launch"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_links",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_readings",
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("output"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("launch", sa.String(length=64), nullable=True),
        sa.Column("ehr", sa.String(length=64), nullable=True),
        sa.Column("patient", sa.String(length=64), nullable=True),
        sa.Column("fhir_user", sa.String(length=128), nullable=True),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_gateway_sessions_expires"), "gateway_sessions", ["expires"], unique=False, if_not_exists=True
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_idempotency_since"), "idempotency", ["since"], unique=False, if_not_exists=True)
    op.create_table(
        "monitoring_alerts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("monitor", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("owners", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "monitoring_alerts_open",
        "monitoring_alerts",
        ["monitor", "model", "version", "ehr"],
        unique=True,
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_journal",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "output_corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_output_corrections_output"), "output_corrections", ["output"], unique=False, if_not_exists=True
    )
    op.create_table(
        "outputs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=80), nullable=False),
        sa.Column("inference_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("as_of", sa.Double(), nullable=False),
        sa.Column("valid_until", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("admission", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("principal", sa.String(length=80), nullable=False),
        sa.Column("submitter", sa.String(length=80), nullable=False),
        sa.Column("losses", sa.Text(), nullable=False),
        sa.Column("withheld", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "outputs_inference",
        "outputs",
        ["ehr", "model", "version", "patient", "inference_id"],
        unique=True,
        sqlite_where=sa.text("refusal IS NULL"),
        postgresql_where=sa.text("refusal IS NULL"),
        if_not_exists=True,
    )
    op.create_index("outputs_newest", "outputs", ["ehr", "patient", "model", "as_of"], unique=False, if_not_exists=True)
    op.create_index(
        "outputs_pending",
        "outputs",
        ["since"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
        if_not_exists=True,
    )
    op.create_index(
        "outputs_refused",
        "outputs",
        ["patient", "inference_id"],
        unique=False,
        sqlite_where=sa.text("refusal IS NOT NULL"),
        postgresql_where=sa.text("refusal IS NOT NULL"),
        if_not_exists=True,
    )
    op.create_index("outputs_since", "outputs", ["since"], unique=False, if_not_exists=True)
    op.create_index(
        "outputs_waiting",
        "outputs",
        ["valid_until"],
        unique=False,
        sqlite_where=sa.text("state = 'awaiting_confirmation'"),
        postgresql_where=sa.text("state = 'awaiting_confirmation'"),
        if_not_exists=True,
    )
    op.create_table(
        "recall_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("recall", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("location", sa.String(length=160), nullable=True),
        sa.Column("output", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("edit", sa.String(length=64), nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("recall", "key", name="recall_items_once"),
        if_not_exists=True,
    )
    op.create_index("recall_items_edit", "recall_items", ["edit"], unique=False, if_not_exists=True)
    op.create_index("recall_items_place", "recall_items", ["recall", "location"], unique=False, if_not_exists=True)
    op.create_index("recall_items_state", "recall_items", ["recall", "state", "id"], unique=False, if_not_exists=True)
    op.create_table(
        "recalls",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cursor", sa.String(length=64), nullable=True),
        sa.Column("ehrs", sa.Text(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("model", "version", name="recalls_version"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_recalls_state"), "recalls", ["state"], unique=False, if_not_exists=True)


def downgrade() -> None:
    """Nothing leads here: ``gateway.storage.migrating`` refuses to go below the first revision, with a sentence for people."""
    raise RuntimeError("below the first revision there is no schema: restore a backup instead")
