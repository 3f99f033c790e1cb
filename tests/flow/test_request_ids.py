"""An answer of a sandbox EHR's FHIR base carries the X-Request-Id of its request, where that is an id (R4 http, Custom
Headers), over a real socket."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.fault_world import TOKEN, World, listening

NAME = "7f3c.1b_9E-" + "x" * 53


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with listening() as made:
        yield made


ASKED: tuple[tuple[str, str, Any, str | None, int], ...] = (
    ("GET", "fhir/Patient/p1", None, TOKEN, 200), ("HEAD", "fhir/Patient/p1", None, TOKEN, 200), ("GET", "fhir/Patient?name=x", None, TOKEN, 200),
    ("GET", "fhir/metadata", None, None, 200), ("POST", "fhir/Patient", {"resourceType": "Patient"}, TOKEN, 201), ("DELETE", "fhir/Patient/none", None, TOKEN, 204),
    ("GET", "fhir/Patient/none", None, TOKEN, 404), ("GET", "fhir/Patient?nothing=x", None, TOKEN, 400), ("GET", "fhir/Patient/p1", None, None, 401),
    ("GET", "fhir/Patient/p1", None, "unknown", 401), ("PUT", "fhir/Patient", {"resourceType": "Patient"}, TOKEN, 400), ("TRACE", "fhir/Patient/p1", None, TOKEN, 405),
    ("POST", "fhir/Patient", b"{", TOKEN, 400), ("POST", "fhir", {"resourceType": "Bundle", "type": "batch", "entry": []}, TOKEN, 200),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "token", "status"), ASKED)
def test_an_id_of_the_request_is_told_whatever_is_answered(
    world: World, method: str, path: str, body: Any, token: str | None, status: int
) -> None:
    answer = world.send(method, path, body, token=token, x_request_id=NAME)
    assert (answer.status, answer.headers.get("x-request-id")) == (status, NAME)
    assert "x-request-id" not in world.send(method, path, body, token=token).headers


@pytest.mark.parametrize("said", ["two words", NAME + "x", "a/b", "<b>", "a,b", "ä", "%0d%0aset-cookie: x", ""])
def test_another_text_is_never_told_back(world: World, said: str) -> None:
    answer = world.send("GET", "fhir/Patient/p1", x_request_id=said)
    assert answer.status == 200
    assert "x-request-id" not in answer.headers


@pytest.mark.parametrize("fault", ["throttled", "html-error", "wrong-content-type", "slow-body", "clock-skew"])
def test_a_fault_changes_no_id(world: World, fault: str) -> None:
    world.switch(fault)
    answer = world.send("GET", "fhir/Patient/p1", x_request_id=NAME)
    world.switch()
    assert answer.headers["x-request-id"] == NAME


def test_a_page_of_a_registered_origin_may_send_and_read_it(world: World) -> None:
    place, origin = "fhir/Patient/p1", "https://app.example"
    asked = world.send("OPTIONS", place, token=None, origin=origin, access_control_request_method="GET").headers
    assert "x-request-id" in asked["access-control-allow-headers"].split(", ")
    said = world.send("GET", place, origin=origin, x_request_id=NAME).headers
    assert (said["x-request-id"], said["access-control-allow-origin"]) == (NAME, origin)
    assert "x-request-id" in said["access-control-expose-headers"].split(", ")
