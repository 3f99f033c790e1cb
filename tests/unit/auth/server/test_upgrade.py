"""A database of 0.1 goes on being used."""

from sqlalchemy import text

from auth.server import tables
from auth.server.grants import Context, find_by_id, save_grant
from auth.server.upgrade import add_columns
from gateway.storage.database import open_sqlite

OLD = "CREATE TABLE auth_grants (id VARCHAR(64) PRIMARY KEY, client VARCHAR(128) NOT NULL, scopes TEXT NOT NULL, context TEXT NOT NULL, revoked BOOLEAN NOT NULL, since DOUBLE NOT NULL)"


def test_a_grants_table_of_the_first_version_takes_new_grants_and_keeps_old_ones() -> None:
    database = open_sqlite(":memory:")
    database.run_now(lambda connection, now: connection.execute(text(OLD)) and None)
    database.run_now(
        lambda c, now: c.execute(text("INSERT INTO auth_grants VALUES ('old','c','openid','{}',0,1.0)")) and None
    )
    database.run_now(lambda connection, now: tables.metadata.create_all(connection))
    for _ in range(2):
        database.run_now(add_columns)
    save = {
        "client_id": "c",
        "scopes": (),
        "context": Context(user="Practitioner/d1"),
        "session": "s",
        "faults": ("x",),
    }
    database.run_now(lambda c, now: save_grant(c, now, id="new", **save))  # type: ignore[arg-type]
    new = database.run_now(lambda c, now: find_by_id(c, now, "new"))
    old = database.run_now(lambda c, now: find_by_id(c, now, "old"))
    database.close()
    assert new is not None
    assert (new.session, new.faults, new.user) == ("s", ("x",), "Practitioner/d1")
    assert old is not None
    assert (old.session, old.faults) == (None, ())
