"""Tables of the app side: EHRs, launches that have begun, launches with their tokens. Secrets are sealed bytes."""

from sqlalchemy import Column, Double, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

ehrs = Table(
    "app_ehrs",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("issuer", String(512), nullable=False, unique=True),
    Column("declaration", Text, nullable=False),
    Column("secret", LargeBinary, nullable=True),
    Column("since", Double, nullable=False),
)

pending = Table(
    "app_pending_launches",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("ehr", String(64), nullable=False),
    Column("browser_hash", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)
"""A launch between the redirect to the EHR and the callback. Taking a row deletes it: a state is usable once."""

launches = Table(
    "app_launches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("ehr", String(64), nullable=False, index=True),
    Column("patient", String(64), nullable=True),
    Column("encounter", String(64), nullable=True),
    Column("fhir_user", String(128), nullable=True),
    Column("scopes", Text, nullable=False),
    Column("context", LargeBinary, nullable=False),
    Column("access", LargeBinary, nullable=True),
    Column("refresh", LargeBinary, nullable=True),
    Column("expires", Double, nullable=False),
    Column("generation", String(64), nullable=False),
    Column("refreshing_until", Double, nullable=False, default=0.0),
    Column("since", Double, nullable=False),
)
"""A launch that succeeded. ``generation`` names the current tokens; ``refreshing_until`` is the lease of whoever
refreshes them; ``access`` is NULL once the grant has ended."""
