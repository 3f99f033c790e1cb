"""Reads by id that are asked for at the same time, as one search by ``_id``, where an EHR answers that with what is there now."""

from collections.abc import Mapping, Sequence
from typing import Any

from writeback.speaking.answers import Answer, Request, id_in

MOST = 50
"""Resources that are asked for by one search: the address stays below two kilobytes."""


def asked_for(type: str, ids: Sequence[str], headers: Mapping[str, str]) -> Request:
    """The search for at most ``MOST`` of them, on one page."""
    path = f"{type}?_id={','.join(ids)}&_count={MOST}"
    return Request(method="GET", path=path, headers={"accept": "application/fhir+json", **headers})


def shown(answer: Answer, type: str) -> dict[str, dict[str, Any]]:
    """The resources of the type that it shows, by id; what is not among them is not known to be gone. One that comes twice is
    none."""
    bundle = answer.resource() if answer.status == 200 else None
    entries = bundle.get("entry") if bundle is not None and bundle["resourceType"] == "Bundle" else None
    found: dict[str, dict[str, Any]] = {}
    twice: set[str] = set()
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == type and (id := id_in(resource)) is not None:
            twice |= {id} & found.keys()
            found[id] = resource
    return {id: resource for id, resource in found.items() if id not in twice}


def answers(answer: Answer, type: str) -> dict[str, Answer]:
    """The same, each as a read by its id would be answered."""
    return {id: Answer(status=200, shown=resource) for id, resource in shown(answer, type).items()}
