"""The resources that both sides hold: made from the tables of search parameters, and a sample of the seed.

Every id holds a word of the run, and every resource its tag: a HAPI is shared with other tests.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from r4 import codec
from r4.definitions import elements, parameters
from r4.references import walk
from r4.served import SERVED
from r4.validate import validate
from sandbox.seed import load
from tests.contract.differential import values
from tests.contract.minimal import MINIMAL

TAGS = "urn:chartgate:differential"
WRITTEN = "written-"
"""Before the word of the run, in the tag of what is written in it."""
RUN = 8
"""Characters of that word."""
EACH, MANY = 5, {"Observation": 14, "Patient": 8, "RiskAssessment": 8}
"""Resources made of a type."""
SAMPLED, FEW = 12, {"Patient": 2, "Encounter": 40, "Observation": 40}
"""Resources of a type taken from the seed: few patients, so that there is more of each."""
FIRST = ("Organization", "Practitioner", "Patient", "Location", "Device", "Encounter", "PractitionerRole", "Group")
ORDER = (*FIRST, *sorted(SERVED - {*FIRST, "Provenance", "Binary"}), "Provenance")
"""Types in the order in which they are made: what is made refers to what was made before."""
SOLE = "Patient/cap-patient"
"""The patient of the least resources."""

Known = dict[str, list[str]]


def records(random: Random, run: str) -> list[dict[str, Any]]:
    """All of them, referred-to ones first."""
    known: Known = {}
    found: list[dict[str, Any]] = []
    for number, type in enumerate(each for each in ORDER for _ in range(MANY.get(each, EACH))):
        body = made(random, type, f"{run}{number:04d}", known)
        known.setdefault(type, []).append(body["id"])
        found.append(body)
    found += sampled(run)
    for body in found:
        tags = [{"system": TAGS, "code": run}, {"system": TAGS, "code": random.choice(values.CODES)}]
        body["meta"] = {**body.get("meta", {}), "tag": tags}
    return found


def made(random: Random, type: str, id: str, known: Known) -> dict[str, Any]:
    """A valid resource of a type with values at most paths that a search looks at, referring to what is known."""
    body = {**codec.parse(codec.format(MINIMAL[type])), "id": id}
    for _, reference in list(walk(body)):
        reference["reference"] = reference["reference"].replace(SOLE, f"Patient/{random.choice(known['Patient'])}")
    for row in (row for _, row in sorted(parameters(type).items()) if not row.definition):
        for path, rule in row.paths:
            if random.random() < 0.6:
                body = _with(random, type, body, path.split("."), rule, known)
    return body


def _with(
    random: Random, type: str, body: dict[str, Any], path: list[str], rule: str, known: Known
) -> dict[str, Any]:  # fmt: skip
    """The resource with a value at the path, unless that would make it wrong."""
    tried = deepcopy(body)
    _place(random, tried, type, path, rule, known)
    wrong = tried == body or any(issue.severity in ("error", "fatal") for issue in validate(tried))
    return body if wrong else tried


def _place(
    random: Random, inside: dict[str, Any], type: str, path: list[str], rule: str, known: Known
) -> None:  # fmt: skip
    name = _member(random, type, path[0], rule if len(path) == 1 else "")
    if name is None or path[0] in ("id", "meta"):
        return
    row = elements(type)[name]
    if len(path) == 1 or not row.type.startswith(f"{type.partition('.')[0]}."):
        made = values.value(random, row, known)
    else:
        made = values.blank(random, row.type, known)
        if made is not None:
            _place(random, made, row.type, path[1:], rule, known)
    if made is None:
        return
    if row.high == 1:
        inside[name] = made
    else:
        inside[name] = [*inside.get(name, []), made][-2:]


def _member(random: Random, type: str, name: str, rule: str) -> str | None:
    """The element of this name, or one of the choices it is made of."""
    table = elements(type)
    if name in table:
        return name
    wanted = rule.removeprefix("as:") if rule.startswith("as:") else ""
    given = [member for member, row in table.items() if row.choice == name and wanted in ("", row.type)]
    return random.choice(sorted(given)) if given else None


def sampled(run: str) -> Iterator[dict[str, Any]]:
    """Some of the seed, with ids of this run: what refers only to what was taken before it."""
    taken: dict[str, str] = {}
    counts: dict[str, int] = {}
    for body in load.resources():
        name = f"{body['resourceType']}/{body['id']}"
        pointed = {reference["reference"] for _, reference in walk(body) if not reference["reference"].startswith("#")}
        type = body["resourceType"]
        if counts.get(type, 0) >= FEW.get(type, SAMPLED) or not pointed <= taken.keys():
            continue
        counts[type] = counts.get(type, 0) + 1
        taken[name] = f"{type}/{run}{9000 + len(taken)}"
        copy = deepcopy(body)
        copy["id"] = taken[name].partition("/")[2]
        for _, reference in walk(copy):
            reference["reference"] = taken.get(reference["reference"], reference["reference"])
        yield copy


def plain(text: str, run: str) -> str:
    """Text without the word of the run."""
    return re.sub(re.escape(run), "", text)
