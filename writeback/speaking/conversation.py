"""One delivery's conversation with an EHR, without a socket: a generator that yields requests and is sent answers.

A delivery that may be there already is looked for first: PUT by reading its id, a create by searching for its
identifier. Only then is it sent. What the EHR kept is read back.
"""

from collections.abc import Generator
from typing import Any, Literal

from msgspec import structs

from r4 import codec
from writeback import keys
from writeback.speaking import likeness
from writeback.speaking.answers import (
    JSON,
    Answer,
    Failure,
    Place,
    Reply,
    Request,
    classify,
    healthy,
    id_in,
    issue_codes,
    place_of,
    traces,
    version_in,
    word_of,
)
from writeback.speaking.claims import Claimed, Ending
from writeback.speaking.editing import edit
from writeback.speaking.pages import read, searched
from writeback.speaking.reading_back import Conversation, ending_of, kept_at
from writeback.speaking.rendering import Rendered, render
from writeback.states import FINAL, Event
from writeback.terms import SINGLY, Terms

Search = Generator[Request, Reply, "list[Place] | Ending"]


def deliver(
    claimed: Claimed, *, namespace: str, read_back: bool = True, terms: Terms = SINGLY
) -> Conversation:  # fmt: skip
    """Speaks about one claimed delivery until it is known what became of it. ``namespace`` is the installation's, by
    which its identifiers are found again."""
    if claimed.strategy == "edit":
        return (yield from edit(claimed))
    rendered = render(claimed.body, claimed.needs)
    if (orphan := orphaned(claimed, rendered)) is not None:
        return orphan
    overdue = claimed.late and claimed.type != "Provenance"  # where something came from is told however late
    if claimed.doubtful:
        found = yield from _look(claimed, rendered, namespace)
        if taken(claimed) and not overdue and (found is None or found.event == "undecided"):
            return structs.replace(found or UNSEEN, status=ACCEPTED)
        asks = claimed.strategy == "conditional" and not overdue  # it asks by itself, where looking does not tell
        if found is not None and (found.event == "kept" or not asks):
            return found
    if overdue:
        return OVERDUE
    if claimed.uncertain:
        found = yield from _look_again(claimed, rendered, namespace)
        if found is not None:
            return found
    answer = yield _write(claimed, rendered.body, namespace, terms)
    if not isinstance(answer, Answer):
        return unanswered(answer, doubtful=claimed.doubtful and claimed.strategy == "conditional")
    if terms.already_there and terms.already_there & {code.rpartition("/")[2] for code in issue_codes(answer)}:
        found = yield from _look(claimed, rendered, namespace)
        if found is not None or claimed.doubtful:
            return found or Ending(event="undecided", status=answer.status, cause="not_found_again", healthy=True)
    if terms.refusals and (word := word_of(answer)) in terms.refusals:
        return Ending(event="refused", status=answer.status, cause="said_no", healthy=True, issues=(word,))
    judged = _judge(claimed, rendered, answer, namespace=namespace, read_back=read_back, terms=terms)
    return (yield from judged)


ACCEPTED, SEVERAL = 202, 412
UNSEEN = Ending(event="undecided", status=ACCEPTED, cause="accepted_unseen", healthy=True)
ORPHANED = Ending(event="orphaned", cause="target_missing")
OVERDUE = Ending(event="overdue", cause="overdue")


def taken(claimed: Claimed) -> bool:
    """The EHR has said that it took it for somebody, or something, to file (202, RFC 9110 §15.3.3), and not where: it is
    looked for until it is there, and never sent again, for each sending may be filed."""
    return claimed.told == ACCEPTED and claimed.strategy != "put"


def orphaned(claimed: Claimed, rendered: Rendered) -> Ending | None:
    """How it ends when it is about something that will never be at the EHR: a dead letter, but where that has become too
    old, was overtaken or was recalled: nobody misses it then."""
    if claimed.type != "Provenance" or not any(".target[0]" in loss for loss in rendered.losses):
        return None
    left = {need.state for need in claimed.needs.values() if need.location is None}
    return OVERDUE if claimed.late or (left and left <= FINAL) else ORPHANED


def never_sent(claimed: Claimed) -> bool:
    """Nobody has tried to write it before: its id is a new one."""
    return claimed.strategy == "put" and claimed.attempt == 1 and not claimed.doubtful


def _write(claimed: Claimed, body: bytes, namespace: str, terms: Terms) -> Request:
    headers = {
        "content-type": JSON,
        "accept": JSON,
        "prefer": "return=minimal",
        "x-correlation-id": claimed.key,
        "x-request-id": keys.request_id(claimed.key, claimed.attempt),
    }
    if claimed.strategy == "put":
        headers |= terms.first_put if never_sent(claimed) else {}
        return Request(method="PUT", path=f"{claimed.type}/{claimed.fhir_id}", headers=headers, body=body)
    if claimed.strategy == "conditional":
        headers["if-none-exist"] = keys.search_of(claimed.type, namespace=namespace, key=claimed.key)
    return Request(method="POST", path=claimed.type, headers=headers, body=body)


def unanswered(failure: Failure, *, doubtful: bool) -> Ending:
    """No answer to a write: it never left (and what was in doubt stays so), or nobody knows."""
    if failure == "answer_lost":
        return Ending(event="lost", cause=failure, healthy=False)
    return Ending(
        event="undecided" if doubtful else "postponed", cause=failure, healthy=False if failure == "unsent" else None
    )  # fmt: skip


def _judge(
    claimed: Claimed, rendered: Rendered, answer: Answer, *, namespace: str, read_back: bool, terms: Terms
) -> Conversation:
    meaning = classify(answer, claimed.strategy)
    if meaning == "accepted":
        place = place_of(answer) or Place(type=claimed.type, id=claimed.fhir_id)
        if place.type != claimed.type:
            return Ending(event="lost", status=answer.status, cause="foreign_location", healthy=True)
        return (yield from kept_at(claimed, rendered, place, status=answer.status, wanted=read_back))
    if meaning == "several" or (meaning == "unsure" and answer.status < 300 and claimed.strategy != "put"):
        return (yield from _adopt(claimed, rendered, namespace, answer))
    return declined(claimed, answer, terms)


def declined(claimed: Claimed, answer: Answer, terms: Terms = SINGLY) -> Ending:
    """What an answer that is no success means for a delivery: never, later, or nobody knows."""
    meaning, cause = _said(answer, terms) or classify(answer, claimed.strategy), f"http_{answer.status}"
    issues = (*issue_codes(answer), *traces(answer, claimed.key))
    if meaning == "refused":
        there = answer.status not in NO_WAY
        return Ending(event="refused", status=answer.status, cause=cause, healthy=there, issues=issues)
    wish = answer.headers.get("retry-after")
    event: Event = "postponed" if meaning == "later" else "lost"
    if event == "postponed" and claimed.doubtful and claimed.strategy == "conditional":
        event = "undecided"  # this try was not processed, but the one before it may have been
    return Ending(
        event=event, status=answer.status, cause=cause, retry_after=wish, healthy=healthy(answer),
        issues=issues, duplicates=int(meaning == "several"),
    )  # fmt: skip


def _said(answer: Answer, terms: Terms) -> Literal["refused", "later"] | None:
    """What the EHR's codes say for certain, whatever the status."""
    codes = {word for code in issue_codes(answer) for word in code.split("/")} if terms.never or terms.later else set()
    return "refused" if codes & terms.never else "later" if codes & terms.later else None


NO_WAY = frozenset({404, 405, 501})
"""Refusals of a write that are not its own: the type, or the address, is not there. After some in a row nothing more is sent for
a while, for all that follows would be refused as well (reference/fhir-writeback.md §4.1)."""


def _look(claimed: Claimed, rendered: Rendered, namespace: str) -> Generator[Request, Reply, Ending | None]:
    """Is it there already? An ending when that is known or cannot be found out; None when it may be sent."""
    if claimed.strategy == "put":
        return (yield from _look_by_id(claimed, rendered))
    named = claimed.key.encode() in rendered.body
    found = (yield from search(claimed.type, claimed.key, namespace)) if named else []
    if isinstance(found, Ending) and found.status in NOT_OFFERED:
        found, named = [], False
    if not found:
        found = yield from _alike(codec.parse(rendered.body), claimed.key, named=named)
    if isinstance(found, Ending) or not found:
        return found if isinstance(found, Ending) else None
    ending = yield from kept_at(claimed, rendered, found[0], status=200, wanted=True, copies=len(found))
    return structs.replace(ending, places=tuple(each.location for each in found))


def _look_again(claimed: Claimed, rendered: Rendered, namespace: str) -> Generator[Request, Reply, Ending | None]:
    """Is it there although the last answer said that it was not processed? None where it is not, or where this EHR does not
    tell: then its word counts. While it does not answer nothing is sent either."""
    found = yield from _look(claimed, rendered, namespace)
    if found is None or found.event != "undecided" or found.cause == "several_alike":
        return found
    if found.status in NOT_OFFERED or found.healthy:
        return None
    return structs.replace(found, event="postponed", status=found.status or claimed.told)


NOT_OFFERED = frozenset({400, 403, 404, 405, 422, 501})
"""Answers to a search by our name which say that the EHR does not search so: what it has is found by what it says."""


def _alike(body: dict[str, Any], key: str, *, named: bool) -> Search:
    """What says the same and carries our name or none, for an EHR may drop it. Where it was not searched by a name (``named``
    False), the EHR has to answer: without an answer nothing is sent again. Of several without it nobody knows which is it."""
    query, type = likeness.question(body), str(body["resourceType"])
    if query is None:
        return [] if named else Ending(event="undecided", cause="cannot_look", healthy=True)
    found = yield from searched(query, lambda each: keys.carries(each, key) or likeness.alike(body, each))
    if not isinstance(found, list):
        return [] if named else _undecided(found)
    ours = [each for each in found if keys.carries(each, key) and each.get("resourceType") == type]
    alike = ours or found
    places = [Place(type=type, id=id, version=version_in(each)) for each in alike if (id := id_in(each))]
    if len(places) < len(alike) or (len(alike) > 1 and not ours):
        return Ending(
            event="undecided", cause="cannot_look" if len(alike) < 2 or ours else "several_alike", healthy=True
        )
    return places


def _look_by_id(claimed: Claimed, rendered: Rendered) -> Generator[Request, Reply, Ending | None]:
    answer = yield read(f"{claimed.type}/{claimed.fhir_id}")
    if not isinstance(answer, Answer):
        return _undecided(answer)
    if answer.status == 404:
        return None
    if answer.status == 410:
        return Ending(event="refused", status=410, cause="deleted", healthy=True)
    resource = answer.resource()
    if answer.status != 200 or resource is None or resource["resourceType"] != claimed.type:
        return _undecided(answer)
    if not keys.carries(resource, claimed.key) and not claimed.late:
        return None  # there, but not seen to be ours: a PUT of the same body to its own id makes no second one
    return ending_of(claimed, rendered, resource, Place(type=claimed.type, id=claimed.fhir_id), status=200)


def search(type: str, key: str, namespace: str) -> Search:
    """Every copy of this delivery that the EHR finds, or an ending when it cannot be asked."""
    query = keys.search_of(type, namespace=namespace, key=key).replace("|", "%7C")
    ours = yield from searched(
        f"{type}?{query}", lambda each: each.get("resourceType") == type and keys.carries(each, key)
    )
    if not isinstance(ours, list):
        return _undecided(ours)
    found = [Place(type=type, id=id, version=version_in(each)) for each in ours if (id := id_in(each)) is not None]
    # there, and not to be read: never sent again
    return (
        found if len(found) == len(ours) else Ending(event="undecided", status=200, cause="cannot_look", healthy=True)
    )


def _undecided(reply: Reply) -> Ending:
    if isinstance(reply, Answer):
        wish = reply.headers.get("retry-after")
        return Ending(
            event="undecided", status=reply.status, cause="cannot_look", retry_after=wish, healthy=healthy(reply)
        )  # fmt: skip
    return Ending(event="undecided", cause=reply, healthy=None if reply == "no_token" else False)


def _adopt(claimed: Claimed, rendered: Rendered, namespace: str, answer: Answer) -> Conversation:
    """The EHR says that it has it (once, or more often) without saying where: it is searched for. That it is there more than
    once is told, whether the search shows it or not."""
    several = int(answer.status == SEVERAL)
    found = yield from search(claimed.type, claimed.key, namespace)
    if isinstance(found, Ending):
        status = answer.status if answer.status in (ACCEPTED, SEVERAL) else found.status
        return structs.replace(found, status=status, duplicates=several)
    if not found:
        return Ending(
            event="lost", status=answer.status, cause="not_found_again", healthy=True, duplicates=several
        )  # fmt: skip
    copies = max(len(found), 1 + several)
    ending = yield from kept_at(claimed, rendered, found[0], status=answer.status, wanted=True, copies=copies)
    return structs.replace(ending, places=tuple(each.location for each in found))
