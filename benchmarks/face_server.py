"""The EHR face and an empty Starlette route in one server process, for the figures of the face: ``python -m`` it with a
directory, it prints its port and serves until it is ended."""

import sys
import time
import uuid
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import scopes
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import tables as auth_tables
from benchmarks.measuring import started
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables

TOKEN, PATIENT, RESOURCES = "b" * 43, "p1", 500
NOTE = "The measured value is within what was expected for this patient at this time of day. " * 9


def observation(number: int) -> dict[str, Any]:
    """A resource of 1.6 kB."""
    coding = {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation", "id": f"o{number}", "status": "final", "category": [{"coding": [category]}],
        "identifier": [{"system": "urn:bench", "value": f"{number:064d}"}], "code": {"coding": [coding], "text": "Heart rate"},
        "subject": {"reference": f"Patient/{PATIENT}"}, "effectiveDateTime": "2026-01-02T03:04:05Z",
        "valueQuantity": {"value": 60 + number % 40, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        "note": [{"text": NOTE.strip()}],
    }  # fmt: skip


def _fill(ehr: SandboxEhr) -> None:
    patient = {"resourceType": "Patient", "id": PATIENT}

    def work(connection: Connection, now: float) -> None:
        loading.load(connection, now, [patient, *map(observation, range(RESOURCES))], rules_of(ehr))
        context = grants.Context(patient=PATIENT)
        words = "patient/*.rs"
        grants.save_grant(connection, now, id="g", client_id="c", scopes=scopes.parse(words), context=context)
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes=words, life=3600)

    ehr.database.run_now(work)


async def _empty(request: Request) -> Response:
    return Response(b"{}", media_type="application/fhir+json")


async def serve(directory: Path) -> None:
    """Serves on a port of the system's choice, on loopback."""
    database = open_sqlite(directory / "ehr.db", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base="http://127.0.0.1/ehr/spec", database=database, keys=SigningKeys.generate(),
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    _fill(ehr)
    empty, face = Starlette(routes=[Route("/empty", _empty)]), ehr_face.application([ehr])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (empty if scope["path"] == "/empty" else face)(scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_level="error", access_log=False, lifespan="off", loop="uvloop", http="httptools"
        )
    )
    port, serving = await started(server)
    print(port, flush=True)
    await serving


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1])))
