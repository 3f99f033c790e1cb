"""The embedded store: versions, conditions, searches, each with its failing twin."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.storage.database import Sqlite, open_sqlite
from r4 import codec
from r4.interaction import Answer, parse
from r4.validate import validate
from sandbox import batch, capabilities, loading, store, tables
from sandbox.seed import load

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
NAMES = iter(range(10**6))
RULES = store.Rules(base=BASE, new_id=lambda: f"made-{next(NAMES)}")
JSON = (("content-type", "application/fhir+json"),)


@pytest.fixture(scope="module")
def database() -> Iterator[Sqlite]:
    made = open_sqlite(":memory:", metadata=[tables.metadata])
    made.run_now(lambda connection, now: loading.load(connection, now, load.resources(), RULES))
    yield made
    made.close()


def ask(
    database: Sqlite, method: str, path: str, *, body: Any = None, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    where, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    interaction = parse(method, where, query, (*headers, *JSON), data)
    return database.run_now(lambda connection, now: store.perform(connection, now, interaction, RULES))


def found(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    return [entry["resource"] for entry in (answer.resource or {}).get("entry", [])]


@pytest.fixture(scope="module")
def patient(database: Sqlite) -> str:
    return str(found(ask(database, "GET", "Patient?_count=1"))[0]["id"])


def weight(patient: str, value: str = "72.50", **members: Any) -> bytes:
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "w"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    text = json.dumps({**body, **members})
    return f'{text[:-1]},"valueQuantity":{{"value":{value},"unit":"kg"}}}}'.encode()


def test_a_create_is_kept_byte_for_byte_and_versioned(database: Sqlite, patient: str) -> None:
    made = ask(database, "POST", "Observation", body=weight(patient))
    assert (made.status, made.headers["etag"]) == (201, 'W/"1"')
    here = str(made.headers["location"]).removeprefix(f"{BASE}/")
    read = ask(database, "GET", here.partition("/_history")[0])
    assert read.encoded == made.encoded
    assert b'"value":72.50' in (read.encoded or b"")
    assert ask(database, "GET", here).status == 200
    assert ask(database, "GET", here.replace("/_history/1", "/_history/2")).status == 404


def test_an_update_makes_a_version_and_the_same_again_does_not(database: Sqlite, patient: str) -> None:
    body = weight(patient, id="w-1")
    assert ask(database, "PUT", "Observation/w-1", body=body).status == 201
    assert ask(database, "PUT", "Observation/w-1", body=body).headers["etag"] == 'W/"1"'
    assert ask(database, "PUT", "Observation/w-1", body=weight(patient, "72.5", id="w-1")).headers["etag"] == 'W/"2"'
    stale = ask(database, "PUT", "Observation/w-1", body=body, headers=(("if-match", 'W/"1"'),))
    assert stale.status == 412
    assert len((ask(database, "GET", "Observation/w-1/_history").resource or {})["entry"]) == 2
    assert ask(database, "PUT", "Observation/123", body=weight(patient, id="123")).status == 422
    assert ask(database, "PUT", "Observation/w-2", body=body).status == 400


def test_a_deleted_resource_is_gone_and_comes_back_with_the_next_version(database: Sqlite, patient: str) -> None:
    body = weight(patient, id="w-gone")
    ask(database, "PUT", "Observation/w-gone", body=body)
    assert ask(database, "DELETE", "Observation/w-gone").status == 204
    assert ask(database, "GET", "Observation/w-gone").status == 410
    assert ask(database, "GET", "Observation/never-there").status == 404
    again = ask(database, "PUT", "Observation/w-gone", body=body)
    assert (again.status, again.headers["etag"]) == (201, 'W/"3"')


def test_a_conditional_create_is_once_and_an_unknown_condition_is_refused(database: Sqlite, patient: str) -> None:
    body = weight(patient, identifier=[{"system": "urn:t", "value": "once"}])
    once = (("if-none-exist", "identifier=urn:t|once"),)
    assert [ask(database, "POST", "Observation", body=body, headers=once).status for _ in range(2)] == [201, 200]
    ask(database, "POST", "Observation", body=body)
    assert ask(database, "POST", "Observation", body=body, headers=once).status == 412
    assert ask(database, "POST", "Observation", body=body, headers=(("if-none-exist", "no-such=1"),)).status == 412


def test_what_is_not_r4_and_what_points_at_nothing_is_refused_by_element(database: Sqlite, patient: str) -> None:
    wrong = ask(database, "POST", "Observation", body=weight(patient, status="bogus"))
    assert (wrong.status, (wrong.resource or {})["issue"][0]["expression"]) == (422, ["Observation.status"])
    lost = ask(database, "POST", "Observation", body=weight("nobody"))
    assert (lost.status, (lost.resource or {})["issue"][0]["expression"]) == (422, ["Observation.subject.reference"])


@pytest.mark.parametrize(
    ("said", "status"),
    [("Observation/self", 201), ("urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", 201), ("http://e.example/Observation/1", 201), ("Observation/known", 201),
     ("Observation/known/_history/1", 201), ("Observation/known/_history/{v}", 201), ("Observation/known/_history/{v}9", 422), ("Observation/known/_history/x", 422),
     ("Observation/nobody", 422), ("Observation/removed", 422), ("Observation/removed/_history/1", 422)],
)  # fmt: skip
def test_a_reference_leads_to_what_is_there(database: Sqlite, patient: str, said: str, status: int) -> None:
    made = [
        ask(database, "PUT", f"Observation/{id}", body=weight(patient, text, id=id))
        for text, id in (("1", "removed"), ("1", "known"), ("2", "known"))
    ]
    for id in ("removed", "self"):
        ask(database, "DELETE", f"Observation/{id}")
    reference = said.format(v=made[2].headers["etag"][3:-1])
    answer = ask(
        database, "PUT", "Observation/self", body=weight(patient, id="self", derivedFrom=[{"reference": reference}])
    )
    assert answer.status == status
    if status == 422:
        assert (answer.resource or {})["issue"][0]["expression"] == ["Observation.derivedFrom[0].reference"]


def test_of_many_references_that_lead_nowhere_some_are_told(database: Sqlite, patient: str) -> None:
    nowhere = [{"reference": f"Observation/nobody{number}"} for number in range(3 * store.LOST)]
    answer = ask(database, "POST", "Observation", body=weight(patient, derivedFrom=nowhere))
    issues = (answer.resource or {})["issue"]
    assert (answer.status, len(issues)) == (422, store.LOST)
    assert all(issue["expression"][0].startswith("Observation.derivedFrom[") for issue in issues)


def test_the_store_says_what_it_serves_and_nothing_of_other_types(database: Sqlite) -> None:
    assert (ask(database, "GET", "metadata").resource or {})["resourceType"] == "CapabilityStatement"
    assert ask(database, "GET", "Substance/1").status == 404


@pytest.mark.parametrize(
    "query",
    ["subject=Patient/{p}", "patient={p}", "patient=Patient/{p}", "subject:Patient={p}", "patient={base}/Patient/{p}"],
)
def test_every_form_of_a_reference_finds_the_same(database: Sqlite, patient: str, query: str) -> None:
    resources = found(ask(database, "GET", f"Condition?{query.format(p=patient, base=BASE)}&_count=500"))
    assert resources
    assert {each["subject"]["reference"] for each in resources} == {f"Patient/{patient}"}


def test_pages_add_up_to_the_total_with_nothing_twice(database: Sqlite, patient: str) -> None:
    path: str | None = f"Observation?patient={patient}&_count=17"
    seen: list[str] = []
    total = 0
    while path:
        answer = ask(database, "GET", path)
        total = (answer.resource or {})["total"]
        seen += [each["id"] for each in found(answer)]
        links = {link["relation"]: link["url"] for link in (answer.resource or {})["link"]}
        path = links.get("next", "").removeprefix(f"{BASE}/") or None
    assert len(seen) == len(set(seen)) == total > 17


def test_sorted_dates_come_in_order_both_ways(database: Sqlite, patient: str) -> None:
    for sign, reverse in (("", False), ("-", True)):
        answer = ask(database, "GET", f"Observation?patient={patient}&_sort={sign}date&_count=100&date=gt1900")
        times = [each.get("effectiveDateTime", "")[:10] for each in found(answer)]
        assert times == sorted(times, reverse=reverse)


@pytest.mark.parametrize(
    ("query", "finds"),
    [("birthdate=gt1800", True), ("birthdate=lt1800", False), ("gender=female", True), ("gender=none", False),
     ("_summary=count", False), ("name:contains=a", True), ("family:exact=nobody-is-called-this", False)],
)  # fmt: skip
def test_searches_find_what_they_should(database: Sqlite, query: str, finds: bool) -> None:
    assert bool(found(ask(database, "GET", f"Patient?{query}"))) is finds


@pytest.mark.parametrize(
    "query", ["foo=1", "_has:Observation:patient:nothing=1", "subject.name=a", "birthdate=yesterday", "_count=many",
              "_sort=foo", "_include=Patient:nothing", "_cursor=%25%25", "gender:unknown-modifier=a"],
)  # fmt: skip
def test_a_search_that_is_not_understood_is_refused_without_repeating_it(database: Sqlite, query: str) -> None:
    answer = ask(database, "GET", f"Patient?{query}")
    assert answer.status == 400
    assert query.partition("=")[2] not in json.dumps(answer.resource) or query.endswith(("=1", "=a"))


def test_includes_bring_what_is_referred_to(database: Sqlite, patient: str) -> None:
    answer = ask(database, "GET", f"Condition?patient={patient}&_include=Condition:patient&_count=2")
    modes = [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in (answer.resource or {})["entry"]]
    assert modes == [("Condition", "match"), ("Condition", "match"), ("Patient", "include")]


def test_every_resource_of_the_seed_is_valid_r4() -> None:
    assert [each["id"] for each in load.resources() if validate(each)] == []


def test_the_capability_statement_is_valid_and_names_what_is_served() -> None:
    statement = capabilities.statement(base=BASE, date="2026-01-01T00:00:00Z")
    assert validate(codec.parse(codec.format(statement))) == []


def test_a_transaction_is_ordered_by_need_and_a_name_stands_once() -> None:
    def put(type: str, id: str, **members: Any) -> Any:
        body = json.dumps({"resourceType": type, "id": id, **members}).encode()
        return parse("PUT", f"{type}/{id}", "", JSON, body)

    first, second = put("Observation", "o", subject={"reference": "Patient/p"}), put("Patient", "p")
    assert batch.ordered([first, second]) == [1, 0]
    assert batch.fault([first, second]) is None
    assert batch.fault([first, first]) is not None
