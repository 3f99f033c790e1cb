"""What became too old while nobody knew what became of it, and what is said of a resource that is in the chart."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection

from gateway.storage.database import Database
from tests.contract.outbox_world import BY_ID, BY_POST, Ehr, accept, hurry, said, settle, state, states, submission
from tests.unit.writeback.examples import NAMES, output
from writeback import tables
from writeback.afterwards import resending
from writeback.capabilities import Capabilities
from writeback.errors import AnswerLost, Unsent
from writeback.ledger import outputs
from writeback.ledger.claiming import claim_due
from writeback.ledger.settling import Settled
from writeback.ledger.settling import settle as settle_rows
from writeback.speaking.answers import Answer
from writeback.speaking.claims import Claimed
from writeback.worker import Worker


def grown_old(database: Database) -> None:
    """A day passes for all that is still under way, or dead."""
    old = tables.deliveries.update().where(tables.deliveries.c.valid_until.is_not(None)).values(valid_until=1.0)
    database.run_now(lambda connection, now: connection.execute(old))


def lose_the_first(type: str, *, keep: bool) -> Ehr:
    """An EHR that once, when it is sent a resource of the type, keeps it or does not, and never answers."""
    lost: list[str] = []

    def cut(method: str, path: str, number: int) -> None:
        if path.startswith(type) and not lost:
            lost.append(path)
            raise AnswerLost("cut")

    return Ehr(after=cut) if keep else Ehr(fault=cut)  # type: ignore[arg-type]  # it answers nothing itself


@pytest.mark.parametrize("offered", [BY_ID, BY_POST], ids=["by id", "by post"])
def test_what_is_in_doubt_and_too_old_is_looked_for_and_not_sent_again(
    database: Database, offered: Capabilities
) -> None:
    """An answer was lost, the EHR was away for a day, and it has nothing: yesterday's risk does not go into the chart."""
    made = submission(said(), capabilities=offered)
    asyncio.run(accept(database, made))
    ehr = lose_the_first("RiskAssessment", keep=False)
    asyncio.run(settle(database, ehr, rounds=3))
    assert states(database)["RiskAssessment primary"] == "in_doubt"
    grown_old(database)
    asyncio.run(settle(database, ehr))
    found = states(database)
    assert (found["RiskAssessment primary"], found["Provenance provenance"]) == ("expired", "expired")
    assert state(database, made.id) == "expired"
    assert not [name for name in ehr.kept if name.startswith("RiskAssessment")]


@pytest.mark.parametrize("offered", [BY_ID, BY_POST], ids=["by id", "by post"])
def test_what_is_in_doubt_and_too_old_is_delivered_where_the_ehr_has_it(
    database: Database, offered: Capabilities
) -> None:
    made = submission(said(), capabilities=offered)
    asyncio.run(accept(database, made))
    ehr = lose_the_first("RiskAssessment", keep=True)
    asyncio.run(settle(database, ehr, rounds=3))
    assert states(database)["RiskAssessment primary"] == "in_doubt"
    grown_old(database)
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def waited(database: Database, seconds: float) -> None:
    """So much time passes for all deliveries."""
    since = tables.deliveries.c.since - seconds
    database.run_now(lambda connection, now: connection.execute(tables.deliveries.update().values(since=since)))


@pytest.mark.parametrize(
    ("seconds", "ends"), [(400.0, "superseded"), (10.0, "delivered")], ids=["an outage", "no time"]
)
def test_after_an_outage_the_newest_output_alone_is_sent(database: Database, seconds: float, ends: str) -> None:
    """Its predecessor has a Provenance as well: nothing of it is sent, and what waited for it goes on."""
    first = submission(said(inference_id="first"))
    asyncio.run(accept(database, first))
    waited(database, seconds)
    second = submission(output("risk", as_of=time.time(), inference_id="second"))
    asyncio.run(accept(database, second))
    ehr = Ehr()
    asyncio.run(settle(database, ehr))
    assert (state(database, first.id), state(database, second.id)) == (ends, "delivered")
    risks = [name for name in ehr.kept if name.startswith("RiskAssessment")]
    assert len(risks) == (1 if ends == "superseded" else 2)
    assert database.run_now(outputs.count_moving) == 0


def test_many_that_were_overtaken_are_put_aside_without_a_pause_between_them(database: Database) -> None:
    """Each of a patient's waits for the one before it: forty of them would take twenty seconds at a look every half."""
    ehr, began = Ehr(), time.time()
    for number in range(40):
        asyncio.run(accept(database, submission(output("risk", as_of=began + number, inference_id=str(number)))))
    waited(database, 400.0)

    async def serve() -> None:
        worker = Worker(
            run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace
        )  # fmt: skip
        serving = asyncio.create_task(worker.serve())
        while await database.run(outputs.count_moving) and time.time() < began + 60.0:
            await asyncio.sleep(0.05)
        worker.stop()
        await serving

    before = time.monotonic()
    asyncio.run(serve())
    assert database.run_now(outputs.count_moving) == 0
    assert time.monotonic() - before < 10.0
    assert len([name for name in ehr.kept if name.startswith("RiskAssessment")]) == 1


def test_what_a_clinician_confirmed_is_sent_although_a_newer_output_follows(database: Database) -> None:
    first = submission(said(inference_id="first"))
    asyncio.run(accept(database, first))
    confirmed = tables.outputs.update().values(decided_by="Practitioner/1", decided_at=1.0)
    database.run_now(lambda connection, now: connection.execute(confirmed))
    waited(database, 400.0)
    asyncio.run(accept(database, submission(output("risk", as_of=time.time(), inference_id="second"))))
    asyncio.run(settle(database, Ehr()))
    assert state(database, first.id) == "delivered"


def test_what_may_be_at_the_ehr_already_is_not_overtaken(database: Database) -> None:
    first = submission(said(inference_id="first"))
    asyncio.run(accept(database, first))
    ehr = lose_the_first("RiskAssessment", keep=True)
    asyncio.run(settle(database, ehr, rounds=3))
    waited(database, 400.0)
    asyncio.run(accept(database, submission(output("risk", as_of=time.time(), inference_id="second"))))
    asyncio.run(settle(database, ehr))
    assert state(database, first.id) == "delivered"


def test_where_what_stands_in_the_chart_came_from_is_told_however_late(database: Database) -> None:
    """The risk was delivered in time; its Provenance is no clinical statement that grows old."""

    def away(method: str, path: str, number: int) -> Answer | None:
        if path.startswith("Provenance") and not back:
            raise Unsent("down")
        return None

    back: list[str] = []
    made, ehr = submission(said()), Ehr(fault=away)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr, rounds=6))
    grown_old(database)
    back.append("up")
    asyncio.run(settle(database, ehr))
    assert states(database)["Provenance provenance"] == "delivered"
    assert state(database, made.id) == "delivered"


def test_a_dead_provenance_of_what_stands_in_the_chart_is_sent_again_however_late(database: Database) -> None:
    refuse = Answer(status=422)
    made = submission(said())
    asyncio.run(accept(database, made))
    ehr = Ehr(fault=lambda method, path, number: refuse if path.startswith("Provenance") and not mended else None)
    mended: list[Any] = []
    asyncio.run(settle(database, ehr))
    assert states(database)["Provenance provenance"] == "rejected"
    grown_old(database)
    mended.append(True)
    assert made.write is not None
    key = made.write.own[-1].key
    done = database.run_now(lambda c, now: resending.resend(c, now, key=key, write=None))
    assert not isinstance(done, str)
    asyncio.run(settle(database, ehr))
    for _ in range(2):
        asyncio.run(hurry(database))
        asyncio.run(settle(database, ehr, rounds=2))
    assert states(database)["Provenance provenance"] == "delivered"


def test_two_parts_of_an_output_that_end_at_the_same_time_bring_it_to_an_end(database: Database) -> None:
    """Two replicas record them in transactions that do not see each other, and no Provenance comes after them."""
    made = submission(said())
    assert made.write is not None
    primary = structs.replace(made.write.own[0], needs=())
    twin = structs.replace(primary, key="f" * 64, id="twin", role="flag")
    asyncio.run(accept(database, replace(made, write=replace(made.write, own=(primary, twin), shared=()))))
    rows = database.run_now(lambda c, now: claim_due(c, now, ehr="spec", owner="w", limit=2)).rows
    ended, told = Event(), Event()

    def end(connection: Connection, now: float, row: Claimed, *, first: bool) -> None:
        settle_rows(connection, now, [Settled(row=row, state="delivered")])
        (told if first else ended).set()
        if first:
            ended.wait(0.3)  # the other one ends meanwhile, unless it has to wait for this transaction

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(database.run_now, lambda c, now: end(c, now, rows[0], first=True))
        told.wait(5)
        two = threads.submit(database.run_now, lambda c, now: end(c, now, rows[1], first=False))
        one.result(10)
        two.result(10)
    assert state(database, made.id) == "delivered"
