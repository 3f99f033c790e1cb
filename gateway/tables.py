"""Tables of the gateway itself: what the installation must remember besides its rooms' own tables."""

from sqlalchemy import Column, Double, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

jobs = Table(
    "gateway_jobs",
    metadata,
    Column("launch", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("results", Text, nullable=False),
    Column("since", Double, nullable=False),
)
"""One row per launch whose models are to run: ``waiting`` → ``done``; ``results`` says per model what came of it."""

readings = Table(
    "gateway_readings",
    metadata,
    Column("output", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""One row per output whose model reads features: what it was given of the chart, as JSON (``gateway.outputs.readings``)."""

banners = Table(
    "gateway_banners",
    metadata,
    Column("launch", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""One row per launch: who its patient is, for the banner of its page, sealed."""

leases = Table(
    "gateway_leases",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", Double, nullable=False),
)
"""Who does what only one process may do at a time, and until when it is believed to live (``gateway.storage.leases``)."""

facts = Table(
    "gateway_facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is fixed for the life of a database: the namespace of the keys that it belongs to, and which model versions were ever
installed (``gateway.model_folders.seen``)."""

fidelity = Table(
    "gateway_fidelity",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("ehr", String(64), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("feature", String(128), primary_key=True),
    Column("check", String(16), primary_key=True),
    Column("result", String(16), primary_key=True),
    Column("number", Integer, nullable=False),
)
"""How many charts a day had a verdict (``feature`` and ``check`` empty, ``result`` the fitness), and on how many a check failed
on a feature (``result`` ``fail``): counts, nothing of a patient (``gateway.monitors.fidelity_counts``)."""

counted = Table(
    "gateway_counted", metadata, Column("name", String(32), primary_key=True), Column("upto", Double, nullable=False)
)
"""Up to when outputs have been counted in ``fidelity``."""

reports = Table(
    "gateway_conformance",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("target", String(500), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("said", Text, nullable=False),
    Column("page", LargeBinary, nullable=True),
)
"""A conformance report of a server, by its FHIR base: counts and what did not pass as JSON, the whole page packed with zlib
(``gateway.kept_reports``)."""

profiles = Table(
    "gateway_profiles",
    metadata,
    Column("feed", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""A published profile of a feed, one a day, as JSON (docs/reference/fidelity-profile.md)."""
