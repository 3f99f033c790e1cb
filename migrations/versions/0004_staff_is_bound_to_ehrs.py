"""Staff is bound to EHRs."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0004", "0003", "0003"


def upgrade() -> None:
    with op.batch_alter_table("gateway_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ehrs", sa.Text(), nullable=True))

    with op.batch_alter_table("gateway_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bound", sa.Text(), nullable=True))


def downgrade() -> None:
    # without their bounds they would open everything
    op.execute("DELETE FROM gateway_links WHERE ehrs IS NOT NULL")
    op.execute("DELETE FROM gateway_sessions WHERE bound IS NOT NULL")
    with op.batch_alter_table("gateway_sessions", schema=None) as batch_op:
        batch_op.drop_column("bound")

    with op.batch_alter_table("gateway_links", schema=None) as batch_op:
        batch_op.drop_column("ehrs")
