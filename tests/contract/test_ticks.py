"""One suite, both databases: a tick is there once, is run by one, and is recorded by whoever runs it now and by nobody else."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.schedules import people, ticks, verbs
from gateway.schedules.planning import New
from gateway.schedules.population import Person
from gateway.schedules.tables import ticks as table
from gateway.schedules.ticks import LEASE, Claim, Fenced
from gateway.storage.database import Database, open_postgres, open_sqlite
from gateway.tables import metadata

NAME, GRACE = "north/ward", 900.0
DOCUMENT = '{"cron": "0 * * * *", "time_zone": "UTC"}'


class Store:
    """Each work with a clock of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def at(self, now: float, work: Any, **arguments: Any) -> Any:
        return self.database.run_now(lambda connection, _: partial(work, **arguments)(connection, now))

    def make(self, now: float, *instants: float, missed: bool = False) -> list[Any]:
        """Ticks that have come, from the cursor as it is."""
        row = self.at(now, ticks.find_declared)[0]
        made = [New(at=each, why="due", missed=missed, until=each + GRACE) for each in instants]
        given = {"name": NAME, "digest": row.digest, "upto": row.upto, "to": now, "made": made, "grace": GRACE}
        return list(self.at(now, ticks.advance, **given))

    def claim(self, now: float, owner: str) -> list[Claim]:
        return list(self.at(now, ticks.claim, names=[NAME], owner=owner, most=4))

    def populate(self, now: float, held: Claim, *named: str) -> None:
        self.at(now, people.save_people, held=held, people=[Person(patient=each) for each in named])
        self.at(now, people.note_population, held=held, number=len(named))

    def states(self) -> list[tuple[float, str, str]]:
        found = self.at(0.0, verbs.list_ticks, arguments={"schedule": NAME})
        return [(each["tick"], each["state"], each["reason"] or "") for each in reversed(found)]


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made: Database = open_sqlite(tmp_path / "x.db", metadata=[metadata])
    else:
        made = open_postgres(request.getfixturevalue("database_url"), metadata=[metadata])
    found = Store(made)
    found.at(1000.0, ticks.declare, site="north", documents={NAME: (DOCUMENT, "d1")})
    yield found
    made.close()


def next_at(connection: Connection, now: float) -> float:
    return float(connection.scalar(select(table.c.next_at)) or 0.0)


def test_a_tick_is_made_once_and_by_whoever_is_first(store: Store) -> None:
    cursor = {"name": NAME, "digest": "d1", "upto": 1000.0, "to": 3700.0, "grace": GRACE}
    made = [New(at=3600.0, why="due", missed=False, until=4500.0)]
    for _ in range(2):  # the second saw the same cursor, and comes too late
        assert store.at(3700.0, ticks.advance, made=made, **cursor) == []
    assert len(store.states()) == 1
    assert store.at(3700.0, ticks.advance, made=made, **{**cursor, "upto": 3700.0, "digest": "d2"}) == []
    assert store.make(7300.0, 7200.0, missed=True)[0].reason == "late"
    assert store.make(7301.0, 7200.0, missed=True) == [], "it is there: it was told already"


def test_one_runs_it_and_who_lost_it_records_nothing(store: Store) -> None:
    store.make(3600.0, 3600.0)
    first = store.claim(3601.0, "a")[0]
    assert store.claim(3602.0, "b") == []
    store.populate(3602.0, first, "Patient/1", "Patient/2")
    turn = store.at(3603.0, people.take_turns, held=first, as_of=5.0, most=1)[0]
    store.at(3604.0, ticks.keep, held=[first])
    assert store.claim(3604.0 + LEASE - 1, "b") == []
    second = store.claim(3604.0 + LEASE + 1, "b")[0]
    assert (second.epoch, second.population) == (2, 2)
    for work, more in (
        (people.finish_patient, {"turn": turn, "problem": ""}), (people.conclude, {}), (ticks.check, {}),
        (people.put_off, {"reason": "x"}), (people.take_turns, {"as_of": 9.0, "most": 9}),
        (people.save_people, {"people": [Person(patient="Patient/3")]}), (people.forget_people, {}),
        (people.note_population, {"number": 0}),
    ):  # fmt: skip
        with pytest.raises(Fenced):
            store.at(3626.0, work, held=first, **more)
    store.at(3626.0, ticks.keep, held=[first])  # a sign of life of who lost it wins nothing back
    turns = store.at(3626.0, people.take_turns, held=second, as_of=9.0, most=9)
    assert [(each.patient, each.as_of) for each in turns] == [("Patient/1", 5.0), ("Patient/2", 9.0)], (
        "as it was first read"
    )
    for each in turns:
        assert store.at(3627.0, people.conclude, held=second) == []
        store.at(3627.0, people.finish_patient, held=second, turn=each, problem="")
    ended = store.at(3628.0, people.conclude, held=second)[0]
    assert (ended.state, ended.done, ended.failed) == ("done", 2, 0)
    assert store.claim(9999.0, "c") == []


def test_one_of_a_schedule_is_run_at_a_time_the_oldest_first(store: Store) -> None:
    store.make(7300.0, 3600.0, 7200.0)
    held = store.claim(7301.0, "a")
    assert [each.at for each in held] == [3600.0]
    assert store.claim(7302.0, "b") == []
    store.at(7302.0, people.note_population, held=held[0], number=0)
    assert store.at(7303.0, people.conclude, held=held[0])[0].state == "done"
    assert [each.at for each in store.claim(7304.0, "b")] == [7200.0]


def test_what_has_to_wait_is_tried_again_and_missed_when_its_grace_ends(store: Store) -> None:
    store.make(3600.0, 3600.0)
    now, waits = 3601.0, []
    while not (ended := store.at(now, people.put_off, held=store.claim(now, "a")[0], reason="ehr_away")):
        due = float(store.at(now, next_at))
        assert store.claim(due - 0.1, "b") == []
        waits.append(due - now)
        now = due
    assert waits[:6] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    assert (ended[0].state, ended[0].reason) == ("missed", "ehr_away")
    assert 3600.0 + GRACE - 60.0 <= now <= 3600.0 + GRACE
    assert store.states()[0][1:] == ("missed", "ehr_away")


def test_what_nobody_ran_within_its_grace_is_missed_and_what_was_left_in_the_middle_partly(store: Store) -> None:
    store.make(7300.0, 3600.0, 7200.0)
    held = store.claim(7300.0, "a")[0]
    store.populate(7300.0, held, "Patient/1", "Patient/2")
    turn = store.at(7300.0, people.take_turns, held=held, as_of=1.0, most=1)[0]
    store.at(7300.0, people.finish_patient, held=held, turn=turn, problem="")
    sweep = partial(store.at, work=people.sweep, names=[NAME])
    early = sweep(7300.0 + LEASE + GRACE - 1)  # what is in the middle has its grace from the last sign of life
    assert [(each.at, each.state, each.reason) for each in early] == [(7200.0, "missed", "late")]
    over = {each.at: (each.state, each.reason, each.done, each.failed) for each in sweep(7300.0 + LEASE + GRACE + 1)}
    assert over == {3600.0: ("partial", "late", 1, 1)}


def test_a_clock_put_back_frees_what_the_dead_hold_and_takes_back_what_never_came(store: Store) -> None:
    store.make(3601.0, 3600.0)
    run = store.claim(3602.0, "dead")[0]
    store.make(90_000.0, 7200.0, 86_400.0)  # the clock was wrong: a day ahead
    store.at(7100.0, ticks.rewind, name=NAME)
    assert [each[0][11:16] for each in store.states()] == ["01:00"]
    assert store.at(7100.0, ticks.find_declared)[0].upto == 3600.0, "what came while it was wrong is made after all"
    store.at(7100.0, ticks.keep, held=[run])
    assert store.claim(3000.0, "b")[0].epoch == 2, "no lease ends an hour from now"
    store.at(4000.0, ticks.rewind, name=NAME)
    assert store.at(4000.0, ticks.find_declared)[0].upto == 3600.0, "nothing is put forward"


def test_a_rhythm_that_has_changed_has_no_past_and_what_is_taken_out_is_gone(store: Store) -> None:
    other = (DOCUMENT.replace("UTC", "Asia/Kolkata"), "d2")
    store.at(5000.0, ticks.declare, site="north", documents={NAME: (DOCUMENT[:-1] + ', "ehr": "x"}', "d3")})
    assert store.at(5000.0, ticks.find_declared)[0].upto == 1000.0
    store.at(5000.0, ticks.declare, site="north", documents={NAME: other})
    assert store.at(5000.0, ticks.find_declared)[0].upto == 5000.0
    store.at(5000.0, ticks.declare, site="north-2", documents={})
    assert len(store.at(5000.0, ticks.find_declared)) == 1
    store.at(5000.0, ticks.declare, site="north", documents={})
    assert store.at(5000.0, ticks.find_declared) == []
