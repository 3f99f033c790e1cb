"""The embedded store and HAPI behind the same face answer the same requests alike, but for the rows of one table."""

import asyncio
from collections.abc import Callable

import pytest

from tests.contract.differential.campaign import Report, campaign, judged, shown
from tests.contract.differential.observing import Case, Seen, Step
from tests.contract.differential.rows import ROWS, SEARCH

REQUESTS, SEED = 2050, 1
CASE = Case(kind="read", steps=(Step(method="GET", path="Patient?_tag:missing=true"),))
FOUND = Seen(status=200, outcome=False, ids=("Patient/1", "Patient/2"))


@pytest.fixture(scope="module")
def report(hapi_seeded: str) -> Report:
    return asyncio.run(campaign(hapi_seeded, requests=REQUESTS, seed=SEED))


def test_both_stores_answer_alike_but_for_the_listed_differences(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        counts = ", ".join(f"{row.id} {report.rows[row.id]}" for row in ROWS)
        print(f"\n{report.requests} requests in {report.seconds:.0f} s; differences by row: {counts}")
    assert report.requests >= 2000
    assert [shown(difference) for difference in report.unexplained] == []


def test_every_listed_difference_is_seen(report: Report) -> None:
    assert report.unused == []


def test_the_table_is_short_and_every_row_has_its_sentence() -> None:
    assert 0 < len(ROWS) <= 25
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert all(row.sentence and row.address.startswith("http://hl7.org/fhir/R4/") for row in ROWS)
    assert SEARCH


CHANGES: tuple[Callable[[Seen], Seen], ...] = (
    lambda seen: seen._replace(status=404), lambda seen: seen._replace(ids=seen.ids[::-1]), lambda seen: seen._replace(ids=()),
    lambda seen: seen._replace(versions=("Patient/1 2",)), lambda seen: seen._replace(etag='W/"2"'),
    lambda seen: seen._replace(outcome=True), lambda seen: seen._replace(location="Patient/1/_history/2"),
    lambda seen: seen._replace(total=3),
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_differs_is_found(change: Callable[[Seen], Seen]) -> None:
    told = FOUND._replace(total=2)
    found = judged([CASE], [(told,)], [(change(told),)])
    assert len(found.unexplained) == 1
    assert judged([CASE], [(told,)], [(told,)]).unexplained == []


def test_a_listed_difference_is_counted_and_a_total_that_is_untold_is_none() -> None:
    refused = Seen(status=400, outcome=True)
    assert judged([CASE], [(FOUND,)], [(refused,)]).rows == {"missing-of-meta": 1}
    assert judged([CASE], [(FOUND._replace(total=2),)], [(FOUND,)]).unexplained == []
