"""Tables of backend scoring by the clock: what is declared, its ticks, and the patients of each."""

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text, text

from gateway.tables import metadata

schedules = Table(
    "gateway_schedules",
    metadata,
    Column("name", String(130), primary_key=True),
    Column("document", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("upto", Double, nullable=False),
    Column("since", Double, nullable=False),
)
"""One row per schedule in force, ``site/id``: its declaration as JSON, up to when its ticks have been made, and since when it has
this rhythm: before that it has none."""

ticks = Table(
    "gateway_ticks",
    metadata,
    Column("schedule", String(130), primary_key=True),
    Column("at", Double, primary_key=True),
    Column("why", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("made", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("grace", Double, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("lease", Double, nullable=False),
    Column("population", Integer, nullable=True),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("began", Double, nullable=True),
    Column("ended", Double, nullable=True),
)
"""One row per tick, whatever the number of replicas. ``state``: ``waiting`` → ``running`` → ``done``, ``partial`` or ``missed``
(``reason`` says why); ``why`` it was made: ``due``, ``caught_up`` or ``asked``. ``until`` is when its grace ends. Who runs it is
its ``owner``, for the ``epoch``th time, until ``lease``. ``population`` is how many patients it has, None while nobody knows."""
ENDED = ("done", "partial", "missed")
OPEN = text("state IN ('waiting', 'running')")
Index("gateway_ticks_open", ticks.c.schedule, ticks.c.at, sqlite_where=OPEN, postgresql_where=OPEN)

patients = Table(
    "gateway_tick_patients",
    metadata,
    Column("schedule", String(130), primary_key=True),
    Column("at", Double, primary_key=True),
    Column("patient", String(80), primary_key=True),
    Column("encounter", String(80), nullable=True),
    Column("state", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("as_of", Double, nullable=True),
    Column("next_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
)
"""One row per patient of a tick: ``waiting`` → ``done`` or ``failed``. ``as_of`` is when the chart was first read for it:
whoever goes on after a kill says the same of the same time, so that it is the same output."""
