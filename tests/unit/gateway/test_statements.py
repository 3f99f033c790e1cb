"""A statement that comes again says what SQLAlchemy says, and fails as it fails."""

from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)  # fmt: skip
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from gateway.storage.database import open_sqlite

METADATA = MetaData()
ROWS = Table(
    "rows", METADATA, Column("id", Integer, primary_key=True), Column("name", String(8), unique=True),
    Column("body", LargeBinary), Column("set", Boolean), Column("size", Float), Column("made", String(8), default="now"),
)  # fmt: skip
SAMPLES = ({"name": "a", "body": b"1", "set": True, "size": 1.0}, {"name": "b", "body": None, "set": False, "size": 2})
KEYS = bindparam("keys", expanding=True)

STATEMENTS: dict[str, tuple[Any, list[Any]]] = {
    "all": (select(ROWS).order_by(ROWS.c.id), [None, {}]),
    "one of a name": (select(ROWS).where(ROWS.c.name == bindparam("name")), [{"name": "b"}, {"name": "none"}]),
    "several": (select(ROWS.c.id).where(ROWS.c.name.in_(KEYS)).order_by(ROWS.c.id), [{"keys": k} for k in (["a"], [], ["a", "b"], ["b"], ("a", "b"))]),
    "not a state": (select(ROWS.c.name).where(ROWS.c.name.not_in(["b", "c"])), [None]),
    "a limit": (select(ROWS.c.name).order_by(ROWS.c.id.desc()).limit(1), [None]),
    "set": (select(ROWS.c.set, ROWS.c.body, ROWS.c.size).where(ROWS.c.set == bindparam("set")), [{"set": True}, {"set": False}]),
    "changed": (update(ROWS).where(ROWS.c.name == bindparam("wanted")).values(size=ROWS.c.size + bindparam("more")).returning(ROWS.c.size), [{"wanted": "a", "more": 2.5}]),
    "changed quietly": (update(ROWS).where(ROWS.c.name == bindparam("wanted")).values(set=True), [{"wanted": "b"}]),
    "changed by keys": (update(ROWS).where(ROWS.c.id == bindparam("wanted")), [{"wanted": 1, "name": "c"}]),
    "gone": (delete(ROWS).where(ROWS.c.name == bindparam("name")), [{"name": "a"}, {"name": "none"}]),
    "added": (insert(ROWS), [{"name": "d", "set": None}, [{"name": "d"}, {"name": "e"}]]),
}  # fmt: skip


def said(connection: Connection, statement: Any, parameters: Any) -> Any:
    """Rows and their count, or the kind of failure; undone again."""
    with connection.begin_nested() as undone:
        result = connection.execute(statement, parameters)
        rows = [tuple(row) for row in result.all()] if getattr(result, "returns_rows", True) else []
        undone.rollback()
    return rows


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_says_the_same_every_time(name: str) -> None:
    statement, asked = STATEMENTS[name]
    database = open_sqlite(":memory:", metadata=[METADATA])

    def work(connection: Connection, now: float) -> None:
        plain = Connection(database.engine)
        plain.execute(insert(ROWS), list(SAMPLES))
        for parameters in asked:
            expected = said(plain, statement, parameters)
            assert [said(connection, statement, parameters) for _ in range(3)] == [expected] * 3

    database.run_now(work)
    database.close()


def test_a_row_has_its_columns_by_name_and_by_number() -> None:
    database = open_sqlite(":memory:", metadata=[METADATA])
    one, add = select(ROWS).where(ROWS.c.name == bindparam("name")), insert(ROWS)

    def work(connection: Connection, now: float) -> None:
        assert [connection.execute(add, sample).rowcount for sample in SAMPLES] == [1, 1]
        for _ in range(3):
            row = connection.execute(one, {"name": "a"}).one()
            assert (row.set, row[0], row.made, row.body) == (True, 1, "now", b"1")
            assert connection.scalar(one, {"name": "b"}) == 2
            assert list(connection.scalars(one, {"name": "a"})) == [1]
            assert list(connection.scalars(one, {"name": "none"})) == []
            assert connection.execute(one, {"name": "none"}).one_or_none() is None

    database.run_now(work)
    database.close()


def test_a_failure_is_sqlalchemys_and_repeats_no_parameter() -> None:
    database = open_sqlite(":memory:", metadata=[METADATA])
    add = insert(ROWS)
    one = select(ROWS.c.id).where(ROWS.c.name == bindparam("name"))

    def work(connection: Connection, now: float) -> None:
        values = {"name": "secret", "made": "then"}
        connection.execute(add, values)
        for _ in range(2):
            with pytest.raises(IntegrityError) as failure:
                connection.execute(add, values)
        assert "secret" not in str(failure.value)
        connection.execute(one, {"name": "secret"})
        with pytest.raises(SQLAlchemyError):
            connection.execute(one, {"nome": "secret"})

    database.run_now(work)
    database.close()
