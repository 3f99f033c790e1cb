"""Edge: an output through the gate and into the outbox, whoever said it (house.md §8, third way)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import Connection

from gateway.launches.charts import Reader
from gateway.launches.granted import narrowed
from gateway.model_folders.models import Model
from gateway.monitors import observing
from gateway.outputs import grounding, readings
from gateway.outputs.changes import events_of
from gateway.outputs.evidence import PatientRead, read_evidence
from gateway.outputs.grounding import Grounding
from gateway.storage.works import Accepting
from monitoring import journal, observations
from monitoring.entries import Observed, Telling
from vocabulary.chart import Chart
from vocabulary.finding import Verdict
from vocabulary.output import Output
from vocabulary.write import NotWritable, Write
from writeback.gate import Admitted, Refused, admit
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Conflict, Idempotency, Submission
from writeback.planning import plan_bytes

if TYPE_CHECKING:
    from gateway.app import Gateway


class Occasion(Struct, frozen=True, kw_only=True):
    """Where an output comes from: ``principal`` writes it, ``submitter`` said it, ``reader`` reads for it; of a launch,
    the scopes that it was granted, its patient and its encounter (``Type/id``). ``fence`` raises, in the transaction that
    records the output, where whoever says it may not any more."""

    principal: str
    submitter: str
    reader: Reader
    granted: str | None = None
    launch_patient: str | None = None
    launch_encounter: str | None = None
    fence: Callable[[Connection, float], object] | None = None


Taken = tuple[Accepted, dict[str, Any]] | Conflict
"""What was recorded, and how it is shown; or what stood in its place."""


async def submit(gateway: "Gateway", occasion: Occasion, *, output: Output, **given: Any) -> Taken:
    """Judges, plans and records an output; ``given`` is what ``_submit`` takes. Raises Unavailable when the EHR could not be
    read, and DatabaseFull when there is no room for it: nothing is stored."""
    about = {"model": output.model, "version": output.version, "ehr": output.ehr, "kind": output.kind}
    with gateway.telemetry.span("gate", **about) as tell:
        taken = await _submit(gateway, occasion, output=output, **given)
        tell(**({"conflict": True} if isinstance(taken, Conflict) else {"state": str(taken[1].get("state"))}))
    return taken


async def _submit(
    gateway: "Gateway", occasion: Occasion, *, output: Output, model: Model, read: PatientRead, verdict: Verdict,
    chart: Chart, claim: Idempotency | None = None, body: bytes | None = None, key: bytes | None = None,
) -> Taken:  # fmt: skip
    """With what ``chart`` gave the model; ``key`` is the installation's session key, where it was looked up already."""
    evidence = await read_evidence(
        occasion.reader, output, patient=read.patient, verdict=verdict, launch_patient=occasion.launch_patient,
        launch_encounter=occasion.launch_encounter,
        known=read.known if occasion.launch_patient is not None else None,
    )  # fmt: skip
    found = await grounding.ground(gateway, occasion.reader, output, model, chart=chart, read=read, evidence=evidence)
    judged = admit(output, model.manifest, grounding.weighed(evidence, found), gateway.clock())
    write = await _write(gateway, output, model, judged, occasion.granted)
    submission = Submission(
        id=gateway.new_id(), output=output, manifest=model.manifest, judged=judged, verdict=verdict,
        principal=occasion.principal, submitter=occasion.submitter, write=write, body=body,
    )  # fmt: skip
    given = readings.describe(chart, read=gateway.clock(), grounding=found.shown() if found else None)
    observed = observing.observe(
        output, model.manifest, chart, known=gateway.reference(model), patient=read.patient,
        key=gateway.keyring.session if key is None else key,
    )  # fmt: skip
    note = Note(given=given, observed=observed, found=found, fence=occasion.fence)
    taken = await gateway.run(Accepting(lambda c, now: record(c, now, submission, claim, note, new_id=gateway.new_id)))
    await grounding.note_versions(gateway, found)
    if not isinstance(taken, Conflict) and taken[0].changes:
        gateway.tell(taken[0].changes)
        gateway.worker.wake(output.ehr)
    return taken


class Note(Struct, frozen=True, kw_only=True):
    """What is recorded beside an output."""

    given: bytes | None
    observed: Observed
    found: Grounding | None
    fence: Callable[[Connection, float], object] | None = None


def record(
    connection: Connection, now: float, submission: Submission, claim: Idempotency | None, note: Note, *,
    new_id: Callable[[], str],
) -> Taken:  # fmt: skip
    """The output, what its model was given, what the chart says of its text, and what the monitors are told, in one
    transaction."""
    if note.fence is not None:
        note.fence(connection, now)
    accepted = outputs.accept(connection, now, submission=submission, claim=claim)
    if isinstance(accepted, Conflict):
        return accepted
    if accepted.new and note.given is not None:
        readings.save_readings(connection, now, output=accepted.id, body=note.given)
    if accepted.changes:
        journal.record(connection, now, events_of(accepted.changes), new_id=new_id)
    shown = outputs.show_accepted(connection, now, accepted)
    told: list[Telling] = []
    if accepted.changes:
        told.append(observing.settled(note.observed, accepted.changes[0]))
    if accepted.new and note.found is not None:
        told.append(grounding.told(accepted.id, submission.output, note.found))
        grounding.save_grounding(
            connection, now, id=accepted.id, output=submission.output, found=note.found, new_id=new_id
        )  # fmt: skip
    observations.append(connection, now, told)
    return accepted, shown


async def _write(
    gateway: "Gateway", output: Output, model: Model, judged: Admitted | Refused, granted: str | None
) -> Write | NotWritable | None:
    """What would be sent now; nothing of a refused output, nor of one that a person decides about first."""
    if isinstance(judged, Refused) or model.manifest.policy == "confirm":
        return None
    offered = await gateway.senders.capabilities(output.ehr)
    return plan_bytes(
        output, model.manifest, admitted=judged, names=gateway.names(output.ehr),
        capabilities=narrowed(offered, gateway.senders.backend_scopes(output.ehr)),
        granted=None if granted is None else narrowed(offered, granted), now=gateway.clock(),
        rules=gateway.senders.rules(output.ehr), site=gateway.deployments.writing(output.ehr),
    )  # fmt: skip


def numbered(output: Output, revision: int) -> Output:
    """The same inference said again after its earlier saying has run out."""
    return output if revision == 0 else replace(output, inference_id=f"{output.inference_id}-{revision}")
