"""Edge: a clinician changes the standing of what was written: accepts, amends, corrects, rejects or withdraws it.

The EHR's copy is edited through the outbox, with the tokens of the clinician's own launch.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from gateway import sessions
from gateway.charts import Unavailable
from gateway.decisions import LONGEST_REASON, Decision
from gateway.sessions import Session
from vocabulary.instant import format_instant
from vocabulary.write import Write
from writeback import listing, outputs
from writeback.amending import Amendment, Edit, unfit
from writeback.listing import Filter
from writeback.outbox import Origin, enqueue, lane_of
from writeback.outputs import Stored
from writeback.recall import recalled
from writeback.trail import Target, change

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
    if stored is None:
        return Decision(status=404, refusal="There is no such output.")
    bare = stored.output.patient.removeprefix("Patient/")
    person = sessions.confirms(ehr=stored.output.ehr, patient=bare)(session)
    if person is None or person.fhir_user is None:
        return Decision(
            status=403, refusal="Only a practitioner, launched from this EHR with this patient, may decide about this."
        )
    if not reason.strip() or len(reason) > LONGEST_REASON:
        return Decision(status=422, refusal="A decision needs a reason of at most 4000 characters.", element="reason")
    there = await _there(gateway, stored)
    if there is None:
        return Decision(status=409, refusal=NOT_THERE)
    return await _change(gateway, stored, person, there, status, reason)


async def _there(gateway: "Gateway", stored: Stored) -> dict[str, Any] | None:
    """The output's own resource, if it is delivered."""
    found = await gateway.run(
        lambda c, now: listing.page_deliveries(c, now, wanted=Filter(output=stored.id), limit=50)
    )  # fmt: skip
    own = [row for row in found.rows if row["role"] == "primary" and row["state"] == "delivered" and row["id"]]
    return own[0] if own and stored.state in ("delivered", "abstained") else None


async def _change(
    gateway: "Gateway", stored: Stored, person: Session, there: Mapping[str, Any], status: Amendment, reason: str
) -> Decision:
    ehr, type, now = stored.output.ehr, there["resource_type"], gateway.clock()
    try:
        capabilities = await gateway.senders.capabilities(ehr)
    except Unavailable:
        return Decision(status=503, refusal="The EHR does not answer. Try again in a moment.")
    problem = unfit(type, status, capabilities, gateway.update_rules(ehr))
    if problem is not None:
        return Decision(status=409, refusal=UNFIT[problem])
    note = NOTES[status].format(day=format_instant(now)[:10], reason=reason)
    wanted = Edit(
        to=status, key=there["delivery"], patient=stored.output.patient, note=note, by=person.fhir_user, at=now
    )
    target = Target(
        location=f"{type}/{there['id']}", cause=f"amendment:{gateway.new_id()}", why=reason, version=there["version"]
    )
    write = change(target, wanted, names=gateway.names(ehr), capabilities=capabilities, now=now)
    return await _record(gateway, stored, person, write, target, status)


async def _record(
    gateway: "Gateway", stored: Stored, person: Session, write: Write, target: Target, status: Amendment
) -> Decision:
    """Edits of one resource keep their order among themselves: they are a lane."""
    output = stored.output
    lane = lane_of(ehr=output.ehr, patient=target.location, model="edit")
    principal = f"launch:{person.launch_id}"
    origin = Origin(output=stored.id, model=output.model, version=output.version, principal=principal, lane=lane)

    def work(connection: Connection, now: float) -> dict[str, Any] | None:
        if recalled(connection, output.model, output.version):
            return None
        enqueue(connection, now, write=write, origin=origin)
        if status == "final":
            outputs.note_decision(connection, now, id=stored.id, by=str(person.fhir_user))
        return outputs.show_output(connection, now, stored.id)

    shown = await gateway.run(work)
    if shown is None:
        return Decision(status=409, refusal="The model version was recalled: its outputs are being withdrawn.")
    gateway.worker.wake(output.ehr)
    return Decision(status=202, output=shown)
