"""Rows of the audit log, as many as come: each is kept, once and in its order."""

import pytest
from sqlalchemy import create_engine

from sandbox import audit_log
from sandbox.audit import Event

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 120])
def test_rows_of_any_number_are_kept_each_as_it_is(count: int) -> None:
    said = [
        Event("read", 1_700_000_000.0 + each, 200, None, "c", None, f"p{each}", "g", "Observation", f"o{each}")
        for each in range(count)
    ]
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        server = audit_log.open_log(connection, 0.0, base=BASE)
        audit_log.append(connection, 0.0, said, server=server)
        kept, _ = audit_log.page(connection, 0.0, limit=200)
    engine.dispose()
    assert [(row.number, row.base, row.event) for row in reversed(kept)] == [
        (number, BASE, event) for number, event in enumerate(said, 1)
    ]
