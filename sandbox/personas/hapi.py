"""HAPI FHIR 8.10 with the starter's default flags: everything on, versions in its own way."""

from sandbox.personas.forms import Deleted, Stale
from sandbox.personas.persona import Persona
from sandbox.personas.rules import Versionless

MEASURED = "hapi.md §5 Writing, HAPI 8.10 on H2 and on PostgreSQL [M]"

HAPI = Persona(
    name="hapi",
    title="HAPI FHIR 8.10, default flags",
    rules=(
        Stale(status=409, source=f"{MEASURED}: stale If-Match on PUT or PATCH, HAPI-0989 and HAPI-0974"),
        Versionless(on=frozenset({"delete"}), source=f"{MEASURED}: stale If-Match on DELETE, the header is ignored"),
        Deleted(status=200, source=f"{MEASURED}: DELETE is 200 with an OperationOutcome"),
    ),
)
