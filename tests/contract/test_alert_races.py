"""Two at the same alert or label at once, on PostgreSQL: nothing that is over comes back, and what is one stays one."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from gateway import tables
from gateway.storage.database import open_postgres
from monitoring.alerting import handling
from monitoring.alerting.raising import Finding, raise_alert
from monitoring.labels import Label, save_label
from monitoring.tables import metadata as monitoring_metadata
from tests.contract.alert_world import ENGINEERING, World

FINDING = Finding(
    monitor="M-OUT-01", model="news2", version="1.0.0", ehr="spec", severity="critical", owners=(ENGINEERING,)
)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
Work = Callable[[Connection], Any]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    database = open_postgres(request.getfixturevalue("postgres").emptied(tables.metadata, monitoring_metadata))
    yield World(database)
    database.close()


def at_once(world: World, first: Work, second: Work) -> None:
    """``second`` begins when ``first`` is done and not committed, and goes on when it is."""
    done, commit = threading.Event(), threading.Event()

    def held(connection: Connection, now: float) -> None:
        first(connection)
        done.set()
        assert commit.wait(10)

    one = threading.Thread(target=world.database.run_now, args=(held,))
    other = threading.Thread(target=world.database.run_now, args=(lambda connection, now: second(connection),))
    one.start()
    assert done.wait(10)
    other.start()
    while other.is_alive() and not world.do(lambda connection, now: connection.scalar(WAITING)):
        other.join(0.02)
    commit.set()
    one.join(10)
    other.join(10)


def test_what_was_resolved_meanwhile_is_not_acknowledged(world: World) -> None:
    id = world.raised("M-IN-03")
    at_once(
        world,
        lambda connection: handling.resolve(connection, world.now, id=id, by="Ana"),
        lambda connection: handling.acknowledge(connection, world.now, id=id, by="Ben"),
    )
    assert (world.alert(id).state, world.alert(id).acknowledged_by) == ("resolved", "")
    assert world.story(id) == ["raised", "resolved"]


def test_of_two_who_acknowledge_the_first_has_it_and_of_two_who_resolve(world: World) -> None:
    id = world.raised("M-IN-03")
    for act, done in ((handling.acknowledge, "acknowledged"), (handling.resolve, "resolved")):
        at_once(world, *(
            lambda connection, who=who, act=act: act(connection, world.now, id=id, by=who) for who in ("Ana", "Ben")
        ))  # fmt: skip
        assert world.story(id)[-1] == done
    assert world.story(id) == ["raised", "acknowledged", "resolved"]
    assert (world.alert(id).acknowledged_by, world.alert(id).resolved_by) == ("Ana", "Ana")


def test_what_was_acknowledged_meanwhile_is_not_escalated(world: World) -> None:
    id = world.raised("M-IN-03")
    world.told()
    world.now += 7200
    at_once(
        world,
        lambda connection: handling.acknowledge(connection, world.now, id=id, by="Ana"),
        lambda connection: handling.sweep(connection, world.now),
    )
    assert world.alert(id).escalated is None
    assert world.story(id) == ["raised", "acknowledged"]


def test_two_labels_of_one_output_at_once_are_one_and_the_later_holds_while_it_is_not_mature(world: World) -> None:
    first = Label(output="o", event=False, observed=1.0, source="api", mature=world.now + 60)
    kept: list[str] = []
    at_once(world, *(
        lambda connection, label=label: kept.append(save_label(connection, world.now, label=label))
        for label in (first, replace(first, event=True))
    ))  # fmt: skip
    assert kept == ["new", "changed"]


def test_two_who_find_the_same_raise_one_alert(world: World) -> None:
    made = [world.new_id(), world.new_id()]
    at_once(world, *(
        lambda connection, id=id: raise_alert(connection, world.now, FINDING, new_id=lambda: id) for id in made
    ))  # fmt: skip
    (alert,) = world.do(handling.find_alerts)
    assert (alert.id, alert.count) == (made[0], 2)
    assert world.story(alert.id) == ["raised"]
