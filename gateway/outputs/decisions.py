"""Edge: a clinician confirms or rejects an output that waits for one (product.md §6, "Who may do what")."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from auth.client.store import Launch, find_launch
from gateway.bodies.bodies import is_printable
from gateway.launches.charts import Unavailable
from gateway.launches.granted import narrowed
from gateway.model_folders.models import Model
from gateway.monitors import outcomes
from gateway.outputs.changes import events_of
from gateway.outputs.feedback import record_feedback
from gateway.people import sessions
from gateway.people.sessions import Session
from monitoring import journal, labels
from vocabulary.write import NotWritable, Write
from writeback.capabilities import Capabilities
from writeback.changes import OutputChanged
from writeback.errors import PlanInvalid
from writeback.labels import Confirmation
from writeback.ledger import outputs
from writeback.ledger.outputs import Stored
from writeback.planning import plan

if TYPE_CHECKING:
    from gateway.app import Gateway

LONGEST_REASON = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """``output`` as it is shown after the decision, or why there was none: ``element`` names what to change.
    ``launch_id`` is the launch in whose session it was made."""

    status: int
    refusal: str | None = None
    output: dict[str, Any] | None = None
    element: str = ""
    launch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody did, said and is; ``event`` is the outcome that it stands for, where the manifest says so."""

    action: str
    feedback: str
    user: str
    event: bool


async def decide(gateway: "Gateway", session: Session | None, *, id: str, decision: str, reason: str) -> Decision:
    """``decision`` is ``confirm`` or ``reject``."""
    if session is None:
        return Decision(status=401, refusal="Deciding needs a session: launch the gateway from the EHR.")
    stored = await gateway.run(lambda connection, now: outputs.find_output(connection, now, id))
    if decision not in ("confirm", "reject") or stored is None or sessions.beyond(session, stored.output.ehr):
        return Decision(status=404, refusal="There is no such output.")
    bare = stored.output.patient.removeprefix("Patient/")
    decider = sessions.confirms(ehr=stored.output.ehr, patient=bare)(session)
    if decider is None or decider.fhir_user is None:
        return Decision(
            status=403, refusal="Only a practitioner, launched from this EHR with this patient, may decide about this."
        )
    if not reason.strip() or len(reason) > LONGEST_REASON or not is_printable(reason):
        return Decision(status=422, refusal="A decision needs a reason of at most 4000 characters.", element="reason")
    if stored.state != "awaiting_confirmation" or stored.admitted is None:
        return _over(stored.state)
    if decision == "reject":
        made = await _record(gateway, stored, lambda c, now: outputs.decline(
            c, now, stored=stored, by=str(decider.fhir_user), reason=reason
        ), Said("rejected", reason, str(decider.fhir_user), event=False))  # fmt: skip
    else:
        made = await _confirm(gateway, stored, decider, reason)
    return replace(made, launch_id=decider.launch_id)


def _over(state: str) -> Decision:
    """Why nobody decides about it any more: somebody looks at a page that is older than what has become of it."""
    came = "longer than it is valid" if state == "awaiting_confirmation" else state.replace("_", " ")
    said = "it has waited" if state == "awaiting_confirmation" else "it is"
    return Decision(status=409, refusal=f"This output does not wait for a decision any more: {said} {came}.")


async def repeated(gateway: "Gateway", session: Session | None, *, id: str, decision: str) -> Decision | None:
    """The decision as it was made, when this very person made it already: a button that was pressed twice. None otherwise."""
    shown = await gateway.run(lambda connection, now: outputs.show_output(connection, now, id))
    if shown is None:
        return None
    bare = str(shown["patient"]).removeprefix("Patient/")
    person = sessions.confirms(ehr=shown["ehr"], patient=bare)(session)
    same = person is not None and shown["decided_by"] == person.fhir_user
    if person is None or not same or (shown["state"] == "declined") != (decision == "reject"):
        return None
    return Decision(status=200, output=shown, launch_id=person.launch_id)


async def _confirm(gateway: "Gateway", stored: Stored, decider: Session, reason: str) -> Decision:
    """Plans the resources with the clinician's acceptance in them; the launch of who confirms will write them."""
    model = gateway.model(stored.output)
    if model is None:
        return Decision(status=409, refusal="The model version of this output is not installed here any more.")
    by, principal, launch_id = str(decider.fhir_user), f"launch:{decider.launch_id}", str(decider.launch_id)
    launch = await gateway.run(partial(find_launch, id=launch_id, cipher=gateway.keyring.cipher))
    try:
        capabilities = await gateway.senders.capabilities(stored.output.ehr)
    except Unavailable:
        return Decision(status=503, refusal="The EHR does not answer. Try again in a moment.")
    try:
        write = _plan(gateway, stored, model, capabilities, launch, by)
    except PlanInvalid as failure:
        why = f"{failure.element}, {failure.rule}"
        return Decision(status=409, refusal=f"It cannot be written: it would not be valid FHIR R4 at this EHR ({why}).")
    if write is None:
        return Decision(status=409, refusal="There is nothing to write of this output.")
    return await _record(gateway, stored, lambda c, now: outputs.confirm(
        c, now, stored=stored, by=by, reason=reason, principal=principal, write=write
    ), Said("confirmed", reason, by, event=True))  # fmt: skip


def _plan(
    gateway: "Gateway", stored: Stored, model: Model, capabilities: Capabilities, launch: Launch | None, by: str
) -> Write | NotWritable | None:
    """What would be written with the clinician's acceptance in it. Raises PlanInvalid."""
    assert stored.admitted is not None
    return plan(
        stored.output, model.manifest, admitted=stored.admitted, names=gateway.names(stored.output.ehr),
        capabilities=narrowed(capabilities, gateway.senders.backend_scopes(stored.output.ehr)),
        granted=None if launch is None else narrowed(capabilities, launch.scopes), now=gateway.clock(),
        rules=gateway.senders.rules(stored.output.ehr), site=gateway.deployments.writing(stored.output.ehr),
        confirmed_by=Confirmation(by=by, at=gateway.clock()),
    )  # fmt: skip


def note_outcome(gateway: "Gateway", connection: Connection, now: float, stored: Stored, *, event: bool) -> None:
    """The decision as the output's outcome, where the model's manifest says that it is one."""
    model = gateway.models.get((stored.output.model, stored.output.version))
    outcome = None if model is None else outcomes.outcome_of(model)
    if outcome is not None and outcome.confirmations:
        label = outcomes.label_of(stored, outcome, event=event, observed=now, source="clinician")
        labels.save_label(connection, now, label=label)


async def _record(gateway: "Gateway", stored: Stored, act: Any, said: "Said") -> Decision:
    def work(connection: Connection, now: float) -> tuple[tuple[OutputChanged, ...], dict[str, Any] | None]:
        changes = act(connection, now)
        if changes:
            record_feedback(
                connection, now, output=stored.id, action=said.action, feedback=said.feedback, user=said.user
            )
            journal.record(connection, now, events_of(changes), new_id=gateway.new_id)
            note_outcome(gateway, connection, now, stored, event=said.event)
        return changes, outputs.show_output(connection, now, stored.id)

    changes, shown = await gateway.run(work)
    if not changes:
        return _over(shown["state"] if shown else "retracted")
    gateway.tell(changes)
    gateway.worker.wake(stored.output.ehr)
    return Decision(status=200, output=shown)
