"""Leases and facts for replicas; sites; monitors, alerts and samples; fidelity counts; feedback; purges; staff sessions.

Only additions: the release before runs on it. Its alerts are copied to the table of today; those that it raises afterwards stay
in its own, which a later revision drops.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision, oldest = "0002", "0001", "0001"


def upgrade() -> None:
    op.create_table(
        "gateway_counted",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("upto", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
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
        "gateway_fidelity",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("feature", sa.String(length=128), nullable=False),
        sa.Column("check", sa.String(length=16), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "ehr", "model", "version", "feature", "check", "result"),
        if_not_exists=True,
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
        "gateway_profiles",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "day"),
        if_not_exists=True,
    )
    op.create_table(
        "gateway_purges",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
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
    op.create_table(
        "monitoring_actions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("feature", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("lifted", sa.Double(), nullable=True),
        sa.Column("lifted_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_alert_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_monitoring_alert_events_alert"), "monitoring_alert_events", ["alert"], unique=False, if_not_exists=True
    )
    op.create_table(
        "monitoring_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_cursors",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("inference", sa.String(length=32), nullable=True),
        sa.Column("encounter", sa.String(length=32), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("words", sa.String(length=255), nullable=False),
        sa.Column("refusal", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "monitoring_entries_encounter", "monitoring_entries", ["encounter", "at"], unique=False, if_not_exists=True
    )
    op.create_index(
        "monitoring_entries_inference", "monitoring_entries", ["inference"], unique=False, if_not_exists=True
    )
    op.create_index("monitoring_entries_order", "monitoring_entries", ["at", "id"], unique=False, if_not_exists=True)
    op.create_index("monitoring_entries_output", "monitoring_entries", ["output"], unique=False, if_not_exists=True)
    op.create_table(
        "monitoring_evaluator",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("horizon", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("ticked", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_labels",
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("event", sa.Boolean(), nullable=False),
        sa.Column("observed", sa.Double(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("mature", sa.Double(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("output"),
        if_not_exists=True,
    )
    op.create_index(
        "monitoring_labels_due",
        "monitoring_labels",
        ["mature"],
        unique=False,
        sqlite_where=sa.text("NOT told"),
        postgresql_where=sa.text("NOT told"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_markers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_monitoring_markers_at"), "monitoring_markers", ["at"], unique=False, if_not_exists=True)
    op.create_table(
        "monitoring_notices",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("alert", sa.String(length=32), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.Column("sink", sa.String(length=16), nullable=False),
        sa.Column("to", sa.String(length=500), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=500), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_monitoring_notices_alert"), "monitoring_notices", ["alert"], unique=False, if_not_exists=True
    )
    op.create_index(
        "monitoring_notices_due",
        "monitoring_notices",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_points",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "monitoring_points_series",
        "monitoring_points",
        ["model", "version", "ehr", "at"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_raised",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("monitor", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("stratum", sa.String(length=128), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("owners", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("inhibited", sa.String(length=32), nullable=False),
        sa.Column("silenced", sa.String(length=32), nullable=False),
        sa.Column("rolled", sa.Boolean(), nullable=False),
        sa.Column("deadline", sa.Double(), nullable=True),
        sa.Column("escalated", sa.Double(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=200), nullable=False),
        sa.Column("resolved_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        "monitoring_raised_open",
        "monitoring_raised",
        ["monitor", "model", "version", "ehr", "source", "stratum"],
        unique=True,
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
        if_not_exists=True,
    )
    op.create_table(
        "monitoring_samples",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("output", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("rules", sa.String(length=16), nullable=False),
        sa.Column("checker", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("judged", sa.String(length=16), nullable=False),
        sa.Column("judged_by", sa.String(length=128), nullable=False),
        sa.Column("judged_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_monitoring_samples_output"), "monitoring_samples", ["output"], unique=False, if_not_exists=True
    )
    op.create_table(
        "monitoring_silences",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("monitor", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_monitoring_silences_until"), "monitoring_silences", ["until"], unique=False, if_not_exists=True
    )
    op.create_table(
        "monitoring_states",
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ehr", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signals", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model", "version", "ehr"),
        if_not_exists=True,
    )
    with op.batch_alter_table("gateway_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person", sa.String(length=200), nullable=True))
    op.execute(ALERTS)


ALERTS = """
INSERT INTO monitoring_raised (id, monitor, model, version, ehr, source, stratum, severity, owners, state, since, seen, count,
inhibited, silenced, rolled, acknowledged_by, resolved_by) SELECT id, monitor, model, version, ehr, '', '', severity, owners,
state, since, seen, count, '', '', false, '', '' FROM monitoring_alerts WHERE NOT EXISTS (SELECT 1 FROM monitoring_raised)
"""


def downgrade() -> None:
    with op.batch_alter_table("gateway_sessions", schema=None) as batch_op:
        batch_op.drop_column("person")

    op.drop_table("monitoring_states")
    op.drop_index(op.f("ix_monitoring_silences_until"), table_name="monitoring_silences")
    op.drop_table("monitoring_silences")
    op.drop_index(op.f("ix_monitoring_samples_output"), table_name="monitoring_samples")
    op.drop_table("monitoring_samples")
    op.drop_index(
        "monitoring_raised_open",
        table_name="monitoring_raised",
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.drop_table("monitoring_raised")
    op.drop_index("monitoring_points_series", table_name="monitoring_points")
    op.drop_table("monitoring_points")
    op.drop_index(
        "monitoring_notices_due",
        table_name="monitoring_notices",
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.drop_index(op.f("ix_monitoring_notices_alert"), table_name="monitoring_notices")
    op.drop_table("monitoring_notices")
    op.drop_index(op.f("ix_monitoring_markers_at"), table_name="monitoring_markers")
    op.drop_table("monitoring_markers")
    op.drop_index(
        "monitoring_labels_due",
        table_name="monitoring_labels",
        sqlite_where=sa.text("NOT told"),
        postgresql_where=sa.text("NOT told"),
    )
    op.drop_table("monitoring_labels")
    op.drop_table("monitoring_evaluator")
    op.drop_index("monitoring_entries_output", table_name="monitoring_entries")
    op.drop_index("monitoring_entries_order", table_name="monitoring_entries")
    op.drop_index("monitoring_entries_inference", table_name="monitoring_entries")
    op.drop_index("monitoring_entries_encounter", table_name="monitoring_entries")
    op.drop_table("monitoring_entries")
    op.drop_table("monitoring_cursors")
    op.drop_table("monitoring_changes")
    op.drop_index(op.f("ix_monitoring_alert_events_alert"), table_name="monitoring_alert_events")
    op.drop_table("monitoring_alert_events")
    op.drop_table("monitoring_actions")
    op.drop_index(op.f("ix_gateway_site_versions_site"), table_name="gateway_site_versions")
    op.drop_table("gateway_site_versions")
    op.drop_index(op.f("ix_gateway_site_overrides_site"), table_name="gateway_site_overrides")
    op.drop_table("gateway_site_overrides")
    op.drop_index(op.f("ix_gateway_site_evidence_site"), table_name="gateway_site_evidence")
    op.drop_table("gateway_site_evidence")
    op.drop_table("gateway_purges")
    op.drop_table("gateway_profiles")
    op.drop_table("gateway_leases")
    op.drop_table("gateway_fidelity")
    op.drop_index(op.f("ix_gateway_feedback_output"), table_name="gateway_feedback")
    op.drop_index(op.f("ix_gateway_feedback_at"), table_name="gateway_feedback")
    op.drop_table("gateway_feedback")
    op.drop_table("gateway_facts")
    op.drop_table("gateway_counted")
