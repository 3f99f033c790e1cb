"""The tables of an embedded FHIR store: every version as the bytes it was given, and what searches look at.

``number`` counts every change of the store: the current version of a resource stands under the number of the change that
made it. A search whose pages were begun at a number sees what stood there then: what was changed since is found by the
terms of its former number, which are kept until no page can ask for them (``moved``).
"""

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

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
    Column("date", Double, nullable=False, server_default="0"),
)
"""The current version of each resource, a deletion's as well: no row goes without one of a higher number, so that the highest
is that of the last change, and no number comes twice. ``date`` is the start of what its type's leading date says
(``indexing.DATES``), ``indexing.NO_DATE`` where it says none."""

Index("fhir_resources_name", resources.c.type, resources.c.id, unique=True)
Index("fhir_resources_order", resources.c.type, resources.c.updated, sqlite_where=text("deleted = 0"))
Index("fhir_resources_gone", resources.c.type, resources.c.updated, sqlite_where=text("deleted = 1"))

versions = Table(
    "fhir_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("updated", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Earlier versions. The first version of what was never changed stands in ``fhir_resources`` only."""

Index("fhir_versions_name", versions.c.type, versions.c.id, versions.c.version, unique=True)
Index("fhir_versions_order", versions.c.type, versions.c.updated)

moved = Table(
    "fhir_moved",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("successor", Integer, nullable=False),
    Column("type", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", Double, nullable=False),
    Column("date", Double, nullable=False),
    Column("at", Double, nullable=False),
)
"""Numbers that a resource had lately, each until ``successor`` took its place at ``at`` (Unix seconds)."""

Index("fhir_moved_successor", moved.c.successor)
Index("fhir_moved_at", moved.c.at)

terms = Table(
    "fhir_terms",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("parameter", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("part", Integer, nullable=False),
    Column("value", Text, nullable=True),
    Column("mark", Integer, nullable=False),
    Column("low", Double, nullable=True),
    Column("high", Double, nullable=True),
    Column("date", Double, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each value of each search parameter; ``parameter`` is ``indexing.key(type, name)``, ``place`` tells the rows
of one parameter apart, ``part`` is the place in the list (from 1) that the value stands in, for composites. A token has its
code as ``value`` and its system as ``mark``; a reference ``Type/id`` as ``value``; a string its folded form as ``value``
and its own as ``mark``; dates, numbers and quantities ``low`` and ``high``, a quantity its unit as ``value``. ``date`` is
that of the resource, so that what one value finds is found in the order of time."""

Index(
    "fhir_terms_value", terms.c.parameter, terms.c.value, terms.c.date, terms.c.number, terms.c.mark,
    sqlite_where=terms.c.low.is_(None),
)  # fmt: skip
Index("fhir_terms_low", terms.c.parameter, terms.c.value, terms.c.low, sqlite_where=terms.c.low.is_not(None))

settings = Table(
    "fhir_settings", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False)
)
"""What the store remembers of itself: that it is seeded, and the hour its ward day hangs on."""
