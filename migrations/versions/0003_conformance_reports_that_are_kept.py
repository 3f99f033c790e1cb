"""conformance reports that are kept."""

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


def downgrade() -> None:
    op.drop_index(op.f("ix_gateway_conformance_target"), table_name="gateway_conformance")
    op.drop_table("gateway_conformance")
