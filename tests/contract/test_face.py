"""The face before both stores, embedded and HAPI: the same decisions, the same answers, nothing of another patient."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from auth import scopes as scope_words
from auth.server import grants
from auth.server import tables as auth_tables
from gateway import below, ehr_face
from gateway.database import open_sqlite
from gateway.ehr import SandboxEhr
from r4.interaction import Interaction
from sandbox import tables
from sandbox.upstream import opened
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
NUMBERS = itertools.count()
ALL = "patient/*.cruds"
READ = "patient/Observation.rs patient/Patient.r"


class World:
    """One EHR with the records of two patients. Ids carry a word of this run, for a HAPI is shared."""

    def __init__(self, ehr: SandboxEhr, loop: asyncio.AbstractEventLoop) -> None:
        self.ehr, self.loop, self.run = ehr, loop, uuid.uuid4().hex[:8]

    def id(self, name: str) -> str:
        return f"{name}-{self.run}"

    def observation(self, name: str, patient: str, category: str = "laboratory", **more: Any) -> dict[str, Any]:
        concept = {"coding": [{"system": CATEGORY, "code": category}]}
        return {
            "resourceType": "Observation", "id": self.id(name), "status": "final", "category": [concept],
            "code": {"text": "t"}, "subject": {"reference": f"Patient/{self.id(patient)}"}, **more,
        }  # fmt: skip

    def put(self, body: dict[str, Any]) -> None:
        """Below the guard."""
        update = Interaction(action="update", type=body["resourceType"], id=body["id"], body=body)
        answer = self.loop.run_until_complete(below.perform(self.ehr, update))
        assert answer.status in (200, 201), answer.resource

    def remove(self, type: str, name: str) -> None:
        gone = Interaction(action="delete", type=type, id=self.id(name))
        assert self.loop.run_until_complete(below.perform(self.ehr, gone)).status == 204

    def stored(self, type: str, name: str) -> dict[str, Any] | None:
        return self.loop.run_until_complete(below.read(self.ehr, f"{type}/{self.id(name)}"))

    def token(self, words: str = ALL, *, patient: str | None = "p1", user: str | None = None) -> str:
        name = f"{next(NUMBERS)}-{uuid.uuid4().hex}"
        context = grants.Context(patient=self.id(patient) if patient else None, user=user)

        def save(connection: Any, now: float) -> None:
            said = scope_words.parse(words)
            grants.save_grant(connection, now, id=name, client_id="c", scopes=said, context=context)
            grants.save_access(connection, now, token=name, grant=name, scopes=words, life=3600)

        self.ehr.database.run_now(save)
        return name

    def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """A stranger's request; ``token`` one of everything on p1 unless given."""
        bearer = token or self.token()
        headers = {
            "authorization": f"Bearer {bearer}",
            "content-type": "application/fhir+json",
            **options.pop("headers", {}),
        }
        if isinstance(options.get("json"), dict | list):
            options["content"] = json.dumps(options.pop("json")).encode()

        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=ehr_face.application([self.ehr]))
            async with httpx2.AsyncClient(transport=transport) as client:
                url = path if path.startswith("http") else f"{BASE}/{path}"
                return await client.request(method, url, headers=headers, **options)

        return self.loop.run_until_complete(send())

    def ids(self, answer: httpx2.Response) -> set[str]:
        """The names of a Bundle's resources, without this run's word."""
        assert answer.status_code == 200, answer.text
        return {each["resource"]["id"].removesuffix(f"-{self.run}") for each in answer.json().get("entry", ())}


@pytest.fixture(scope="module", params=["embedded", pytest.param("hapi", marks=pytest.mark.hapi)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    upstream = request.getfixturevalue("hapi") if request.param == "hapi" else None
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS,
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    if upstream is not None:
        behind = opened(upstream=upstream, base=BASE, new_id=ehr.new_id)
        ehr.upstream = loop.run_until_complete(stack.enter_async_context(behind))
    made = World(ehr, loop)
    furnish(made)
    yield made
    loop.run_until_complete(stack.aclose())
    loop.close()
    database.close()


def furnish(world: World) -> None:
    def plain(type: str, name: str, **members: Any) -> None:
        world.put({"resourceType": type, "id": world.id(name), **members})

    def subject(patient: str) -> dict[str, str]:
        return {"reference": f"Patient/{world.id(patient)}"}

    for patient in ("p1", "p2"):
        plain("Patient", patient, gender="female")
    for number in ("1", "2"):
        kind = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        plain("Encounter", f"e{number}", status="finished", subject=subject(f"p{number}"), **{"class": kind})
        world.put(
            world.observation(
                f"o{number}", f"p{number}", identifier=[{"system": "urn:t", "value": f"{world.run}-{number}"}]
            )
        )
        world.put(world.observation(f"v{number}", f"p{number}", "vital-signs"))
    world.put(world.observation("moved", "p2"))
    world.put(world.observation("moved", "p1"))
    world.put(world.observation("gone2", "p2"))
    world.remove("Observation", "gone2")
    world.put(world.observation("mixed", "p1", hasMember=[{"reference": f"Observation/{world.id('o2')}"}]))
    plain("Device", "free", deviceName=[{"name": "m", "type": "model-name"}])
    plain("Device", "taken", patient=subject("p2"))
    plain("Practitioner", "doctor", active=True)
    recorded, agent = "2026-01-02T03:04:05Z", [{"who": {"display": "x"}}]
    for name, targets in (("prov1", ["o1"]), ("prov12", ["o1", "o2"])):
        pointed = [{"reference": f"Observation/{world.id(target)}"} for target in targets]
        plain("Provenance", name, target=pointed, recorded=recorded, agent=agent)
    plain("Binary", "bin2", contentType="text/plain", data="eA==", securityContext=subject("p2"))
    plain("Binary", "bin1", contentType="text/plain", data="eA==", securityContext=subject("p1"))
    plain("Binary", "bin0", contentType="text/plain", data="eA==")


def same(first: httpx2.Response, second: httpx2.Response) -> bool:
    """Status, bytes and headers."""
    one, other = (dict(each.headers) for each in (first, second))
    return (first.status_code, first.content, one) == (second.status_code, second.content, other)


@pytest.mark.parametrize(
    ("type", "foreign"),
    [("Patient", "p2"), ("Observation", "o2"), ("Observation", "gone2"), ("Encounter", "e2"), ("Device", "taken"),
     ("Provenance", "prov12"), ("Binary", "bin2"), ("Binary", "bin0")],
)  # fmt: skip
def test_what_is_foreign_is_answered_as_what_is_absent(world: World, type: str, foreign: str) -> None:
    token = world.token()
    here, nowhere = f"{type}/{world.id(foreign)}", f"{type}/{world.id('nobody')}"
    for path in ("", "/_history", "/_history/1"):
        found, absent = world.ask("GET", here + path, token), world.ask("GET", nowhere + path, token)
        assert same(found, absent), path
        assert found.status_code == (403 if type == "Binary" else 404)
    for headers in (
        {"if-none-match": 'W/"1"'},
        {"if-none-match": "*"},
        {"if-modified-since": "Fri, 01 Jan 2038 00:00:00 GMT"},
    ):
        assert same(world.ask("GET", here, token, headers=headers), world.ask("GET", nowhere, token, headers=headers))


@pytest.mark.parametrize(
    ("type", "own"),
    [
        ("Patient", "p1"),
        ("Observation", "o1"),
        ("Device", "free"),
        ("Practitioner", "doctor"),
        ("Provenance", "prov1"),
    ],
)
def test_what_is_the_patients_own_or_nobodys_is_read(world: World, type: str, own: str) -> None:
    answer = world.ask("GET", f"{type}/{world.id(own)}")
    assert answer.status_code == 200
    assert answer.json()["id"] == world.id(own)


def test_what_is_unchanged_is_304_and_a_head_has_no_body(world: World) -> None:
    path = f"Observation/{world.id('o1')}"
    etag = world.ask("GET", path).headers["etag"]
    assert world.ask("GET", path, headers={"if-none-match": etag}).status_code == 304
    assert world.ask("GET", path, headers={"if-none-match": 'W/"77"'}).status_code == 200
    assert world.ask("GET", path, headers={"if-modified-since": "Fri, 01 Jan 2038 00:00:00 GMT"}).status_code == 304
    assert world.ask("GET", path, headers={"if-modified-since": "Fri, 01 Jan 2010 00:00:00 GMT"}).status_code == 200
    head = world.ask("HEAD", path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)


def test_versions_that_were_another_patients_are_withheld(world: World) -> None:
    path = f"Observation/{world.id('moved')}"
    now = world.ask("GET", path).json()["meta"]["versionId"]
    versions = [each["resource"]["meta"]["versionId"] for each in world.ask("GET", f"{path}/_history").json()["entry"]]
    assert versions == [now]
    assert "total" not in world.ask("GET", f"{path}/_history").json()
    assert world.ask("GET", f"{path}/_history/1").status_code == 404
    assert world.ask("GET", f"{path}/_history/{now}").status_code == 200
    system = world.token("system/*.rs", patient=None)
    assert len(world.ask("GET", f"{path}/_history", system).json()["entry"]) == 2


@pytest.mark.parametrize(
    "query",
    ["patient={p2}", "patient={p1}&patient={p2}", "patient={p1},{p2}", "%70atient={p2}", "subject:Patient={p2}", "subject=Patient/{p2}",
     "patient:not={p1}", "patient:missing=true", "patient:identifier=x|y", "PATIENT={p2}", "patient=http://elsewhere/Patient/{p1}",
     "patient={base}/Patient/{p2}", "subject:Patient.birthdate=2000", "subject.gender=female", "_has:Provenance:target:recorded=ge2000",
     "_filter=x", "_text=x", "_content=x", "_list=x", "_query=x", "_source=x", "_include=*", "_include:iterate=Observation:subject",
     "_revinclude:recurse=Provenance:target", "_include=Observation:*", "_cursor=eA", "_page=eA", "value-string:unknown=1", "_sort=patient.birthdate",
     "_contained=true", "_method=PUT", "code:in=x", "_elements=", "_total=many"],
)  # fmt: skip
def test_a_search_that_would_go_elsewhere_finds_nothing_there(world: World, query: str) -> None:
    said = query.format(p1=world.id("p1"), p2=world.id("p2"), base=BASE)
    answer = world.ask("GET", f"Observation?{said}")
    assert answer.status_code in (400, 403)
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert world.run not in answer.text


@pytest.mark.parametrize(
    "query", ["patient={p1}", "patient=Patient/{p1}", "subject:Patient={p1}", "_id={o1},{o2}", "_count=50"]
)
def test_a_search_finds_the_own_records(world: World, query: str) -> None:
    said = query.format(p1=world.id("p1"), o1=world.id("o1"), o2=world.id("o2"))
    found = world.ids(world.ask("GET", f"Observation?{said}"))
    assert "o1" in found
    assert not found & {"o2", "v2", "gone2"}
    posted = world.ask(
        "POST",
        "Observation/_search",
        content=said.encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert world.ids(posted) == found


def test_totals_count_what_is_reached_or_are_not_told(world: World) -> None:
    own = world.ask("GET", "Observation?_summary=count").json()
    assert own["total"] == len(world.ids(world.ask("GET", "Observation")))
    for query in ("_summary=count", "_count=0", "_count=00"):
        assert world.ask("GET", f"Device?{query}").status_code == 403
    assert "total" not in world.ask("GET", "Device?_total=accurate").json()
    mixed = world.token("patient/Observation.rs user/Observation.rs?category=none", user="Practitioner/x")
    assert world.ask("GET", "Observation?_summary=count", mixed).status_code == 403


def test_includes_are_of_granted_types_and_judged(world: World) -> None:
    query = f"Observation?_id={world.id('mixed')}&_include=Observation:has-member"
    assert world.ids(world.ask("GET", query)) == {"mixed"}
    back = f"Observation?_id={world.id('o1')}&_revinclude=Provenance:target"
    assert world.ids(world.ask("GET", back)) == {"o1", "prov1"}
    assert world.ask("GET", back, world.token(READ)).status_code == 403
    assert world.ask("GET", "Observation?_include=Observation:encounter", world.token(READ)).status_code == 403
    assert world.ask("GET", "Observation?_include=Encounter:patient").status_code == 400


def test_a_granular_scope_is_held_by_every_way(world: World) -> None:
    token = world.token(f"patient/Observation.cruds?category={CATEGORY}|laboratory patient/Patient.r")
    assert "v1" not in world.ids(world.ask("GET", "Observation", token))
    assert world.ask("GET", f"Observation/{world.id('v1')}", token).status_code == 404
    assert world.ask("GET", f"Observation/{world.id('v1')}/_history", token).status_code == 404
    assert world.ids(world.ask("GET", f"Patient/{world.id('p1')}/$everything", token)) == {"p1", "o1", "moved", "mixed"}
    vital = world.observation("o1", "p1", "vital-signs")
    assert world.ask("PUT", f"Observation/{world.id('o1')}", token, json=vital).status_code == 403
    both = world.token(
        f"patient/Observation.u?category={CATEGORY}|laboratory patient/Observation.u?category={CATEGORY}|vital-signs"
    )
    assert world.ask("PUT", f"Observation/{world.id('o1')}", both, json=vital).status_code == 403


@pytest.mark.parametrize(
    "path", ["Encounter/{e1}/Observation", "Patient/{p1}/*", "Patient/{p2}/Observation", "Patient/{none}/Observation", "Patient/{p1}/Practitioner",
             "Patient/{p2}/$everything", "Patient/{none}/$everything", "_history", "Observation/_history", "Subscription", "Bundle/x"],
)  # fmt: skip
def test_other_ways_to_others_records_are_closed(world: World, path: str) -> None:
    said = path.format(**{name: world.id(name) for name in ("p1", "p2", "e1", "none")})
    assert world.ask("GET", said).status_code in (403, 404)


def test_a_compartment_is_searched_like_the_patient(world: World) -> None:
    found = world.ids(world.ask("GET", f"Patient/{world.id('p1')}/Observation"))
    assert found == world.ids(world.ask("GET", "Observation"))
    user = world.token("user/*.rs", patient=None, user="Practitioner/x")
    assert "o2" in world.ids(world.ask("GET", f"Patient/{world.id('p2')}/Observation", user))


def test_everything_is_all_pages_of_the_granted_types(world: World) -> None:
    found: set[str] = set()
    path: str | None = f"Patient/{world.id('p1')}/$everything?_count=3"
    token = world.token()
    pages = 0
    while path:
        answer = world.ask("GET", path, token)
        found |= world.ids(answer)
        pages += 1
        path = next((link["url"] for link in answer.json()["link"] if link["relation"] == "next"), None)
    assert found == {"p1", "e1", "o1", "v1", "moved", "mixed"}
    assert pages > 2
    narrow = world.ask("GET", f"Patient/{world.id('p1')}/$everything?_type=Encounter", token)
    assert world.ids(narrow) <= {"e1"}
    assert world.ask("GET", f"Patient/{world.id('p1')}/$everything?_type=Nothing", token).status_code == 400


@pytest.mark.parametrize(
    "operation",
    ["$export", "$graphql", "$expunge", "$reindex", "$match", "$member-match", "$meta", "$meta-delete", "$diff"],
)
def test_an_operation_that_no_patient_token_has_is_forbidden(world: World, operation: str) -> None:
    for path in (operation, f"Patient/{operation}", f"Patient/{world.id('p1')}/{operation}"):
        assert world.ask("GET", path).status_code == 403
    assert world.ask("GET", "$nothing").status_code == 404
    assert world.ask("GET", "$export", world.token("system/*.rs", patient=None)).status_code == 400


def test_validate_needs_a_write_scope_and_fetches_nothing(world: World) -> None:
    good = world.observation("x", "p1")
    answer = world.ask("POST", "Observation/$validate", json=good)
    assert (answer.status_code, answer.json()["issue"][0]["severity"]) == (200, "information")
    wrong = world.ask("POST", "Observation/$validate", json={**good, "status": "bogus"})
    assert wrong.json()["issue"][0]["expression"] == ["Observation.status"]
    profile = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": good},
            {"name": "profile", "valueUri": "http://169.254.169.254/"},
        ],
    }
    assert world.ask("POST", "Observation/$validate", json=profile).status_code == 400
    assert world.ask("POST", "Observation/$validate", world.token(READ), json=good).status_code == 403


BAD_SUBJECTS: list[tuple[str, dict[str, Any]]] = [
    ("another patient", {"subject": {"reference": "Patient/{p2}"}}),
    ("another as performer", {"performer": [{"reference": "Patient/{p2}"}]}),
    ("performer alone", {"subject": {"reference": "Patient/{p2}"}, "performer": [{"reference": "Patient/{p1}"}]}),
    ("by identifier", {"subject": {"identifier": {"system": "urn:x", "value": "1"}}}),
    (
        "beside an identifier",
        {"subject": {"reference": "Patient/{p1}", "identifier": {"system": "urn:x", "value": "1"}}},
    ),
    ("display only", {"subject": {"display": "somebody"}}),
    ("contained", {"contained": [{"resourceType": "Patient", "id": "c"}], "subject": {"reference": "#c"}}),
    ("absolute, elsewhere", {"subject": {"reference": "http://elsewhere/fhir/Patient/{p1}"}}),
    ("absolute, here", {"subject": {"reference": BASE + "/Patient/{p1}"}}),
    ("versioned", {"subject": {"reference": "Patient/{p1}/_history/1"}}),
    ("conditional", {"subject": {"reference": "Patient?identifier=urn:x|1"}}),
    ("a group", {"subject": {"reference": "Group/g"}}),
    ("performer by identifier", {"performer": [{"identifier": {"system": "urn:x", "value": "1"}}]}),
    ("performer absolute", {"performer": [{"reference": "http://elsewhere/Patient/x"}]}),
    ("nobody", {"subject": {"reference": "Patient/{nobody}"}}),
]


@pytest.mark.parametrize("members", [each for _, each in BAD_SUBJECTS], ids=[name for name, _ in BAD_SUBJECTS])
def test_a_body_that_names_anybody_else_is_not_written(world: World, members: dict[str, Any]) -> None:
    text = json.dumps(members)
    for name in ("p1", "p2", "nobody"):
        text = text.replace(f"{{{name}}}", world.id(name))
    body = {**world.observation("new", "p1"), **json.loads(text)}
    answers = [
        world.ask("POST", "Observation", json={name: value for name, value in body.items() if name != "id"}),
        world.ask("PUT", f"Observation/{world.id('new')}", json=body),
        world.ask("PUT", f"Observation/{world.id('o1')}", json={**body, "id": world.id("o1")}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert world.stored("Observation", "new") is None


def test_own_records_are_written_changed_and_deleted(world: World) -> None:
    token = world.token()
    path = f"Observation/{world.id('mine')}"
    assert world.ask("PUT", path, token, json=world.observation("mine", "p1")).status_code == 201
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    changed = world.ask("PATCH", path, token, json=patch, headers={"content-type": "application/json-patch+json"})
    assert (changed.status_code, changed.json()["status"]) == (200, "amended")
    stale = world.ask("PUT", path, token, json=world.observation("mine", "p1"), headers={"if-match": 'W/"1"'})
    assert stale.status_code == 412
    said = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "corrected"},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": said}]}
    again = world.ask("PATCH", path, token, json=parameters, headers={"if-match": changed.headers["etag"]})
    assert (again.status_code, again.json()["status"]) == (200, "corrected")
    assert world.ask("DELETE", f"{path}?_cascade=delete", token).status_code == 400
    assert world.ask("DELETE", path, token, headers={"if-match": 'W/"1"'}).status_code == 412
    assert world.ask("DELETE", path, token).status_code == 204
    assert same(world.ask("DELETE", path, token), world.ask("DELETE", f"Observation/{world.id('nobody')}", token))


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/subject/reference", "value": "Patient/{p2}"}, 403),
        ({"op": "replace", "path": "/subject", "value": {"identifier": {"value": "x"}}}, 403),
        ({"op": "remove", "path": "/subject"}, 403),
        ({"op": "move", "from": "/subject", "path": "/focus"}, 403),
        ({"op": "replace", "path": "", "value": {"resourceType": "Patient", "id": "{p2}"}}, 422),
        ({"op": "replace", "path": "/id", "value": "{o2}"}, 422),
        ({"op": "replace", "path": "/status", "value": "bogus"}, 422),
    ],
)
def test_a_patch_is_judged_by_its_result(world: World, operation: dict[str, Any], status: int) -> None:
    text = json.dumps([operation])
    for name in ("p2", "o2"):
        text = text.replace(f"{{{name}}}", world.id(name))
    headers = {"content-type": "application/json-patch+json"}
    before = world.stored("Observation", "o1")
    answer = world.ask("PATCH", f"Observation/{world.id('o1')}", content=text.encode(), headers=headers)
    assert answer.status_code == status
    assert world.stored("Observation", "o1") == before
    foreign = [
        world.ask("PATCH", f"Observation/{world.id(name)}", content=text.encode(), headers=headers)
        for name in ("o2", "nobody")
    ]
    assert same(*foreign)
    assert foreign[0].status_code == 404
    reader = world.token(READ)
    assert (
        world.ask("PATCH", f"Observation/{world.id('o1')}", reader, content=text.encode(), headers=headers).status_code
        == 403
    )


def test_writes_at_foreign_and_absent_ids_are_told_alike(world: World) -> None:
    update_only, everything = world.token("patient/Observation.ru"), world.token()
    before = world.stored("Observation", "o2")
    for token, headers in ((update_only, {}), (everything, {"if-match": 'W/"1"'}), (everything, {"if-match": "*"})):
        answers = [
            world.ask(
                "PUT", f"Observation/{world.id(name)}", token, json=world.observation(name, "p1"), headers=headers
            )
            for name in ("o2", "gone2", "nobody")
        ]
        assert same(answers[0], answers[2])
        assert same(answers[1], answers[2])
        assert answers[0].status_code == 404
    for headers in ({}, {"if-match": 'W/"1"'}):
        gone = [
            world.ask("DELETE", f"Observation/{world.id(name)}", everything, headers=headers)
            for name in ("o2", "gone2", "nobody")
        ]
        assert same(gone[0], gone[2])
        assert same(gone[1], gone[2])
    for name in ("o2", "gone2"):
        assert (
            world.ask(
                "PUT", f"Observation/{world.id(name)}", everything, json=world.observation(name, "p1")
            ).status_code
            == 404
        )
    assert world.stored("Observation", "o2") == before


def test_conditions_neither_tell_nor_touch_others(world: World) -> None:
    def body(value: str, **more: Any) -> dict[str, Any]:
        made = {**world.observation("x", "p1", identifier=[{"system": "urn:t", "value": value}]), **more}
        return {name: value for name, value in made.items() if name != "id"}

    theirs, fresh = f"urn:t|{world.run}-2", f"urn:t|{uuid.uuid4().hex}"
    before = world.stored("Observation", "o2")
    for condition in (theirs, fresh):
        answer = world.ask(
            "POST",
            "Observation",
            json=body(condition.partition("|")[2]),
            headers={"if-none-exist": f"identifier={condition}"},
        )
        assert answer.status_code == 201
    foreign = f"Observation?identifier=urn:t|{world.run}-2&_id={world.id('o2')}"
    absent = f"Observation?identifier=urn:t|{world.run}-2&_id={world.id('nobody')}"
    assert same(world.ask("DELETE", foreign), world.ask("DELETE", absent))
    assert world.ask("DELETE", f"Observation?patient={world.id('p2')}").status_code == 403
    assert world.ask("DELETE", "Observation?code=t").status_code in (404, 412)
    assert world.ask("DELETE", "Observation").status_code == 400
    assert world.stored("Observation", "o2") == before


def test_a_conditional_update_creates_then_updates_the_same(world: World) -> None:
    token, value = world.token(), uuid.uuid4().hex
    body = world.observation("x", "p1", identifier=[{"system": "urn:t", "value": value}])
    del body["id"]
    path = f"Observation?identifier=urn:t|{value}"
    first, second = (
        world.ask("PUT", path, token, json=body),
        world.ask("PUT", path, token, json={**body, "status": "amended"}),
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert world.ask("PUT", path, token, json={**body, "id": "another"}).status_code == 400
    assert world.ask("POST", "Observation", token, json=body).status_code == 201
    assert world.ask("PUT", path, token, json=body).status_code == 412
    assert world.ask("DELETE", path, token).status_code == 412
    assert world.ask("PUT", "Observation?subject.name=x", token, json=body).status_code == 412


@pytest.mark.parametrize("words", [ALL, "user/*.cruds"])
@pytest.mark.parametrize("type", ["Practitioner", "Organization", "Location", "Device", "Medication"])
def test_shared_types_are_written_by_system_scopes_only(world: World, words: str, type: str) -> None:
    token = world.token(words, user="Practitioner/x")
    body = {"resourceType": type, "name": "n"} if type in ("Organization", "Location") else {"resourceType": type}
    assert world.ask("POST", type, token, json=body).status_code == 403
    assert (
        world.ask("PUT", f"{type}/{world.id('free')}", token, json={**body, "id": world.id("free")}).status_code == 403
    )
    assert world.ask("POST", type, world.token("system/*.c", patient=None), json=body).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Group", "type": "person", "actual": True},
        {"resourceType": "AuditEvent"},
        {"resourceType": "Binary", "contentType": "text/plain"},
        {"resourceType": "Patient"},
    ],
)
def test_types_that_are_closed_to_a_patient_are_not_written(world: World, body: dict[str, Any]) -> None:
    assert world.ask("POST", body["resourceType"], json=body).status_code == 403


def test_nothing_is_returned_to_who_may_not_read(world: World) -> None:
    writer = world.token("patient/Observation.cu")
    body = world.observation("unread", "p1")
    answer = world.ask(
        "PUT", f"Observation/{world.id('unread')}", writer, json=body, headers={"prefer": "return=representation"}
    )
    assert (answer.status_code, answer.content) == (201, b"")


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}, **more}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_a_batch_is_judged_entry_by_entry(world: World) -> None:
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"}, {"name": "value", "valueCode": "amended"}]}]}  # fmt: skip
    answer = world.ask("POST", "", json=bundle(
        "batch", entry("GET", f"Observation/{world.id('o1')}"), entry("GET", f"Observation/{world.id('o2')}"),
        entry("GET", "Observation?_count=2"), entry("PATCH", f"Observation/{world.id('v1')}", resource=patch),
        entry("PATCH", f"Observation/{world.id('v2')}", resource=patch), entry("DELETE", "Observation?_id=none-such"),
        entry("GET", f"Observation/{world.id('o1')}/_history"),
    ))  # fmt: skip
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == [
        "200",
        "404",
        "200",
        "200",
        "404",
        "404",
        "200",
    ]


@pytest.mark.parametrize(
    "bad", [entry("GET", "Observation/{o2}"), entry("DELETE", "Observation/{o2}"), entry("GET", "Observation/{nobody}"), entry("GET", "$export"),
            entry("GET", "http://elsewhere/Observation/x"), entry("POST", "", resource={"resourceType": "Bundle", "type": "batch"}), entry("get", "Observation"),
            entry("POST", "Observation/$meta-add"), entry("GET", "Observation?subject.name=x"), entry("PUT", "Patient/{p2}", resource={"resourceType": "Patient", "id": "{p2}"})],
)  # fmt: skip
def test_a_transaction_is_all_or_nothing(world: World, bad: dict[str, Any]) -> None:
    text = json.dumps(bad)
    for name in ("p2", "o2", "nobody"):
        text = text.replace(f"{{{name}}}", world.id(name))
    good = entry("PUT", f"Observation/{world.id('all')}", resource=world.observation("all", "p1"))
    assert 400 <= world.ask("POST", "", json=bundle("transaction", good, json.loads(text))).status_code < 500
    assert world.stored("Observation", "all") is None


def test_a_transaction_answers_in_the_order_of_its_entries(world: World) -> None:
    name, target = f"urn:uuid:{uuid.uuid4()}", world.observation("x", "p1")
    del target["id"]
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": name}],
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"display": "x"}}],
    }
    answer = world.ask("POST", "", json=bundle(
        "transaction", entry("GET", f"Observation/{world.id('o1')}"), entry("POST", "Provenance", resource=provenance),
        entry("POST", "Observation", resource=target, fullUrl=name), entry("GET", f"Patient/{world.id('p1')}"),
    ))  # fmt: skip
    assert answer.status_code == 200, answer.text
    statuses = [each["response"]["status"][:3] for each in answer.json()["entry"]]
    assert statuses == ["200", "201", "201", "200"]
    assert answer.json()["entry"][3]["resource"]["resourceType"] == "Patient"


def link(answer: httpx2.Response) -> str:
    return next(each["url"] for each in answer.json()["link"] if each["relation"] == "next")


def test_a_page_belongs_to_its_grant_its_search_and_its_time(world: World) -> None:
    token, other = world.token(), world.token()
    first = world.ask("GET", "Observation?_count=2", token)
    onward = link(first)
    assert parse_qsl(urlsplit(onward).query)[0][0] == "_page"
    second = world.ask("GET", onward, token)
    assert world.ids(second)
    assert not world.ids(second) & world.ids(first)
    assert world.ask("GET", onward, other).status_code == 400
    place = urlsplit(onward).query
    changed = place[:-1] + ("A" if place[-1] != "A" else "B")
    for path in (
        f"Encounter?{place}",
        f"Observation?{place}&_count=500",
        f"Observation/_history?{place}",
        f"Observation?{changed}",
    ):
        assert world.ask("GET", path, token).status_code in (400, 403)
    world.ehr.database.run_now(lambda connection, now: grants.revoke_grant(connection, now, token))
    assert world.ask("GET", onward, token).status_code == 401


def test_system_tokens_may_chain_with_scopes_on_what_is_traversed(world: World) -> None:
    system = world.token("system/*.rs", patient=None)
    found = world.ids(world.ask("GET", f"Observation?subject:Patient._id={world.id('p2')}&_count=100", system))
    assert {"o2", "v2"} <= found
    assert not found & {"o1", "v1"}
    having = world.ask("GET", f"Patient?_has:Observation:subject:_id={world.id('o2')}", system)
    assert world.ids(having) == {"p2"}
    narrow = world.token("system/Observation.rs", patient=None)
    assert world.ask("GET", f"Observation?subject:Patient._id={world.id('p2')}", narrow).status_code == 403
    user = world.token("user/*.rs", patient=None, user="Practitioner/x")
    assert world.ask("GET", f"Observation?subject:Patient._id={world.id('p2')}", user).status_code == 403


def test_histories_of_types_are_for_who_sees_them_whole(world: World) -> None:
    system = world.token("system/*.rs", patient=None)
    answer = world.ask("GET", "Observation/_history?_count=3", system)
    assert answer.json()["type"] == "history"
    assert len(answer.json()["entry"]) == 3
    assert world.ask("GET", link(answer), system).status_code == 200
    since = world.ask("GET", "_history?_since=2038-01-01T00:00:00Z", system)
    assert since.status_code == 200
    assert "entry" not in since.json()
    assert world.ask("GET", "_history", world.token("system/*.r", patient=None)).status_code == 403
    assert world.ask("GET", "_history", world.token("system/Observation.rs", patient=None)).status_code == 403
    assert "entry" not in world.ask("GET", "Observation/_history?_at=2020", system).json()
    assert world.ask("GET", "Observation/_history?_to=2020", system).status_code == 400


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


def test_a_refused_entry_is_named_from_the_bundle_on(world: World) -> None:
    wrong = entry(
        "PUT", f"Observation/{world.id('wrong')}", resource={**world.observation("wrong", "p1"), "status": "bogus"}
    )
    good = entry("GET", f"Observation/{world.id('o1')}")
    answer = world.ask("POST", "", json=bundle("transaction", good, wrong))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]


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
