"""Schedules and their ticks, conformance reports, what went live, planned changes of alerts."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0003", "0002", "0002"


def upgrade() -> None:
    op.create_table(
        "gateway_conformance",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("target", sa.String(length=500), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("page", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_gateway_conformance_target"), "gateway_conformance", ["target"], unique=False, if_not_exists=True
    )
    op.create_table(
        "gateway_schedules",
        sa.Column("name", sa.String(length=130), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("upto", sa.Double(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_site_live",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("site", "model", "version", "ehr"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_tick_patients",
        sa.Column("schedule", sa.String(length=130), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("patient", sa.String(length=80), nullable=False),
        sa.Column("encounter", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("as_of", sa.Double(), nullable=True),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "at", "patient"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_ticks",
        sa.Column("schedule", sa.String(length=130), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("grace", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Double(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("began", sa.Double(), nullable=True),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("schedule", "at"),
        if_not_exists=True,
    )
    op.create_index(
        "gateway_ticks_open",
        "gateway_ticks",
        ["schedule", "at"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'running')"),
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
        if_not_exists=True,
    )
    with op.batch_alter_table("monitoring_raised", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned", sa.String(length=128), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("monitoring_raised", schema=None) as batch_op:
        batch_op.drop_column("planned")

    op.drop_index(
        "gateway_ticks_open",
        table_name="gateway_ticks",
        sqlite_where=sa.text("state IN ('waiting', 'running')"),
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.drop_table("gateway_ticks")
    op.drop_table("gateway_tick_patients")
    op.drop_table("gateway_site_live")
    op.drop_table("gateway_schedules")
    op.drop_index(op.f("ix_gateway_conformance_target"), table_name="gateway_conformance")
    op.drop_table("gateway_conformance")
