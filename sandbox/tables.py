"""The tables of an embedded FHIR store: every version as the bytes it was given, and what searches look at."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

resources = Table(
    "fhir_resources",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("updated", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The current version of each resource; ``number`` is what the terms refer to, and the order of a search."""

Index("fhir_resources_name", resources.c.type, resources.c.id, unique=True)
Index("fhir_resources_order", resources.c.type, resources.c.number)

versions = Table(
    "fhir_versions",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("deleted", Boolean, nullable=False),
    Column("updated", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Earlier versions. The first version of what was never changed stands in ``fhir_resources`` only."""

terms = Table(
    "fhir_terms",
    metadata,
    Column("number", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("system", Text, nullable=False, server_default=""),
    Column("value", Text, nullable=True),
    Column("low", Double, nullable=True),
    Column("high", Double, nullable=True),
)
"""One row for each value of each search parameter. A token has ``system`` and ``value``; a reference ``Type/id`` as
``value``; a string its folded form as ``value`` and its own as ``system``; dates, numbers and quantities ``low`` and
``high``, a quantity its unit as ``value``."""

Index("fhir_terms_value", terms.c.type, terms.c.name, terms.c.value)
Index("fhir_terms_low", terms.c.type, terms.c.name, terms.c.low)
Index("fhir_terms_number", terms.c.number)

settings = Table(
    "fhir_settings", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False)
)
"""What the store remembers of itself: that it is seeded, and the hour its ward day hangs on."""
