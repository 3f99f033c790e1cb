"""A lean EHR that answers itself: reads, and one write in ten, as fast as it can, until somebody kills it.

    python -m tests.crash.audit_reader FILE

Each line on stdout says, after the answer: the X-Request-Id, ``read`` or ``write``, and when (Unix seconds).
"""

import asyncio
import sys
import time
import uuid
from collections.abc import Callable

import httpx2
from sqlalchemy import Connection

from auth import scopes
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables

BASE = "http://127.0.0.1:8700/ehr/spec"
TOKEN = "t" * 43
OBSERVATION = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"}}


def made(path: str) -> SandboxEhr:
    database = open_sqlite(path, metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE, database=database, keys=SigningKeys.generate("ES384"), new_id=lambda: str(uuid.uuid4()),
        new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip

    def fill(connection: Connection, now: float) -> None:
        people = [{"resourceType": "Patient", "id": "p1"}, {**OBSERVATION, "code": {"text": "0"}}]
        loading.load(connection, now, people, rules_of(ehr))
        context = grants.Context(patient="p1")
        words = scopes.parse("patient/*.cruds")
        grants.save_grant(connection, now, id="g", client_id="c", scopes=words, context=context)
        grants.save_access(connection, now, token=TOKEN, grant="g", scopes="patient/*.cruds", life=3600)

    database.run_now(fill)
    return ehr


async def serve(ehr: SandboxEhr, say: Callable[[str], None]) -> None:
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        for number in range(10**9):
            writing, name = number % 10 == 9, f"rq-{number}"
            body = {**OBSERVATION, "code": {"text": str(number)}} if writing else None
            answer = await client.request(
                "PUT" if writing else "GET", f"{ehr.fhir}/Observation/o1", headers={"x-request-id": name}, json=body
            )
            assert answer.status_code == 200, answer.text
            say(f"{name} {'write' if writing else 'read'} {time.time():.6f}")


if __name__ == "__main__":
    asyncio.run(serve(made(sys.argv[1]), lambda line: print(line, flush=True)))
