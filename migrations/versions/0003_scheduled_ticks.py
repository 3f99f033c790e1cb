"""scheduled ticks."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0003", "0002", "0002"


def upgrade() -> None:
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


def downgrade() -> None:
    op.drop_index(
        "gateway_ticks_open",
        table_name="gateway_ticks",
        sqlite_where=sa.text("state IN ('waiting', 'running')"),
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.drop_table("gateway_ticks")
    op.drop_table("gateway_tick_patients")
    op.drop_table("gateway_schedules")
