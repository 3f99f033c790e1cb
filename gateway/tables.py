"""Tables of the gateway itself: what the installation must remember besides its rooms' own tables."""

from sqlalchemy import Column, Double, LargeBinary, MetaData, String, Table, Text

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
"""One row per output whose model reads features: what it was given of the chart, as JSON (``gateway.readings``)."""

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
"""Who does what only one process may do at a time, and until when it is believed to live (``gateway.leases``)."""

facts = Table(
    "gateway_facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is fixed for the life of a database: the namespace of the keys that it belongs to."""
