"""A Binary read as what it holds (R4 binary.html §rest), by a token that may read Binaries."""

from base64 import b64encode
from typing import Any

import pytest

from tests.flow.smart_server import World, drive

HELD = b"<script>alert(1)</script>\n\x00\xff"
SCOPE = "launch user/Binary.cruds user/Patient.rs"


async def _stored(world: World, **changed: Any) -> str:
    """The token that stored it, as ``Binary/b``."""
    said = await world.signed_in(await world.register(), scope=SCOPE)
    body = {"resourceType": "Binary", "id": "b", "contentType": "text/html; charset=utf-8", **changed}
    body.setdefault("data", b64encode(HELD).decode())
    answer = await world.fhir(said["access_token"], "PUT", "Binary/b", json=body)
    assert answer.status_code == 201, answer.text
    return str(said["access_token"])


@pytest.mark.parametrize("place", ["Binary/b", "Binary/b/_history/1"])
@pytest.mark.parametrize("accept", ["text/html", "image/png, text/html;q=0.5"])
def test_the_content_is_a_download_that_runs_nothing(accept: str, place: str) -> None:
    async def act(world: World) -> None:
        answer = await world.fhir(await _stored(world), "GET", place, headers={"accept": accept})
        assert (answer.status_code, answer.content) == (200, HELD)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["etag"] == 'W/"1"'

    drive(act)


@pytest.mark.parametrize(
    "accept", ["application/fhir+json", "*/*", "text/html, application/fhir+json;q=0.1", "application/json"]
)
def test_who_takes_json_gets_the_resource(accept: str) -> None:
    async def act(world: World) -> None:
        answer = await world.fhir(await _stored(world), "GET", "Binary/b", headers={"accept": accept})
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.json()["contentType"] == "text/html; charset=utf-8"

    drive(act)


@pytest.mark.parametrize("accept", ["application/pdf", "application/fhir+xml", "text/html;q=0", "image/*"])
def test_another_type_is_not_acceptable(accept: str) -> None:
    async def act(world: World) -> None:
        token = await _stored(world)
        answer = await world.fhir(token, "GET", "Binary/b", headers={"accept": accept})
        assert (answer.status_code, answer.json()["resourceType"]) == (406, "OperationOutcome")
        assert (await world.fhir(token, "GET", "Patient/p1", headers={"accept": "text/html"})).status_code == 406

    drive(act)


def test_no_header_is_made_of_a_type_that_is_none() -> None:
    async def act(world: World) -> None:
        token = await _stored(world, contentType="text/html x")
        answer = await world.fhir(token, "GET", "Binary/b", headers={"accept": "text/html"})
        assert answer.status_code == 406

    drive(act)


def test_who_may_not_read_it_is_told_so_and_no_more() -> None:
    async def act(world: World) -> None:
        token, accept = await _stored(world), {"accept": "text/html"}
        patients = await world.signed_in(await world.register(), scope="launch patient/*.cruds")
        for bearer, status in ((patients["access_token"], 403), ("nothing", 401), (None, 401)):
            answer = await world.fhir(bearer, "GET", "Binary/b", headers=accept)
            assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
        assert (await world.fhir(token, "GET", "Binary/none", headers=accept)).status_code == 404
        same = await world.fhir(token, "GET", "Binary/b", headers={**accept, "if-none-match": 'W/"1"'})
        assert (same.status_code, same.content) == (304, b"")

    drive(act)


@pytest.mark.parametrize(
    "type", ["image/png", "text/html; charset=utf-8", "application/xml", "application/x-www-form-urlencoded"]
)
@pytest.mark.parametrize(("method", "place", "status"), [("POST", "Binary", 201), ("PUT", "Binary/raw", 201)])
def test_what_is_sent_in_a_type_of_its_own_is_kept_as_it_is(method: str, place: str, status: int, type: str) -> None:
    """R4 binary: data is accepted as is, and read again so."""

    async def act(world: World) -> None:
        token = await _stored(world)
        headers = {"content-type": type, "x-security-context": "Patient/p1"}
        made = await world.fhir(token, method, place, content=HELD, headers=headers)
        assert made.status_code == status, made.text
        kept = made.json()
        assert (kept["contentType"], kept["securityContext"]) == (type, {"reference": "Patient/p1"})
        read = await world.fhir(token, "GET", f"Binary/{kept['id']}", headers={"accept": type.partition(";")[0]})
        assert (read.content, read.headers["content-disposition"]) == (HELD, "attachment")

    drive(act)


XML = b'<?xml version="1.0"?><Binary xmlns="http://hl7.org/fhir"/>'


@pytest.mark.parametrize(
    ("place", "type", "content", "status"),
    [
        ("Binary", "application/fhir+xml", XML, 415), ("Binary", "text/xml", XML, 415), ("Binary", "nonsense", HELD, 415),
        ("Binary", "application/json", b"{}", 400), ("Observation", "image/png", HELD, 415), ("Binary/x/y", "image/png", HELD, 415),
        ("Binary/_search", "image/png", HELD, 415),
    ],
)  # fmt: skip
def test_no_resource_is_taken_for_data_and_no_data_for_a_resource(
    place: str, type: str, content: bytes, status: int
) -> None:
    async def act(world: World) -> None:
        answer = await world.fhir(await _stored(world), "POST", place, content=content, headers={"content-type": type})
        assert answer.status_code == status, answer.text

    drive(act)


def test_a_context_that_is_not_there_keeps_nothing() -> None:
    async def act(world: World) -> None:
        token = await _stored(world)
        headers = {"content-type": "image/png", "x-security-context": "Patient/none"}
        assert (await world.fhir(token, "PUT", "Binary/lost", content=HELD, headers=headers)).status_code == 422
        assert (await world.fhir(token, "GET", "Binary/lost")).status_code == 404

    drive(act)
