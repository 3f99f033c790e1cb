"""A store of an earlier Chartgate keeps every version, and is found by what it says."""

import json

from sqlalchemy import Connection

from sandbox.indexing import key
from sandbox.upgrade import complete, upgrade
from tests.unit.sandbox.stores import BASE, Store

BEFORE = """
DROP TABLE fhir_resources; DROP TABLE fhir_versions; DROP TABLE fhir_terms; DROP TABLE fhir_moved;
CREATE TABLE fhir_resources (number INTEGER NOT NULL PRIMARY KEY, type VARCHAR(64) NOT NULL, id VARCHAR(64) NOT NULL,
  version INTEGER NOT NULL, deleted BOOLEAN NOT NULL, updated DOUBLE NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX fhir_resources_name ON fhir_resources (type, id);
CREATE TABLE fhir_versions (type VARCHAR(64) NOT NULL, id VARCHAR(64) NOT NULL, version INTEGER NOT NULL,
  deleted BOOLEAN NOT NULL, updated DOUBLE NOT NULL, body BLOB NOT NULL, PRIMARY KEY (type, id, version));
CREATE TABLE fhir_terms (number INTEGER NOT NULL, type VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL,
  system TEXT DEFAULT '' NOT NULL, value TEXT, low DOUBLE, high DOUBLE);
CREATE INDEX fhir_terms_value ON fhir_terms (type, name, value)
"""


def body(version: int, gender: str) -> bytes:
    meta = {"versionId": str(version), "lastUpdated": "2026-01-01T00:00:00Z"}
    return json.dumps({"resourceType": "Patient", "id": "p", "meta": meta, "gender": gender}).encode()


def fill(connection: Connection, now: float) -> None:
    for statement in BEFORE.split(";"):
        connection.exec_driver_sql(statement)
    add = "INSERT INTO {} ({}type, id, version, deleted, updated, body) VALUES ({}'Patient', ?, ?, ?, ?, ?)"
    connection.exec_driver_sql(
        add.format("fhir_resources", "number, ", "7, "), ("p", 2, False, 20.0, body(2, "female"))
    )
    connection.exec_driver_sql(add.format("fhir_resources", "number, ", "9, "), ("gone", 2, True, 30.0, b""))
    for id, at in (("p", 10.0), ("gone", 15.0)):
        connection.exec_driver_sql(add.format("fhir_versions", "", ""), (id, 1, False, at, body(1, "male")))


def test_an_earlier_store_is_searched_read_and_written_as_before() -> None:
    store = Store()
    store.database.run_now(fill)
    assert store.database.run_now(lambda c, now: upgrade(c, now, base=BASE))
    assert store.ids("Patient?gender=female") == ["p"]
    assert store.ids("Patient?gender=male") == []
    assert store.ask("GET", "Patient/p/_history/1").encoded == body(1, "male")
    assert store.ask("GET", "Patient/gone").status == 410
    told = [entry["response"]["etag"] for entry in (store.ask("GET", "_history").resource or {})["entry"]]
    assert told == ['W/"2"', 'W/"2"', 'W/"1"', 'W/"1"']
    assert store.put("Patient", "p", gender="male").headers["etag"] == 'W/"3"'
    assert store.ids("Patient?gender=male") == ["p"]


def test_a_store_of_today_is_left_alone() -> None:
    store = Store()
    store.put("Patient", "p", gender="male")
    assert not store.database.run_now(lambda c, now: upgrade(c, now, base=BASE))
    assert store.ids("Patient?gender=male") == ["p"]


HOME = {"hospitalization": {"dischargeDisposition": {"coding": [{"system": "urn:d", "code": "home"}]}}}


def test_parameters_that_came_later_find_what_was_there_before() -> None:
    store = Store()
    for name in ("one", "two"):
        store.put("Encounter", name, status="finished", **{"class": {"code": "AMB"}}, **HOME)
    assert sorted(store.ids("Encounter?discharge-disposition=home")) == ["one", "two"]
    forget = "DELETE FROM fhir_terms WHERE parameter = ?"
    added = (key("Encounter", "discharge-disposition"),)
    store.database.run_now(lambda c, now: c.exec_driver_sql(forget, added))  # as an earlier Chartgate left it
    store.put("Encounter", "waiting", status="finished", **{"class": {"code": "AMB"}}, **HOME)
    assert store.database.run_now(lambda c, now: complete(c, now, base=BASE))
    assert sorted(store.ids("Encounter?discharge-disposition=home")) == ["one", "two", "waiting"]
    rows = store.database.run_now(
        lambda c, now: c.exec_driver_sql("SELECT count(*) FROM fhir_terms WHERE parameter = ?", added).scalar()
    )
    assert rows == 3
    assert not store.database.run_now(lambda c, now: complete(c, now, base=BASE))
