"""Every named fault of a sandbox EHR, seen from outside over a real socket (product.md §6, ``/ehr/{ehr}/faults``)."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from sandbox import faults
from tests.flow.fault_world import MARKED, SECRET, TOKEN, World, listening


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with listening() as made:
        yield made


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.switch()


def unstored(status: int) -> Callable[[World, str], None]:
    def seen(world: World, name: str) -> None:
        key = uuid.uuid4().hex
        world.switch(name)
        answer = world.create(key)
        assert (answer.status, answer.ended, world.copies(key)) == (status, "whole", 0)

    return seen


def stored(status: int) -> Callable[[World, str], None]:
    def seen(world: World, name: str) -> None:
        key = uuid.uuid4().hex
        world.switch(name)
        assert world.create(key).status == status
        assert world.copies(key) == 1
        assert world.send("GET", "fhir/Patient/p1").status == 200

    return seen


def lost(world: World, name: str) -> None:
    key = uuid.uuid4().hex
    world.switch(name)
    answer = world.create(key)
    assert (answer.status, answer.body, world.copies(key)) == (0, b"", 1)


def throttled(world: World, name: str) -> None:
    unstored(429)(world, name)
    assert "retry-after" not in world.send("GET", "fhir/Patient/p1").headers


def throttled_seconds(world: World, name: str) -> None:
    world.switch(f"{name}:7")
    assert world.send("GET", "fhir/Patient/p1").headers["retry-after"] == "7"


def throttled_date(world: World, name: str) -> None:
    world.switch(f"{name}:60")
    said = parsedate_to_datetime(world.send("GET", "fhir/Patient/p1").headers["retry-after"])
    assert 55 < said.timestamp() - time.time() < 65


def empty(status: int) -> Callable[[World, str], None]:
    def seen(world: World, name: str) -> None:
        unstored(status)(world, name)
        assert world.send("GET", "fhir/Patient/p1").body == b""

    return seen


def html(world: World, name: str) -> None:
    unstored(502)(world, name)
    answer = world.send("GET", "fhir/Patient/p1")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.body.startswith(b"<!doctype html>")


def mistyped(world: World, name: str) -> None:
    world.switch(name)
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.headers["content-type"], answer.json()["id"]) == (200, "text/plain", "p1")


def slow_headers(world: World, name: str) -> None:
    world.switch(f"{name}:1")
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.ended, answer.head_after > 0.9) == (200, "whole", True)


def slow_body(world: World, name: str) -> None:
    world.switch(f"{name}:1")
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.ended) == (200, "whole")
    assert answer.all_after > 0.9
    assert answer.all_after - answer.head_after > 0.25, "the head was not held back with it"


def reset(world: World, name: str) -> None:
    world.switch(f"{name}:17")
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.ended, len(answer.body)) == (200, "reset", 17)


def truncated(world: World, name: str) -> None:
    world.switch(name)
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.ended) == (200, "whole")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def duplicated(world: World, name: str) -> None:
    key = uuid.uuid4().hex
    condition = f"identifier=urn:test|{key}"
    world.switch(f"{name}*2")
    answers = [world.create(key, if_none_exist=condition).status for _ in range(3)]
    assert (answers, world.copies(key)) == ([201, 201, 412], 2)


def skewed_version(world: World, name: str) -> None:
    world.switch(name)
    answer = world.create(uuid.uuid4().hex)
    assert (answer.headers["etag"], answer.headers["location"][-11:]) == ('W/"2"', "/_history/2")
    assert answer.json()["meta"]["versionId"] == "1"


def stale(world: World, name: str) -> None:
    key = uuid.uuid4().hex
    made = world.create(key).json()
    place = f"fhir/Observation/{made['id']}"
    world.switch(f"{name}:5")
    assert world.send("GET", place).status == 404
    assert "entry" not in world.send("GET", f"fhir/Observation?identifier=urn:test%7C{key}").json()
    world.switch()
    assert world.send("PUT", place, {**made, "status": "amended"}).status == 200
    world.switch(f"{name}:5")
    assert world.send("GET", place).json()["status"] == "final"
    world.switch(f"{name}:0")
    assert world.send("GET", place).json()["status"] == "amended"


def skewed_clock(world: World, name: str) -> None:
    def told() -> list[float]:
        answer = world.send("GET", "fhir/Patient/p1")
        found = world.send("GET", "fhir/Patient?_id=p1").json()["entry"][0]["resource"]
        stamps = [datetime.fromisoformat(each["meta"]["lastUpdated"]) for each in (answer.json(), found)]
        heads = [parsedate_to_datetime(answer.headers[name]) for name in ("date", "last-modified")]
        return [moment.timestamp() for moment in (*stamps, *heads)]

    was = told()
    world.switch(f"{name}:600")
    assert [round(late - true, -1) for late, true in zip(told(), was, strict=True)] == [600] * 4


def dying(world: World, name: str) -> None:
    world.switch(f"{name}:2")
    assert [world.send("GET", "fhir/Patient/p1").status for _ in range(4)] == [200, 200, 401, 401]


def cut_search(world: World, name: str) -> None:
    for _ in range(3):
        world.create(uuid.uuid4().hex)
    world.switch(f"{name}:2")
    bundle = world.send("GET", "fhir/Observation?subject=Patient/p1").json()
    assert (len(bundle["entry"]), bundle.get("total", 2)) == (2, 2)
    assert [link["relation"] for link in bundle["link"]] == ["self"]


SIGHTS: dict[str, Callable[[World, str], None]] = {
    **{f"error-{status}": unstored(status) for status in (500, 502, 503, 504)},
    **{f"committed-{status}": stored(status) for status in (500, 502, 503, 504)},
    "answer-lost": lost, "throttled": throttled, "throttled-seconds": throttled_seconds,
    "throttled-date": throttled_date, "empty-403": empty(403), "empty-406": empty(406), "html-error": html,
    "wrong-content-type": mistyped, "slow-headers": slow_headers, "slow-body": slow_body, "reset-at-byte": reset,
    "truncated-json": truncated, "duplicate-race": duplicated, "version-skew": skewed_version, "stale-reads": stale,
    "clock-skew": skewed_clock, "token-dies": dying, "search-truncated": cut_search,
}  # fmt: skip


@pytest.mark.parametrize("name", [fault.name for fault in faults.FAULTS])
def test_a_fault_is_seen_from_outside(world: World, name: str) -> None:
    SIGHTS[name](world, name)


def test_no_fault_no_effect(world: World) -> None:
    key = uuid.uuid4().hex
    condition = f"identifier=urn:test|{key}"
    assert [world.create(key, if_none_exist=condition).status for _ in range(2)] == [201, 200]
    answer = world.send("GET", "fhir/Patient/p1")
    assert (answer.status, answer.ended, answer.headers["content-type"]) == (200, "whole", "application/fhir+json")


def test_a_fault_that_strikes_so_many_times_strikes_no_more(world: World) -> None:
    world.switch("error-500*2")
    assert [world.send("GET", "fhir/Patient/p1").status for _ in range(3)] == [500, 500, 200]


def test_a_fault_strikes_each_so_manieth_request_and_those_it_is_narrowed_to() -> None:
    with listening() as world:
        world.switch("error-500@read/3*2")
        assert world.create(uuid.uuid4().hex).status == 201
        seen = [world.send("GET", "fhir/Patient/p1").status for _ in range(9)]
        assert seen == [200, 200, 500, 200, 200, 500, 200, 200, 200]
        assert world.send("GET", "faults", token=None).json()["struck"] == {"error-500@read/3*2": 2}


def test_the_log_tells_that_a_fault_answered_and_whether_the_ehr_did_it(world: World) -> None:
    for name, told in (("error-500", "The EHR was not asked."), ("committed-500", "The EHR had done it.")):
        last = max((row.number for row in world.ehr.audit.recent.after(0)), default=0)
        world.switch(name)
        assert world.create(uuid.uuid4().hex).status == 500
        rows = world.ehr.audit.recent.after(last)
        assert (rows[0].event.status, rows[0].why) == (500, f"The fault {name} answered. {told}")
        assert [row.event.status for row in rows[1:]] == ([201] if name == "committed-500" else [])


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "Basic/none"), ("GET", "Basic?code=x"), ("GET", "$export"), ("GET", "bulk/none"),
    ("GET", "Patient/p1/_history"), ("GET", "Patient/p1/$everything"), ("DELETE", "Patient/none"),
])  # fmt: skip
def test_every_request_of_a_bearer_is_struck(world: World, method: str, path: str) -> None:
    world.switch("throttled")
    assert world.send(method, f"fhir/{path}").status == 429


def test_an_answer_without_a_body_is_sent_without_one_on_the_wire_too(world: World) -> None:
    made = world.create(uuid.uuid4().hex).json()["id"]
    world.switch("slow-headers:0")
    answer = world.send("HEAD", "fhir/Patient/p1")
    assert (answer.status, answer.body, int(answer.headers["content-length"]) > 200) == (200, b"", True)
    answer = world.send("DELETE", f"fhir/Observation/{made}")
    assert (answer.status, answer.body, "content-length" in answer.headers) == (204, b"", False)


def test_a_page_of_a_registered_origin_may_read_what_was_struck_on_the_wire(world: World) -> None:
    world.switch("slow-body:0")
    for origin, allowed in (("https://app.example", "https://app.example"), ("https://other.example", None)):
        answer = world.send("GET", "fhir/Patient/p1", origin=origin)
        assert answer.headers.get("access-control-allow-origin") == allowed


def test_before_somebody_elses_server_the_faults_want_the_operators_secret() -> None:
    with listening(secret=SECRET) as world:
        for method, body in (("GET", None), ("PUT", {"active": ["throttled"]}), ("DELETE", None)):
            assert [world.send(method, "faults", body, token=said).status for said in (None, TOKEN)] == [401, 401]
            assert world.ehr.faults.active == ()
        assert world.send("PUT", "faults", {"active": ["throttled"]}, token=SECRET).json()["active"] == ["throttled"]


def test_what_is_active_is_told_and_cleared(world: World) -> None:
    said = world.send("PUT", "faults", {"active": ["throttled", "error-503*1"]}, token=None).json()
    assert said["active"] == ["throttled", "error-503*1"]
    assert {"throttled", "pkce-unchecked"} <= set(said["available"])
    assert world.send("DELETE", "faults", token=None).json()["active"] == []
    assert world.send("GET", "faults", token=None).json()["active"] == []


@pytest.mark.parametrize("body", [
    {}, {"active": "throttled"}, {"active": ["made-up"]}, {"active": ["throttled:3"]}, {"active": [1]}, [],
    {"active": ["error-500/0"]}, {"active": ["error-500@all"]}, {"active": ["error-500*1/2"]}, {"active": [], "more": 1}, {"active": ["throttled"] * 65}, {"active": ["throttled*0x1"]},
])  # fmt: skip
def test_what_cannot_be_switched_is_refused_and_changes_nothing(world: World, body: object) -> None:
    world.switch("empty-403")
    answer = world.send("PUT", "faults", body, token=None)
    assert (answer.status, b"made-up" in answer.body) == (400, False)
    assert world.ehr.faults.active == ("empty-403",)


def test_the_clients_own_request_switches_nothing(world: World) -> None:
    answer = world.send("GET", "fhir/Patient/p1", x_fault="error-500", prefer="fault=error-500")
    assert answer.status == 200


def test_a_launch_that_names_a_fault_strikes_its_own_tokens_only(world: World) -> None:
    body = {"client_id": "app", "patient": "p1", "faults": ["error-503*1", "pkce-unchecked"]}
    assert world.send("POST", "launch", body, token=None).status == 200
    assert [world.send("GET", "fhir/Patient/p1", token=MARKED).status for _ in range(4)] == [503, 429, 200, 200]
    assert world.send("GET", "fhir/Patient/p1").status == 200
    assert world.send("POST", "launch", {**body, "faults": ["made-up"]}, token=None).status == 400
