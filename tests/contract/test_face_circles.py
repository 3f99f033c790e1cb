"""Transactions whose entries mean one another, by name, in a circle, or by a search, at the face before both stores (R4
§3.1.0.11.2)."""

import uuid
from typing import Any

import pytest

from tests.contract.face_world import World, bundle, entry


def _made(world: World, name: str, **more: Any) -> dict[str, Any]:
    body = world.observation(name, "p1", **more)
    del body["id"]
    return body


def _points(world: World, answer: Any, place: int, member: str) -> list[str]:
    """What a member of an entry's resource refers to, as it was stored."""
    id = answer.json()["entry"][place]["response"]["location"].split("Observation/")[1].partition("/")[0]
    return [each["reference"] for each in world.ask("GET", f"Observation/{id}").json()[member]]


def test_creates_may_refer_to_one_another_in_a_circle(world: World) -> None:
    names = [f"urn:uuid:{uuid.uuid4()}" for _ in range(3)]
    circle = [
        entry("POST", "Observation", fullUrl=name, resource=_made(world, "c", hasMember=[{"reference": next_one}]))
        for name, next_one in zip(names, [*names[1:], names[0]], strict=True)
    ]
    answer = world.ask("POST", "", json=bundle("transaction", *circle))
    assert answer.status_code == 200, answer.text
    ids = [
        each["response"]["location"].partition("/fhir/")[2].partition("/_history")[0] for each in answer.json()["entry"]
    ]
    for place in range(3):
        assert _points(world, answer, place, "hasMember") == [ids[(place + 1) % 3]]


def test_updates_may_refer_to_one_another_in_a_circle(world: World) -> None:
    one, two = (world.observation(name, "p1") for name in ("circle-one", "circle-two"))
    one["hasMember"], two["hasMember"] = ([{"reference": f"Observation/{each['id']}"}] for each in (two, one))
    writes = [entry("PUT", f"Observation/{each['id']}", resource=each) for each in (one, two)]
    assert world.ask("POST", "", json=bundle("transaction", *writes)).status_code == 200


def test_a_circle_that_leads_out_of_the_bundle_to_nothing_is_undone(world: World) -> None:
    one, two = (world.observation(name, "p1") for name in ("lost-one", "lost-two"))
    one["hasMember"] = [{"reference": f"Observation/{two['id']}"}]
    two["hasMember"] = [{"reference": f"Observation/{one['id']}"}, {"reference": f"Observation/{world.id('nobody')}"}]
    writes = [entry("PUT", f"Observation/{each['id']}", resource=each) for each in (one, two)]
    answer = world.ask("POST", "", json=bundle("transaction", *writes))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.hasMember[1].reference"]
    assert world.stored("Observation", "lost-one") is None


@pytest.mark.parametrize("condition", [None, "identifier"])
@pytest.mark.parametrize("named", [True, False])
def test_a_reference_by_search_may_mean_what_the_transaction_makes(
    world: World, condition: str | None, named: bool
) -> None:
    """They are resolved last, when creates are done, whatever stands first in the Bundle."""
    key = f"{world.run}-{condition}-{named}"
    said = {"reference": f"Observation?identifier=urn:made|{key}"}
    target = entry("POST", "Observation", resource=_made(world, "t", identifier=[{"system": "urn:made", "value": key}]))
    target |= {"fullUrl": f"urn:uuid:{uuid.uuid4()}"} if named else {}
    if condition is not None:
        target["request"]["ifNoneExist"] = f"identifier=urn:made|{key}"
    first = entry("POST", "Observation", resource=_made(world, "r", hasMember=[said]))
    for status in ("201", "200" if condition else "412"):
        answer = world.ask("POST", "", json=bundle("transaction", first, target))
        if status == "412":
            break  # without a condition there would be two of them now
        assert answer.status_code == 200, answer.text
        assert answer.json()["entry"][1]["response"]["status"][:3] == status
        location = answer.json()["entry"][1]["response"]["location"]
        assert _points(world, answer, 0, "hasMember")[0] in location
    assert answer.status_code == int(status if status == "412" else 200)


def test_a_reference_by_search_that_two_entries_fit_undoes_the_transaction(world: World) -> None:
    key = {"system": "urn:made", "value": f"{world.run}-two"}
    said = {"reference": f"Observation?identifier=urn:made|{key['value']}"}
    makes = [entry("POST", "Observation", resource=_made(world, "t", identifier=[key])) for _ in range(2)]
    refers = entry("POST", "Observation", resource=_made(world, "r", hasMember=[said]))
    answer = world.ask("POST", "", json=bundle("transaction", refers, *makes))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (
        412, ["Bundle.entry[0].resource.hasMember[0].reference"],
    )  # fmt: skip
    assert world.ids(world.ask("GET", f"Observation?identifier=urn:made|{key['value']}")) == set()


@pytest.mark.parametrize("how", ["update", "condition"])
def test_a_reference_by_search_may_mean_what_is_updated_or_made_by_a_condition(world: World, how: str) -> None:
    key = {"system": "urn:made", "value": f"{world.run}-{how}"}
    target = world.observation(f"put-{how}", "p1", identifier=[key, key])
    where = f"Observation/{target['id']}" if how == "update" else f"Observation?identifier=urn:made|{key['value']}"
    if how == "condition":
        del target["id"]
    said = {"reference": f"Observation?identifier=urn:made|{key['value']}"}
    for status in ("201", "200"):
        refers = entry("POST", "Observation", resource=_made(world, "r", hasMember=[said]))
        answer = world.ask("POST", "", json=bundle("transaction", refers, entry("PUT", where, resource=target)))
        assert answer.status_code == 200, answer.text
        assert answer.json()["entry"][1]["response"]["status"][:3] == status
        assert _points(world, answer, 0, "hasMember")[0] in answer.json()["entry"][1]["response"]["location"]


def test_a_reference_by_search_does_not_mean_what_the_transaction_takes_the_identifier_from(world: World) -> None:
    key = {"system": "urn:made", "value": f"{world.run}-moved"}
    before = world.observation("had-it", "p1", identifier=[key])
    world.put(before)
    said = {"reference": f"Observation?identifier=urn:made|{key['value']}"}
    refers = entry("POST", "Observation", resource=_made(world, "r", hasMember=[said]))
    bare = {name: value for name, value in before.items() if name != "identifier"}
    loses = entry("PUT", f"Observation/{before['id']}", resource=bare)
    gets = entry("POST", "Observation", resource=_made(world, "t", identifier=[key]))
    assert world.ask("POST", "", json=bundle("transaction", refers, loses)).status_code == 412
    answer = world.ask("POST", "", json=bundle("transaction", refers, loses, gets))
    assert answer.status_code == 200, answer.text
    assert _points(world, answer, 0, "hasMember")[0] in answer.json()["entry"][2]["response"]["location"]
