"""One suite, both databases: what is older than it is kept goes, what somebody still needs stays, and what went is recorded."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from auth.client.tables import launches, pending
from gateway.installation import METADATA
from gateway.people import links, sessions
from gateway.schedules.tables import patients, ticks
from gateway.sites.declaration import Retention
from gateway.storage import purging
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.tables import banners, jobs
from monitoring.tables import entries, evaluator, journal
from tests.contract.outbox_world import Ehr, accept, said, settle, submission
from vocabulary.write import Write
from writeback.tables import bodies, deliveries, outputs

DAY = 86400.0


@dataclass
class World:
    """As much of a gateway as a purge asks for."""

    database: Database
    declared: list[Any] = field(default_factory=list)
    models: dict[Any, Any] = field(default_factory=dict)

    async def run(self, work: Any) -> Any:
        return await self.database.run(work)

    def do(self, statement: Any) -> Any:
        return self.database.run_now(lambda connection, now: connection.execute(statement))

    def now(self) -> float:
        return float(self.database.run_now(lambda connection, now: now))

    def count(self, table: Any) -> int:
        return int(self.database.run_now(lambda c, now: c.scalar(select(func.count()).select_from(table))) or 0)

    def purge(self) -> dict[str, int]:
        return {kind: gone for kind, gone in asyncio.run(purging.purge(self)).items() if gone}  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        made: Database = open_sqlite(tmp_path / "x.db", metadata=METADATA)
    else:
        made = open_postgres(request.getfixturevalue("postgres").emptied(*METADATA))
    yield World(made)
    made.close()


def launch(world: World, id: str, *, days: float, ehr: str = "spec") -> None:
    since = world.now() - days * DAY
    values = {"scopes": "", "context": b"", "expires": since, "generation": "g", "refreshing_until": 0.0}
    world.do(insert(launches).values(id=id, ehr=ehr, since=since, **values))
    world.do(insert(jobs).values(launch=id, state="done", results="[]", since=since))
    world.do(insert(banners).values(launch=id, body=b"x"))


def ids(world: World) -> set[str]:
    return set(world.database.run_now(lambda c, now: c.execute(select(launches.c.id)).scalars().all()))


def test_sessions_links_and_begun_launches_go_a_day_after_their_end(world: World) -> None:
    now = world.now()
    for name, days in (("new", 0.9), ("old", 1.1)):
        world.do(insert(sessions.sessions).values(hash=name, roles="[]", expires=now - days * DAY))
        world.do(insert(links.links).values(hash=name, expires=now - days * DAY))
        values = {"ehr": "spec", "browser_hash": "", "body": b""}
        world.do(insert(pending).values(state_hash=name, expires=now - days * DAY, **values))
    assert world.purge() == {"sessions": 1, "one-time links": 1, "launches begun": 1}
    assert world.purge() == {}


def test_a_launch_goes_with_its_job_and_banner_and_only_when_nothing_of_it_is_open(world: World) -> None:
    for id, days in (("old", 31.0), ("new", 29.0), ("waits", 31.0)):
        launch(world, id, days=days)
    made = submission(said())
    asyncio.run(accept(world.database, made))
    world.do(update(outputs).values(principal="launch:waits", state="awaiting_confirmation"))
    assert world.purge()["launches"] == 1
    assert ids(world) == {"new", "waits"}
    assert (world.count(jobs), world.count(banners)) == (2, 2)
    world.do(update(outputs).values(state="declined"))
    world.do(update(deliveries).values(principal="launch:waits"))
    assert world.purge() == {}, "its deliveries are still to be sent"
    world.do(update(deliveries).values(moving=False, state="delivered"))
    assert world.purge() == {"launches": 1}


class Quick:
    """A site that keeps little."""

    id = "quick"

    class site:
        retention = Retention(launches="P1D", journal="P10D")
        ehrs = ("quick",)


def test_a_site_keeps_as_long_as_it_says_and_the_others_as_long_as_ever(world: World) -> None:
    world.declared = [Quick]
    launch(world, "a", days=2.0, ehr="quick")
    launch(world, "b", days=2.0, ehr="spec")
    assert world.purge() == {"launches": 1}
    assert ids(world) == {"b"}


def test_bodies_that_were_sent_go_and_those_of_dead_letters_stay(world: World) -> None:
    made = submission(said())
    asyncio.run(accept(world.database, made))
    asyncio.run(settle(world.database, Ehr()))
    assert isinstance(made.write, Write)
    total = world.count(bodies)
    assert total == 4
    assert world.purge() == {}
    long_ago = world.now() - 31 * DAY
    world.do(update(deliveries).values(since=long_ago, changed=long_ago))
    one = world.database.run_now(lambda c, now: c.scalar(select(func.min(deliveries.c.id))))
    world.do(update(deliveries).where(deliveries.c.id == one).values(state="dead"))
    assert world.purge() == {"bodies sent": total - 1}
    assert world.count(outputs) == 1


def test_the_journal_goes_after_two_years_page_by_page(world: World) -> None:
    now = world.now()
    row = dict.fromkeys(("what", "ehr", "model", "version", "kind", "state", "reason", "resource_type"), "")
    rows = [{**row, "at": now - (740 - number / 10) * DAY} for number in range(1200)]
    world.do(insert(journal).values(rows))
    gone = world.purge()["journal"]
    assert 0 < gone < 1200
    assert world.count(journal) == 1200 - gone
    oldest = world.database.run_now(lambda c, now: c.scalar(select(func.min(journal.c.at))))
    assert oldest > now - 732 * DAY


def test_what_went_is_recorded_without_anything_of_it(world: World) -> None:
    launch(world, "secret-launch", days=31.0)
    world.purge()
    found = world.database.run_now(lambda c, now: purging.list_purges(c, now, {}))
    assert [(each["kind"], each["rows"]) for each in found] == [("launches", 1)]
    assert "secret" not in str(found)


def test_ticks_that_have_ended_go_and_before_them_whom_they_left_out(world: World) -> None:
    world.declared = [Quick]
    now = world.now()
    tick = {each.name: 0 for each in ticks.c} | {"reason": "", "why": "due", "owner": ""}
    patient = {each.name: 0 for each in patients.c} | {"state": "failed", "reason": "late", "patient": "Patient/1"}
    for schedule, days, state in (
        ("quick/a", 20.0, "missed"), ("quick/a", 5.0, "partial"), ("quick/a", 20.5, "running"), ("slow/a", 20.0, "missed"),
        ("slow/a", 800.0, "done"),
    ):  # fmt: skip
        place = {"schedule": schedule, "at": now - days * DAY}
        world.do(insert(ticks).values({**tick, **place, "state": state}))
        world.do(insert(patients).values({**patient, **place}))
    assert world.purge() == {"patients that ticks left out": 3, "ticks": 2}
    left = world.database.run_now(lambda c, now: c.execute(select(ticks.c.schedule, ticks.c.state)).all())
    assert sorted(left) == [("quick/a", "partial"), ("quick/a", "running"), ("slow/a", "missed")]
    assert world.count(patients) == 2, "those of one that runs, and of one that keeps its launches longer"


def test_what_the_monitors_have_folded_goes_and_is_recorded_like_the_rest(world: World) -> None:
    long_ago = world.now() - 800 * DAY
    row = {"what": "tick", "model": "", "version": "", "ehr": "", "output": "", "words": "", "refusal": ""}
    world.do(insert(entries).values([{**row, "at": long_ago + n} for n in range(3)]))
    state = {"holder": "", "generation": 0, "until": 0.0, "ticked": 0.0, "entry": 2, "at": long_ago + 1.0}
    world.do(insert(evaluator).values(id=1, horizon=world.now(), **state))
    assert world.purge() == {purging.MONITORS: 2}, "the third is not folded yet"
    assert world.purge() == {}
    (recorded,) = world.database.run_now(lambda c, now: purging.list_purges(c, now, {}))
    assert (recorded["kind"], recorded["rows"]) == (purging.MONITORS, 2)
