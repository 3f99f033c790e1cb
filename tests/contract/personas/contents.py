"""For each kind of line about a body: the body it takes, the one it refuses, and that R4 itself takes that one."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from sandbox.personas import PERSONAS, forms, rules
from tests.contract.personas.world import World, coded, put

WRONG = {
    "status": ("preliminary", "final", "in-progress", "superseded"), "docStatus": ("preliminary", "amended"),
    "category.coding.code": ("exam",), "code.coding.system": ("urn:other",), "contentType": ("image/png",),
    "verificationStatus.coding.code": ("refuted", "confirmed"), "valueCodeableConcept.coding.code": ("RES",),
}  # fmt: skip
"""What R4 allows at a path, to choose from what a line does not."""
FITTING = {("Communication", "status"): "in-progress", ("DocumentReference", "status"): "superseded"}


def allows(world: World, persona: str, rule: Any) -> dict[str, Any]:
    choices = next(each for tail, each in WRONG.items() if f".{rule.path}".endswith(f".{tail}"))
    wrong = FITTING.get((rule.type, rule.path)) or next(each for each in choices if each not in rule.values)
    return put(world.body(persona, rule.type), rule.path, wrong)


def includes(world: World, persona: str, rule: Any) -> dict[str, Any]:
    return put(world.body(persona, rule.type), rule.path, "http://loinc.org")


def needs(world: World, persona: str, rule: Any) -> dict[str, Any]:
    body = world.body(persona, rule.type)
    if rule.path.startswith("value"):
        body.pop("valueQuantity")
        return {**body, **({"valueString": "t"} if "Quantity" in rule.path else {})}
    *above, last = rule.path.split(".")
    place: Any = body
    for name in above:
        place = place[name][0] if isinstance(place[name], list) else place[name]
    place.pop(last)
    if not place:
        place["display"] = "t"
    return body


def fatal(world: World, persona: str, rule: Any) -> dict[str, Any]:
    extension = [{"url": "urn:t", "valueBoolean": True}]
    return {**world.body(persona, rule.type), rule.path: extension if rule.path == "modifierExtension" else "urn:t"}


def at_most(world: World, persona: str, rule: Any) -> dict[str, Any]:
    body = world.body(persona, rule.type)
    *above, last = rule.path.split(".")
    place = body[above[0]] if above else body
    one = {"interpretation": coded("N"), "referenceRange": {"text": "t"}}.get(last) or place[last][0]
    place[last] = [one, {**one, "id": "again"}]
    return body


def longest(world: World, persona: str, rule: Any) -> dict[str, Any]:
    return {**world.body(persona, rule.type), "note": [{"text": "x" * (rule.characters + 1)}]}


def author(world: World, persona: str, rule: Any) -> dict[str, Any]:
    return {**world.body(persona, rule.type), "author": [{"reference": f"Practitioner/{world.id('nurse')}"}]}


MADE: Mapping[type, Callable[[World, str, Any], dict[str, Any]]] = {
    rules.Allows: allows, rules.Includes: includes, rules.Needs: needs, rules.Fatal: fatal, rules.AtMost: at_most,
    rules.Longest: longest, rules.Author: author,
}  # fmt: skip


def content(world: World, persona: str, rule: Any) -> None:
    """The body it takes is taken, the other refused by this very line, and taken by the specification."""
    wrong = MADE[type(rule)](world, persona, rule)
    if "create" in rule.on:
        assert world.ask(persona, "POST", rule.type, world.body(persona, rule.type)).status_code in (200, 201)
        refused_by(rule, persona, world.ask(persona, "POST", rule.type, wrong))
        twin = world.ask("spec", "POST", rule.type, wrong)
        assert twin.status_code == 201, twin.text
    if "update" in rule.on:
        id = world.create(persona, rule.type)
        refused_by(rule, persona, world.ask(persona, "PUT", f"{rule.type}/{id}", {**wrong, "id": id}))


def refused_by(rule: Any, persona: str, answer: httpx2.Response) -> None:
    """Whether a refusal is that of this line."""
    said, refusal = answer.json(), rule.refusal
    numeric = PERSONAS[persona].one(forms.Numeric)
    mild = numeric is not None and refusal.key in numeric.mild
    assert answer.status_code == (200 if mild else refusal.status), answer.text
    if numeric is not None:
        assert (said["key"], said["status"] == 0) == (refusal.key, False)
        return
    issue = said["issue"][0]
    assert issue["code"] == refusal.code
    assert issue["expression"] == [f"{rule.type}.{rule.path.partition('|')[0]}"] or not hasattr(rule, "path")
    if refusal.number:
        assert issue["details"]["coding"][0]["code"] == refusal.number


def visit(world: World, persona: str, rule: Any) -> None:
    """An open encounter of the patient is taken; of another patient, or where it has to be open an ended or future one, no."""
    assert world.ask(persona, "POST", rule.type, world.body(persona, rule.type)).status_code in (200, 201)
    refused = ["other", *(("ended", "future") if rule.open else ())]
    for name in refused:
        refused_by(rule, persona, world.ask(persona, "POST", rule.type, at_visit(world, persona, rule, name)))
        assert world.ask("spec", "POST", rule.type, at_visit(world, persona, rule, name)).status_code == 201
    if not rule.open:
        assert world.ask(persona, "POST", rule.type, at_visit(world, persona, rule, "ended")).status_code == 201
    without = world.body(persona, rule.type)
    (without if rule.type == "Observation" else without["context"]).pop("encounter")
    answer = world.ask(persona, "POST", rule.type, without)
    if rule.needed:
        refused_by(rule, persona, answer)
        own = world.token(persona, "patient/*.cruds", user=None, patient="p1")
        refused_by(rule, persona, world.ask(persona, "POST", rule.type, without, token=own))
    else:
        assert answer.status_code in (200, 201)


def at_visit(world: World, persona: str, rule: Any, name: str) -> dict[str, Any]:
    body = world.body(persona, rule.type)
    (body if rule.type == "Observation" else body["context"])["encounter"] = None
    said = {"reference": f"Encounter/{world.id(name)}"}
    if rule.type == "Observation":
        return {**body, "encounter": said}
    return {**body, "context": {**body["context"], "encounter": [said]}}


def immutable(world: World, persona: str, rule: Any) -> None:
    """An update with the element as it is is taken; with another it is not."""
    id = world.create(persona, rule.type)
    same = {**world.ask(persona, "GET", f"{rule.type}/{id}").json(), "status": "amended"}
    assert world.ask(persona, "PUT", f"{rule.type}/{id}", same).status_code == 200
    other = "laboratory" if "category" in rule.path else f"Patient/{world.id('p2')}"
    changed = put(same, rule.path, other)
    refused_by(rule, persona, world.ask(persona, "PUT", f"{rule.type}/{id}", changed))
