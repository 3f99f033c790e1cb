"""Edge: the audit log of one sandbox EHR as the routes use it (docs/decisions/0006).

Authorization events stand in the transaction of what they record. An access that wrote to the embedded store does too.
Every other access waits in a queue that is written as one work, in the next group commit: what a SIGKILL loses is
younger than ``LOSS`` seconds.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection

from auth.server import grants
from auth.server.grants import Grant, Issued
from auth.server.introspection import Asker
from gateway.face.accesses import accesses
from gateway.sandbox_ehrs.recent import Recent, words
from gateway.storage.database import Database
from gateway.storage.failures import DatabaseClosed
from gateway.storage.works import Work
from r4.interaction import Answer, Interaction
from sandbox.answering import refusal
from sandbox.audit import NOBODY, Caller, Event
from sandbox.audit_log import append, open_log

T = TypeVar("T")
logger = logging.getLogger("chartgate.audit")

LOSS = 0.1
"""Seconds of accesses that a SIGKILL may lose, at most."""
FLUSH_AFTER = 0.04
"""Seconds that the first row of a group waits; the commit has the rest of ``LOSS``."""
WAITING_LIMIT = 50_000
"""Accesses that may wait for a database that does not take them; beyond that nothing is answered that is not recorded."""
WRITING = frozenset({"create", "update", "patch", "delete", "batch", "transaction"})
UNRECORDED = refusal(503, "transient", "The audit log takes no more: try again later.", headers={"retry-after": "5"})


class Audit:
    """``fhir`` is the FHIR base that stands in the rows. ``close`` comes before the database's own."""

    def __init__(
        self, database: Database, *, fhir: str, clock: Callable[[], float], limit: int = WAITING_LIMIT
    ) -> None:  # fmt: skip
        self._database, self._fhir, self._clock, self._limit = database, fhir, clock, limit
        self._server = database.run_now(lambda connection, now: open_log(connection, now, base=fhir))
        self.recent = Recent()
        self._waiting: SimpleQueue[list[Event] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None

    def record(
        self, connection: Connection, now: float, what: str, caller: Caller = NOBODY, *, status: int = 200,
        reason: str | None = None, client: str | None = None, user: str | None = None, patient: str | None = None,
        grant: str | None = None,
    ) -> None:  # fmt: skip
        """Keeps one authorization event in the caller's transaction. ``what`` is a word of ``audit_codes``."""
        request, network = caller.request, caller.network
        said = Event(what, now, status, reason, client, user, patient, grant, request=request, network=network)
        append(connection, now, [said], server=self._server)
        self.recent.add([said])

    def granted(self, connection: Connection, now: float, what: str, grant: Grant, caller: Caller = NOBODY) -> None:
        """Keeps an event of a grant, with its client, user and patient."""
        self.record(
            connection,
            now,
            what,
            caller,
            client=grant.client_id,
            user=grant.user,
            patient=grant.patient,
            grant=grant.id,
        )

    def event(
        self, what: str, work: Work[T], caller: Caller = NOBODY, *, client: str | None = None, user: str | None = None,
        patient: str | None = None,
    ) -> Work[T]:  # fmt: skip
        """The work, with its event kept in the same transaction."""

        def both(connection: Connection, now: float) -> T:
            made = work(connection, now)
            self.record(connection, now, what, caller, client=client, user=user, patient=patient)
            return made

        return both

    def code(self, work: Work[T], caller: Caller = NOBODY) -> Work[T]:
        """The work that answers an authorization request, with the code kept that its ``url`` brings, if it does."""

        def both(connection: Connection, now: float) -> T:
            made = work(connection, now)
            said = parse_qs(urlsplit(getattr(made, "url", "")).query).get("code", [])
            found = grants.find_code(connection, now, said[0]) if len(said) == 1 else None
            grant = grants.find_by_id(connection, now, found.grant) if found else None
            if grant is not None:
                self.granted(connection, now, "code", grant, caller)
            return made

        return both

    def token(self, work: Work[T], grant_type: str, caller: Caller = NOBODY) -> Work[T]:
        """The work that answers a token request, with the token kept that it issues or renews, if it does."""

        def both(connection: Connection, now: float) -> T:
            made = work(connection, now)
            grant = grants.find_grant(connection, now, made["access_token"]) if isinstance(made, dict) else None
            if grant is not None:
                self.granted(connection, now, "refresh" if grant_type == "refresh_token" else "token", grant, caller)
            return made

        return both

    def asked(self, work: Work[Issued | None], asker: Asker, caller: Caller = NOBODY) -> Work[Issued | None]:
        """The work that looks a token up for introspection; who asks of a token that is not his to know, or of none, is
        kept as refused."""

        def both(connection: Connection, now: float) -> Issued | None:
            found = work(connection, now)
            if found is not None:
                self.granted(connection, now, "introspect", found.grant, caller)
            else:
                self.record(
                    connection, now, "introspect", caller, status=404, client=asker.client_id, grant=asker.grant
                )
            return found

        return both

    def ended(self, connection: Connection, now: float, token: str, client: str, caller: Caller = NOBODY) -> None:
        """Keeps that a client revokes this token; call it before the token is gone."""
        renewing = grants.find_refresh(connection, now, token)
        found = renewing[0] if renewing else grants.find_grant(connection, now, token)
        if found is not None and found.client_id == client:
            self.granted(connection, now, "revoke", found, caller)

    def written(
        self, connection: Connection, now: float, interaction: Interaction, grant: Grant, answer: Answer,
        caller: Caller = NOBODY,
    ) -> list[Event]:  # fmt: skip
        """Keeps a write to the embedded store in the write's own transaction: its rows, for ``access``. Does nothing for
        anything else."""
        if interaction.action not in WRITING or answer.status >= 400:
            return []
        rows = accesses(interaction, grant, answer, caller, at=now, base=self._fhir)
        append(connection, now, rows, server=self._server)
        return rows

    def access(
        self, interaction: Interaction, grant: Grant | None, answer: Answer, caller: Caller = NOBODY, *,
        embedded: bool = False, kept: Sequence[Event] = (),
    ) -> Answer:  # fmt: skip
        """The answer, once its access waits to be written, if its rows are not ``kept`` already; 503 in its stead when the
        log has not been writable for long."""
        if kept:
            self.recent.add(kept, grant=grant)
            return answer
        if self._waiting.qsize() >= self._limit:
            return UNRECORDED
        rows = accesses(interaction, grant, answer, caller, at=self._clock(), base=self._fhir)
        ours = embedded or answer.status in (401, 403)
        self.recent.add(rows, why=words(answer) if ours and answer.status >= 400 else "", grant=grant)
        self._wait(rows)
        return answer

    def refused(self, status: int, reason: str, caller: Caller = NOBODY, *, why: str = "") -> None:
        """A request to the FHIR base that was refused before it was understood; ``why`` in our own words."""
        if self._waiting.qsize() < self._limit:
            request, network = caller.request, caller.network
            rows = [Event("request", self._clock(), status, reason, request=request, network=network)]
            self.recent.add(rows, why=why)
            self._wait(rows)

    def looked(self, what: str, user: str, caller: Caller = NOBODY, *, patient: str | None = None) -> None:
        """A person looked at a page: ``read`` of a patient's record, ``search`` of the list, or ``audit``, this log."""
        status, reason = (404, "not-found") if what == "read" and patient is None else (200, None)
        said = Event(what, self._clock(), status, reason, user=user, patient=patient, request=caller.request)
        type, query = None if what == "audit" else "Patient", "name" if what == "search" else None
        self._wait([said._replace(type=type, id=patient, query=query, network=caller.network)])

    def close(self) -> None:
        """Returns when everything that waited is written. Idempotent."""
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None

    def _wait(self, rows: list[Event]) -> None:
        self._waiting.put(rows)
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_all, name="audit", daemon=True)
            self._writer.start()

    def _write_all(self) -> None:
        """The writer's thread: of no event loop, so a busy one delays no row."""
        last = False
        while not last and (first := self._waiting.get()) is not None:
            time.sleep(FLUSH_AFTER)
            rows = [*first]
            while not last:
                try:
                    more = self._waiting.get_nowait()
                except Empty:
                    break
                last = more is None
                rows += more or ()
            if not self._written(rows):
                return

    def _written(self, rows: list[Event]) -> bool:
        """Whether the rows are durable; tries until they are, and gives up only when the database is closed."""
        while True:
            try:
                self._database.run_now(lambda connection, now: append(connection, now, rows, server=self._server))
                return True
            except DatabaseClosed:
                logger.error("the database was closed before %d rows of the audit log were written", len(rows))
                return False
            except Exception as failure:
                logger.error("%d rows of the audit log are not written yet: %s", len(rows), type(failure).__name__)
                time.sleep(1.0)
