"""Searches, pages and histories at the face, before both stores: they find what the grant reaches, nothing more."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from auth.server import grants
from tests.contract.face_world import BASE, READ, World, link


@pytest.mark.parametrize(
    "query",
    ["patient={p2}", "patient={p1}&patient={p2}", "patient={p1},{p2}", "%70atient={p2}", "subject:Patient={p2}", "subject=Patient/{p2}",
     "patient:not={p1}", "patient:missing=true", "patient:identifier=x|y", "PATIENT={p2}", "patient=http://elsewhere/Patient/{p1}",
     "patient={base}/Patient/{p2}", "subject:Patient.birthdate=2000", "subject.gender=female", "_has:Provenance:target:recorded=ge2000",
     "subject:Patient.gender:not=male", "patient.birthdate:missing=true", "subject:Patient.name:exact=x", "_has:Provenance:target:recorded:missing=false", "subject:Patient.gender:in=x",
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


def test_a_type_that_is_not_held_is_not_found_whatever_is_asked_of_it(world: World) -> None:
    """R4 §3.1.0.9: 404 where the resource type is not supported."""
    for query in ("", "?_id=x", "?patient=x", "?_has:Nothing:x:y=z"):
        assert world.ask("GET", f"Media{query}").status_code == 404


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
    known = f"Observation?subject:Patient.birthdate:missing=true&_id={world.id('o1')},{world.id('o2')}"
    assert world.ids(world.ask("GET", known, system)) == {"o1", "o2"}
    assert world.ids(world.ask("GET", known.replace("true", "false"), system)) == set()
    having = world.ask("GET", f"Patient?_has:Observation:subject:_id={world.id('o2')}", system)
    assert world.ids(having) == {"p2"}
    narrow = world.token("system/Observation.rs", patient=None)
    assert world.ask("GET", f"Observation?subject:Patient._id={world.id('p2')}", narrow).status_code == 403
    assert world.ask("GET", known, narrow).status_code == 403
    user = world.token("user/*.rs", patient=None, user="Practitioner/x")
    assert world.ask("GET", known, user).status_code == 403
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
