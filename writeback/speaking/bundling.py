"""Many deliveries in one Bundle (R4 §3.1.0.11.1), without a socket: a generator as in ``conversation``.

In a ``batch`` each entry stands or falls by itself. The resources of one output that refer to one another are a
``transaction``: all of them, or none. What nobody answered for is in doubt, and nothing that is in doubt already goes in: it
is looked for first, by itself.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct, structs

from r4 import codec
from writeback import keys
from writeback.pacing import BYTES, Verdict
from writeback.speaking.answers import JSON, Answer, Place, Reply, Request, classify, healthy
from writeback.speaking.claims import Claimed, Ending
from writeback.speaking.conversation import declined, never_sent, orphaned, unanswered
from writeback.speaking.matching import Told, match, told_in
from writeback.speaking.pages import read
from writeback.speaking.reading_back import GONE, ending_of, unread, unseen
from writeback.speaking.rendering import Need, Rendered, render
from writeback.speaking.searching import MOST, asked_for, shown
from writeback.terms import SINGLY, Terms

NO_BATCH = frozenset({403, 404, 405, 406, 415, 501})
"""Answers to a Bundle which say that this server takes none, whatever it advertises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """What became of each delivery, by row id, and of the Bundle as a whole; ``entries`` is how many it had."""

    endings: Mapping[int, Ending]
    verdict: Verdict = "unknown"
    entries: int = 0


Kind = Literal["batch", "transaction"]
Conversation = Generator[Request, Reply, Together]


def groups(rows: Sequence[Claimed], *, size: int) -> list[tuple[Claimed, ...]]:
    """The rows as they are sent: Bundles of at most ``size`` of one principal, one by one what is in doubt or is no
    plain write, and together what is united. No two of a Bundle share an id, so that an answer names one of them."""
    united: dict[str | None, list[Claimed]] = {}
    for row in (row for row in rows if row.united):
        united.setdefault(row.output, []).append(row)
    plain = [row for row in rows if not row.united]
    alone = [(row,) for row in plain if _by_itself(row, size)]
    open_: dict[str, list[Claimed]] = {}
    heavy: dict[str, int] = {}
    closed: list[tuple[Claimed, ...]] = []
    for row in (row for row in plain if not _by_itself(row, size)):
        group, weight = open_.setdefault(row.principal, []), heavy.get(row.principal, 0) + len(row.body)
        if group and (len(group) >= size or weight > BYTES):
            closed.append(tuple(group))
            group, weight = [], len(row.body)
        open_[row.principal], heavy[row.principal] = group, weight
        group.append(row)
    return [*alone, *closed, *(tuple(group) for group in (*open_.values(), *united.values()))]


def _by_itself(row: Claimed, size: int) -> bool:
    return row.doubtful or row.uncertain or row.strategy == "edit" or size < 2


class _Sent(Struct, frozen=True, kw_only=True, gc=False):
    row: Claimed
    rendered: Rendered


def deliver_together(
    rows: Sequence[Claimed], *, namespace: str, reads_back: Callable[[str], bool], terms: Terms = SINGLY
) -> Conversation:  # fmt: skip
    """Speaks about several claimed deliveries, none of them in doubt, until it is known what became of each.
    ``reads_back`` says of a delivery key whether it is read back."""
    kind: Kind = "transaction" if rows[0].united else "batch"
    parts = [_Sent(row=row, rendered=render(row.body, _needs(row, rows))) for row in rows]
    orphans = {part.row.id: orphaned(part.row, part.rendered) for part in parts}
    endings = {id: ending for id, ending in orphans.items() if ending is not None}
    sent = [part for part in parts if part.row.id not in endings]
    if not sent:
        return Together(endings=endings)
    reply = yield _request(sent, namespace, terms, kind)
    found = _answered(reply, kind)
    if found is None:
        endings |= {part.row.id: _whole(part.row, reply, kind) for part in sent}
        return Together(endings=endings, verdict=_verdict(reply, kind), entries=len(sent))
    matched = match([part.row for part in sent], found)
    judged = {part.row.id: _judge(part.row, matched.get(part.row.id), terms) for part in sent}
    endings |= {id: ending for id, ending in judged.items() if isinstance(ending, Ending)}
    places = {id: place for id, place in judged.items() if isinstance(place, Place)}
    kept = [part for part in sent if part.row.id in places]
    wanted = [part for part in kept if reads_back(part.row.key)]
    read = yield from _read(wanted, places, terms)
    endings |= {part.row.id: _read_back(part, places[part.row.id], matched[part.row.id], read) for part in kept}
    return Together(endings=endings, verdict="taken" if kind == "batch" else "unknown", entries=len(sent))


def _needs(row: Claimed, rows: Sequence[Claimed]) -> Mapping[str, Need]:
    """What it refers to, with the addresses of what goes with it: the id that we give it, or its name in this Bundle."""
    beside = {other.key: other for other in rows if other.key in row.needs} if row.united else {}
    return {**row.needs, **{key: Need(state="leased", location=_address(other)) for key, other in beside.items()}}


def _address(row: Claimed) -> str:
    return f"{row.type}/{row.fhir_id}" if row.strategy == "put" else f"urn:uuid:{row.fhir_id}"


def _request(sent: Sequence[_Sent], namespace: str, terms: Terms, kind: Kind) -> Request:
    entries = [
        b'{%b"resource":%b,"request":%b}' % (_named(part.row), part.rendered.body, _asked(part.row, namespace))
        for part in sent
    ]
    creates = any(part.row.strategy != "put" for part in sent)
    first = sent[0].row
    headers = {
        "content-type": JSON, "accept": JSON, "x-request-id": keys.request_id(first.key, first.attempt),
        "prefer": f"return={'representation' if creates else 'minimal'}",
    }  # fmt: skip
    headers |= terms.first_put if kind == "batch" and all(never_sent(part.row) for part in sent) else {}
    body = b'{"resourceType":"Bundle","type":"%b","entry":[%b]}' % (kind.encode(), b",".join(entries))
    return Request(method="POST", path="", headers=headers, body=body)


def _named(row: Claimed) -> bytes:
    """What the others of a transaction call a resource that has no id yet."""
    return b'"fullUrl":"urn:uuid:%b",' % row.fhir_id.encode() if row.united and row.strategy != "put" else b""


def _asked(row: Claimed, namespace: str) -> bytes:
    if row.strategy == "put":
        return f'{{"method":"PUT","url":"{row.type}/{row.fhir_id}"}}'.encode()
    if row.strategy == "conditional":
        sought = keys.search_of(row.type, namespace=namespace, key=row.key)
        return codec.format({"method": "POST", "url": row.type, "ifNoneExist": sought})
    return f'{{"method":"POST","url":"{row.type}"}}'.encode()


def _answered(reply: Reply, kind: Kind = "batch") -> list[Any] | None:
    """The entries of a batch-response, or of a transaction's, or None when it is none."""
    bundle = reply.resource() if isinstance(reply, Answer) and 200 <= reply.status < 300 else None
    if bundle is None or bundle["resourceType"] != "Bundle" or bundle.get("type") != f"{kind}-response":
        return None
    entries = bundle.get("entry", [])
    return entries if isinstance(entries, list) else None


def _verdict(reply: Reply, kind: Kind) -> Verdict:
    if kind == "transaction":
        return "unknown"
    if not isinstance(reply, Answer):
        return "too_much" if reply == "answer_lost" else "unknown"
    if reply.status == 413:
        return "too_large"
    if reply.status in NO_BATCH:
        return "not_taken"
    return "too_much" if reply.status in (400, 408, 409, 422) or not 300 <= reply.status < 500 else "unknown"


def _whole(row: Claimed, reply: Reply, kind: Kind) -> Ending:
    """No entry was answered for. A refusal of the whole says nothing about one of them: it is sent in a smaller Bundle,
    at last by itself, and only that answer counts. What was refused as a transaction goes one by one."""
    if not isinstance(reply, Answer):
        return unanswered(reply, doubtful=False)
    ending = declined(row, reply)
    if ending.event == "lost":
        return ending
    well = healthy(reply)
    return structs.replace(ending, event="postponed", cause=f"{kind}_{reply.status}", healthy=well, issues=())


def _judge(row: Claimed, told: Told | None, terms: Terms) -> Ending | Place:
    """Where the EHR has it, or what became of it instead."""
    if told is None:
        return Ending(event="lost", cause="unmatched", healthy=True)
    if classify(told.answer, row.strategy, named=told.place is not None) != "accepted":
        return declined(row, told.answer, terms)
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
        answered = yield from _entries([at[part.row.id] for part in left], terms)
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
    told = [told_in(entry) for entry in entries]
    if len(told) != len(wanted):
        return set()
    return {
        part.row.id
        for part, said in zip(wanted, told, strict=True)
        if said is not None and said.answer.status in GONE
    }  # fmt: skip


def _entries(places: Sequence[Place], terms: Terms) -> Generator[Request, Reply, list[Any]]:
    """The answers to a batch of reads; where the EHR takes none, to one read after the other, as a batch would give them."""
    if terms.batch:
        return _answered((yield _reads(places))) or []
    found: list[Any] = []
    for place in places:
        reply = yield read(place.location)
        if isinstance(reply, Answer):
            found.append({"resource": reply.resource(), "response": {"status": str(reply.status)}})
        else:
            found.append({})
    return found


def _reads(places: Sequence[Place]) -> Request:
    entries = [{"request": {"method": "GET", "url": place.location}} for place in places]
    body = codec.format({"resourceType": "Bundle", "type": "batch", "entry": entries})
    return Request(method="POST", path="", headers={"content-type": JSON, "accept": JSON}, body=body)
