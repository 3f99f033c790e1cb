"""Batch and transaction: every entry by the same decisions as the same request alone (R4 §3.1.0.11)."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from msgspec import structs

from auth.server.grants import Grant
from gateway.face.bodies import doomed
from gateway.face.guarding import CHANGED, ODD, UNSERVED, Means, Serving
from gateway.face.naming import placed, resolved
from gateway.face.writing import check_write, recheck_write
from r4.interaction import Answer, Interaction
from r4.outcome import outcome
from r4.served import SERVED
from sandbox import batch
from sandbox.rewording import preferred

WRITES = frozenset({"create", "update", "patch", "delete"})
Doing = Generator[Interaction, Answer, Answer | None]
Serve = Callable[[Interaction, Grant, Means], Serving]


def serve_batch(i: Interaction, grant: Grant, means: Means, serve: Serve) -> Serving:
    """One entry that is refused spoils no other."""
    answers = []
    for entry in i.entries:
        answers.append((yield from serve(entry, grant, means)))
    return Answer(status=200, resource=batch.bundle("batch", answers))


def serve_transaction(i: Interaction, grant: Grant, means: Means, serve: Serve) -> Serving:
    """All or nothing: every write is decided before the first is done, and the driver undoes what was done when the
    answer is a refusal. Reads come last, each as the request alone."""
    checked = yield from _checked(i, grant, means)
    if isinstance(checked, Answer):
        return checked
    answers: dict[int, Answer] = {place: done for place, done in checked.items() if isinstance(done, Answer)}
    writes = {place: entry for place, entry in checked.items() if isinstance(entry, Interaction)}
    if means.whole and (refused := (yield from _unreadable(i, writes, grant, means, serve))) is not None:
        return refused
    perform = _together if means.whole else _one_by_one
    failed = yield from perform(writes, answers, grant, means)
    if failed is not None and failed.status == 412 and not any(entry.if_match for entry in i.entries):
        return CHANGED  # a version that was judged here, and named by no client
    if failed is not None:
        return failed
    for place, entry in enumerate(i.entries):
        if place not in answers:
            answers[place] = yield from serve(entry, grant, means)
            if answers[place].status >= 400 and not means.whole:
                return placed(answers[place], place)
    return Answer(status=200, resource=batch.bundle("transaction", [answers[place] for place in range(len(i.entries))]))


def _checked(
    i: Interaction, grant: Grant, means: Means
) -> Generator[Interaction, Answer, Answer | dict[int, Interaction | Answer]]:
    """The writes to perform by place, or the refusal of one, which is the refusal of all."""
    if (fault := batch.fault(i.entries)) is not None:
        return Answer(status=400, resource=outcome([fault]))
    named = yield from resolved(i.entries, grant, means)
    if isinstance(named, Answer):
        return named
    entries = batch.assign(named, [means.new_id() for _ in named])
    own = frozenset(f"{each.type}/{each.id}" for each in entries if each.action == "update")
    within = structs.replace(means, own=own, reached={})
    checked: dict[int, Interaction | Answer] = {}
    for place, (original, entry) in enumerate(zip(named, entries, strict=True)):
        if entry.type not in SERVED:
            return UNSERVED
        if entry.action not in WRITES:
            continue
        if entry.body is not None and doomed(entry.body) is None:  # said only after whether it may be written at all
            entry = structs.replace(entry, valid=True)
        given = original.action == "create" and entry.action == "update"
        allowed = yield from check_write(structs.replace(entry, action="create") if given else entry, grant, within)
        if isinstance(allowed, Answer) and allowed.status >= 400:
            return placed(allowed, place)
        body = allowed.body if isinstance(allowed, Interaction) and not allowed.valid else None
        if body is not None and (wrong := doomed(body)) is not None:
            return placed(wrong, place)
        checked[place] = _with_id(entry, allowed) if given else allowed
    done = {place: each for place, each in checked.items() if isinstance(each, Interaction)}
    fault = batch.fault([*done.values()]) or batch.alike({place: i.entries[place] for place in done})
    if fault is not None:
        return Answer(status=400, resource=outcome([fault]))
    return checked


def _with_id(entry: Interaction, allowed: Interaction | Answer) -> Interaction:
    """The entry under the id that it will have, with what was found out about it as a create."""
    return structs.replace(entry, settled=isinstance(allowed, Interaction) and allowed.settled)


def _one_by_one(
    writes: Mapping[int, Interaction], answers: dict[int, Answer], grant: Grant, means: Means
) -> Doing:  # fmt: skip
    places = list(writes)
    made = frozenset(f"{entry.type}/{entry.id}" for entry in writes.values() if entry.action == "update")
    stays = all(entry.action != "delete" for entry in writes.values())
    for index in batch.ordered([writes[place] for place in places]):
        entry = writes[places[index]]
        beside = entry.beside | made if entry.beside else made
        answer = yield structs.replace(entry, beside=beside, settled=entry.settled and stays)
        if answer.status >= 400:
            return placed(answer, places[index])
        answers[places[index]] = yield from recheck_write(entry, answer, grant, means)
    return None


def _unreadable(
    i: Interaction, writes: Mapping[int, Interaction], grant: Grant, means: Means, serve: Serve
) -> Doing:  # fmt: skip
    """The refusal of a read, before another server does writes that nobody could take back."""
    made = {f"{entry.type}/{entry.id}" for entry in writes.values()}
    for place, entry in enumerate(i.entries):
        if entry.action in WRITES or f"{entry.type}/{entry.id}" in made:
            continue
        answer = yield from serve(entry, grant, means)
        if answer.status >= 400:
            return placed(answer, place)
    return None


def _together(
    writes: Mapping[int, Interaction], answers: dict[int, Answer], grant: Grant, means: Means
) -> Doing:  # fmt: skip
    """One transaction of the server behind."""
    if not writes:
        return None
    answer = yield Interaction(action="transaction", entries=tuple(writes.values()))
    if answer.status >= 400:
        return answer
    entries = (answer.resource or {}).get("entry") or []
    if len(entries) != len(writes):
        return ODD
    for (place, entry), found in zip(writes.items(), entries, strict=True):
        answers[place] = yield from recheck_write(entry, _alone(found, entry), grant, means)
    return None


def _alone(entry: Mapping[str, Any], asked: Interaction) -> Answer:
    """An entry of a transaction's response as the answer to the same request alone."""
    response = entry.get("response") or {}
    headers = {name: response[name] for name in ("location", "etag") if isinstance(response.get(name), str)}
    status, resource = int(str(response.get("status", "200"))[:3]), entry.get("resource")
    return Answer(status=status, resource=preferred(resource, asked) if resource else None, headers=headers)
