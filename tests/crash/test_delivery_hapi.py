"""Write-back against a real HAPI server: many at once make one, and HAPI killed in mid-write loses and doubles nothing."""

import asyncio
import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.sandbox_ehrs import hapi as hapi_server
from gateway.storage.database import Database
from gateway.vendors.hapi import HAPI
from tests import cluster, web
from tests.crash.delivery_judge import judge, outputs_in, record, rows_in
from tests.crash.delivery_kills import Nursery, drain, wait_until
from tests.crash.delivery_worker import PACE, Order, accept, heard, moving, opened, submission
from tests.crash.receiver import key_of
from tests.unit.writeback.examples import NAMES
from writeback.keys import search_of
from writeback.speaking.answers import Answer
from writeback.terms import Terms
from writeback.wire.sending import Sender
from writeback.wire.transport import HttpSender, open_session
from writeback.worker import Worker

TOGETHER = 64
PATIENT = replace(PACE, conversation=10.0, lease=10.5)
"""HAPI takes seconds for a write when 64 come at once, or just after its start."""
TYPES = ("RiskAssessment", "Provenance", "Device", "DocumentReference")
Kept = list[tuple[str, str, str]]


def put_patients(base: str, ids: Iterable[str]) -> None:
    """HAPI refuses a reference to what is not there."""
    entries = [
        {"resource": {"resourceType": "Patient", "id": id}, "request": {"method": "PUT", "url": f"Patient/{id}"}} for id in ids
    ]  # fmt: skip
    answer = web.post(base, json={"resourceType": "Bundle", "type": "batch", "entry": entries}, timeout=60)
    assert answer.status_code == 200, answer.text


def read_all(base: str) -> Kept:
    """(type, id, delivery key) of what HAPI has, page by page: nothing is asked for by what it should be."""
    kept: Kept = []
    with httpx2.Client(timeout=300) as client:
        for type in TYPES:
            address: str | None = f"{base}/{type}?_count=200"
            while address:
                page = read_page(client, address)
                resources = [entry["resource"] for entry in page.get("entry", [])]
                kept += [(type, each["id"], key) for each in resources if (key := key_of(each)) != "-"]
                address = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return kept


def read_page(client: httpx2.Client, address: str) -> Any:
    """What HAPI answers once it does: just after a start, on a busy machine, it says 500 or nothing for a while."""
    for _ in range(20):
        with contextlib.suppress(httpx2.TransportError):
            answer = client.get(address, headers={"cache-control": "no-cache"})
            if answer.status_code == 200:
                return answer.json()
        time.sleep(3.0)
    raise AssertionError("HAPI does not say what it has")


SINGLY = Terms(first_put=HAPI.write.first_put, search_reads=HAPI.write.search_reads, at_once=HAPI.write.at_once)


async def deliver(database: Database, sender: Sender, terms: Terms) -> None:
    """Until nothing moves any more."""

    async def known(ehr: str) -> Terms:
        return terms

    worker = Worker(
        run=database.run, senders=lambda name, principal: sender, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        pace=PATIENT, terms=known,
    )  # fmt: skip
    serving = asyncio.create_task(worker.serve())
    async with asyncio.timeout(60):
        while await moving(database):
            await asyncio.sleep(0.05)
    worker.stop()
    await serving


async def deliver_together(base: str, number: int, strategy: str) -> list[str]:
    """The same output accepted by so many gateways, delivered by all at the same time; the states it came to."""
    databases: list[Database] = [opened(":memory:") for _ in range(TOGETHER)]
    session = open_session(base=base)
    sender = HttpSender(base=base, session=session)

    made = submission(number, time.time() - 600.0 - number / 1000.0, strategy=strategy)
    await asyncio.gather(*(accept(database, made) for database in databases))
    await asyncio.gather(*(deliver(database, sender, SINGLY) for database in databases))
    await session.close()
    states = [state for database in databases for state in outputs_in(database).values()]
    for database in databases:
        database.close()
    return states


@pytest.mark.parametrize("strategy", ["conditional", pytest.param("put", marks=pytest.mark.campaign)])
def test_sixty_four_identical_deliveries_at_once_make_one_resource(hapi: str, strategy: str) -> None:
    number = uuid.uuid4().int % 10**9 * 8 + 1
    put_patients(hapi, [f"p{number}"])
    states = asyncio.run(deliver_together(hapi, number, strategy))
    assert states == ["delivered"] * TOGETHER
    keys = [part.key for part in submission(number, 0.0, strategy=strategy).write.own]  # type: ignore[union-attr]
    found = web.get(f"{hapi}/RiskAssessment?subject=Patient/p{number}", headers={"cache-control": "no-cache"}).json()
    assert [key_of(entry["resource"]) for entry in found["entry"]] == keys[:1]
    query = search_of("Provenance", namespace=NAMES.namespace, key=keys[1])
    assert len(web.get(f"{hapi}/Provenance?{query}", headers={"cache-control": "no-cache"}).json()["entry"]) == 1


class Listening:
    """A sender that remembers what was written: the kind of a Bundle, or the type of a resource."""

    def __init__(self, sender: Sender) -> None:
        self._sender, self.wrote = sender, list[str]()

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        if method != "GET":
            said = json.loads(given["body"])
            self.wrote.append(said["type"] if path == "" else said["resourceType"])
        return await self._sender.send(method, path, **given)


@pytest.mark.parametrize("strategy", ["put", "conditional", "post"])
def test_a_score_its_parts_and_the_report_over_them_are_one_transaction(hapi: str, strategy: str) -> None:
    number = uuid.uuid4().int % 10**9 * 8 + 1
    put_patients(hapi, [f"p{number}"])

    async def work() -> tuple[list[str], list[str]]:
        database, session = opened(":memory:"), open_session(base=hapi)
        sender = Listening(HttpSender(base=hapi, session=session))
        at = time.time() - 600.0 - number / 1000.0
        await accept(database, submission(number, at, strategy=strategy, grouped=True))
        await deliver(database, sender, replace(SINGLY, transaction=True))
        await session.close()
        states = [row.state for row in rows_in(database)]
        database.close()
        return states, sender.wrote

    states, wrote = asyncio.run(work())
    assert states == ["delivered"] * 6
    own = [each for each in wrote if each not in ("DocumentReference", "Device")]  # all tests of a run have the same
    assert own == ["transaction", "Provenance"]
    fresh = {"cache-control": "no-cache"}
    found = web.get(
        f"{hapi}/DiagnosticReport?subject=Patient/p{number}&_include=DiagnosticReport:result", headers=fresh
    )
    resources = [entry["resource"] for entry in found.json()["entry"]]
    report = next(each for each in resources if each["resourceType"] == "DiagnosticReport")
    named = {each["reference"] for each in report["result"]}
    assert named == {f"Observation/{each['id']}" for each in resources if each is not report}
    assert len(named) == 2


@pytest.mark.parametrize("together", [False, True], ids=["singly", "in a batch"])
def test_a_first_put_to_an_id_that_is_there_is_a_conflict_and_changes_nothing(hapi: str, together: bool) -> None:
    """What the vendor's rules rely on: written by somebody before, it is found by the next try, which says what it is."""
    patient, ids = f"p{uuid.uuid4().hex}", [uuid.uuid4().hex for _ in range(3)]
    put_patients(hapi, [patient])

    def put(status: str, *, first: bool) -> list[str]:
        resources = [
            {"resourceType": "RiskAssessment", "id": id, "status": status, "subject": {"reference": f"Patient/{patient}"}}
            for id in ids[: 2 if status == "final" else 3]
        ]  # fmt: skip
        headers = dict(HAPI.write.first_put) if first else {}
        if not together:
            return [
                str(web.put(f"{hapi}/RiskAssessment/{each['id']}", json=each, headers=headers).status_code)
                for each in resources
            ]
        entries = [
            {"resource": each, "request": {"method": "PUT", "url": f"RiskAssessment/{each['id']}"}} for each in resources
        ]  # fmt: skip
        answer = web.post(
            hapi, json={"resourceType": "Bundle", "type": "batch", "entry": entries}, headers=headers, timeout=60
        )
        return [entry["response"]["status"][:3] for entry in answer.json()["entry"]]

    assert put("final", first=True) == ["201", "201"]
    assert put("preliminary", first=True) == ["409", "409", "201"]
    answer = web.get(f"{hapi}/RiskAssessment?_id={','.join(ids)}&_count=50", headers=dict(HAPI.write.search_reads))
    found = {entry["resource"]["id"]: entry["resource"] for entry in answer.json()["entry"]}
    assert [found[id]["status"] for id in ids] == ["final", "final", "preliminary"], "and a search shows it at once"
    assert [found[id]["meta"]["versionId"] for id in ids] == ["1", "1", "1"]
    assert put("preliminary", first=False) == ["200", "200", "200"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_two_identical_conditional_entries_of_one_bundle_make_one_resource(hapi: str, kind: str) -> None:
    patient, mark = f"p{uuid.uuid4().hex}", uuid.uuid4().hex
    put_patients(hapi, [patient])
    resource = {
        "resourceType": "RiskAssessment", "status": "final", "subject": {"reference": f"Patient/{patient}"},
        "identifier": [{"system": "urn:twice/delivery", "value": mark}],
    }  # fmt: skip
    condition = {"method": "POST", "url": "RiskAssessment", "ifNoneExist": f"identifier=urn:twice/delivery|{mark}"}
    entries = [{"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": resource, "request": condition} for _ in range(2)]
    answer = web.post(hapi, json={"resourceType": "Bundle", "type": kind, "entry": entries}, timeout=60)
    assert answer.status_code == 200
    statuses = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
    assert statuses == (["201", "200"] if kind == "batch" else ["201"]), "so answers are matched by key, never by place"
    found = web.get(
        f"{hapi}/RiskAssessment?identifier=urn:twice/delivery|{mark}", headers={"cache-control": "no-cache"}
    )
    assert len(found.json()["entry"]) == 1


CONNECTIONS = 40
"""Of HAPI to its database. With its default of ten, and as many requests at once when it has just started, which nobody waits
for on a busy machine, it waits for itself for half an hour: that is not what is looked for here."""


def kill_hapi(nursery: Nursery, place: Path, running: cluster.Cluster, *, kills: int, strategy: str) -> dict[str, Any]:
    """A worker delivers to a HAPI server of our own on PostgreSQL; its JVM is killed in mid-write and started again."""
    directory, database, outputs = place / "hapi", running.database(), 400
    server = hapi_server.start_process(directory, database=database, connections=CONNECTIONS)
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    put_patients(server.url, [*(f"p{number}" for number in range(outputs)), *(f"s{number}" for number in range(8))])
    order = Order(
        store=str(place / "gateway.db"), base=server.url, journal=str(place / "journal"), strategy=strategy, seed=1, first=0,
        at=time.time() - 86400.0, count=outputs, patience=10.0, vendor="hapi",
    )  # fmt: skip
    pid = nursery.bear(order)
    try:
        for each in range(kills):
            wait_until(lambda least=12 * (each + 1): len(heard(Path(order.journal))[0]) >= least)
            time.sleep(0.7 + 0.4 * each)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            server.stop()
            server = hapi_server.start_process(directory, port=port, database=database, connections=CONNECTIONS)
        nursery.kill(pid)
        drained = drain(nursery, replace(order, first=outputs), seconds=400.0)
        kept = read_all(server.url)
    finally:
        server.stop()
    store = opened(order.store)
    found = judge(accepted=heard(Path(order.journal))[0], outputs=outputs_in(store), rows=rows_in(store), kept=kept)
    store.close()
    running.drop(database)
    return {
        "problems": [*found.problems, *([] if drained else ["not drained"])],
        "figures": found.figures,
    }


@pytest.mark.campaign
@pytest.mark.hapi
@pytest.mark.parametrize("strategy", ["conditional", "put", "post"])
def test_hapi_killed_in_mid_write_loses_and_doubles_nothing(
    nursery: Nursery, hapi_built: None, tmp_path: Path, strategy: str
) -> None:
    place = cluster.binaries()
    assert place is not None, cluster.INSTALL
    began = time.monotonic()
    with cluster.running(place) as running:
        found = kill_hapi(nursery, tmp_path, running, kills=3, strategy=strategy)
    seconds = round(time.monotonic() - began, 1)
    record(
        f"1 SIGKILL of HAPI in mid-write: {strategy}",
        bar="lost 0, doubled 0",
        kills=3,
        **found["figures"],
        seconds=seconds,
    )
    assert found["problems"] == []
