"""Our own EHR face in memory, as the conformance suite meets it: unmutated, or with one fault."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from conformance import run
from conformance.probe import Wire
from conformance.run import Report
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import loading, tables
from sandbox.personas import SPEC, Persona
from sandbox.personas import tables as persona_tables
from tests.keys import KEYS
from tests.mutants import furniture
from tests.mutants.mutant import Mutant, Wrapped

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
TOKEN = "t" * 43
PATIENT = Wire(seconds=120.0)
"""A machine that does other things beside may take longer for sixty parallel requests than a stranger would wait."""


@contextlib.contextmanager
def open_ehr(persona: Persona = SPEC) -> Iterator[SandboxEhr]:
    """A seeded sandbox EHR in memory, with one token that opens everything (for mutants to misuse)."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata, persona_tables.metadata])
    made = SandboxEhr(
        name=persona.name, base=BASE.replace("/spec/fhir", f"/{persona.name}"), persona=persona, database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex + uuid.uuid4().hex, clock=time.time,
        allow_loopback_jwks=True,
    )  # fmt: skip

    def fill(connection: Connection, now: float) -> None:
        loading.load(connection, now, furniture.chart(), rules_of(made))
        everything = scopes.parse("system/*.cruds")
        grants.save_grant(connection, now, id="all", client_id="mutant", scopes=everything, context=grants.Context())
        grants.save_access(connection, now, token=TOKEN, grant="all", scopes="system/*.cruds", life=3600)

    database.run_now(fill)
    try:
        yield made
    finally:
        database.close()


def judged(ehr: SandboxEhr, mutant: Mutant | None = None, **options: Any) -> Report:
    """The report on this EHR, with the fault of a mutant."""
    if mutant is None:
        return _run(ehr_face.application([ehr]), ehr.fhir, **options)
    mutant.token, mutant.kept["base"] = TOKEN, BASE
    with mutant.installed():
        if mutant.world is not None:
            return mutant.world(mutant)
        options = {"suites": mutant.judged_by(), "slow": mutant.slow, **options}
        return _run(Wrapped(ehr_face.application([ehr]), mutant), ehr.fhir, **options)


def _run(application: Any, base: str, **options: Any) -> Report:
    transport = httpx2.ASGITransport(app=application)
    return asyncio.run(
        run(
            base,
            transport=transport,
            **{"writes": True, "listen": "127.0.0.1:0", "wire": PATIENT, "deadline": 1800.0, **options},
        )
    )
