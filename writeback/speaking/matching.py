"""Whose each entry of a Bundle's answer is (R4 §3.1.0.11): it belongs to the delivery whose id or key it names; its place counts
only where everything that is named agrees with the places."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from r4 import codec
from writeback import keys
from writeback.speaking.answers import Answer, Place, place_of
from writeback.speaking.claims import Claimed

_STATUS = re.compile(r"([1-5][0-9][0-9])(?:\s.*)?", re.DOTALL)


class Told(Struct, frozen=True, kw_only=True, gc=False):
    """What an entry of the response says: an answer, and the place that it names."""

    answer: Answer
    place: Place | None


def match(rows: Sequence[Claimed], entries: Sequence[Any]) -> dict[int, Told]:
    """What was said of each row, by row id; rows that nobody answered for are not in it."""
    told = [told_in(entry) for entry in entries]
    names = {f"{row.type}/{row.fhir_id}": row for row in rows if row.strategy == "put"} | {row.key: row for row in rows}
    named = [
        None if said is None else _named(names, said.place, entry) for said, entry in zip(told, entries, strict=True)
    ]
    found: dict[int, Told] = {}
    twice: set[int] = set()
    for said, row in zip(told, named, strict=True):
        if said is not None and row is not None:
            if row.id in found:
                twice.add(row.id)
            found[row.id] = said
    if _places_hold(rows, told, named):
        found = {row.id: said for row, said in zip(rows, told, strict=True) if said is not None}
    return {id: said for id, said in found.items() if id not in twice}


def _places_hold(rows: Sequence[Claimed], told: Sequence[Told | None], named: Sequence[Claimed | None]) -> bool:
    """Everything that the entries name agrees with the order in which they were asked for: as many as were sent, each
    that names a delivery in its place, each place of the type that was sent there, none twice, and no name of
    something that was not sent."""
    if len(rows) != len(told):
        return False
    seen: set[str] = set()
    for row, said, name in zip(rows, told, named, strict=True):
        place = None if said is None else said.place
        if name is not None and name.id != row.id:
            return False
        if place is None:
            continue
        elsewhere = place.type != row.type or (row.strategy == "put" and place.id != row.fhir_id)
        if elsewhere or place.location in seen:
            return False
        seen.add(place.location)
    return True


def told_in(entry: Any) -> Told | None:
    """An entry's response as an answer of its own."""
    response = entry.get("response") if isinstance(entry, dict) else None
    if not isinstance(response, dict):
        return None
    status = _STATUS.fullmatch(str(response.get("status", "")))
    if status is None:
        return None
    headers = {name: value for name in ("location", "etag") if isinstance(value := response.get(name), str)}
    spoken = entry.get("resource") if int(status[1]) < 400 else response.get("outcome")
    body = codec.format(spoken) if isinstance(spoken, dict) else b""
    answer = Answer(status=int(status[1]), headers=headers, body=body)
    return Told(answer=answer, place=place_of(answer))


def _named(names: Mapping[str, Claimed], place: Place | None, entry: Any) -> Claimed | None:
    """The delivery that an entry names: by the id that we gave it, or by the key in the resource that came with it."""
    if place is not None and (row := names.get(place.location)) is not None:
        return row
    resource = entry.get("resource")
    marks = keys.marked(resource) if isinstance(resource, dict) else ()
    return next((names[mark] for mark in marks if mark in names), None)
