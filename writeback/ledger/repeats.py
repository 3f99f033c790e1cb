"""Edge: what was said before, under the same idempotency key or the same inference id: it is told again, and not done again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from vocabulary.output import Output, OutputState
from vocabulary.write import Planned
from writeback.changes import OutputChanged
from writeback.ledger.formats import format_output
from writeback.ledger.inserting import insert_once
from writeback.tables import REFUSED, TAKEN, idempotency, outputs

_REPEAT = select(idempotency).where(
    idempotency.c.caller == bindparam("caller"), idempotency.c.key == bindparam("name"),
    idempotency.c.since > bindparam("after"),
)  # fmt: skip
REMEMBERED = 24 * 3600.0
"""Seconds that an Idempotency-Key is remembered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Idempotency:
    """``caller`` is whose key it is (an API key's id); ``fingerprint`` says what came with it."""

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The output is recorded. ``new`` is False for a repeat; of parallel repeats exactly one is new. ``changes`` begin with
    this output's own. ``row``, ``said`` and ``sent`` are what was written of a new one: its columns, what is shown of its
    body, its deliveries."""

    id: str
    state: OutputState
    new: bool
    changes: tuple[OutputChanged, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    said: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    sent: tuple[Planned, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """The idempotency key, or the inference id, came before with something else. Nothing was stored."""

    what: Literal["idempotency_key", "inference_id"]


def fingerprint(output: Output) -> str:
    """Two bodies that say the same output are the same, whatever their spacing and order."""
    return digest_of(format_output(output))


def digest_of(body: bytes) -> str:
    """The fingerprint of an output as ``format_output`` writes it."""
    return sha256(body).hexdigest()


def find_repeat(connection: Connection, now: float, *, claim: Idempotency) -> Accepted | Conflict | None:
    """What this idempotency key stands for already. A look before the chart is read: ``accept`` decides."""
    asked = {"caller": claim.caller, "name": claim.key, "after": now - REMEMBERED}
    row = connection.execute(_REPEAT, asked).one_or_none()
    if row is None:
        return None
    return _repeat(connection, row.output) if row.fingerprint == claim.fingerprint else Conflict(what="idempotency_key")


def _repeat(connection: Connection, id: str) -> Accepted:
    state = connection.scalar(select(outputs.c.state).where(outputs.c.id == id))
    return Accepted(id=id, state=state, new=False)  # type: ignore[arg-type]


def take_key(connection: Connection, now: float, claim: Idempotency, id: str) -> Accepted | Conflict | None:
    """Takes the idempotency key for this output; what it stands for already, if it does."""
    values = {"caller": claim.caller, "key": claim.key, "fingerprint": claim.fingerprint, "output": id, "since": now}
    if insert_once(connection, idempotency, values):
        return None
    earlier = find_repeat(connection, now, claim=claim)
    if earlier is None:  # it is older than it is remembered
        mine = (idempotency.c.caller == claim.caller, idempotency.c.key == claim.key)
        connection.execute(delete(idempotency).where(*mine, idempotency.c.since <= now - REMEMBERED))
        return None if insert_once(connection, idempotency, values) else find_repeat(connection, now, claim=claim)
    return earlier


def said_before(
    connection: Connection, output: Output, claim: Idempotency | None
) -> Accepted | Conflict | None:  # fmt: skip
    """What stands under this inference id: the same output said again, another one under its name, or nothing. A
    refusal holds no name: only the very same output is a repeat of it."""
    print = fingerprint(output)
    named = (
        outputs.c.ehr == output.ehr, outputs.c.model == output.model, outputs.c.version == output.version,
        outputs.c.patient == output.patient, outputs.c.inference_id == output.inference_id,
    )  # fmt: skip
    found = select(outputs.c.id, outputs.c.fingerprint).where(*named)
    row = connection.execute(found.where(TAKEN)).one_or_none()
    row = row or connection.execute(found.where(REFUSED, outputs.c.fingerprint == print).limit(1)).one_or_none()
    if row is None:
        return None
    mine = claim and (idempotency.c.caller == claim.caller, idempotency.c.key == claim.key)
    if row.fingerprint != print:
        if mine:
            connection.execute(delete(idempotency).where(*mine))
        return Conflict(what="inference_id")
    if mine:
        connection.execute(update(idempotency).where(*mine).values(output=row.id))
    return _repeat(connection, row.id)


def forget(connection: Connection, now: float) -> int:
    """Drops idempotency keys older than a day. Returns how many."""
    return connection.execute(delete(idempotency).where(idempotency.c.since <= now - REMEMBERED)).rowcount
