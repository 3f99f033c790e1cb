"""Edge: drives ``gateway.face`` before an embedded store (one transaction for it all) or a server behind (over HTTP)."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from auth.server.grants import Grant, find_grant
from gateway import face
from gateway.face.auditing import WRITING
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Database
from gateway.storage.failures import DatabaseClosed, DatabaseFailed
from gateway.storage.works import Repeatable, Short, Work
from r4.interaction import Answer, Interaction
from sandbox import backlog, store
from sandbox.answering import refusal
from sandbox.audit import NOBODY, Caller, Event

logger = logging.getLogger("chartgate.sandbox")


class Undo(Exception):
    """A transaction ends in a refusal: what it wrote is taken back."""

    def __init__(self, grant: Grant, answer: Answer) -> None:
        super().__init__("a transaction was refused")
        self.grant, self.answer = grant, answer


def means_of(ehr: SandboxEhr, now: float) -> face.Means:
    """What the face knows of this EHR."""
    return face.Means(
        base=ehr.fhir, new_id=ehr.new_id, pages=ehr.pages, now=now, references=ehr.references,
        whole=ehr.upstream is not None, persona=ehr.persona,
    )  # fmt: skip


def rules_of(ehr: SandboxEhr) -> store.Rules:
    """What the embedded store knows of this EHR."""
    return store.Rules(base=ehr.fhir, new_id=ehr.new_id, references=ehr.references)


UNKNOWN = refusal(401, "login", "An access token of this EHR is needed, as bearer.", element="Authorization")
"""What a token that opens nothing is recorded as."""


LOOKS = frozenset({"read", "vread"})
"""What is found by its key: done before another thread would have been woken for it."""
SMALL = 16 * 1024
"""Bytes of a body up to which a create takes tens of microseconds."""


async def serve(
    ehr: SandboxEhr, interaction: Interaction, token: str, caller: Caller = NOBODY, *, size: int = SMALL + 1
) -> Answer | None:  # fmt: skip
    """The answer to a bearer's interaction, whose body has ``size`` bytes, recorded; None when the token opens nothing."""
    done = await _served(ehr, interaction, token, caller, size)
    embedded = ehr.upstream is None
    told = ehr.audit.access(interaction, done.grant, done.answer, caller, embedded=embedded, kept=done.kept)
    return told if done.grant is not None else None


class Done(NamedTuple):
    """What a bearer was answered; ``kept`` are the rows of the audit log that were written with it."""

    grant: Grant | None
    answer: Answer
    kept: Sequence[Event] = ()


async def _served(ehr: SandboxEhr, interaction: Interaction, token: str, caller: Caller, size: int) -> Done:
    if ehr.upstream is not None:
        return Done(*await _upstream(ehr, interaction, token))

    def work(connection: Connection, now: float) -> Done:
        return _embedded(connection, now, ehr, interaction, token, caller)

    if interaction.action in LOOKS:
        return await ehr.database.look(work)
    _keep_up(ehr, interaction)
    try:
        return await ehr.database.run(_as(interaction, size)(work))
    except Undo as undone:
        return Done(undone.grant, undone.answer)


def _as(interaction: Interaction, size: int) -> Callable[[Work[Done]], Work[Done]]:
    """How the storage seam is to do the interaction."""
    plain = interaction.action == "create" and interaction.if_none_exist is None
    return Short if plain and size <= SMALL else Repeatable


def _keep_up(ehr: SandboxEhr, interaction: Interaction) -> None:
    """Sees to it that the terms of what is written come into their table, when that is much."""
    if interaction.action in WRITING:
        ehr.behind += len(interaction.entries) or 1
    if ehr.behind >= backlog.DUE and (ehr.catching_up is None or ehr.catching_up.done()):
        ehr.behind = 0
        ehr.catching_up = asyncio.create_task(_catch_up(ehr.database))


async def _catch_up(database: Database) -> None:
    """A part at a time. Where the database fails they stay in memory, and the next write says so itself."""
    try:
        last, parameters = await database.run(Repeatable(lambda connection, now: backlog.parts(connection)))
        for each in parameters:
            await database.run(Repeatable(lambda connection, now, of=each: backlog.put(connection, of, last)))  # type: ignore[misc]
        await database.run(Repeatable(lambda connection, now: backlog.put_all(connection, last)))
    except (DatabaseFailed, DatabaseClosed) as failure:
        logger.warning("search terms stay in memory: %s", type(failure).__name__)


def _embedded(
    connection: Connection, now: float, ehr: SandboxEhr, interaction: Interaction, token: str, caller: Caller
) -> Done:  # fmt: skip
    grant = find_grant(connection, now, token)
    if grant is None:
        return Done(None, UNKNOWN)
    answer = drive(connection, now, ehr, interaction, grant)
    if interaction.action == "transaction" and answer.status >= 400:
        raise Undo(grant, answer)
    return Done(grant, answer, ehr.audit.written(connection, now, interaction, grant, answer, caller))


def drive(connection: Connection, now: float, ehr: SandboxEhr, interaction: Interaction, grant: Grant) -> Answer:
    """Runs the face against the embedded store, inside the caller's transaction."""
    rules = rules_of(ehr)
    serving = face.serve(interaction, grant, means_of(ehr, now))
    try:
        wanted = next(serving)
        while True:
            if isinstance(wanted, face.Own):
                wanted = serving.send(wanted.work(connection, now))
            else:
                wanted = serving.send(store.perform(connection, now, wanted, rules))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


async def _upstream(ehr: SandboxEhr, interaction: Interaction, token: str) -> tuple[Grant | None, Answer]:
    grant = await ehr.database.look(lambda connection, now: find_grant(connection, now, token))
    return (None, UNKNOWN) if grant is None else (grant, await _through(ehr, interaction, grant))


async def granted(ehr: SandboxEhr, interaction: Interaction, grant: Grant) -> Answer:
    """The answer to an interaction of a grant whose token was seen before: for work that goes on after the request."""
    if ehr.upstream is not None:
        return await _through(ehr, interaction, grant)
    return await ehr.database.run(lambda connection, now: drive(connection, now, ehr, interaction, grant))


async def _through(ehr: SandboxEhr, interaction: Interaction, grant: Grant) -> Answer:
    """The face before the server behind."""
    assert ehr.upstream is not None
    serving = face.serve(interaction, grant, means_of(ehr, ehr.clock()))
    async with ehr.upstream.turns(interaction):
        try:
            wanted = next(serving)
            while True:
                if isinstance(wanted, face.Own):
                    wanted = serving.send(await ehr.database.run(wanted.work))
                else:
                    wanted = serving.send(await ehr.upstream.perform(wanted))
        except StopIteration as end:
            answer: Answer = end.value
            return answer
