"""Many deliveries in one ``batch`` Bundle (R4 §3.1.0.11.1), without a socket: a generator as in ``conversation``.

Each entry stands or falls by itself. An answer belongs to the delivery whose id or key it names; its place in the Bundle
counts only where everything the Bundle names agrees with the places, and what nobody answered for is in doubt. Nothing
that is in doubt already goes in: it is looked for first, by itself.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r4 import codec
from writeback import keys
from writeback.answers import Answer, Place, Request, classify, place_of
from writeback.claims import Claimed, Ending
from writeback.conversation import (
    JSON,
    ORPHANED,
    Reply,
    declined,
    ending_of,
    orphaned,
    unanswered,
    unread,
)
from writeback.pacing import BYTES, Verdict
from writeback.rendering import Rendered, render

_STATUS = re.compile(r"([1-5][0-9][0-9])(?:\s.*)?", re.DOTALL)
NO_BATCH = frozenset({403, 404, 405, 406, 415, 501})
"""Answers to a Bundle which say that this server takes none, whatever it advertises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """What became of each delivery, by row id, and of the Bundle as a whole; ``entries`` is how many it had."""

    endings: Mapping[int, Ending]
    verdict: Verdict = "unknown"
    entries: int = 0


Conversation = Generator[Request, Reply, Together]


def groups(rows: Sequence[Claimed], *, size: int) -> list[tuple[Claimed, ...]]:
    """The rows as they are sent: Bundles of at most ``size`` of one principal, and one by one what is in doubt or is no
    plain write. No two of a Bundle share an id, so that an answer names one of them."""
    alone = [(row,) for row in rows if row.doubtful or row.strategy == "edit" or size < 2]
    open_: dict[str, list[Claimed]] = {}
    closed: list[tuple[Claimed, ...]] = []
    for row in rows:
        if row.doubtful or row.strategy == "edit" or size < 2:
            continue
        group = open_.setdefault(row.principal, [])
        if group and (len(group) >= size or sum(len(each.body) for each in group) + len(row.body) > BYTES):
            closed.append(tuple(group))
            group = open_[row.principal] = []
        group.append(row)
    return [*alone, *closed, *(tuple(group) for group in open_.values())]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    row: Claimed
    rendered: Rendered


def deliver_together(
    rows: Sequence[Claimed], *, namespace: str, reads_back: Callable[[str], bool]
) -> Conversation:  # fmt: skip
    """Speaks about several claimed deliveries, none of them in doubt, until it is known what became of each.
    ``reads_back`` says of a delivery key whether it is read back."""
    parts = [_Sent(row=row, rendered=render(row.body, row.needs)) for row in rows]
    endings = {part.row.id: ORPHANED for part in parts if orphaned(part.row, part.rendered)}
    sent = [part for part in parts if part.row.id not in endings]
    if not sent:
        return Together(endings=endings)
    reply = yield _request(sent, namespace)
    found = _answered(reply)
    if found is None:
        endings |= {part.row.id: _whole(part.row, reply) for part in sent}
        return Together(endings=endings, verdict=_verdict(reply), entries=len(sent))
    matched = match([part.row for part in sent], found)
    judged = {part.row.id: _judge(part.row, matched.get(part.row.id)) for part in sent}
    endings |= {id: ending for id, ending in judged.items() if isinstance(ending, Ending)}
    places = {id: place for id, place in judged.items() if isinstance(place, Place)}
    kept = [part for part in sent if part.row.id in places]
    endings |= yield from _read_back(kept, places, matched, reads_back)
    return Together(endings=endings, verdict="taken", entries=len(sent))


def _request(sent: Sequence[_Sent], namespace: str) -> Request:
    entries = [
        b'{"resource":%b,"request":%b}' % (part.rendered.body, codec.format(_asked(part.row, namespace)))
        for part in sent
    ]
    creates = any(part.row.strategy != "put" for part in sent)
    first = sent[0].row
    headers = {
        "content-type": JSON, "accept": JSON, "x-request-id": f"{first.key[:24]}-{first.attempt}-{len(sent)}",
        "prefer": f"return={'representation' if creates else 'minimal'}",
    }  # fmt: skip
    body = b'{"resourceType":"Bundle","type":"batch","entry":[%b]}' % b",".join(entries)
    return Request(method="POST", path="", headers=headers, body=body)


def _asked(row: Claimed, namespace: str) -> dict[str, str]:
    if row.strategy == "put":
        return {"method": "PUT", "url": f"{row.type}/{row.fhir_id}"}
    if row.strategy == "conditional":
        sought = keys.search_of(row.type, namespace=namespace, key=row.key)
        return {"method": "POST", "url": row.type, "ifNoneExist": sought}
    return {"method": "POST", "url": row.type}


def _answered(reply: Reply) -> list[Any] | None:
    """The entries of a batch-response, or None when it is none."""
    bundle = reply.resource() if isinstance(reply, Answer) and 200 <= reply.status < 300 else None
    if bundle is None or bundle["resourceType"] != "Bundle" or bundle.get("type") != "batch-response":
        return None
    entries = bundle.get("entry", [])
    return entries if isinstance(entries, list) else None


def _verdict(reply: Reply) -> Verdict:
    if not isinstance(reply, Answer):
        return "too_much" if reply == "answer_lost" else "unknown"
    if reply.status == 413:
        return "too_large"
    if reply.status in NO_BATCH:
        return "not_taken"
    return "too_much" if reply.status in (400, 408, 409, 422) or not 300 <= reply.status < 500 else "unknown"


def _whole(row: Claimed, reply: Reply) -> Ending:
    """No entry was answered for. A refusal of the whole says nothing about one of them: it is sent in a smaller Bundle,
    at last by itself, and only that answer counts."""
    if not isinstance(reply, Answer):
        return unanswered(reply, doubtful=False)
    ending = declined(row, reply)
    if ending.event != "refused":
        return ending
    return Ending(event="postponed", status=reply.status, cause=f"batch_{reply.status}", healthy=True)


def match(rows: Sequence[Claimed], entries: Sequence[Any]) -> dict[int, Answer]:
    """The answer to each row, by row id; rows that nobody answered for are not in it."""
    answers = [_answer(entry) for entry in entries]
    names = {f"{row.type}/{row.fhir_id}": row for row in rows if row.strategy == "put"} | {row.key: row for row in rows}
    named = [
        None if answer is None else _named(names, answer, entry) for answer, entry in zip(answers, entries, strict=True)
    ]
    found: dict[int, Answer] = {}
    twice: set[int] = set()
    for answer, row in zip(answers, named, strict=True):
        if answer is not None and row is not None:
            twice |= {row.id} & found.keys()
            found[row.id] = answer
    if _places_hold(rows, answers, named):
        found = {row.id: answer for row, answer in zip(rows, answers, strict=True) if answer is not None}
    return {id: answer for id, answer in found.items() if id not in twice}


def _places_hold(rows: Sequence[Claimed], answers: Sequence[Answer | None], named: Sequence[Claimed | None]) -> bool:
    """Everything that the entries name agrees with the order in which they were asked for: as many as were sent, each
    that names a delivery in its place, each place of the type that was sent there, none twice, and no name of
    something that was not sent."""
    if len(rows) != len(answers):
        return False
    places = [None if answer is None else place_of(answer) for answer in answers]
    where = [place.location for place in places if place is not None]
    return len(where) == len(set(where)) and all(
        (name is None or name.id == row.id)
        and (place is None or place.type == row.type)
        and not (row.strategy == "put" and place is not None and place.id != row.fhir_id)
        for row, place, name in zip(rows, places, named, strict=True)
    )


def _answer(entry: Any) -> Answer | None:
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
    return Answer(status=int(status[1]), headers=headers, body=body)


def _named(names: Mapping[str, Claimed], answer: Answer, entry: Any) -> Claimed | None:
    """The delivery that an entry names: by the id that we gave it, or by the key in the resource that came with it."""
    place, resource = place_of(answer), entry.get("resource")
    said = [place.location] if place is not None else []
    said += keys.marked(resource) if isinstance(resource, dict) else ()
    return next((names[name] for name in said if name in names), None)


def _judge(row: Claimed, answer: Answer | None) -> Ending | Place:
    """Where the EHR has it, or what became of it instead."""
    if answer is None:
        return Ending(event="lost", cause="unmatched", healthy=True)
    if classify(answer, row.strategy) != "accepted":
        return declined(row, answer)
    place = place_of(answer) or Place(type=row.type, id=row.fhir_id)
    if place.type != row.type or (row.strategy == "put" and place.id != row.fhir_id):
        return Ending(event="lost", status=answer.status, cause="foreign_location", healthy=True)
    return place


def _read_back(
    sent: Sequence[_Sent], places: Mapping[int, Place], matched: Mapping[int, Answer], reads_back: Callable[[str], bool]
) -> Generator[Request, Reply, dict[int, Ending]]:
    """What of them was kept, asked for by one batch of reads; matched by the id of what comes back."""
    wanted = [part for part in sent if reads_back(part.row.key)]
    found: dict[str, dict[str, Any]] = {}
    if wanted:
        reply = yield _reads([places[part.row.id] for part in wanted])
        for entry in _answered(reply) or ():
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(resource, dict):
                found[f"{resource.get('resourceType')}/{resource.get('id')}"] = resource
    asked = {part.row.id for part in wanted}
    endings = {}
    for part in sent:
        place, status = places[part.row.id], matched[part.row.id].status
        kept = found.get(place.location) if part.row.id in asked else None
        if kept is None:
            endings[part.row.id] = unread(part.rendered, place, status=status)
        elif (marks := keys.marked(kept)) and part.row.key not in marks:
            endings[part.row.id] = Ending(event="lost", status=status, cause="foreign_location", healthy=True)
        else:
            endings[part.row.id] = ending_of(part.row, part.rendered, kept, place, status=status)
    return endings


def _reads(places: Sequence[Place]) -> Request:
    entries = [{"request": {"method": "GET", "url": place.location}} for place in places]
    body = codec.format({"resourceType": "Bundle", "type": "batch", "entry": entries})
    return Request(method="POST", path="", headers={"content-type": JSON, "accept": JSON}, body=body)
