"""Tables of the authorization server, in each sandbox EHR's own database. Times are Unix seconds; of codes, tokens and
secrets only SHA-256 is stored."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, MetaData, String, Table, Text

metadata = MetaData()

clients = Table(
    "auth_clients",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("body", Text, nullable=False),
    Column("secret_hash", String(64)),
    Column("registration_hash", String(64)),
    Column("since", Double, nullable=False),
)

launches = Table(
    "auth_launches",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("client", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)
"""``key`` is the hash of a ``launch``, or of client and ``code_challenge`` for a standalone automatic sign-in."""

grants = Table(
    "auth_grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("client", String(128), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("since", Double, nullable=False),
    Column("user", String(128), index=True),
    Column("session", String(64)),
    Column("faults", Text),
    sqlite_with_rowid=False,
)
"""One row per authorization: code, access and refresh tokens hang off it, and end with it. ``user`` is ``Type/id``,
``session`` the browser session in which it was given, ``faults`` the named faults of its launch."""

requests = Table(
    "auth_requests",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("client", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("browser", String(64), index=True),
    Column("expires", Double, nullable=False, index=True),
)
"""Authorization requests that wait for a person. ``browser`` is the hash of the cookie they are bound to."""

sessions = Table(
    "auth_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("user", String(128)),
    Column("expires", Double, nullable=False, index=True),
)
"""People signed in at this EHR, by the hash of their cookie. An automatic launch has one that no browser holds."""

codes = Table(
    "auth_codes",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("grant", String(64), ForeignKey("auth_grants.id"), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String(64), nullable=False),
    Column("nonce", Text),
    Column("used", Boolean, nullable=False),
    Column("expires", Double, nullable=False, index=True),
)

access_tokens = Table(
    "auth_access_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("grant", String(64), ForeignKey("auth_grants.id"), nullable=False, index=True),
    Column("scopes", Text, nullable=False),
    Column("expires", Double, nullable=False, index=True),
    sqlite_with_rowid=False,
)

refresh_tokens = Table(
    "auth_refresh_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("grant", String(64), ForeignKey("auth_grants.id"), nullable=False, index=True),
    Column("used", Boolean, nullable=False),
    Column("expires", Double, nullable=False),
)

assertions = Table(
    "auth_assertions",
    metadata,
    Column("client", String(128), primary_key=True),
    Column("jti_hash", String(64), primary_key=True),
    Column("expires", Double, nullable=False, index=True),
)
"""The ``jti`` of every client assertion until it has expired: each is good once."""
