"""The conversation that edits what the EHR has (reference/fhir-writeback.md §5.7): a generator like ``conversation``.

Read, check that it is ours and still stands where the step may be taken, change the status in what was read, PUT it with
``If-Match``; when somebody else was quicker, read again, three times. What is found edited already is done.
"""

from typing import Any

from r4 import codec
from vocabulary.write import Receipt
from writeback import keys
from writeback.amending import STEPS, WITHDRAWING, Edit, done, edited, members, ours, parse_edit, standing
from writeback.speaking.answers import (
    JSON,
    Answer,
    Place,
    Reply,
    Request,
    classify,
    healthy,
    issue_codes,
    place_of,
    version_in,
)
from writeback.speaking.claims import Claimed, Ending
from writeback.speaking.reading_back import Conversation

TRIES = 3
STALE = (409, 412)
"""R4 answers a stale version with 412; HAPI and Oracle with 409."""


def edit(claimed: Claimed) -> Conversation:
    """Speaks about one claimed edit until it is known what became of it."""
    wanted = parse_edit(codec.parse(claimed.body))
    for _ in range(TRIES):
        answer = yield _read(claimed)
        current = _current(answer, claimed)
        if isinstance(current, Ending):
            return _moot(current, wanted)
        resource, version = current
        if done(resource, wanted):
            return _kept(claimed, version, 200)
        if (problem := _problem(resource, version, wanted)) is not None:
            return Ending(event="refused", cause=problem, healthy=True)
        answer = yield _write(claimed, codec.format(edited(resource, wanted)), str(version))
        if isinstance(answer, Answer) and answer.status in STALE:
            continue
        return (yield from _judge(claimed, answer, before=(resource, str(version)), wanted=wanted))
    return Ending(event="postponed", status=409, cause="keeps_changing", healthy=True)


def _moot(ending: Ending, wanted: Edit) -> Ending:
    """What was to be taken back and has been deleted stands no more: there is nothing left to do, and no dead letter."""
    nothing = ending.cause == "gone" and wanted.to in WITHDRAWING
    return Ending(event="overdue", status=ending.status, cause="gone", healthy=True) if nothing else ending


def _read(claimed: Claimed) -> Request:
    headers = {"accept": JSON, "cache-control": "no-cache"}
    return Request(method="GET", path=f"{claimed.type}/{claimed.fhir_id}", headers=headers)


def _current(answer: Reply, claimed: Claimed) -> "tuple[dict[str, Any], str | None] | Ending":
    """The resource and its version, or how it ends. A read changes nothing: what failed is tried again."""
    if not isinstance(answer, Answer):
        return Ending(event="postponed", cause=answer, healthy=None if answer == "no_token" else False)
    if answer.status in (404, 410):
        return Ending(event="refused", status=answer.status, cause="gone", healthy=True)
    resource = answer.resource()
    if answer.status == 200 and resource is not None and resource["resourceType"] == claimed.type:
        place = place_of(answer)
        return resource, version_in(resource) or (place.version if place else None)
    if answer.status == 403:
        return Ending(event="refused", status=answer.status, cause=f"http_{answer.status}", healthy=True)
    wish = answer.headers.get("retry-after")
    return Ending(
        event="postponed", status=answer.status, cause="cannot_look", retry_after=wish, healthy=healthy(answer)
    )  # fmt: skip


def _problem(resource: dict[str, Any], version: str | None, wanted: Edit) -> str | None:
    if not ours(resource, wanted):
        return "not_ours"
    if standing(resource) not in STEPS[wanted.to].after:
        return "status_moved"
    return "no_version" if version is None else None


def _write(claimed: Claimed, body: bytes, version: str) -> Request:
    headers = {
        "content-type": JSON, "accept": JSON, "prefer": "return=minimal", "if-match": f'W/"{version}"',
        "x-correlation-id": claimed.key, "x-request-id": keys.request_id(claimed.key, claimed.attempt),
    }  # fmt: skip
    return Request(method="PUT", path=f"{claimed.type}/{claimed.fhir_id}", headers=headers, body=body)


def _judge(claimed: Claimed, answer: Reply, *, before: tuple[dict[str, Any], str], wanted: Edit) -> Conversation:
    """What came of the PUT to this resource in this version. One that was lost is in doubt, and the next look tells."""
    if not isinstance(answer, Answer):
        lost = answer == "answer_lost"
        return Ending(
            event="lost" if lost else "postponed", cause=answer, healthy=False if answer != "no_token" else None
        )
    meaning, cause = classify(answer, "put"), f"http_{answer.status}"
    if meaning == "accepted":
        current = _current((yield _read(claimed)), claimed)
        return _seen(claimed, answer, current, before=before, wanted=wanted)
    issues = issue_codes(answer)
    if meaning == "refused":
        return Ending(event="refused", status=answer.status, cause=cause, healthy=True, issues=issues)
    return Ending(
        event="lost" if meaning == "unsure" else "postponed", status=answer.status, cause=cause, issues=issues,
        retry_after=answer.headers.get("retry-after"), healthy=healthy(answer),
    )  # fmt: skip


def _seen(
    claimed: Claimed, answer: Answer, current: "tuple[dict[str, Any], str | None] | Ending", *,
    before: tuple[dict[str, Any], str], wanted: Edit,
) -> Ending:  # fmt: skip
    """The EHR says that it took the edit, and ``current`` is what it has now. Where that cannot be read its word counts;
    where the version is still the former one, nobody knows; where the status is, it did not take it."""
    place, statuses = place_of(answer), members(before[0], wanted)
    if isinstance(current, Ending):
        return _kept(claimed, place.version if place else None, answer.status)
    resource, version = current
    if all(resource.get(name) == value for name, value in statuses.items()):
        return _kept(claimed, version, answer.status)
    if version == before[1]:
        return Ending(event="lost", status=answer.status, cause="not_seen", healthy=True)
    return Ending(event="refused", status=answer.status, cause="not_kept", healthy=True)


def _kept(claimed: Claimed, version: str | None, status: int) -> Ending:
    place = Place(type=claimed.type, id=claimed.fhir_id, version=version)
    receipt = Receipt(location=place.location, version=version)
    return Ending(event="kept", receipt=receipt, status=status, healthy=True, read_back=True)
