"""Personas in a running sandbox: each has an EHR, and one that is not used costs no start."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2

from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.demo import _faulty
from gateway.processes.process import Options, running
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import tables
from sandbox.personas import PERSONAS
from tests.keys import KEYS


def test_an_ehr_is_seeded_once_before_its_first_answer_however_many_ask() -> None:
    asyncio.run(_many_ask())


async def _many_ask() -> None:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    seeded: list[str] = []

    async def seed() -> None:
        await asyncio.sleep(0.02)
        seeded.append("once")

    ehr = SandboxEhr(
        name="epic", base="http://127.0.0.1:8700/ehr/epic", database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time, seeding=seed,
    )  # fmt: skip
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700") as client:
        assert (await client.get("/ehr/oracle/fhir/metadata")).status_code == 404
        assert seeded == []
        answers = await asyncio.gather(*(client.get("/ehr/epic/fhir/metadata") for _ in range(5)))
        assert [each.status_code for each in answers] == [200] * 5
        assert (await client.get("/ehr/epic/launch", headers={"accept": "application/json"})).status_code == 200
    assert seeded == ["once"]
    ehr.audit.close()
    database.close()


def test_up_has_an_ehr_of_every_persona_and_loads_the_patients_of_one(tmp_path: Path) -> None:
    asyncio.run(_up(tmp_path))


async def _up(tmp_path: Path) -> None:
    said: list[str] = []
    async with running(tmp_path, Options(port=0), said.append) as up:
        assert list(up.ehr) == list(PERSONAS)
        assert [line.split(":")[0] for line in said] == ["EHR spec"]
        assert sorted(path.name for path in tmp_path.glob("ehr-*.db")) == sorted(f"ehr-{name}.db" for name in PERSONAS)
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
            stated = (await client.get(f"{up.ehr['meditech']}/metadata")).json()
            listed = (
                await client.get(up.ehr["meditech"].replace("/fhir", "/launch"), headers={"accept": "application/json"})
            ).json()
        assert not any(each["type"] == "RiskAssessment" for each in stated["rest"][0]["resource"])
        assert listed["patients"]
        assert said[1].startswith("EHR meditech")


def output(state: str, *deliveries: str) -> dict[str, Any]:
    return {"state": state, "deliveries": [{"state": each} for each in deliveries]}


def test_a_demonstration_forgives_a_narrow_ehr_its_refusals_and_no_loss() -> None:
    refused = [
        output("not_writable"),
        output("failed", "rejected", "dead"),
        output("delivered", "delivered", "rejected"),
    ]
    lost = [
        output("failed", "dead"),
        output("pending", "ready"),
        output("failed", "rejected", "in_doubt"),
        output("expired"),
    ]
    assert [_faulty(each, narrow=True) for each in refused + lost] == [False] * 3 + [True] * 4
    assert [_faulty(each, narrow=False) for each in refused + lost] == [True] * 7
    assert [name for name, persona in PERSONAS.items() if not persona.narrow] == ["spec", "hapi", "uscore9"]
