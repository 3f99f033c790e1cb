"""Edge: the audit log of one sandbox EHR as the routes use it (docs/decisions/0006).

Authorization events stand in the transaction of what they record. An access that wrote to the embedded store does too.
Every other access waits in a buffer that is written with the next group commit: what a SIGKILL loses is younger than
``LOSS`` seconds.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection

from auth.server import grants
from auth.server.grants import Grant
from gateway.accesses import accesses
from gateway.database import Database
from r4.interaction import Answer, Interaction
from sandbox.answering import refusal
from sandbox.audit import NOBODY, Caller, Event
from sandbox.audit_log import append, open_log

logger = logging.getLogger("chartgate.audit")

LOSS = 0.1
"""Seconds of accesses that a SIGKILL may lose, at most."""
FLUSH_AFTER = 0.025
"""Seconds that the first row of a buffer waits; the commit has the rest of ``LOSS``."""
WAITING_LIMIT = 50_000
"""Rows that may wait for a database that does not take them; beyond that nothing is answered that cannot be recorded."""
WRITING = frozenset({"create", "update", "patch", "delete", "batch", "transaction"})

UNRECORDED = refusal(503, "transient", "The audit log takes no more: try again later.", headers={"retry-after": "5"})


class Audit:
    """``fhir`` is the FHIR base that stands in the rows. Made before the first request; ``close`` before the database."""

    def __init__(self, database: Database, *, fhir: str, clock: Callable[[], float]) -> None:
        self._database, self._fhir, self._clock = database, fhir, clock
        self._server = database.run_now(lambda connection, now: open_log(connection, now, base=fhir))
        self._waiting: list[Event] = []
        self._unwritten = 0
        self._due: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def record(
        self, connection: Connection, now: float, what: str, *, caller: Caller = NOBODY, status: int = 200,
        reason: str | None = None, client: str | None = None, user: str | None = None, patient: str | None = None,
        grant: str | None = None,
    ) -> None:  # fmt: skip
        """Keeps one authorization event in the caller's transaction. ``what`` is a word of ``audit_codes``."""
        said = Event(
            what, now, status, reason, client, user, patient, grant, request=caller.request, network=caller.network
        )
        append(connection, now, [said], server=self._server)

    def granted(
        self, connection: Connection, now: float, what: str, grant: Grant | None, caller: Caller = NOBODY
    ) -> None:
        """Keeps an event of a grant, with its client, user and patient."""
        if grant is not None:
            self.record(
                connection, now, what, caller=caller, client=grant.client_id, user=grant.user, patient=grant.patient,
                grant=grant.id,
            )  # fmt: skip

    def code(self, connection: Connection, now: float, url: str, caller: Caller = NOBODY) -> None:
        """Keeps that the authorization answer ``url`` brings a code, if it does."""
        said = parse_qs(urlsplit(url).query).get("code", [])
        found = grants.find_code(connection, now, said[0]) if len(said) == 1 else None
        if found is not None:
            self.granted(connection, now, "code", grants.find_by_id(connection, now, found.grant), caller)

    def token(self, connection: Connection, now: float, what: str, answer: Any, caller: Caller = NOBODY) -> None:
        """Keeps that a token was issued (``token``) or renewed (``refresh``), if ``answer`` brings one."""
        if isinstance(answer, dict):
            self.granted(connection, now, what, grants.find_grant(connection, now, answer["access_token"]), caller)

    def ended(self, connection: Connection, now: float, token: str, client: str, caller: Caller = NOBODY) -> None:
        """Keeps that a client revokes this token; call it before the token is gone."""
        renewing = grants.find_refresh(connection, now, token)
        found = renewing[0] if renewing else grants.find_grant(connection, now, token)
        if found is not None and found.client_id == client:
            self.granted(connection, now, "revoke", found, caller)

    def written(
        self, connection: Connection, now: float, interaction: Interaction, grant: Grant, answer: Answer,
        caller: Caller = NOBODY,
    ) -> None:  # fmt: skip
        """Keeps a write to the embedded store in the write's own transaction; does nothing for anything else."""
        if interaction.action in WRITING and answer.status < 400:
            append(
                connection, now, accesses(interaction, grant, answer, caller, at=now, base=self._fhir), server=self._server
            )

    def access(
        self, interaction: Interaction, grant: Grant | None, answer: Answer, caller: Caller = NOBODY, *,
        embedded: bool = False,
    ) -> Answer:  # fmt: skip
        """The answer, once its access waits to be written (``written`` has kept those of the embedded store already); 503
        in its stead when the log has not been writable for long."""
        if embedded and grant is not None and interaction.action in WRITING and answer.status < 400:
            return answer
        if self._unwritten >= WAITING_LIMIT:
            return UNRECORDED
        self._wait(accesses(interaction, grant, answer, caller, at=self._clock(), base=self._fhir))
        return answer

    def refused(self, status: int, reason: str, caller: Caller = NOBODY) -> None:
        """A request to the FHIR base that was refused before it was understood."""
        if self._unwritten < WAITING_LIMIT:
            said = Event("request", self._clock(), status, reason, request=caller.request, network=caller.network)
            self._wait([said])

    def close(self) -> None:
        """Writes what waits. Blocks; for the end of the process."""
        if self._due is not None:
            self._due.cancel()
        rows, self._waiting = self._waiting, []
        if rows:
            self._database.run_now(lambda connection, now: append(connection, now, rows, server=self._server))

    def _wait(self, rows: Sequence[Event]) -> None:
        self._waiting.extend(rows)
        self._unwritten += len(rows)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(FLUSH_AFTER, self._flush)

    def _flush(self) -> None:
        rows, self._waiting, self._due = self._waiting, [], None
        task = asyncio.get_running_loop().create_task(self._write(rows))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, rows: list[Event]) -> None:
        """One work for the whole buffer. Rows that the database does not take wait on."""
        try:
            await self._database.run(lambda connection, now: append(connection, now, rows, server=self._server))
        except Exception as failure:
            logger.error("%d rows of the audit log are not written yet: %s", len(rows), type(failure).__name__)
            self._unwritten -= len(rows)
            self._wait(rows)
        else:
            self._unwritten -= len(rows)
