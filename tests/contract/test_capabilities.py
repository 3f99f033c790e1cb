"""What the CapabilityStatement of the embedded store advertises works, through the face; what it does not is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from auth.server import tables as auth_tables
from gateway.storage.database import open_sqlite
from r4.generated.types import RESOURCES
from sandbox import tables
from sandbox.indexing import key
from tests.contract.minimal import MINIMAL
from tests.contract.system import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    made = Server(database)
    replies = made.ask(*(("PUT", f"{body['resourceType']}/{body['id']}", body) for body in MINIMAL.values()))
    assert [(reply.status_code, reply.text) for reply in replies if reply.status_code != 201] == []
    yield made
    made.close()


@pytest.fixture(scope="module")
def rest(server: Server) -> dict[str, Any]:
    return dict(server.one("GET", "metadata").json()["rest"][0])


def test_a_minimal_resource_of_every_type_is_at_hand(rest: dict[str, Any]) -> None:
    assert {row["type"] for row in rest["resource"]} == set(MINIMAL)


def test_every_advertised_interaction_of_every_type_works(server: Server, rest: dict[str, Any]) -> None:
    for row in rest["resource"]:
        type, body = row["type"], MINIMAL[row["type"]]
        where, patch = f"{type}/{body['id']}", [{"op": "add", "path": "/language", "value": "en"}]
        tries = {
            "read": ("GET", where, None, 200), "vread": ("GET", f"{where}/_history/1", None, 200),
            "update": ("PUT", where, {**body, "language": "de"}, 200), "patch": ("PATCH", where, patch, 200),
            "history-instance": ("GET", f"{where}/_history", None, 200), "history-type": ("GET", f"{type}/_history", None, 200),
            "create": ("POST", type, {name: value for name, value in body.items() if name != "id"}, 201),
            "search-type": ("GET", type, None, 200), "delete": ("DELETE", where, None, 204),
        }  # fmt: skip
        told = [each["code"] for each in row["interaction"]]
        assert set(told) == set(tries)
        for code in tries:  # delete comes last
            method, path, sent, status = tries[code]
            reply = server.one(method, path, sent)
            assert reply.status_code == status, (type, code, reply.text)
        assert server.one("PUT", where, body).status_code == 201  # back again, for the others


def test_every_advertised_interaction_of_the_system_works(server: Server, rest: dict[str, Any]) -> None:
    entry = {"request": {"method": "GET", "url": "Patient?_count=1"}}
    for kind in ("batch", "transaction"):
        reply = server.one("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert reply.json()["entry"][0]["response"]["status"].startswith("200")
    assert server.one("GET", "_history").status_code == 200
    assert {each["code"] for each in rest["interaction"]} == {"batch", "transaction", "history-system"}


WORDS = {
    "token": "x",
    "reference": "Patient/x",
    "string": "x",
    "date": "2020",
    "quantity": "5",
    "number": "5",
    "uri": "urn:x",
}


def stored(server: Server, type: str, name: str, kind: str) -> str | None:
    """A value that the store has for the parameter, as a client would ask for it."""
    sql = "SELECT value, low FROM fhir_terms WHERE parameter = ? LIMIT 1"
    row = server.database.run_now(lambda c, now: c.exec_driver_sql(sql, (key(type, name),)).first())
    if row is None or kind == "composite":
        return None
    if kind == "date":
        return f"ge{datetime.fromtimestamp(row[1], UTC):%Y-%m-%d}" if row[1] > -6e10 else None
    if kind in ("quantity", "number"):
        return str(row[1])
    return str(row[0]).replace("\\", "\\\\").replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")


def test_every_advertised_search_parameter_is_understood_and_finds_what_is_stored(
    server: Server, rest: dict[str, Any]
) -> None:
    found = 0
    for row in rest["resource"]:
        for parameter in row["searchParam"]:
            name, kind, type = parameter["name"], parameter["type"], row["type"]
            value = stored(server, type, name, kind)
            plain = value or WORDS.get(kind) or "a$2020"
            reply = server.one("GET", f"{type}?{httpx2.QueryParams({name: plain, '_count': '3'})}")
            assert reply.status_code == 200, (type, name, reply.text)
            assert value is None or reply.json().get("entry"), (type, name, value)
            found += value is not None
            if kind != "composite" and name not in ("_id", "_lastUpdated"):
                assert server.one("GET", f"{type}?{name}:missing=true&_count=1").status_code == 200, (type, name)
            if kind != "composite":
                assert server.one("GET", f"{type}?_sort=-{name}&_count=2").status_code == 200, (type, name)
    assert found > 150


def test_every_advertised_parameter_ends_chains_and_has_with_its_own_modifiers_and_no_others(
    server: Server, rest: dict[str, Any]
) -> None:
    patient = next(row for row in rest["resource"] if row["type"] == "Patient")
    for name in (each["name"] for each in patient["searchParam"]):
        for modifier in (
            "missing",
            "not",
            "exact",
            "contains",
            "identifier",
            "Practitioner",
            "text",
            "in",
            "above",
            "no",
        ):
            said = f"{name}:{modifier}=true&_count=1"
            plain = server.one("GET", f"Patient?{said}").status_code
            for query in (
                f"Observation?subject:Patient.{said}", f"Observation?patient.{said}", f"Practitioner?_has:Patient:general-practitioner:{said}",
            ):  # fmt: skip
                assert server.one("GET", query).status_code == plain, query


def test_every_advertised_include_works_both_ways(server: Server, rest: dict[str, Any]) -> None:
    for row in rest["resource"]:
        for control, told in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
            for value in row.get(told, ()):
                reply = server.one("GET", f"{row['type']}?{control}={value}&_count=1")
                assert reply.status_code == 200, (row["type"], control, value, reply.text)


def test_every_advertised_operation_answers(server: Server, rest: dict[str, Any]) -> None:
    for row in rest["resource"]:
        for operation in row.get("operation", ()):
            if operation["name"] == "export":  # asynchronous: tests/flow/test_bulk.py
                continue
            body = MINIMAL[row["type"]] if operation["name"] == "validate" else None
            where = row["type"] if operation["name"] == "validate" else f"{row['type']}/{MINIMAL[row['type']]['id']}"
            reply = server.one("POST" if body else "GET", f"{where}/${operation['name']}", body)
            assert reply.status_code == 200, (row["type"], operation["name"], reply.text)


def test_what_is_not_advertised_is_refused(server: Server, rest: dict[str, Any]) -> None:
    served = {row["type"]: row for row in rest["resource"]}
    for type in sorted(RESOURCES - set(served)):
        assert [each.status_code for each in server.ask(("GET", type, None), ("GET", f"{type}/x", None))] == [
            404,
            404,
        ], type
    every = {parameter["name"] for row in served.values() for parameter in row["searchParam"]}
    for type, row in served.items():
        told = {parameter["name"] for parameter in row["searchParam"]}
        for name in sorted(every - told)[:12]:
            assert server.one("GET", f"{type}?{name}=x").status_code == 400, (type, name)
        others = {each for other in served.values() for each in other.get("searchInclude", ())} - {
            *row.get("searchInclude", ())
        }
        for include in sorted(others)[:6]:
            assert server.one("GET", f"{type}?_include={include}").status_code in (400, 403), (type, include)
    for modifier in ("code:text=x", "code:in=x", "code:above=x", "_include:iterate=Observation:subject", "_include=*"):
        assert server.one("GET", f"Observation?{modifier}").status_code == 400, modifier
    for operation in ("$lastn", "$meta", "$graph", "$nothing"):
        assert server.one("GET", f"Patient/x/{operation}").status_code in (403, 404), operation
