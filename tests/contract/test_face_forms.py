"""How a request is said, and what nobody should say, at the face before both stores: refused by name, nothing echoed."""

import json
from typing import Any

import pytest

from tests.contract.face_world import ALL, World


@pytest.mark.parametrize("words", ["openid", "", "patient/Observation.rsXYZ", "patient/Observation.dus", "user/*.rs"])
def test_a_token_without_a_scope_that_holds_opens_nothing(world: World, words: str) -> None:
    token = world.token(words)
    for path in (f"Observation/{world.id('o1')}", "Observation", f"Patient/{world.id('p1')}/$everything"):
        assert world.ask("GET", path, token).status_code == 403
    assert world.ask("GET", f"Observation/{world.id('o1')}", world.token(ALL, patient=None)).status_code == 403
    related = world.token("user/*.rs", user="RelatedPerson/x")
    assert world.ask("GET", f"Observation/{world.id('o1')}", related).status_code == 403


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {"accept": "application/fhir+xml"}}, 406),
        ({"headers": {"accept": "text/turtle, application/xml;q=0.9"}}, 406),
        ({"headers": {"accept": "application/fhir+json;q=0"}}, 406),
        ({"params": {"_format": "xml"}}, 406),
        ({"params": {"_format": "json"}}, 200),
        ({"headers": {"accept": "text/html,*/*;q=0.8"}}, 200),
        ({"headers": {"x-http-method-override": "DELETE"}}, 400),
        (
            {
                "headers": {
                    "x-forwarded-host": "evil.example",
                    "forwarded": "host=evil.example",
                    "x-fhir-base": "http://evil.example",
                }
            },
            200,
        ),
        ({"params": {"access_token": "x"}}, 400),
    ],
)
def test_how_a_request_is_said_changes_nothing(world: World, options: dict[str, Any], status: int) -> None:
    answer = world.ask("GET", "Observation", **options)
    assert answer.status_code == status
    assert "evil" not in answer.text
    if status >= 400:
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_bodies_in_other_forms_are_refused(world: World) -> None:
    body = json.dumps(world.observation("form", "p1")).encode()
    path = f"Observation/{world.id('form')}"
    for kind in (
        "application/fhir+xml",
        "application/xml",
        "text/plain",
        "multipart/form-data",
        "application/fhir+json; charset=utf-16",
    ):
        assert world.ask("PUT", path, content=body, headers={"content-type": kind}).status_code == 415
    assert world.ask("PUT", path, content=body, headers={"content-encoding": "gzip"}).status_code == 415
    twice = body.replace(b'"status"', b'"subject":{"reference":"Patient/x"},"status"')
    assert world.ask("PUT", path, content=twice).status_code == 400
    huge = body.replace(b'"final"', b'"final","valueQuantity":{"value":1e999999999}')
    assert world.ask("PUT", path, content=huge).status_code == 400
    merge = {"content-type": "application/merge-patch+json"}
    assert world.ask("PATCH", f"Observation/{world.id('o1')}", content=b"{}", headers=merge).status_code == 415
    assert world.stored("Observation", "form") is None


@pytest.mark.parametrize(
    "said", ["x y", "Patient", "foo/1", "Patient/a b", "../Patient/x", "Patient?identifier=a", " "]
)
def test_a_reference_that_names_nothing_is_refused_by_its_element(world: World, said: str) -> None:
    body = world.observation("lost", "p1", encounter={"reference": said})
    for token in (world.token(), world.token("system/*.cruds", patient=None)):
        answer = world.ask("PUT", f"Observation/{world.id('lost')}", token, json=body)
        assert answer.status_code == 422
        assert "Observation.encounter" in answer.json()["issue"][0]["expression"][0]


def test_nothing_that_was_sent_comes_back_in_a_refusal(world: World) -> None:
    mark = "zq7mark"
    bodies = [
        world.observation("echo", "p1", **{mark: {"reference": f"Patient/{world.id('p2')}"}}),
        world.observation("echo", "p1", code={"text": "x", mark: {"reference": "Patient/x"}}),
        world.observation("echo", "p1", status=mark), world.observation("echo", "p1", encounter={"reference": f"Encounter/{mark}"}),
    ]  # fmt: skip
    for body in bodies:
        answer = world.ask("PUT", f"Observation/{world.id('echo')}", json=body)
        assert answer.status_code == 422
        assert mark not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", "", b'{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":[],"url":"Observation"}}]}', "fhir"),
        ("PATCH", "Observation/{o1}", b'[{"op":{},"path":"/status"}]', "json-patch"),
        ("PATCH", "Observation/{o1}", b'{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCoding":{}},{"name":"path","valueString":"Observation.status"}]}]}', "fhir"),
        ("GET", "Observation?value-quantity=1e400", b"", "fhir"),
        ("GET", "Observation?value-quantity=1e-999999", b"", "fhir"),
        ("GET", "Observation?date=99999999999999", b"", "fhir"),
        ("GET", "Observation?_count=99999999999999999999", b"", "fhir"),
    ],
)  # fmt: skip
def test_what_no_author_thought_of_is_the_senders_fault(
    world: World, method: str, path: str, body: bytes, kind: str
) -> None:
    headers = {"content-type": f"application/{kind}+json"}
    answer = world.ask(method, path.format(o1=world.id("o1")), content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_method_that_is_not_served_is_told_with_those_that_are(world: World) -> None:
    for method, path, methods in (
        ("OPTIONS", "Observation", "DELETE, GET, HEAD, PATCH, POST, PUT"),
        ("POST", "Observation/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("PUT", "Observation/x/_history", "GET, HEAD"),
    ):
        answer = world.ask(method, path, json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_a_scheme_is_a_scheme_in_capitals_too(world: World) -> None:
    bearer = world.token()
    for scheme in ("Bearer", "bearer", "BEARER"):
        said = {"authorization": f"{scheme} {bearer}"}
        assert world.ask("GET", f"Observation/{world.id('o1')}", headers=said).status_code == 200


def test_a_token_whose_scopes_do_not_suffice_is_told_so_in_the_header(world: World) -> None:
    """RFC 6750 §3: the answer to a token that does not open the resource has a challenge."""
    for path, words in (
        ("Observation", "patient/Patient.rs"),
        ("Basic?code=urn:x|y", "patient/Patient.rs"),
        ("$export", "patient/Patient.rs"),
    ):
        answer = world.ask("GET", path, world.token(words))
        assert (answer.status_code, answer.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')
