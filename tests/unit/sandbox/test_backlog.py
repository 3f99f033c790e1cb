"""Terms are written behind the resources; nothing that looks at terms can tell."""

from typing import Any

import pytest
from sqlalchemy import Connection

from r4 import codec
from sandbox import backlog
from sandbox.backlog import BEHIND, catch_up, served_at
from sandbox.indexing import index, rows
from sandbox.store import Stored
from tests.unit.sandbox.stores import BASE, Store


@pytest.fixture
def store() -> Store:
    return Store()


def observe(store: Store, number: int, **members: Any) -> None:
    coding = {"coding": [{"system": "urn:c", "code": f"c{number % 3}"}]}
    identifier = [{"system": "urn:i", "value": str(number)}]
    said = {"status": "final", "code": coding, "identifier": identifier, "effectiveDateTime": "2026-01-02", **members}
    store.put("Observation", f"o{number}", **said)


def waiting(store: Store) -> int:
    """Resources without a term."""
    sql = "SELECT count(*) FROM fhir_resources WHERE deleted = 0 AND number NOT IN (SELECT number FROM fhir_terms)"
    return int(store.database.run_now(lambda c, now: c.exec_driver_sql(sql).scalar()))


def wrong(store: Store) -> list[int]:
    """Current resources whose terms are not those of their bodies."""

    def compare(connection: Connection, now: float) -> list[int]:
        columns = ", ".join(Stored._fields)
        found = []
        for each in map(Stored._make, connection.exec_driver_sql(f"SELECT {columns} FROM fhir_resources").all()):
            made = [] if each.deleted else index(codec.parse(each.body), base=BASE)
            kept = connection.exec_driver_sql("SELECT * FROM fhir_terms WHERE number = ?", (each.number,)).all()
            if sorted(map(repr, rows(each.number, made, each.date))) != sorted(repr(tuple(row)) for row in kept):
                found.append(each.number)
        return found

    return store.database.run_now(compare)


def test_a_change_leaves_its_terms_to_whoever_looks_first(store: Store) -> None:
    for number in range(5):
        observe(store, number)
    assert waiting(store) == 5
    assert store.ids("Observation?identifier=urn:i|3") == ["o3"]
    assert waiting(store) == 0
    assert wrong(store) == []


def test_so_many_wait_and_no_more(store: Store) -> None:
    most = 0
    for number in range(3 * BEHIND):
        observe(store, number % 50, status=("final", "amended")[number // 50 % 2])
        if number % 7 == 0:
            store.ask("DELETE", f"Observation/o{number % 50}")
        most = max(most, waiting(store))
    assert 0 < most < BEHIND
    store.ids("Observation?status=final")
    assert wrong(store) == []


def aside(store: Store) -> int:
    """The last change whose terms are made and kept in memory."""
    return int(store.database.run_now(lambda c, now: backlog._made(c)))


def test_terms_are_made_as_changes_come_and_put_into_their_table_when_they_are_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "ASIDE", 3 * BEHIND)
    for number in range(3 * BEHIND - 1):
        observe(store, number)
    assert (aside(store), waiting(store)) == (2 * BEHIND, 3 * BEHIND - 1)
    observe(store, 3 * BEHIND)
    assert (aside(store), waiting(store)) == (3 * BEHIND, 0)
    observe(store, 3 * BEHIND + 1)
    assert len(store.ids("Observation?status=final&_count=1000")) == 3 * BEHIND + 1
    assert wrong(store) == []


def test_terms_that_were_made_of_what_was_taken_back_are_taken_back(store: Store) -> None:
    def fail(connection: Connection, now: float) -> None:
        for number in range(BEHIND):
            sql = "INSERT INTO fhir_resources SELECT NULL, type, ?, version, deleted, updated, body, date FROM fhir_resources WHERE id = 'o0'"
            connection.exec_driver_sql(sql, (f"lost{number}",))
        backlog.follow(connection, BEHIND, base=BASE)
        assert backlog._made(connection) == BEHIND + 1
        raise ValueError("taken back")

    observe(store, 0)
    with pytest.raises(ValueError, match="taken back"):
        store.database.run_now(fail)
    for number in range(1, BEHIND + 2):
        observe(store, number)
    assert len(store.ids("Observation?status=final&_count=1000")) == BEHIND + 2
    assert wrong(store) == []


@pytest.mark.parametrize("between", ["nothing", "a search", "a change", "a kill"])
def test_terms_that_come_into_their_table_part_by_part_are_there_once(store: Store, between: str) -> None:
    for number in range(2 * BEHIND + 5):
        observe(store, number)
    last, parameters = store.database.run_now(lambda c, now: backlog.parts(c))
    assert last == 2 * BEHIND
    for place, each in enumerate(parameters):
        store.database.run_now(lambda c, now, each=each: backlog.put(c, each, last))  # type: ignore[misc]
        if place == len(parameters) // 2:
            if between == "a search":
                assert len(store.ids("Observation?status=final&_count=1000")) == 2 * BEHIND + 5
            elif between == "a change":
                observe(store, 3, status="amended")
                store.ask("DELETE", "Observation/o4")
            elif between == "a kill":
                store.database.run_now(lambda c, now: c.exec_driver_sql("DROP TABLE temp.fhir_aside"))
                break
    else:
        store.database.run_now(lambda c, now: backlog.put_all(c, last))
    observe(store, 1000)
    assert len(store.ids("Observation?code=c0,c1,c2&_count=1000")) == 2 * BEHIND + 6 - (between == "a change")
    assert wrong(store) == []


def test_what_was_kept_aside_and_died_with_the_process_is_made_again(store: Store) -> None:
    for number in range(BEHIND + 5):
        observe(store, number)
    store.database.run_now(lambda c, now: c.exec_driver_sql("DROP TABLE temp.fhir_aside"))
    assert len(store.ids("Observation?status=final&_count=1000")) == BEHIND + 5
    assert wrong(store) == []


def test_what_was_taken_back_waits_no_longer_and_its_number_comes_again(store: Store) -> None:
    def fail(connection: Connection, now: float) -> None:
        connection.exec_driver_sql("INSERT INTO fhir_resources SELECT NULL, type, 'lost', version, deleted, updated, body, date FROM fhir_resources")  # fmt: skip
        catch_up(connection, base=BASE)
        raise ValueError("taken back")

    observe(store, 1)
    with pytest.raises(ValueError, match="taken back"):
        store.database.run_now(fail)
    observe(store, 2)
    assert store.ids("Observation?status=final") == ["o1", "o2"]
    assert wrong(store) == []


def test_a_condition_of_a_write_sees_what_was_stored_just_before(store: Store) -> None:
    observe(store, 1)
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    assert store.ask("POST", "Observation", body, ("if-none-exist", "identifier=urn:i|1")).status == 200
    assert store.ask("POST", "Observation", body, ("if-none-exist", "identifier=urn:i|2")).status == 201


def test_a_store_that_made_its_terms_with_each_change_goes_on(store: Store) -> None:
    observe(store, 1)
    store.ids("Observation?status=final")
    store.database.run_now(lambda c, now: c.exec_driver_sql("DELETE FROM fhir_settings WHERE name = 'indexed'"))
    observe(store, 2)
    assert store.ids("Observation?status=final") == ["o1", "o2"]
    assert wrong(store) == []


def test_what_waits_at_the_end_names_the_same_under_another_address(store: Store) -> None:
    def starts(base: str) -> None:
        store.database.run_now(lambda connection, now: served_at(connection, now, base=base))

    starts(BASE)
    observe(store, 1, subject={"reference": f"{BASE}/Patient/p"})
    starts("http://127.0.0.1:9/ehr/spec/fhir")
    observe(store, 2, subject={"reference": f"{BASE}/Patient/p"})
    store.database.run_now(lambda c, now: catch_up(c, base="http://127.0.0.1:9/ehr/spec/fhir"))
    assert store.ids("Observation?subject=Patient/p") == ["o1"]


def test_terms_that_are_lost_are_noticed(store: Store) -> None:
    """The failing twin of ``wrong``."""
    observe(store, 1)
    store.ids("Observation?status=final")
    store.database.run_now(lambda c, now: c.exec_driver_sql("DELETE FROM fhir_terms WHERE place = 0"))
    assert wrong(store) == [1]
