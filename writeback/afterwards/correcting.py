"""Edge: who said an output says it again, rightly: the output's new words take the place of the old ones, which are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    String,
    Table,
    insert,
    select,
    update,
)

from r4 import codec
from vocabulary.finding import Verdict, format_verdict
from vocabulary.output import Output
from vocabulary.write import PLACEHOLDER, Write
from writeback.gate import Admitted
from writeback.ledger.formats import format_admission, format_output
from writeback.ledger.repeats import digest_of
from writeback.outbox import Origin, enqueue, lane_of
from writeback.recall import hold, recalled
from writeback.tables import metadata, outputs

corrections = Table(
    "output_corrections",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("output", String(64), nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", Double, nullable=False),
)
"""What an output said before it was corrected."""

LEFT_ALONE = frozenset(
    {"resourceType", "id", "meta", "identifier", "status", "docStatus", "subject", "patient", "encounter", "note",
     "issued", "date"}
)  # fmt: skip
"""Members that a correction does not touch: what it is, whose it is, where it stands. Notes are exchanged one by one."""
SAME = ("model", "version", "ehr", "patient", "encounter", "kind", "inference_id")
"""Members by which an output is the same one."""
REPLACED = frozenset(
    {"value", "valueQuantity", "valueCodeableConcept", "component", "interpretation", "dataAbsentReason", "prediction",
     "content", "code", "evidence", "severity", "detail", "implicated", "basis", "derivedFrom"}
)  # fmt: skip
"""Members that say something: one of these that the new resource lacks goes."""


def replacement(body: Mapping[str, Any], former: Mapping[str, Any]) -> dict[str, Any]:
    """What of a planned resource takes the place of what was planned before, by member; None for one that goes. Members
    that refer to other deliveries say the same as before."""
    names = (set(body) | (set(former) & REPLACED)) - LEFT_ALONE
    changed = {name: body.get(name) for name in sorted(names) if body.get(name) != former.get(name)}
    return {name: value for name, value in changed.items() if PLACEHOLDER not in codec.format([value]).decode()}


def exchanged(body: Mapping[str, Any], former: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The notes that were planned before and hold no more, and those that were not. What others noted is not among them."""
    now, before = ([note["text"] for note in each.get("note", ())] for each in (body, former))
    return tuple(text for text in before if text not in now), tuple(text for text in now if text not in before)


def record_correction(
    connection: Connection, now: float, *, id: str, former: Output, output: Output, judged: Admitted, verdict: Verdict,
    writes: Sequence[tuple[str, Write]], principal: str,
) -> bool:  # fmt: skip
    """The output says this now, and its edits are enqueued (each with the place that it edits); False when it was
    changed meanwhile, or recalled."""
    hold(connection, output.model, output.version)
    said, before = format_output(output), format_output(former)
    mine = (outputs.c.id == id, outputs.c.state == "delivered", outputs.c.fingerprint == digest_of(before))
    values = {
        "body": said, "fingerprint": digest_of(said), "as_of": output.as_of,
        "admission": codec.format(format_admission(judged)).decode(),
        "verdict": codec.format(format_verdict(verdict)).decode(),
    }  # fmt: skip
    if recalled(connection, output.model, output.version):
        return False
    if connection.execute(update(outputs).where(*mine).values(values)).rowcount != 1:
        return False
    connection.execute(insert(corrections).values(output=id, body=before, at=now))
    for location, write in writes:
        lane = lane_of(ehr=output.ehr, patient=location, model="edit")
        origin = Origin(output=id, model=output.model, version=output.version, principal=principal, lane=lane)
        enqueue(connection, now, write=write, origin=origin)
    return True


def former_words(connection: Connection, now: float, id: str) -> list[dict[str, Any]]:
    """What an output said before, the oldest first."""
    rows = connection.execute(select(corrections.c.body).where(corrections.c.output == id).order_by(corrections.c.id))
    return [codec.parse(row.body) for row in rows]
