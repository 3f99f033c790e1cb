"""Alerts that coincide with a planned change."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0003", "0002", "0002"


def upgrade() -> None:
    with op.batch_alter_table("monitoring_raised", schema=None) as batch_op:
        batch_op.add_column(sa.Column("planned", sa.String(length=128), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("monitoring_raised", schema=None) as batch_op:
        batch_op.drop_column("planned")
