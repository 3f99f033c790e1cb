"""What an EHR has kept of a delivery, read back from where it says that it is: a generator as in ``conversation``."""

from collections.abc import Generator
from typing import Any

from r4 import codec
from vocabulary.write import Receipt
from writeback import keys
from writeback.projection import LABEL_LOST, label_lost
from writeback.receipt import as_sent, compare
from writeback.speaking.answers import Answer, Place, Reply, Request, version_in
from writeback.speaking.claims import Claimed, Ending
from writeback.speaking.pages import read
from writeback.speaking.rendering import Rendered

Conversation = Generator[Request, Reply, Ending]


def kept_at(
    claimed: Claimed, rendered: Rendered, place: Place, *, status: int, wanted: bool, copies: int = 0
) -> Conversation:
    """It is there; what of it? A read that fails leaves it delivered, its losses unknown. What carries another delivery's
    name is another's: where this one is, is not known. ``copies`` were found by looking; none were where a write was
    answered just now."""
    answer = (yield read(place.location)) if wanted else None
    if isinstance(answer, Answer) and answer.status in GONE and not copies:
        return unseen(claimed, rendered, place, status=status)
    resource = answer.resource() if isinstance(answer, Answer) and answer.status == 200 else None
    if resource is not None and resource["resourceType"] == claimed.type:
        if (marks := keys.marked(resource)) and claimed.key not in marks:
            return Ending(event="lost", status=status, cause="foreign_location", healthy=True)
        return ending_of(claimed, rendered, resource, place, status=status, copies=copies or 1)
    return unread(rendered, place, status=status, copies=copies or 1)


GONE = (404, 410)
"""What a read answers about a resource that is not there."""


def unseen(claimed: Claimed, rendered: Rendered, place: Place, *, status: int) -> Ending:
    """The EHR said that it took it, and has it not where it said. In doubt where sending it again makes no second one;
    else it stays what the EHR called it, and is not called read: some keep what they took for a person to file. So does
    what it said to have matched (200 to a conditional create): it has it, and does not show it."""
    if claimed.strategy != "post" and not (claimed.strategy == "conditional" and status == 200):
        return Ending(event="lost", status=status, cause="not_found_again", healthy=True)
    return unread(rendered, place, status=status, cause="not_found_again")


def unread(rendered: Rendered, place: Place, *, status: int, copies: int = 1, cause: str = "") -> Ending:
    """The EHR says that it is there, and what of it was kept is not known."""
    receipt = Receipt(location=place.location, version=place.version, losses=rendered.losses)
    return Ending(event="kept", receipt=receipt, status=status, cause=cause, healthy=True, duplicates=copies - 1)


def ending_of(
    claimed: Claimed, rendered: Rendered, kept: dict[str, Any], place: Place, *, status: int, copies: int = 1
) -> Ending:
    """``kept`` is the resource as the EHR gives it now. Where it is what was sent, its own word for its version counts,
    for headers have been seen to name another."""
    sent: dict[str, Any] = {} if as_sent(rendered.body, kept) else codec.reread(rendered.body)
    lost = compare(sent, kept)
    said = (place.version, version_in(kept)) if lost else (version_in(kept), place.version)
    receipt = Receipt(location=place.location, version=said[0] or said[1], losses=(*rendered.losses, *lost))
    return Ending(
        event="kept", receipt=receipt, status=status, healthy=True, read_back=True, duplicates=copies - 1,
        cause=LABEL_LOST if lost and label_lost(sent, kept) else "",
    )  # fmt: skip
