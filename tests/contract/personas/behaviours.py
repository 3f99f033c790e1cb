"""For each kind of line that is not about one body: requests that show it, and the specification beside it."""

import json
from typing import Any

from sandbox.personas import PERSONAS, forms, rules
from sandbox.personas.refusing import NOT_OFFERED
from tests.contract.personas.world import World

REQUESTS = {
    "read": ("GET", "{}/none"), "vread": ("GET", "{}/none/_history/1"), "search-type": ("GET", "{}?_count=1"),
    "history-instance": ("GET", "{}/none/_history"), "history-type": ("GET", "{}/_history"), "create": ("POST", "{}"),
    "update": ("PUT", "{}/none"), "patch": ("PATCH", "{}/none"), "delete": ("DELETE", "{}/none"),
}  # fmt: skip
ABSENT = ("QuestionnaireResponse", "DocumentReference", "Observation")


def unoffered(persona: str) -> int:
    line = PERSONAS[persona].one(rules.Unoffered)
    return (line.refusal if line else NOT_OFFERED).status


def send(world: World, persona: str, name: str, type: str) -> int:
    method, path = REQUESTS[name]
    body = {"resourceType": type, "id": "none", "status": 7}
    content: Any = body if method in ("POST", "PUT") else {"resourceType": "Parameters"} if method == "PATCH" else None
    return world.ask(persona, method, path.format(type), content).status_code


def declared(world: World, persona: str, type: str) -> dict[str, Any]:
    rest = world.ask(persona, "GET", "metadata").json()["rest"][0]
    return next((each for each in rest["resource"] if each["type"] == type), {"interaction": []})


def offers(world: World, persona: str, rule: Any) -> None:
    """What is offered works and is said, but for what is hidden; all else is refused, and done by the specification."""
    type = "Procedure" if rule.type == "*" else rule.type
    assert {each["code"] for each in declared(world, persona, type)["interaction"]} == rule.interactions
    for name in REQUESTS:
        status = send(world, persona, name, type)
        assert (status == unoffered(persona)) == (name not in rule.interactions | rule.hidden), (name, status)
        assert send(world, "spec", name, type) != unoffered(persona) or name not in rule.interactions


def whole(world: World, persona: str, rule: Any) -> None:
    rest = world.ask(persona, "GET", "metadata").json()["rest"][0]
    assert {each["code"] for each in rest.get("interaction", ())} == rule.interactions
    entry = [{"request": {"method": "GET", "url": f"Patient/{world.id('p1')}"}}]
    for name in ("batch", "transaction", "history-system"):
        bundle = {"resourceType": "Bundle", "type": name, "entry": entry}
        system = {each: world.token(each, "system/*.cruds", user=None) for each in (persona, "spec")}
        asked = ("GET", "_history?_count=1", None) if name == "history-system" else ("POST", "", bundle)
        status = world.ask(persona, *asked, token=system[persona]).status_code
        assert status == (200 if name in rule.interactions else unoffered(persona))
        assert world.ask("spec", *asked, token=system["spec"]).status_code in (200, 501)


def unoffering(world: World, persona: str, rule: Any) -> None:
    answer = world.ask(persona, "DELETE", f"Observation/{world.id('none')}")
    assert answer.status_code == rule.refusal.status
    assert world.ask("spec", "DELETE", f"Observation/{world.id('none')}").status_code == 204


def unconditional(world: World, persona: str, rule: Any) -> None:
    """The same conditional create twice makes two records, where the specification makes one."""
    type = "Communication" if persona == "meditech" else "DocumentReference"
    for name, count in ((persona, 2), ("spec", 1)):
        said = f"{name}-{world.run}"
        body = {**world.body(name, type), "identifier": [{"system": "urn:t", "value": said}]}
        for _ in range(2):
            assert world.ask(name, "POST", type, body, if_none_exist=f"identifier=urn:t|{said}").status_code in (
                200,
                201,
            )
        found = world.ask(name, "GET", f"{type}?identifier=urn:t|{said}").json()
        assert len(found["entry"]) == count
    assert world.ask(persona, "PUT", f"{type}?identifier=urn:t|x", body).status_code == unoffered(persona)
    assert declared(world, persona, type)["conditionalCreate"] is False
    assert declared(world, persona, type)["conditionalUpdate"] is False


def own_ids(world: World, persona: str, rule: Any) -> None:
    """A PUT to a new id makes nothing; for a patient's token it is told as a foreign one would be."""
    type = next(type for type in ABSENT if "update" in (PERSONAS[persona].one(rules.Offers, type) or rule).interactions)
    id = world.id(f"new-{persona}")
    body = {**world.body(persona, type), "id": id, **({"status": "amended"} if type == "Observation" else {})}
    assert world.ask(persona, "PUT", f"{type}/{id}", body).status_code == 405
    own = world.token(persona, "patient/*.cruds", user=None, patient="p1")
    assert world.ask(persona, "PUT", f"{type}/{id}", body, token=own).status_code == 404
    assert world.ask(persona, "GET", f"{type}/{id}").status_code in (404, unoffered(persona))
    assert declared(world, persona, type)["updateCreate"] is False
    assert world.ask("spec", "PUT", f"{type}/{world.id('new')}", {**body, "id": world.id("new")}).status_code in (
        200,
        201,
    )


def versionless(world: World, persona: str, rule: Any) -> None:
    """A version that never was is not minded."""
    for name, status in ((persona, (200, 204)), ("spec", (412,))):
        id = world.create(name, "Observation")
        body = world.ask(name, "GET", f"Observation/{id}").json()
        if "update" in rule.on:
            assert world.ask(name, "PUT", f"Observation/{id}", body, if_match='W/"77"').status_code in status
            assert ("etag" in world.ask(name, "GET", f"Observation/{id}").headers) == (name == "spec")
            assert (declared(world, name, "Observation")["versioning"] == "no-version") == (name == persona)
        else:
            assert world.ask(name, "DELETE", f"Observation/{id}", if_match='W/"77"').status_code in status


def stale(world: World, persona: str, rule: Any) -> None:
    for name, status in ((persona, rule.status), ("spec", 412)):
        id = world.create(name, "Observation")
        body = {**world.ask(name, "GET", f"Observation/{id}").json(), "status": "amended"}
        assert world.ask(name, "PUT", f"Observation/{id}", body, if_match='W/"77"').status_code == status
        assert world.ask(name, "PUT", f"Observation/{id}", body, if_match='W/"1"').status_code == 200


EXTRA = {
    "identifier": [{"system": "urn:t", "value": "t"}], "method": {"text": "t"},
    "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}]},
    "derivedFrom": [{"display": "t"}], "device": {"display": "t"},
}  # fmt: skip


def drops(world: World, persona: str, rule: Any) -> None:
    """What is lost is lost without a word, and kept by the specification."""
    for name, lost in ((persona, True), ("spec", False)):
        body = world.body(name, rule.type)
        if rule.type == "Observation":
            kept = world.ask(name, "GET", f"{rule.type}/{world.create(name, rule.type, {**body, **EXTRA})}").json()
            found = {path for path in rule.paths if path.partition(".")[0] in kept and (path != "meta.security")}
            found |= {"meta.security"} if "security" in kept["meta"] else set()
            assert found == (set() if lost else set(rule.paths))
        else:
            body["content"] = body["content"] * 2
            id = world.create(name, rule.type, body)
            assert len(world.ask(name, "GET", f"{rule.type}/{id}").json()["content"]) == (1 if lost else 2)


def duplicates(world: World, persona: str, rule: Any) -> None:
    """The same again, as often as one likes; another value is no duplicate."""
    body = world.body(persona, rule.type)
    assert world.ask(persona, "POST", rule.type, body).status_code in (200, 201)
    for _ in range(2):
        again = world.ask(persona, "POST", rule.type, {**body, "note": [{"text": "again"}]})
        if rule.refusal is not None:
            assert again.status_code == rule.refusal.status
            assert again.json()["issue"][0]["details"]["coding"][0]["code"] == rule.refusal.number
        else:
            assert (again.status_code, "content-location" in again.headers, again.content) == (202, False, b"")
    other = {**body, "valueQuantity": {"value": 71}}
    assert world.ask(persona, "POST", rule.type, other).status_code in (200, 201)
    assert [world.ask("spec", "POST", rule.type, body).status_code for _ in range(2)] == [201, 201]


def parks(world: World, persona: str, rule: Any) -> None:
    """Accepted, not to be found, and waiting in a document; what is not R4 is refused all the same."""
    made = world.ask(persona, "POST", rule.type, world.body(persona, rule.type))
    assert made.status_code == 201
    assert world.ask(persona, "GET", made.headers["location"].partition("/_history")[0]).status_code == 404
    found = world.ask(persona, "GET", f"DocumentReference?patient={world.id('p1')}&_count=200").json()
    assert any(each["resource"]["type"].get("text") == rule.title for each in found["entry"])
    assert (
        world.ask(persona, "POST", rule.type, {**world.body(persona, rule.type), "valueString": "two"}).status_code
        == 422
    )
    assert world.ask("spec", "GET", f"{rule.type}/{world.create('spec', rule.type)}").status_code == 200


def partial(world: World, persona: str, rule: Any) -> None:
    for name, status in ((persona, 200), ("spec", 422)):
        id = world.create(name, rule.type)
        said = {
            "resourceType": rule.type,
            "id": id,
            "status": rule.status,
            "subject": world.body(name, rule.type)["subject"],
        }
        assert world.ask(name, "PUT", f"{rule.type}/{id}", said).status_code == status
        kept = world.ask(name, "GET", f"{rule.type}/{id}").json()
        assert kept["content"]
        assert (kept["status"] == rule.status) == (name == persona)
        foreign = {**said, "subject": {"reference": f"Patient/{world.id('p2')}"}}
        assert world.ask(name, "PUT", f"{rule.type}/{id}", foreign).status_code == 422


def created(world: World, persona: str, rule: Any) -> None:
    type = "DocumentReference" if rule.type == "*" else rule.type
    plain = world.ask(persona, "POST", type, world.body(persona, type))
    full = world.ask(persona, "POST", type, world.body(persona, type), prefer="return=representation")
    assert plain.status_code == full.status_code == rule.status
    assert bool(plain.content) == (rule.body == "preferred")
    assert bool(full.content) == (rule.body != "none")
    assert ("etag" in plain.headers) == rule.etag
    header = "content-location" if rule.location == "content-location" else "location"
    assert {"location", "content-location"} & set(plain.headers) == ({header} if rule.location != "none" else set())
    if rule.location == "relative":
        assert plain.headers["location"].startswith(f"{type}/")
    elif rule.location != "none":
        assert plain.headers[header].startswith(world.ehrs[persona].fhir)


def deleted(world: World, persona: str, rule: Any) -> None:
    for name, status in ((persona, rule.status), ("spec", 204)):
        answer = world.ask(name, "DELETE", f"Observation/{world.create(name, 'Observation')}")
        assert (answer.status_code, bool(answer.content)) == (status, name == persona)


def numbers(world: World, persona: str, rule: Any) -> None:
    """A refusal of the store's own has the number of its type."""
    for name in (persona, "spec"):
        issue = world.ask(name, "POST", "Communication", {"resourceType": "Communication"}).json()["issue"][0]
        coding = issue["details"]["coding"][0]
        assert (coding["system"] == rule.system) == (name == persona)
        assert (coding["code"] == rule.numbers[issue["code"]]) == (name == persona)


def bodiless(world: World, persona: str, rule: Any) -> None:
    for name in (persona, "spec"):
        if rule.status == 406:
            answer = world.ask(name, "GET", f"Patient/{world.id('p1')}", accept="text/html")
        else:
            answer = world.ask(name, "GET", f"Patient/{world.id('p1')}", token=world.token(name, "user/Device.r"))
        assert (answer.status_code, bool(answer.content)) == (rule.status, name == "spec")


def numeric(world: World, persona: str, rule: Any) -> None:
    made = world.ask(persona, "POST", "Observation", world.body(persona, "Observation"))
    assert (made.json()["status"], made.json()["key"]) == rule.success
    wrong = {**world.body(persona, "Observation"), "subject": {"reference": "Patient/nobody"}, "encounter": None}
    wrong.pop("encounter")
    refused = world.ask(persona, "POST", "Observation", wrong)
    assert refused.status_code == 422
    assert (refused.json()["status"], refused.json()["key"]) == rule.refusals["not-found"]
    assert world.ask(persona, "GET", "Observation/none").json()["resourceType"] == "OperationOutcome"


def limit(world: World, persona: str, rule: Any) -> None:
    """Requests of every kind count, those for tokens too; nothing says how long to wait; the next window is open again."""
    world.ahead += rule.seconds
    with world.standing_still():
        _limit(world, persona, rule)


def _limit(world: World, persona: str, rule: Any) -> None:
    token = f"{world.ehrs[persona].base}/auth/token"
    statuses = [world.ask(persona, "GET", "metadata").status_code for _ in range(rule.requests - 1)]
    assert set(statuses) == {200}
    assert world.ask(persona, "POST", token, {}).status_code != 429
    for _ in range(2):
        refused = world.ask(persona, "GET", "metadata")
        assert refused.status_code == 429
        assert ("retry-after" in refused.headers) == rule.retry_after
        assert json.loads(refused.content)["resourceType"] == "OperationOutcome"
    assert world.ask(persona, "POST", token, {}).status_code == 429
    assert world.ask("spec", "GET", "metadata").status_code == 200
    world.ahead += rule.seconds
    assert world.ask(persona, "GET", "metadata").status_code == 200


SHOWN = {
    rules.Offers: offers, rules.Whole: whole, rules.Unoffered: unoffering, rules.Unconditional: unconditional,
    rules.OwnIds: own_ids, rules.Versionless: versionless, rules.Drops: drops, rules.Duplicates: duplicates,
    rules.Parks: parks, rules.Partial: partial, forms.Stale: stale, forms.Created: created, forms.Deleted: deleted,
    forms.Numbers: numbers, forms.Bodiless: bodiless, forms.Numeric: numeric, forms.Limit: limit,
}  # fmt: skip
