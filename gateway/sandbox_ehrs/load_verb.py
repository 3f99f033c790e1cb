"""Edge: resources of files into an embedded EHR, each as a write that keeps its id: validated, and its own version."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from sqlalchemy import Connection, select

from r4 import codec
from r4.interaction import Answer, Interaction
from r4.references import named, parse
from r4.served import SERVED
from sandbox import store, tables
from sandbox.batch import resolve

Arguments = Mapping[str, Any]
UNSEEDED = "this EHR has not been used yet: open its launcher once while `chartgate up` runs, then load"


def load_part(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """``{"created", "updated", "unchanged", "refused"}``: counts, and refusals as ``{"at", "element", "text"}`` with the
    place in ``lines``, the resources as JSON texts. ``names`` are what ``urn:`` references of a bundle stand for. References
    are not followed here, for files refer forwards. Raises ValueError for an EHR that was never used."""
    if connection.scalar(select(tables.settings.c.value).where(tables.settings.c.name == "seeded")) is None:
        raise ValueError(UNSEEDED)
    rules = store.Rules(base=arguments["base"], new_id=lambda: str(uuid4()), references="free")
    found: dict[str, Any] = {"created": 0, "updated": 0, "unchanged": 0, "refused": []}
    for place, line in enumerate(arguments["lines"]):
        wrong = _loaded(connection, now, line, arguments.get("names") or {}, rules, found)
        if wrong is not None:
            found["refused"].append({"at": place, **wrong})
    return found


def _loaded(
    connection: Connection, now: float, line: str, names: Mapping[str, str], rules: store.Rules, found: dict[str, Any]
) -> dict[str, str] | None:
    """Stores one resource and counts it, or says why not: the element and a sentence, nothing of the content."""
    try:
        body = codec.parse(line.encode("utf-8", "surrogateescape"))
    except codec.CodecError as wrong:
        return {"element": wrong.issue.element, "text": wrong.issue.text}
    type = body.get("resourceType") if isinstance(body, dict) else None
    if not isinstance(type, str) or type not in SERVED:
        return {"element": "resourceType", "text": "must be a type that this server has"}
    id = body.get("id", rules.new_id())
    wanted = Interaction(action="update", type=type, id=str(id), body={**body, "id": id})
    wanted = resolve(wanted, {**names, **_conditional(connection, now, body, rules)})
    before = store.perform(connection, now, Interaction(action="read", type=type, id=str(id)), rules)
    answer = store.perform(connection, now, wanted, rules)
    if answer.status >= 400:
        return _told(answer)
    changed = answer.headers.get("etag") != before.headers.get("etag")
    found["created" if answer.status == 201 else "updated" if changed else "unchanged"] += 1
    return None


def _conditional(connection: Connection, now: float, body: Any, rules: store.Rules) -> dict[str, str]:
    """``Practitioner?identifier=…`` → ``Practitioner/id``, where exactly one is found (R4 §3.1.0.11.3)."""
    found = {}
    for said in {each for each in named(body) if "?" in each and "://" not in each.partition("?")[0]}:
        type, _, query = said.partition("?")
        if type in SERVED:
            search = Interaction(action="search", type=type, query=tuple(parse_qsl(query, keep_blank_values=True)))
            entries = (store.perform(connection, now, search, rules).resource or {}).get("entry") or []
            if len(entries) == 1:
                found[said] = f"{type}/{entries[0]['resource']['id']}"
    return found


def _told(answer: Answer) -> dict[str, str]:
    issue = ((answer.resource or {}).get("issue") or [{}])[0]
    text = (issue.get("details") or {}).get("text") or issue.get("diagnostics") or "is refused"
    return {"element": str((issue.get("expression") or [""])[0]), "text": str(text)}


def missing(connection: Connection, now: float, arguments: Arguments) -> list[str]:
    """Those of ``references`` (``Type/id``) that lead to nothing in the store."""
    rules = store.Rules(base=arguments["base"], new_id=lambda: str(uuid4()))
    found = []
    for said in arguments["references"]:
        place = parse(said, base=arguments["base"])
        if place is None or place.type not in SERVED:
            continue
        read = Interaction(action="read", type=place.type, id=place.id)
        if store.perform(connection, now, read, rules).status != 200:
            found.append(place.local)
    return found
