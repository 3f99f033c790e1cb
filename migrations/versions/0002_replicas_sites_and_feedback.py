"""Leases and facts for replicas; the history and the gates of sites; feedback. Only additions: the release before runs on it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0002", "0001", "0001"


def upgrade() -> None:
    op.create_table(
        "gateway_facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_feedback",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_gateway_feedback_at"), "gateway_feedback", ["at"], unique=False, if_not_exists=True)
    op.create_index(
        op.f("ix_gateway_feedback_output"), "gateway_feedback", ["output"], unique=False, if_not_exists=True
    )
    op.create_table(
        "gateway_leases",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_site_evidence",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("gate", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_gateway_site_evidence_site"), "gateway_site_evidence", ["site"], unique=False, if_not_exists=True
    )
    op.create_table(
        "gateway_site_overrides",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("gate", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("first", sa.String(length=200), nullable=False),
        sa.Column("second", sa.String(length=200), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_gateway_site_overrides_site"), "gateway_site_overrides", ["site"], unique=False, if_not_exists=True
    )
    op.create_table(
        "gateway_site_versions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_gateway_site_versions_site"), "gateway_site_versions", ["site"], unique=False, if_not_exists=True
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_gateway_site_versions_site"), table_name="gateway_site_versions")
    op.drop_table("gateway_site_versions")
    op.drop_index(op.f("ix_gateway_site_overrides_site"), table_name="gateway_site_overrides")
    op.drop_table("gateway_site_overrides")
    op.drop_index(op.f("ix_gateway_site_evidence_site"), table_name="gateway_site_evidence")
    op.drop_table("gateway_site_evidence")
    op.drop_table("gateway_leases")
    op.drop_index(op.f("ix_gateway_feedback_output"), table_name="gateway_feedback")
    op.drop_index(op.f("ix_gateway_feedback_at"), table_name="gateway_feedback")
    op.drop_table("gateway_feedback")
    op.drop_table("gateway_facts")
