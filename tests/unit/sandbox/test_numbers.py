"""The number of a change is above that of every change before."""

import re

import pytest
from sqlalchemy import Connection

from sandbox.paging import last_change
from tests.unit.sandbox.stores import Store


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "made with AUTOINCREMENT"])
def test_every_change_has_a_number_above_all_others(earlier: bool) -> None:
    """Though the highest goes with each change of it; and a store that counts them apart keeps count, so that the release
    that made it can go on with it."""
    store = Store()
    if earlier:
        store.database.run_now(lambda connection, now: _counted_apart(connection))
    seen: list[int] = []
    for turn in range(40):
        id = f"p{turn * 7 % 3}"
        if turn % 5 == 4:
            store.ask("DELETE", f"Patient/{id}")
        else:
            store.put("Patient", id, name=[{"family": f"N{turn}"}])
        seen.append(store.database.run_now(lambda connection, now: last_change(connection)))
    assert seen == sorted(set(seen))
    numbers = "SELECT count(*), count(DISTINCT number) FROM (SELECT number FROM fhir_resources UNION ALL SELECT number FROM fhir_versions)"
    every, different = store.database.run_now(lambda c, now: c.exec_driver_sql(numbers).one())
    assert every == different == len(seen)
    if earlier:
        counted = "SELECT seq FROM sqlite_sequence WHERE name = 'fhir_resources'"
        assert store.database.run_now(lambda c, now: c.exec_driver_sql(counted).scalar()) == seen[-1]


def _counted_apart(connection: Connection) -> None:
    made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'fhir_resources'").scalar_one()
    rest = "SELECT sql FROM sqlite_master WHERE tbl_name = 'fhir_resources' AND type = 'index' AND sql IS NOT NULL"
    indexes = connection.exec_driver_sql(rest).scalars().all()
    connection.exec_driver_sql("DROP TABLE fhir_resources")
    counted = made.replace("number INTEGER NOT NULL", "number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT")
    counted = re.sub(r",\s*PRIMARY KEY \(number\)", "", counted)
    assert "AUTOINCREMENT" in counted
    for each in (counted, *indexes):
        connection.exec_driver_sql(each)
