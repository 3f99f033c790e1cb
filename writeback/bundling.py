"""Many deliveries in one ``batch`` Bundle (R4 §3.1.0.11.1), without a socket: a generator as in ``conversation``.

Each entry stands or falls by itself. An answer belongs to the delivery whose id or key it names; its place in the Bundle
counts only where everything the Bundle names agrees with the places, and what nobody answered for is in doubt. Nothing
that is in doubt already goes in: it is looked for first, by itself.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct, structs

from r4 import codec
from writeback import keys
from writeback.answers import Answer, Place, Request, classify, healthy, place_of
from writeback.claims import WHOLE, Claimed, Ending
from writeback.conversation import JSON, Reply, declined, never_sent, orphaned, unanswered
from writeback.pacing import BYTES, Verdict
from writeback.reading_back import GONE, ending_of, unread, unseen
from writeback.rendering import Rendered, render
from writeback.searching import MOST, asked_for, shown
from writeback.terms import SINGLY, Terms

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
    alone = [(row,) for row in rows if _by_itself(row, size)]
    open_: dict[str, list[Claimed]] = {}
    heavy: dict[str, int] = {}
    closed: list[tuple[Claimed, ...]] = []
    for row in (row for row in rows if not _by_itself(row, size)):
        group, weight = open_.setdefault(row.principal, []), heavy.get(row.principal, 0) + len(row.body)
        if group and (len(group) >= size or weight > BYTES):
            closed.append(tuple(group))
            group, weight = [], len(row.body)
        open_[row.principal], heavy[row.principal] = group, weight
        group.append(row)
    return [*alone, *closed, *(tuple(group) for group in open_.values())]


def _by_itself(row: Claimed, size: int) -> bool:
    return row.doubtful or row.uncertain or row.strategy == "edit" or size < 2


class _Sent(Struct, frozen=True, kw_only=True, gc=False):
    row: Claimed
    rendered: Rendered


class Told(Struct, frozen=True, kw_only=True, gc=False):
    """What an entry of the response says: an answer, and the place that it names."""

    answer: Answer
    place: Place | None


def deliver_together(
    rows: Sequence[Claimed], *, namespace: str, reads_back: Callable[[str], bool], terms: Terms = SINGLY
) -> Conversation:  # fmt: skip
    """Speaks about several claimed deliveries, none of them in doubt, until it is known what became of each.
    ``reads_back`` says of a delivery key whether it is read back."""
    parts = [_Sent(row=row, rendered=render(row.body, row.needs)) for row in rows]
    orphans = {part.row.id: orphaned(part.row, part.rendered) for part in parts}
    endings = {id: ending for id, ending in orphans.items() if ending is not None}
    sent = [part for part in parts if part.row.id not in endings]
    if not sent:
        return Together(endings=endings)
    reply = yield _request(sent, namespace, terms)
    found = _answered(reply)
    if found is None:
        endings |= {part.row.id: _whole(part.row, reply) for part in sent}
        return Together(endings=endings, verdict=_verdict(reply), entries=len(sent))
    matched = match([part.row for part in sent], found)
    judged = {part.row.id: _judge(part.row, matched.get(part.row.id)) for part in sent}
    endings |= {id: ending for id, ending in judged.items() if isinstance(ending, Ending)}
    places = {id: place for id, place in judged.items() if isinstance(place, Place)}
    kept = [part for part in sent if part.row.id in places]
    wanted = [part for part in kept if reads_back(part.row.key)]
    read = yield from _read(wanted, places, terms)
    endings |= {part.row.id: _read_back(part, places[part.row.id], matched[part.row.id], read) for part in kept}
    return Together(endings=endings, verdict="taken", entries=len(sent))


def _request(sent: Sequence[_Sent], namespace: str, terms: Terms) -> Request:
    entries = [
        b'{"resource":%b,"request":%b}' % (part.rendered.body, _asked(part.row, namespace)) for part in sent
    ]  # fmt: skip
    creates = any(part.row.strategy != "put" for part in sent)
    first = sent[0].row
    headers = {
        "content-type": JSON, "accept": JSON, "x-request-id": keys.request_id(first.key, first.attempt),
        "prefer": f"return={'representation' if creates else 'minimal'}",
    }  # fmt: skip
    headers |= terms.first_put if all(never_sent(part.row) for part in sent) else {}
    body = b'{"resourceType":"Bundle","type":"batch","entry":[%b]}' % b",".join(entries)
    return Request(method="POST", path="", headers=headers, body=body)


def _asked(row: Claimed, namespace: str) -> bytes:
    if row.strategy == "put":
        return f'{{"method":"PUT","url":"{row.type}/{row.fhir_id}"}}'.encode()
    if row.strategy == "conditional":
        sought = keys.search_of(row.type, namespace=namespace, key=row.key)
        return codec.format({"method": "POST", "url": row.type, "ifNoneExist": sought})
    return f'{{"method":"POST","url":"{row.type}"}}'.encode()


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
    if ending.event == "lost":
        return ending
    well = healthy(reply)
    return structs.replace(ending, event="postponed", cause=f"{WHOLE}{reply.status}", healthy=well, issues=())


def match(rows: Sequence[Claimed], entries: Sequence[Any]) -> dict[int, Told]:
    """What was said of each row, by row id; rows that nobody answered for are not in it."""
    told = [_told(entry) for entry in entries]
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


def _told(entry: Any) -> Told | None:
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


def _judge(row: Claimed, told: Told | None) -> Ending | Place:
    """Where the EHR has it, or what became of it instead."""
    if told is None:
        return Ending(event="lost", cause="unmatched", healthy=True)
    if classify(told.answer, row.strategy, named=told.place is not None) != "accepted":
        return declined(row, told.answer)
    place = told.place or Place(type=row.type, id=row.fhir_id)
    if place.type != row.type or (row.strategy == "put" and place.id != row.fhir_id):
        return Ending(event="lost", status=told.answer.status, cause="foreign_location", healthy=True)
    return place


class _Read(Struct, frozen=True, kw_only=True, gc=False):
    """What was read of them, by row id, and the rows of which the EHR says that it has them not."""

    kept: Mapping[int, dict[str, Any]]
    gone: frozenset[int]


def _read(wanted: Sequence[_Sent], places: Mapping[int, Place], terms: Terms) -> Generator[Request, Reply, _Read]:
    """What of them was kept: by searches where those say it, and of what is left by one batch of reads; matched by the id of
    what comes back."""
    found: dict[str, dict[str, Any]] = {}
    at = {part.row.id: places[part.row.id] for part in wanted}
    if terms.search_reads:
        for type in dict.fromkeys(place.type for place in at.values()):
            ids = [place.id for place in at.values() if place.type == type]
            for start in range(0, len(ids), MOST):
                reply = yield asked_for(type, ids[start : start + MOST], terms.search_reads)
                shows = shown(reply, type) if isinstance(reply, Answer) else {}
                found |= {f"{type}/{id}": resource for id, resource in shows.items()}
    left = [part for part in wanted if at[part.row.id].location not in found]
    gone: set[int] = set()
    if left:
        answered = _answered((yield _reads([at[part.row.id] for part in left]))) or ()
        gone = _gone(left, answered)
        for resource in (entry.get("resource") for entry in answered if isinstance(entry, dict)):
            if isinstance(resource, dict):
                found[f"{resource.get('resourceType')}/{resource.get('id')}"] = resource
    kept = {id: found[place.location] for id, place in at.items() if place.location in found}
    return _Read(kept=kept, gone=frozenset(gone))


def _read_back(part: _Sent, place: Place, told: Told, read: _Read) -> Ending:
    """How it ends, with what was read of it, if it was."""
    status, kept = told.answer.status, read.kept.get(part.row.id)
    if kept is None and part.row.id in read.gone:
        return unseen(part.row, part.rendered, place, status=status)
    if kept is None:
        return unread(part.rendered, place, status=status)
    if (marks := keys.marked(kept)) and part.row.key not in marks:
        return Ending(event="lost", status=status, cause="foreign_location", healthy=True)
    return ending_of(part.row, part.rendered, kept, place, status=status)


def _gone(wanted: Sequence[_Sent], entries: Sequence[Any]) -> set[int]:
    """Rows that the EHR says it has not: by their places, where as many were answered for as were asked for."""
    told = [_told(entry) for entry in entries]
    if len(told) != len(wanted):
        return set()
    return {
        part.row.id
        for part, said in zip(wanted, told, strict=True)
        if said is not None and said.answer.status in GONE
    }  # fmt: skip


def _reads(places: Sequence[Place]) -> Request:
    entries = [{"request": {"method": "GET", "url": place.location}} for place in places]
    body = codec.format({"resourceType": "Bundle", "type": "batch", "entry": entries})
    return Request(method="POST", path="", headers={"content-type": JSON, "accept": JSON}, body=body)
