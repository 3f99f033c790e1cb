"""Statements that come again run at the driver, and say the same as SQLAlchemy does, whatever they are given."""

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, bindparam, create_engine, exc, insert, select
from sqlalchemy.pool import StaticPool

from gateway.storage.statements import DriverConnection

METADATA = MetaData()
THINGS = Table(
    "things", METADATA, Column("id", Integer, primary_key=True), Column("name", String(8)), Column("kind", String(8)),
    Column("good", Boolean),
)  # fmt: skip
ADD = insert(THINGS)
FIND = select(THINGS.c.id, THINGS.c.good).where(THINGS.c.name == bindparam("name"), THINGS.c.kind != "none").limit(5)
LISTED = select(THINGS.c.id).where(THINGS.c.name.in_(bindparam("names", expanding=True))).order_by(THINGS.c.id)


@pytest.fixture
def connection() -> DriverConnection:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    METADATA.create_all(engine)
    return DriverConnection(engine)


def test_a_statement_is_given_the_same_names_or_others_as_many(connection: DriverConnection) -> None:
    for number in range(4):
        connection.execute(ADD, {"id": number, "name": "a", "kind": "x", "good": number % 2 == 0})
    connection.execute(ADD, {"id": 7, "name": "b", "kind": "x"})
    for name, good in (("good", True), ("kind", "y"), ("good", False)):
        connection.execute(ADD, {"id": None, "name": "b", name: good})
    found = [tuple(row) for row in connection.execute(select(THINGS).order_by(THINGS.c.id))]
    assert found == [
        (0, "a", "x", True), (1, "a", "x", False), (2, "a", "x", True), (3, "a", "x", False), (7, "b", "x", None),
        (8, "b", None, True), (9, "b", "y", None), (10, "b", None, False),
    ]  # fmt: skip


def test_what_is_the_same_each_time_stands_beside_what_is_given(connection: DriverConnection) -> None:
    connection.execute(
        ADD, [{"id": 1, "name": "a", "kind": "x", "good": True}, {"id": 2, "name": "a", "kind": "none", "good": True}]
    )
    for _ in range(3):
        assert [tuple(row) for row in connection.execute(FIND, {"name": "a"})] == [(1, True)]
        assert connection.execute(FIND, {"name": "b"}).all() == []
    assert connection.execute(FIND, {"name": "a"}).one().id == 1
    with pytest.raises(exc.NoResultFound):
        connection.execute(FIND, {"name": "b"}).one()


def test_lists_of_any_length_are_taken(connection: DriverConnection) -> None:
    connection.execute(ADD, [{"id": number, "name": str(number)} for number in range(3)])
    for names in (["0"], ["0", "2"], ["2"], ["1", "5", "0"], []):
        assert list(connection.scalars(LISTED, {"names": names})) == sorted(int(name) for name in names if name < "3")


def test_a_parameter_that_is_missing_is_an_error(connection: DriverConnection) -> None:
    for _ in range(2):
        with pytest.raises(exc.SQLAlchemyError):
            connection.execute(FIND, {})
    connection.execute(FIND, {"name": "a"})
    connection.execute(FIND, {"name": "a"})
    with pytest.raises(exc.SQLAlchemyError):
        connection.execute(FIND, {"nam": "a"})


def test_what_the_database_refuses_is_told_as_sqlalchemy_tells_it(connection: DriverConnection) -> None:
    row = {"id": 1, "name": "secret"}
    connection.execute(ADD, row)
    for given in (row, row, [row, row], [row, row]):
        with pytest.raises(exc.IntegrityError) as failure:
            connection.execute(ADD, given)
        assert "things.id" in str(failure.value)
