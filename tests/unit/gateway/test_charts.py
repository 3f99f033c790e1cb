"""A chart is read to its end, or it is said that it was not; what one type refuses does not hide the others."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.launches.charts import AT_ONCE, LedAway, Reading, Unavailable, read_chart
from gateway.launches.extents import extents
from vocabulary.chart import Read, Search
from writeback.speaking.answers import Answer

BASE = "https://ehr.example/r4"
MASS, CONDITIONS = Search(type="Observation", parameters=(("code", "x"),)), Search(type="Condition")


def page(*ids: str, total: Any = None, url: str | None = None, type: str = "Observation", **more: Any) -> Answer:
    bundle: dict[str, Any] = {
        "resourceType": "Bundle", "type": "searchset",
        "entry": [{"resource": {"resourceType": type, "id": id}} for id in ids], **more,
    }  # fmt: skip
    if total is not None:
        bundle["total"] = total
    if url is not None:
        bundle["link"] = [{"relation": "next", "url": url}]
    return Answer(status=200, body=json.dumps(bundle).encode())


class Ehr:
    """Answers by path, in order; remembers what it was asked."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]], base: str = BASE) -> None:
        self.base, self.asked = base, []  # type: ignore[var-annotated]
        self._answers = {path: found if isinstance(found, list) else [found] for path, found in answers.items()}

    async def send(self, method: str, path: str, *, headers: Any = None, body: Any = None) -> Answer:
        self.asked.append(path)
        left = self._answers[next(name for name in self._answers if path.startswith(name))]
        return left.pop(0) if len(left) > 1 else left[0]


def read(answers: Mapping[str, Answer | list[Answer]], how: Reading = AT_ONCE, search: Search = MASS) -> Read:
    return asyncio.run(read_chart(Ehr(answers), "Patient/p1", [search], how))[search]


def ids(found: Read) -> list[str]:
    return [resource["id"] for resource in found.resources]


@pytest.mark.parametrize(
    "url", [f"{BASE}/more?page=2", "more?page=2", "/r4/more?page=2", "https://EHR.example:443/r4/more?page=2"]
)
def test_pages_are_followed_to_the_end_wherever_their_links_are_written(url: str) -> None:
    found = read({"Observation": page("a", "b", total=3, url=url), "more?page=2": page("c", total=3)})
    assert (ids(found), found.complete, found.failure) == (["a", "b", "c"], True, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/r4/more", "//evil.example/r4/more", "http://ehr.example/r4/more", "https://ehr.example/other",
        f"{BASE}/../other", f"{BASE}/%2e%2e/other", "https://ehr.example@evil.example/r4/x", "https://ehr.example:444/r4/x",
        "javascript:alert(1)", "https://ehr.example/r4x/more",
    ],
)  # fmt: skip
def test_a_next_page_elsewhere_is_not_asked_for_and_asking_again_is_said_to_be_vain(url: str) -> None:
    ehr = Ehr({"Observation": page("a", url=url)})
    with pytest.raises(LedAway):
        asyncio.run(read_chart(ehr, "Patient/p1", [MASS]))
    assert len(ehr.asked) == 1


@pytest.mark.parametrize(
    ("answers", "complete"),
    [
        ({"Observation": page("a", "b", total=2)}, True),
        ({"Observation": page("a", "b", total=3)}, False),  # it counts one more than it gives
        ({"Observation": page("a", "b", total=1)}, True),  # an estimate
        ({"Observation": page("a", "a", total=2)}, False),  # one of them twice is one
        ({"Observation": page(*map(str, range(200)))}, False),  # a full page and not a word about the rest
        ({"Observation": page(*map(str, range(200)), total=200)}, True),
        ({"Observation": page(*map(str, range(199)))}, True),
        ({"Observation": page("a", url="more"), "more": page("b", url="more")}, False),  # a link in a circle
        ({"Observation": page("a", url="more"), "more": page("b", total=2)}, True),
        ({"Observation": page("a", total=9, url="more"), "more": page("b", total=2)}, True),  # the last word counts
    ],
)  # fmt: skip
def test_what_was_cut_short_is_noticed(answers: dict[str, Answer], complete: bool) -> None:
    found = read(answers)
    assert (found.complete, found.failure) == (complete, None)


@pytest.mark.parametrize(
    ("issue", "complete"),
    [
        ({"severity": "warning", "code": "suppressed"}, False), ({"severity": "error", "code": "processing"}, False),
        ({"severity": "information", "code": "incomplete"}, False), ({"severity": "warning", "code": "processing"}, True),
        ({"severity": "warning", "code": ["incomplete"]}, True), ({"severity": ["error"], "code": {}}, True),
    ],
)  # fmt: skip
def test_an_outcome_within_the_page_is_heard_and_is_no_record(issue: dict[str, str], complete: bool) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    observation = {"resourceType": "Observation", "id": "a"}
    for entry in ({"resource": outcome}, {"resource": outcome, "search": {"mode": "outcome"}}):
        found = read({"Observation": page(entry=[{"resource": observation}, entry])})
        assert (ids(found), found.complete) == (["a"], complete)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (403, "forbidden"),
        (404, "absent"),
        (406, "unsupported"),
        (400, "refused"),
        (422, "refused"),
        (501, "unsupported"),
    ],
)
def test_a_type_that_is_refused_is_a_failure_with_its_reason_and_the_others_are_read(status: int, failure: str) -> None:
    ehr = Ehr({"Observation": page("a"), "Condition": Answer(status=status)})
    found = asyncio.run(read_chart(ehr, "Patient/p1", [MASS, CONDITIONS]))
    assert (found[CONDITIONS].failure, found[CONDITIONS].complete) == (failure, False)
    assert (ids(found[MASS]), found[MASS].complete) == (["a"], True)


def test_a_refusal_on_a_later_page_keeps_what_came_before_it() -> None:
    found = read({"Observation": page("a", url="more"), "more": Answer(status=403)})
    assert (ids(found), found.complete, found.failure) == (["a"], False, "forbidden")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=401),
        Answer(status=302),
        Answer(status=429),
        Answer(status=503, headers={"retry-after": "7"}),
    ],
)
def test_an_ehr_that_does_not_answer_now_is_unavailable(answer: Answer) -> None:
    with pytest.raises(Unavailable) as failure:
        read({"Observation": answer})
    assert failure.value.retry_after == (7.0 if answer.headers else None)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"resourceType": "Observation"}', b"\xff", b"[]"])
def test_something_else_than_a_page_is_unreadable(body: bytes) -> None:
    assert read({"Observation": Answer(status=200, body=body)}).failure == "unreadable"


def waiting(allowed: float) -> tuple[Reading, list[float]]:
    waited: list[float] = []

    async def wait(seconds: float) -> bool:
        waited.append(seconds)
        return sum(waited) <= allowed

    return Reading(wait=wait), waited


@pytest.mark.parametrize(
    ("headers", "status", "pauses"),
    [
        ({"retry-after": "3"}, 429, [3.0, 3.0]), ({"retry-after": "0"}, 503, [0.0, 0.0]), ({}, 429, [1.0, 2.0]),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 503, [0.0, 0.0]), ({"retry-after": "soon"}, 429, [1.0, 2.0]),
    ],
)  # fmt: skip
def test_a_busy_ehr_is_asked_again_when_it_wants_to_be(
    headers: dict[str, str], status: int, pauses: list[float]
) -> None:
    how, waited = waiting(allowed=60)
    busy = Answer(status=status, headers=headers)
    found = read({"Observation": page("a", url="more"), "more": [busy, busy, page("b")]}, how)
    assert (ids(found), found.complete, waited) == (["a", "b"], True, pauses)


def test_an_ehr_that_is_busy_for_longer_than_anybody_waits_is_unavailable() -> None:
    how, waited = waiting(allowed=60)
    with pytest.raises(Unavailable):
        read({"Observation": Answer(status=429)}, how)
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


@pytest.mark.parametrize(
    ("granted", "type", "extent"),
    [
        ("patient/*.rs", "Condition", "all"), ("patient/Observation.rs", "Condition", "none"), ("user/*.read", "Condition", "all"),
        ("patient/Condition.r", "Condition", "none"), ("system/*.rs", "Condition", "none"), ("openid launch", "Condition", "none"),
        ("patient/Observation.rs?category=laboratory", "Observation", "part"),
        ("patient/Observation.rs?category=laboratory patient/*.rs", "Observation", "all"),
    ],
)  # fmt: skip
def test_what_was_not_granted_is_not_asked_for_and_what_was_granted_in_part_is_not_all(
    granted: str, type: str, extent: str
) -> None:
    of: Callable[[str], Any] = extents(granted)
    assert of(type) == extent
    ehr = Ehr({type: page("a", type=type)})
    found = asyncio.run(read_chart(ehr, "Patient/p1", [Search(type=type)], Reading(granted=of)))[Search(type=type)]
    assert found.complete == (extent == "all")
    assert (ehr.asked == [], found.failure == "not_granted") == (extent == "none", extent == "none")
