"""Pages are stable under writes: what was there throughout comes once, whatever is written between two pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.planning import FEW
from tests.unit.sandbox.stores import BASE, Store

ORDERS = ("", "&_sort=date", "&_sort=-date", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=status,-date", "&_sort=_id",
          "&_sort=-value-quantity", "&_sort=code")  # fmt: skip
WHICH = ("Observation?_count=3", "Observation?subject=Patient/p&_count=3", "Observation?subject=Patient/p&code=c1&_count=2",
         "Observation?date=ge2000&_count=3", "Observation?_lastUpdated=gt2001&_count=3")  # fmt: skip


@pytest.fixture(params=[FEW, 0], ids=["sorted", "walked"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Small, and small but searched as if it were large."""
    made = Store(few=request.param)
    for number in range(11):
        write(made, f"o{number}", number)
    yield made
    made.database.close()


def write(store: Store, id: str, number: int, **members: Any) -> None:
    date = {"effectiveDateTime": f"20{10 + number % 7:02}-01-02"} if number % 4 else {}
    coding = {"coding": [{"system": "urn:c", "code": f"c{number % 2}"}, {"system": "urn:d", "code": f"c{number % 2}"}]}
    value = {"valueQuantity": {"value": number % 5, "unit": "kg"}} if number % 3 else {}
    body = {"status": "final" if number % 2 else "amended", "code": coding, "subject": {"reference": "Patient/p"}}
    store.put("Observation", id, **{**body, **date, **value, **members})


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", WHICH)
def test_pages_follow_one_another_as_one_long_page_would(store: Store, which: str, order: str) -> None:
    whole = store.ids(
        f"{which.rpartition('&')[0].rstrip('?') or 'Observation'}{'&' if '&' in which else '?'}_count=100{order}"
    )
    paged = [id for page in store.pages(which + order) for id in page]
    assert paged == whole
    assert len(set(paged)) == len(paged) > 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", WHICH)
def test_what_was_there_throughout_comes_once_whatever_is_written_meanwhile(
    store: Store, which: str, order: str
) -> None:
    pages = store.pages(which + order)
    before = sorted(set(store.ids(which.rpartition("_count")[0] + "_count=100")))
    seen = list(next(pages))
    for turn, page in enumerate(pages):
        seen += page
        for number in range(11):  # every one is changed, also what it is sorted by
            write(
                store, f"o{number}", number, effectiveDateTime=f"20{20 + turn}-0{1 + number % 9}-01", status="corrected"
            )
        write(store, f"new{turn}", 5)
    assert sorted(seen) == before


def test_what_is_deleted_drops_out_and_what_is_new_stays_out(store: Store) -> None:
    pages = store.pages("Observation?_sort=_id&_count=4")
    first = next(pages)
    store.ask("DELETE", "Observation/o5")
    store.ask("DELETE", "Observation/o6")
    write(store, "o6", 6)
    write(store, "o55", 5)
    rest = [id for page in pages for id in page]
    assert "o5" not in rest
    assert "o55" not in rest
    assert not set(first) & set(rest)


def test_a_changed_resource_is_shown_as_it_is_now(store: Store) -> None:
    onward = next(each["url"] for each in (store.ask("GET", "Observation?_sort=_id&_count=9").resource or {})["link"] if each["relation"] == "next")  # fmt: skip
    write(store, "o8", 8, status="cancelled")
    entries = (store.ask("GET", onward.removeprefix(f"{BASE}/")).resource or {})["entry"]
    assert {each["resource"]["id"]: each["resource"]["status"] for each in entries}["o8"] == "cancelled"


@settings(max_examples=25, deadline=None)
@given(
    order=st.sampled_from(ORDERS), which=st.sampled_from(WHICH),
    few=st.sampled_from([FEW, 0]), writes=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 20), st.booleans()), max_size=12),
)  # fmt: skip
def test_no_order_of_writes_makes_a_page_skip_or_repeat(
    order: str, which: str, few: int, writes: list[tuple[int, int, bool]]
) -> None:
    store = Store(few=few)
    for number in range(11):
        write(store, f"o{number}", number)
    before, gone = set(store.ids(which.rpartition("_count")[0] + "_count=100")), set()
    pages, left = store.pages(which + order), list(writes)
    seen: list[str] = []
    for page in pages:
        seen += page
        for number, other, deleting in left[:3]:
            if deleting:
                store.ask("DELETE", f"Observation/o{number}")
                gone.add(f"o{number}")
            else:
                write(store, f"o{number}", other)
        del left[:3]
    store.database.close()
    assert len(seen) == len(set(seen))
    assert before - gone <= set(seen) <= before


def test_the_terms_of_former_versions_are_forgotten_when_no_page_can_ask_for_them(store: Store) -> None:
    def count() -> int:
        sql = "SELECT count(DISTINCT number) FROM fhir_terms"
        return int(store.database.run_now(lambda c, now: c.exec_driver_sql(sql).scalar()) or 0)

    for turn in range(20):
        write(store, "o1", 1 + 2 * (turn % 2))
    assert count() > 20
    store.database.run_now(lambda c, now: c.exec_driver_sql("UPDATE fhir_moved SET at = at - 5000"))
    for turn in range(12):
        write(store, "o2", 2 + 2 * (turn % 2))
    assert count() <= 11 + 12
    assert store.ids("Observation?status=final&code=c1")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "e30",
        "WzEsMiwzXQ",
        "WzEsMixbXSw0XQ",
        "WzEsbnVsbCxbW11dLDRd",
        "8J-YgA",
        "WzksbnVsbCxbMV0sMTAwMDAwMDAwMDAwMDAwMDAwMDBd",
    ],
)
def test_a_cursor_that_the_store_did_not_write_is_refused(store: Store, cursor: str) -> None:
    assert store.ask("GET", f"Observation?_cursor={cursor}").status == 400


def test_the_total_is_told_where_it_costs_nothing_and_where_it_is_asked_for(store: Store) -> None:
    for number in range(230):
        store.put("Observation", f"m{number}", status="final", code={"coding": [{"code": "many"}]})
    told = {
        query: (store.ask("GET", f"Observation?{query}&_count=3").resource or {}).get("total")
        for query in (
            "code=c1",
            "code=many",
            "code=many&_total=accurate",
            "code=many&_total=none",
            "code=many&_summary=count",
            "code=c1&_total=accurate",
        )
    }
    assert list(told.values()) == [5 if store.few else None, None, 230, None, 230, 5]
