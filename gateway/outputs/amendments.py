"""Edge: a clinician changes the standing of what was written: accepts, amends, corrects, rejects or withdraws it.

The EHR's copy is edited through the outbox, with the tokens of the clinician's own launch.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from gateway.bodies.bodies import is_printable
from gateway.launches.charts import Unavailable
from gateway.outputs.decisions import LONGEST_REASON, Decision
from gateway.outputs.feedback import just_said, record_feedback
from gateway.people import sessions
from gateway.people.sessions import Session
from vocabulary.instant import format_instant
from vocabulary.write import Write
from writeback.afterwards.trail import Target, change
from writeback.amending import Amendment, Edit, unfit
from writeback.ledger import listing, outputs
from writeback.ledger.listing import Filter
from writeback.ledger.outputs import Stored
from writeback.ledger.withdrawing import AFTERMATH
from writeback.outbox import Origin, enqueue, lane_of
from writeback.recall import hold, recalled

if TYPE_CHECKING:
    from gateway.app import Gateway

NOTES: Mapping[Amendment, str] = {
    "final": "Accepted by a clinician on {day}.", "cancelled": "Rejected by a clinician on {day}.",
    "entered-in-error": "Withdrawn by a clinician on {day}.", "amended": "{reason}", "corrected": "{reason}",
}  # fmt: skip
"""What is added to the resource in words; the reason itself stands in the Provenance."""
UNFIT: Mapping[str, str] = {
    "no_such_status": "A resource of this type has no such status.",
    "no_update": "This EHR takes no updates of this type: it has to be changed there.",
    "no_version": "This EHR keeps no versions, so that nothing is overwritten there: it has to be changed there.",
    "status_not_taken": "This EHR does not take this status: it has to be changed there.",
}
NOT_THERE = "Only what stands in the chart can be amended."


async def amend(
    gateway: "Gateway", session: Session | None, *, id: str, status: Amendment, reason: str
) -> Decision:  # fmt: skip
    """Gives the EHR's copy of an output this status. The answer comes before the EHR's: ``edits`` tells what it said."""
    stored = await gateway.run(lambda c, now: outputs.find_output(c, now, id))
    if session is None:
        return Decision(status=401, refusal="Deciding needs a session: launch the gateway from the EHR.")
    if stored is None or sessions.beyond(session, stored.output.ehr):
        return Decision(status=404, refusal="There is no such output.")
    bare = stored.output.patient.removeprefix("Patient/")
    person = sessions.confirms(ehr=stored.output.ehr, patient=bare)(session)
    if person is None or person.fhir_user is None:
        return Decision(
            status=403, refusal="Only a practitioner, launched from this EHR with this patient, may decide about this."
        )
    if not reason.strip() or len(reason) > LONGEST_REASON or not is_printable(reason):
        return Decision(status=422, refusal="A decision needs a reason of at most 4000 characters.", element="reason")
    there = await standing_of(gateway, stored)
    if not there:
        return Decision(status=409, refusal=NOT_THERE)
    return await _change(gateway, stored, person, there, status, reason)


async def standing_of(gateway: "Gateway", stored: Stored) -> list[dict[str, Any]]:
    """The output's own resources that are delivered, its primary one first; none when that one is not."""
    found = await gateway.run(
        lambda c, now: listing.page_deliveries(c, now, wanted=Filter(output=stored.id), limit=100)
    )  # fmt: skip
    own = [row for row in found.rows if row["role"] not in AFTERMATH and row["state"] == "delivered" and row["id"]]
    own.sort(key=lambda row: str(row["role"]) != "primary")
    return own if own and own[0]["role"] == "primary" and stored.state in ("delivered", "abstained") else []


async def _change(
    gateway: "Gateway", stored: Stored, person: Session, there: Sequence[Mapping[str, Any]], status: Amendment,
    reason: str,
) -> Decision:  # fmt: skip
    ehr, now, cause = stored.output.ehr, gateway.clock(), gateway.new_id()
    try:
        capabilities = await gateway.senders.capabilities(ehr)
    except Unavailable:
        return Decision(status=503, refusal="The EHR does not answer. Try again in a moment.")
    rules, names = gateway.senders.rules(ehr), gateway.names(ehr)
    problem = unfit(there[0]["resource_type"], status, capabilities, rules)
    if problem is not None:
        return Decision(status=409, refusal=UNFIT[problem])
    note = NOTES[status].format(day=format_instant(now)[:10], reason=reason)
    writes = []
    for row in there:
        if unfit(row["resource_type"], status, capabilities, rules) is None:
            wanted = Edit(
                to=status, key=row["delivery"], patient=stored.output.patient, note=note, by=person.fhir_user, at=now
            )
            location = f"{row['resource_type']}/{row['id']}"
            target = Target(location=location, cause=f"amendment:{cause}", why=reason, version=row["version"])
            write = change(target, wanted, names=names, capabilities=capabilities, now=now, rules=rules)
            writes.append((location, write))
    return await _record(gateway, stored, person, writes, status, reason)


async def _record(
    gateway: "Gateway", stored: Stored, person: Session, writes: Sequence[tuple[str, Write]], status: Amendment,
    reason: str,
) -> Decision:  # fmt: skip
    """Edits of one resource keep their order among themselves: they are a lane."""
    output, principal = stored.output, f"launch:{person.launch_id}"

    def work(connection: Connection, now: float) -> dict[str, Any] | None:
        hold(connection, output.model, output.version)
        if recalled(connection, output.model, output.version):
            return None
        user = str(person.fhir_user)
        if just_said(connection, now, output=stored.id, action=status, feedback=reason, user=user):
            return outputs.show_output(connection, now, stored.id)
        for location, write in writes:
            lane = lane_of(ehr=output.ehr, patient=location, model="edit")
            origin = Origin(
                output=stored.id, model=output.model, version=output.version, principal=principal, lane=lane
            )
            enqueue(connection, now, write=write, origin=origin)
        record_feedback(connection, now, output=stored.id, action=status, feedback=reason, user=user)
        if status == "final":
            outputs.note_decision(connection, now, id=stored.id, by=user)
        return outputs.show_output(connection, now, stored.id)

    shown = await gateway.run(work)
    if shown is None:
        return Decision(status=409, refusal="The model version was recalled: its outputs are being withdrawn.")
    gateway.worker.wake(output.ehr)
    return Decision(status=202, output=shown)
