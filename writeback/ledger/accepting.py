"""Edge: an output comes in: one transaction for the output, its idempotency key and its deliveries.

After the commit the caller may be told 202: nothing that was accepted is lost after that.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from r4 import codec
from vocabulary.finding import Verdict, format_verdict
from vocabulary.instant import format_instant, shift
from vocabulary.manifest import Manifest
from vocabulary.output import Output, OutputState
from vocabulary.write import NotWritable, Planned, Write
from writeback.changes import OutputChanged
from writeback.gate import DUPLICATE, Admitted, Refused, repeats
from writeback.ledger.formats import format_admission, format_output, format_refusal, parse_output
from writeback.ledger.inserting import insert_once
from writeback.ledger.overtaking import overtake_waiting
from writeback.ledger.repeats import Accepted, Conflict, Idempotency, digest_of, said_before, take_key
from writeback.ledger.sight import Seen, look, whose
from writeback.outbox import Origin, enqueue, lane_of, listed, said
from writeback.recall import hold
from writeback.tables import outputs

RECALLED = Refused(
    reason="recalled", element="version", text="This model version was recalled: its outputs are not taken."
)
LOOKED_AT = 20
"""Earlier outputs of one model, patient and point in time that are compared with a new one."""
_SAME_TIME = (
    select(outputs.c.body)
    .where(
        outputs.c.ehr == bindparam("ehr"), outputs.c.patient == bindparam("patient"), outputs.c.model == bindparam("model"),
        outputs.c.as_of == bindparam("at"), outputs.c.version == bindparam("version"), outputs.c.state != "refused",
    )
    .limit(LOOKED_AT)
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """An output that the gate has judged. ``id`` is the new output's; ``principal`` whose tokens will write it
    (``launch:<id>`` or ``backend``); ``submitter`` who said it; ``write`` what would be sent (None for a refusal, for
    an abstention that is not written, and where a person decides first)."""

    id: str
    output: Output
    manifest: Manifest
    judged: Admitted | Refused
    verdict: Verdict | None
    principal: str
    submitter: str
    write: Write | NotWritable | None = None
    body: bytes | None = None
    """The output as ``format_output`` writes it, when that was done already."""


def accept(
    connection: Connection, now: float, *, submission: Submission, claim: Idempotency | None = None
) -> Accepted | Conflict:
    """Records the output with what was decided, remembers the key, and enqueues its deliveries, all or nothing. An
    output that is older than the newest of its model and patient is superseded and not written (of another
    version only what may have been written counts), and what is written supersedes older ones that wait for a person."""
    if claim is not None:
        earlier = take_key(connection, now, claim, submission.id)
        if earlier is not None:
            return earlier
    _serialize(connection, submission.output)
    seen = look(
        connection, output=submission.output, write=submission.write, own=submission.manifest.policy == "shadow"
    )
    submission = _judged(connection, submission, seen)
    state = _state(submission, seen.newest)
    said = _said(submission)
    row = _row(now, submission, state, said)
    before = said_before(connection, submission.output, claim) if state == "refused" else None
    if before is None and not insert_once(connection, outputs, row):
        before = said_before(connection, submission.output, claim)
    if before is not None:
        return before
    sent = _send(connection, now, submission, state=state, row=row, seen=seen)
    changes = _changes(connection, submission, state=state, seen=seen)
    return Accepted(id=submission.id, state=state, new=True, changes=changes, row=row, said=said, sent=sent)


def _send(
    connection: Connection,
    now: float,
    submission: Submission,
    *,
    state: OutputState,
    row: Mapping[str, Any],
    seen: Seen,
) -> tuple[Planned, ...]:
    """Enqueues what is due at once, and gives it."""
    write = submission.write
    due = state == "pending" or (state == "abstained" and submission.manifest.policy == "automatic")
    if not isinstance(write, Write) or not due:
        return ()
    enqueue(connection, now, write=write, origin=_origin(row, seen.lane), found=seen.found)
    return write.own


def _changes(
    connection: Connection, submission: Submission, *, state: OutputState, seen: Seen
) -> tuple[OutputChanged, ...]:  # fmt: skip
    """The output's own change, and those of older ones that wait for a person, where it is on its way to the chart."""
    output, judged = submission.output, submission.judged
    change = OutputChanged(
        output=submission.id, ehr=output.ehr, model=output.model, version=output.version, kind=output.kind,
        before=None, state=state, reason=judged.reason if isinstance(judged, Refused) else None,
    )  # fmt: skip
    return (change, *(overtake_waiting(connection, output=output) if state == "pending" and seen.waiting else ()))


def _judged(connection: Connection, submission: Submission, seen: Seen) -> Submission:
    """The submission as only the database can judge it: said before under another name, or of a version that was recalled."""
    if seen.newest == submission.output.as_of and _repeated(connection, submission):
        submission = replace(submission, judged=DUPLICATE, write=None)
    if not seen.recalled:
        return submission
    judged = submission.judged if isinstance(submission.judged, Refused) else RECALLED
    return replace(submission, judged=judged, write=None)


def _said(submission: Submission) -> dict[str, Any]:
    """What is shown of the body, and of what was decided about it."""
    output, judged, write = submission.output, submission.judged, submission.write
    abstained = None if output.abstained is None else output.abstained.encode(errors="replace").decode()
    return {
        "encounter": output.encounter, "as_of": format_instant(output.as_of), "abstained": abstained,
        "refusal": format_refusal(judged) if isinstance(judged, Refused) else None,
        "verdict": format_verdict(submission.verdict) if submission.verdict else None,
        "losses": list(write.losses if isinstance(write, Write) else ()),
    }  # fmt: skip


def _serialize(connection: Connection, output: Output) -> None:
    """Outputs of one model and patient come in one after the other, so that the newest is the newest and the lane has
    one end. SQLite has one writer anyway."""
    hold(connection, output.model, output.version)
    if connection.dialect.name == "postgresql":
        lane = lane_of(ehr=output.ehr, patient=output.patient, model=output.model)
        connection.execute(select(func.pg_advisory_xact_lock(int(lane[:15], 16))))


def _repeated(connection: Connection, submission: Submission) -> bool:
    """Whether an output of the same time says the same under another name."""
    output = submission.output
    if not output.inputs or isinstance(submission.judged, Refused):
        return False
    rows = connection.execute(_SAME_TIME, {**whose(output), "at": output.as_of})
    return any(repeats(output, parse_output(row.body)) for row in rows)


def _state(submission: Submission, newest: float | None) -> OutputState:
    output, policy = submission.output, submission.manifest.policy
    if isinstance(submission.judged, Refused):
        return "refused"
    if newest is not None and output.as_of < newest:
        return "superseded"
    if output.abstained is not None:
        return "abstained"
    if policy != "automatic":
        return "shadow" if policy == "shadow" else "awaiting_confirmation"
    return "pending" if isinstance(submission.write, Write) else "not_writable"


def _row(now: float, submission: Submission, state: OutputState, said: Mapping[str, Any]) -> dict[str, Any]:
    output, judged, write = submission.output, submission.judged, submission.write
    body = submission.body or format_output(output)
    return {
        "id": submission.id, "ehr": output.ehr, "model": output.model, "version": output.version,
        "patient": output.patient, "inference_id": output.inference_id, "kind": output.kind, "as_of": output.as_of,
        "valid_until": shift(output.as_of, submission.manifest.valid_for) if state != "refused" else output.as_of,
        "state": state, "principal": submission.principal, "submitter": submission.submitter, "since": now,
        "body": body, "fingerprint": digest_of(body),
        "refusal": json.dumps(said["refusal"]) if said["refusal"] else None,
        "admission": codec.format(format_admission(judged)).decode() if isinstance(judged, Admitted) else None,
        "verdict": codec.format(said["verdict"]).decode() if said["verdict"] else None,
        "reason": write.reason if isinstance(write, NotWritable) and state == "not_writable" else None,
        "losses": listed(said["losses"]),
        "withheld": _withheld(write) if state == "shadow" else None,
    }  # fmt: skip


def _withheld(write: Write | NotWritable | None) -> bytes | None:
    """What a shadow output would have sent, as a list of resources."""
    if not isinstance(write, Write):
        return None
    return b"[" + b",".join(said(part) for part in (*write.shared, *write.own)) + b"]"


def _origin(row: Mapping[str, Any], lane: str) -> Origin:
    """Where the deliveries of an output belong."""
    return Origin(
        output=row["id"], model=row["model"], version=row["version"], principal=row["principal"], lane=lane,
        valid_until=row["valid_until"],
    )  # fmt: skip
