"""Histories of a resource, of a type and of everything: what they hold, in which order, and where a page ends (R4 §3.1.0.11)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from r4.interaction import Answer
from tests.unit.sandbox.stores import BASE, Store

DAY = 86400.0


class Clock:
    """Says the time that it was set to, earlier ones too."""

    def __init__(self) -> None:
        self.now = 10 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def kept() -> Iterator[tuple[Store, Clock]]:
    clock = Clock()
    store = Store(clock=clock)
    yield store, clock
    store.database.close()


def instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def written(kept: tuple[Store, Clock], *said: tuple[str, float]) -> None:
    """Each id at its time; ``-id`` deletes it. No two writes of one resource are alike."""
    store, clock = kept
    for number, (id, at) in enumerate(said):
        clock.now = at
        if id.startswith("-"):
            store.ask("DELETE", f"Patient/{id[1:]}")
        else:
            store.put("Patient", id, name=[{"text": f"n{number}"}])


def told(answer: Answer) -> list[str]:
    """``id/version`` of each entry."""
    entries = (answer.resource or {}).get("entry", ())
    return [f"{e['fullUrl'].rpartition('/')[2]}/{e['response']['etag'][3:-1]}" for e in entries]


def pages(store: Store, path: str) -> Iterator[list[str]]:
    onward: str | None = path
    while onward:
        answer = store.ask("GET", onward)
        yield told(answer)
        links = {link["relation"]: link["url"] for link in (answer.resource or {}).get("link", ())}
        onward = str(links.get("next", "")).removeprefix(f"{BASE}/") or None
        assert onward is None or onward.partition("?")[0] == path.partition("?")[0]
        onward = onward and f"{onward}&{path.partition('?')[2]}"


def test_a_history_is_told_the_newest_first_with_what_was_done(kept: tuple[Store, Clock]) -> None:
    written(kept, ("a", 1000), ("b", 1001), ("a", 1002), ("-a", 1003), ("a", 1004))
    store, _ = kept
    answer = store.ask("GET", "Patient/a/_history")
    assert told(answer) == ["a/4", "a/3", "a/2", "a/1"]
    body = answer.resource or {}
    assert (body["type"], body["total"], "link" in body) == ("history", 4, False)
    assert [(e["request"]["method"], e["request"]["url"], e["response"]["status"], "resource" in e) for e in body["entry"]] == [
        ("PUT", "Patient/a", "200", True), ("DELETE", "Patient/a", "204", False), ("PUT", "Patient/a", "200", True), ("POST", "Patient", "201", True),
    ]  # fmt: skip
    assert [e["response"]["lastModified"][:19] for e in body["entry"]] == [
        instant(at)[:19] for at in (1004, 1003, 1002, 1000)
    ]
    for path in ("Patient/_history", "_history"):
        whole = store.ask("GET", path)
        assert told(whole) == ["a/4", "a/3", "a/2", "b/1", "a/1"]
        assert "total" not in (whole.resource or {})
    assert store.ask("GET", "Patient/nobody/_history").status == 404
    assert "entry" not in (store.ask("GET", "Observation/_history").resource or {})


BACK = (("a", 5000), ("b", 4000), ("a", 4500), ("-b", 4600), ("c", 4400))
"""The clock was set back after the first write."""


@pytest.mark.parametrize(
    ("path", "order"),
    [("Patient/_history", "a/1 b/2 a/2 c/1 b/1"), ("_history", "c/1 b/2 a/2 b/1 a/1"), ("Patient/a/_history", "a/2 a/1"), ("Patient/b/_history", "b/2 b/1")],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_a_type_is_told_by_time_and_the_rest_by_what_was_done_last(
    kept: tuple[Store, Clock], path: str, order: str, count: int
) -> None:
    written(kept, *BACK)
    found = list(pages(kept[0], f"{path}?_count={count}"))
    assert [each for page in found for each in page] == order.split()
    assert all(len(page) == count for page in found[:-1])
    assert 1 <= len(found[-1]) <= count


def test_a_page_of_a_resources_history_tells_a_total_only_when_it_is_the_whole(kept: tuple[Store, Clock]) -> None:
    written(kept, ("a", 1000), ("a", 1001), ("a", 1002))
    totals = {
        query: (kept[0].ask("GET", f"Patient/a/_history?{query}").resource or {}).get("total")
        for query in ("_count=3", "_count=2", f"_since={instant(1000)}", f"_at={instant(1000)}")
    }
    assert list(totals.values()) == [3, None, None, None]
    last = kept[0].ask("GET", "Patient/a/_history?_count=2")
    onward = (last.resource or {})["link"][0]["url"].removeprefix(f"{BASE}/")
    assert "total" not in (kept[0].ask("GET", onward).resource or {})


@pytest.mark.parametrize("path", ["Patient/a/_history", "Patient/_history", "_history"])
@pytest.mark.parametrize(
    ("at", "found"), [(1000, "a/3 a/2 a/1"), (1001, "a/3 a/2"), (1002, "a/3 a/2"), (1004, "a/3"), (1005, "")]
)
def test_since_leaves_out_what_is_older(kept: tuple[Store, Clock], path: str, at: float, found: str) -> None:
    written(kept, ("a", 1000), ("a", 1002), ("a", 1004))
    assert told(kept[0].ask("GET", f"{path}?_since={instant(at)}")) == found.split()


def test_since_allows_a_day_for_a_clock_that_was_set_back(kept: tuple[Store, Clock]) -> None:
    written(kept, ("a", 5 * DAY), ("a", 4 * DAY + 1))
    assert told(kept[0].ask("GET", f"Patient/a/_history?_since={instant(5 * DAY)}")) == ["a/1"]
    written(kept, ("a", 4 * DAY - 1), ("a", 4 * DAY - 1))
    assert told(kept[0].ask("GET", f"Patient/a/_history?_since={instant(5 * DAY)}")) == []


@pytest.mark.parametrize("path", ["Patient/a/_history", "Patient/_history", "_history"])
@pytest.mark.parametrize(
    ("at", "found"),
    [(instant(999), ""), (instant(1000), "a/1"), (instant(1001), "a/1"), (instant(1002), "a/2"), (instant(1003), "a/2"), (instant(1005), "a/3"),
     (instant(1006), "a/4"), (instant(9000), "a/4"), ("1970-01-01T00:16Z", "a/1"), ("1970-01-01", "a/4 a/3 a/2 a/1"), ("1970-01-02", "a/4")],
)  # fmt: skip
def test_at_finds_what_stood_at_that_time(kept: tuple[Store, Clock], path: str, at: str, found: str) -> None:
    """1000 s is 00:16:40."""
    written(kept, ("a", 1000), ("a", 1002), ("a", 1004), ("-a", 1006))
    wanted = "a/4 a/3 a/2 a/1" if at == "1970-01-01T00:16Z" else found
    assert told(kept[0].ask("GET", f"{path}?_at={at}")) == wanted.split()


@pytest.mark.parametrize(
    "query",
    ["_count=0", "_count=a", "_count=1234567890", "_since=x", "_at=x", "_sort=date", "_cursor=x", "_count=1&_count=2"],
)
def test_what_a_history_cannot_be_asked_is_refused(kept: tuple[Store, Clock], query: str) -> None:
    assert kept[0].ask("GET", f"Patient/_history?{query}").status == 400


def test_a_version_that_is_none_is_not_found(kept: tuple[Store, Clock]) -> None:
    written(kept, ("a", 1000), ("-a", 1001))
    statuses = {
        version: kept[0].ask("GET", f"Patient/a/_history/{version}").status
        for version in ("1", "2", "3", "x", "01", "1234567890")
    }
    assert statuses == {"1": 200, "2": 410, "3": 404, "x": 404, "01": 404, "1234567890": 404}
    assert kept[0].ask("GET", "Patient/b/_history/1").status == 404
