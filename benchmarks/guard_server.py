"""The EHR face and a bare proxy in one process, both before a FHIR server in another: for the figure of the guard.
``python -m`` it with a directory; it prints its process and its port and serves until it is ended."""

import multiprocessing
import os
import sys
import time
import uuid
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth import scopes
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import tables as auth_tables
from benchmarks.face_server import PATIENT, RESOURCES, TOKEN, observation
from benchmarks.measuring import started
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4 import codec
from sandbox import tables
from sandbox.upstream import Upstream, opened

FHIR = "application/fhir+json"


async def serve(directory: Path, behind: str) -> None:
    """Serves on a port of the system's choice, on loopback."""
    database = open_sqlite(directory / "ehr.db", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="behind", base="http://127.0.0.1/ehr/behind", database=database, keys=SigningKeys.generate(),
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    database.run_now(_allow)
    async with opened(upstream=behind, base=ehr.fhir, new_id=ehr.new_id) as ehr.upstream:
        proxy = Starlette(routes=[Route("/proxy/{path:path}", _proxy(ehr.upstream))])
        face = ehr_face.application([ehr])

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await (proxy if scope["path"].startswith("/proxy") else face)(scope, receive, send)

        await _listen(app)


def _allow(connection: Connection, now: float) -> None:
    context = grants.Context(patient=PATIENT)
    grants.save_grant(connection, now, id="g", client_id="c", scopes=scopes.parse("patient/*.rs"), context=context)
    grants.save_access(connection, now, token=TOKEN, grant="g", scopes="patient/*.rs", life=3600)


def _proxy(upstream: Upstream) -> Any:
    """A route that passes a read on and its answer back."""

    async def pass_on(request: Request) -> Response:
        address = f"{upstream.upstream}/{request.path_params['path']}"
        async with upstream.session.get(address, headers={"accept": FHIR}) as answer:
            return Response(await answer.read(), status_code=answer.status, media_type=FHIR)

    return pass_on


async def _listen(app: Any) -> None:
    config = uvicorn.Config(
        app, port=0, log_level="error", access_log=False, lifespan="off", loop="uvloop", http="httptools"
    )
    server = uvicorn.Server(config)
    port, serving = await started(server)
    print(os.getpid(), port, flush=True)
    await serving


def _behind(pipe: Pipe) -> None:
    """A FHIR server that has the bodies ready and asks nothing."""
    kept = {f"o{number}": codec.format(_stored(number)) for number in range(RESOURCES)}

    async def read(request: Request) -> Response:
        return Response(kept[request.path_params["id"]], media_type=FHIR, headers={"etag": 'W/"1"'})

    async def run() -> None:
        app = Starlette(routes=[Route("/fhir/Observation/{id}", read)])
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False, lifespan="off"))
        port, serving = await started(server)
        pipe.send(port)
        await serving

    uvloop.run(run())


def _stored(number: int) -> dict[str, Any]:
    return {**observation(number), "meta": {"versionId": "1", "lastUpdated": "2026-01-02T03:04:05Z"}}


def main() -> None:
    mine, theirs = multiprocessing.Pipe()
    behind = multiprocessing.get_context("spawn").Process(target=_behind, args=(theirs,), daemon=True)
    behind.start()
    uvloop.run(serve(Path(sys.argv[1]), f"http://127.0.0.1:{mine.recv()}/fhir"))


if __name__ == "__main__":
    main()
