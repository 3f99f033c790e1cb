"""``chartgate audit list``: the installation's owner reads the log, through the server's socket or without a server."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from gateway.cli import application
from gateway.routes import control
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Sqlite, open_sqlite
from r4.validate import validate
from tests.keys import KEYS

NOW = 1_767_323_045.0
ROWS = 250


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation whose EHR has ``ROWS`` reads in its log, one a second, every tenth about p2."""
    database = open_sqlite(tmp_path / "ehr-spec.db")
    fill(database)
    database.close()
    return tmp_path


def fill(database: Sqlite) -> None:
    ehr = SandboxEhr(
        name="spec", base="http://127.0.0.1:8700/ehr/spec", database=database, keys=KEYS, new_id=str,
        new_secret=str, clock=time.time,
    )  # fmt: skip
    for number in range(ROWS):
        patient = "p2" if number % 10 == 0 else "p1"
        database.run_now(
            lambda c, now, n=number, p=patient: ehr.audit.record(c, NOW + n, "token", client=f"c{n % 2}", patient=p)
        )


def run(*arguments: str) -> Any:
    return CliRunner().invoke(application, ["audit", "list", *arguments])


def listed(data: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run("--data", str(data), "--json", *arguments)
    assert done.exit_code == 0, done.output
    bundle = json.loads(done.stdout)
    assert validate(bundle, type="Bundle") == []
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_the_whole_log_is_read_page_by_page_newest_first(data: Path) -> None:
    found = listed(data, "--limit", "1000")
    assert len(found) == ROWS
    assert [each["recorded"] for each in found] == sorted((each["recorded"] for each in found), reverse=True)
    assert len({each["id"] for each in found}) == ROWS


def test_it_is_read_by_patient_client_and_time(data: Path) -> None:
    patients = [e["what"]["reference"] for each in listed(data, "--patient", "p2") for e in each["entity"]]
    assert patients == ["Patient/p2"] * (ROWS // 10)
    clients = {a["who"]["identifier"]["value"] for each in listed(data, "--client", "c1") for a in each["agent"][:1]}
    assert clients == {"c1"}
    assert len(listed(data, "--since", "2026-01-02T03:08:05Z", "--client", "c0")) == (ROWS - 240) // 2
    assert len(listed(data, "--limit", "7")) == 7


def test_reading_it_is_kept_and_shown(data: Path) -> None:
    listed(data)
    assert listed(data)[0]["type"]["code"] == "110101"


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--ehr", "nobody"), 3), (("--ehr", "../spec"), 3), (("--since", "yesterday"), 2)]
)
def test_what_cannot_be_read_is_said(data: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("--data", str(data), *arguments).exit_code == code


def test_a_table_is_for_people(data: Path) -> None:
    assert "Audit log of spec" in run("--data", str(data), "--limit", "3").stdout


def test_the_server_reads_its_own_log_through_the_socket() -> None:
    gateway, ehr = open_sqlite(":memory:"), open_sqlite(":memory:")
    fill(ehr)

    async def ask(arguments: dict[str, Any]) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=control.app(gateway, {"spec": ehr}, {}))
        async with httpx2.AsyncClient(transport=transport) as client:
            return await client.post("http://control/audit.list", content=json.dumps(arguments))

    found = asyncio.run(ask({"ehr": "spec", "limit": 5})).json()["result"]
    assert [row["number"] for row in found["rows"]] == [250, 249, 248, 247, 246]
    assert found["before"] == 246
    assert asyncio.run(ask({"ehr": "nobody", "limit": 5})).status_code == 422
    gateway.close()
    ehr.close()
