"""What a persona remembers in its own database: the digests of what was filed, to know it when it comes again."""

from sqlalchemy import Column, Double, MetaData, String, Table

metadata = MetaData()

filed = Table(
    "persona_filed",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("at", Double, nullable=False),
)
