"""What the margins of R4 say, at the face before both stores: schedules, counts without totals, forms without a body,
preferences in other spellings, errors without end."""

import pytest

from r4.validate import ISSUES_LIMIT
from tests.contract.face_world import World, bundle, entry


@pytest.fixture(scope="module")
def scheduled(world: World) -> str:
    """A tag of an Observation that was made from March to May."""
    tag = {"system": "urn:margin", "code": f"timing-{world.run}"}
    timing = {"event": ["2024-03-10", "2024-05-01"]}
    world.put(world.observation("timing", "p1", effectiveTiming=timing, meta={"tag": [tag]}))
    return f"urn:margin|{tag['code']}"


@pytest.mark.parametrize(
    ("date", "found"),
    [("2024-03-10", False), ("2024", True), ("sa2024-03-10", False), ("sa2024-03-09", True), ("ge2024-04-01", True),
     ("le2024-04-01", True), ("eb2024-05-01", False), ("eb2024-05-02", True), ("gt2024-04-30", True), ("lt2024-03-10", False)],
)  # fmt: skip
def test_only_the_outer_limits_of_a_schedule_count(world: World, scheduled: str, date: str, found: bool) -> None:
    ids = world.ids(world.ask("GET", f"Observation?_tag={scheduled}&date={date}"))
    assert ("timing" in ids) == found


@pytest.mark.parametrize("query", ["_summary=count&_total=none", "_total=none&_count=0", "_summary=count"])
def test_a_count_is_told_whatever_else_is_asked(world: World, query: str) -> None:
    answer = world.ask("GET", f"Observation?patient={world.id('p1')}&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] > 0
    assert "entry" not in answer.json()


def test_a_search_by_post_may_have_its_parameters_in_the_address_alone(world: World) -> None:
    path = f"Observation/_search?_id={world.id('o1')}"
    assert world.ids(world.ask("POST", path, headers={"content-type": ""})) == {"o1"}
    assert world.ask("POST", path, content=b"{}", headers={"content-type": "application/json"}).status_code == 415
    assert world.ask("POST", path, content=b"_count=1", headers={"content-type": ""}).status_code == 415


@pytest.mark.parametrize(
    "said", ["return=minimal", 'return="minimal"', "Return=minimal", "handling=lenient, RETURN=minimal"]
)
def test_a_preference_is_read_as_http_writes_it(world: World, said: str) -> None:
    body = world.observation("spelt", "p1")
    answer = world.ask("PUT", f"Observation/{body['id']}", json=body, headers={"prefer": said})
    assert (answer.status_code in (200, 201), answer.content) == (True, b"")


def test_a_resource_with_thousands_of_errors_is_told_some_of_them(world: World) -> None:
    component = [{"code": {"text": "c"}, "nothing": place} for place in range(2000)]
    body = world.observation("thousands", "p1", component=component)
    answer = world.ask("PUT", f"Observation/{body['id']}", json=body)
    issues = answer.json()["issue"]
    assert (answer.status_code, len(issues), issues[-1]["code"]) == (422, ISSUES_LIMIT + 1, "too-costly")
    assert issues[0]["expression"] == ["Observation.component[0]"]


@pytest.mark.parametrize(
    ("elements", "whole"), [("status", True), ("Observation.status", True), ("status,Patient.gender", False)]
)
def test_a_list_of_elements_is_none_of_what_is_included(world: World, elements: str, whole: bool) -> None:
    """R4 §3.1.1.5.9: the list of elements does not apply to included resources."""
    patient = {
        "resourceType": "Patient",
        "id": world.id("p1"),
        "gender": "male",
        "name": [{"family": "F"}],
        "birthDate": "1970",
    }
    world.put(patient)
    answer = world.ask("GET", f"Observation?_id={world.id('o1')}&_include=Observation:patient&_elements={elements}")
    found = {each["search"]["mode"]: each["resource"] for each in answer.json()["entry"]}
    assert set(found["match"]) == {"resourceType", "id", "meta", "status", "code"}
    assert ("birthDate" in found["include"], found["include"]["gender"]) == (whole, "male")
    tags = found["include"].get("meta", {}).get("tag", [])
    assert any(tag["code"] == "SUBSETTED" for tag in tags) != whole


def test_a_record_is_corrected_though_what_it_refers_to_was_deleted(world: World) -> None:
    """HAPI deletes nothing that is referred to; here it may be gone, and the record still has to be withdrawn."""
    for name in ("basis", "other"):
        world.put(world.observation(name, "p1"))
    body = world.observation("derived", "p1", derivedFrom=[{"reference": f"Observation/{world.id('basis')}"}])
    world.put(body)
    if world.ehr.upstream is not None:
        assert world.ask("DELETE", f"Observation/{world.id('basis')}").status_code == 409
        return
    for name in ("basis", "other"):
        world.remove("Observation", name)
    for token in (world.token(), world.token("system/*.cruds", patient=None)):
        wrong = {**body, "derivedFrom": [{"reference": f"Observation/{world.id('other')}"}]}
        assert world.ask("PUT", f"Observation/{body['id']}", token, json=wrong).status_code == 422
        for status in ("amended", "entered-in-error"):
            patch = [{"op": "replace", "path": "/status", "value": status}]
            headers = {"content-type": "application/json-patch+json"}
            assert (
                world.ask("PATCH", f"Observation/{body['id']}", token, json=patch, headers=headers).status_code == 200
            )
            changed = {**body, "status": status}
            assert world.ask("PUT", f"Observation/{body['id']}", token, json=changed).status_code == 200
            put = bundle(
                "transaction", entry("PUT", f"Observation/{body['id']}", resource={**changed, "status": "final"})
            )
            assert world.ask("POST", "", token, json=put).status_code == 200
    named = world.observation("anew", "p1", derivedFrom=body["derivedFrom"])
    assert world.ask("PUT", f"Observation/{named['id']}", json=named).status_code == 422


@pytest.mark.parametrize(("prefer", "shown"), [("return=representation", True), ("return=minimal", False), ("", False)])
def test_what_a_conditional_create_finds_is_told_to_who_asks_for_it(world: World, prefer: str, shown: bool) -> None:
    key = {"system": "urn:margin", "value": f"found-{world.run}"}
    world.put(world.observation("found", "p1", identifier=[key]))
    body = {name: value for name, value in world.observation("x", "p1", identifier=[key]).items() if name != "id"}
    headers = {"prefer": prefer, "if-none-exist": f"identifier=urn:margin|{key['value']}"}
    answer = world.ask("POST", "Observation", json=body, headers=headers)
    assert (answer.status_code, bool(answer.content)) == (200, shown)
    assert world.id("found") in answer.headers["location"]
    assert not shown or answer.json()["id"] == world.id("found")
    unread = world.ask("POST", "Observation", world.token("patient/Observation.c"), json=body, headers=headers)
    assert (unread.status_code, unread.content) == (200, b"")
