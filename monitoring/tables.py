"""The tables of the monitoring room, in the gateway's database. Times are Unix seconds."""

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
    text,
)

metadata = MetaData()

journal = Table(
    "monitoring_journal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("what", String(16), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("resource_type", String(64), nullable=False),
    Column("value", Double),
)


_COUNTED = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts only a column of type INTEGER up by itself."""

entries = Table(
    "monitoring_entries",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("what", String(8), nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("output", String(64), nullable=False),
    Column("inference", String(32), nullable=True),
    Column("encounter", String(32), nullable=True),
    Column("value", Double, nullable=True),
    Column("score", Double, nullable=True),
    Column("words", String(255), nullable=False),
    Column("refusal", String(64), nullable=False),
    Column("body", LargeBinary, nullable=True),
)
"""What the monitors were told, in order of ``at`` and ``id``: ``what`` is output, label, text, read (a person of a sentence) or
tick; ``body`` holds cells as doubles, or counts. ``encounter`` is a keyed hash, of one model version at one EHR, ``inference``
one of what the output was called. No resource, no patient datum."""
Index("monitoring_entries_order", entries.c.at, entries.c.id)
Index("monitoring_entries_encounter", entries.c.encounter, entries.c.at)
Index("monitoring_entries_output", entries.c.output)
Index("monitoring_entries_inference", entries.c.inference)

evaluator = Table(
    "monitoring_evaluator",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("until", Double, nullable=False),
    Column("horizon", Double, nullable=False),
    Column("at", Double, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("ticked", Double, nullable=False),
)
"""One row: who folds the journal until when; what is before ``horizon`` is complete; folded up to (``at``, ``entry``)."""

states = Table(
    "monitoring_states",
    metadata,
    Column("model", String(128), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("ehr", String(64), primary_key=True),
    Column("at", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signals", LargeBinary, nullable=False),
)
"""The detectors of one model version at one EHR, as far as the evaluator has folded; ``signals`` as JSON, for who reads."""

changes = Table(
    "monitoring_changes",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Signals that came to another level, in the order in which they did."""

points = Table(
    "monitoring_points",
    metadata,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("model", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("ehr", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""How all signals of a model stood from time to time: what is plotted."""
Index("monitoring_points_series", points.c.model, points.c.version, points.c.ehr, points.c.at)

labels = Table(
    "monitoring_labels",
    metadata,
    Column("output", String(64), primary_key=True),
    Column("event", Boolean, nullable=False),
    Column("observed", Double, nullable=False),
    Column("source", String(16), nullable=False),
    Column("since", Double, nullable=False),
    Column("mature", Double, nullable=False),
    Column("told", Boolean, nullable=False),
)
"""The outcome of an output: ``source`` api, query or clinician; told to the monitors once it is ``mature``."""
Index("monitoring_labels_due", labels.c.mature, sqlite_where=text("NOT told"), postgresql_where=text("NOT told"))
