"""Edge: the seam to an EHR's HTTP, and how a worker speaks through it. Whoever sends raises what ``errors`` says."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator, Mapping
from time import monotonic
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from writeback.errors import AnswerLost, NoToken, Unsent
from writeback.speaking.answers import Answer, Failure, Request
from writeback.wire.exchange import LATEST

T = TypeVar("T")
logger = logging.getLogger("chartgate.delivery")


class Run(Protocol):
    """The storage seam, ``database.run``."""

    async def __call__(self, work: Callable[[Connection, float], T], /) -> T: ...


class Sender(Protocol):
    """A FHIR base with a bearer of its own."""

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Sends one request; ``path`` is below the base, or the EHR's own link to what is. On a 401 it renews its token once
        and sends again. Follows no redirect. Raises Unsent (NoToken), when nothing left, and AnswerLost, when no whole
        answer came."""
        ...


async def converse(conversation: Generator[Request, Answer | Failure, T], sender: Sender, *, seconds: float) -> T:
    """Drives a conversation to its end within ``seconds``; a request that is cut short then counts as lost. An
    exception that is no ``SendFailed`` says nothing about what was sent, so that it counts as lost as well. A process that
    was stopped meanwhile writes nothing afterwards: the system's clock counts, for an event loop's stands still as well."""
    until = monotonic() + seconds
    reply: Answer | Failure | None = None
    before = LATEST.set(until)
    try:
        while True:
            with contextlib.suppress(TimeoutError):  # what was asked for last is lost, and nothing more is sent
                async with asyncio.timeout(until - monotonic()):
                    while True:
                        request = next(conversation) if reply is None else conversation.send(reply)
                        reply = "answer_lost"
                        reply = await _ask(sender, request, until)
    except StopIteration as end:
        ended: T = end.value
        return ended
    finally:
        LATEST.reset(before)


async def _ask(sender: Sender, request: Request, until: float) -> Answer | Failure:
    if monotonic() >= until:
        return "unsent"
    try:
        return await sender.send(request.method, request.path, headers=request.headers, body=request.body)
    except NoToken:
        return "no_token"
    except Unsent:
        return "unsent"
    except (AnswerLost, TimeoutError):
        return "answer_lost"
    except Exception as failure:  # whatever it was, it does not say that nothing was sent
        logger.warning("a sender failed with %s", type(failure).__name__)
        return "answer_lost"
