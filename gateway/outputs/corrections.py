"""Edge: ``POST /api/outputs/{id}/correct``: the key that submitted an output puts right what it said.

The new words pass the gate like any output. The EHR's copy keeps its place and its history: the members that say the value
are replaced in what the EHR has now, with ``If-Match``; what was final becomes ``corrected``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.ehrs.counted import counted
from gateway.launches.charts import Unavailable
from gateway.model_folders.models import Model
from gateway.outputs import grounding
from gateway.outputs.amendments import NOT_THERE, UNFIT, standing_of
from gateway.outputs.decisions import Decision
from gateway.outputs.evidence import read_evidence, read_patient
from gateway.people import apikeys
from gateway.people.apikeys import ApiKey
from vocabulary.finding import Verdict
from vocabulary.output import Output
from vocabulary.write import Write
from writeback.afterwards import correcting
from writeback.afterwards.trail import Target, change
from writeback.amending import Edit, unfit
from writeback.capabilities import Capabilities
from writeback.errors import PlanInvalid
from writeback.gate import Admitted, Refused, admit
from writeback.labels import Confirmation
from writeback.ledger import outputs
from writeback.ledger.outputs import Stored
from writeback.planning import plan

if TYPE_CHECKING:
    from gateway.app import Gateway

NOTE = "Corrected by the model that said it: the earlier value was wrong."


async def correct(gateway: "Gateway", key: ApiKey, *, id: str, output: Output) -> Decision:
    """Takes the corrected output. 202; 200 when it says this already."""
    stored = await gateway.run(lambda c, now: outputs.find_output(c, now, id))
    if stored is None or not apikeys.allows(key, "outputs.write", ehr=stored.output.ehr, model=stored.output.model):
        return Decision(status=404, refusal="There is no such output.", element="id")
    if stored.submitter != f"key:{key.id}":
        return Decision(status=403, refusal="Only the key that submitted an output corrects it.")
    other = [name for name in correcting.SAME if getattr(output, name) != getattr(stored.output, name)]
    if other:
        return Decision(status=422, refusal="must be as it was submitted", element=other[0])
    if output == stored.output:
        return Decision(status=200, output=await _shown(gateway, id))
    model = gateway.model(output)
    if stored.state != "delivered" or model is None:
        return Decision(status=409, refusal=NOT_THERE)
    try:
        judged, verdict = await _judge(gateway, output, model)
        if isinstance(judged, Refused):
            return Decision(status=422, refusal=judged.text, element=judged.element)
        return await _replace(gateway, stored, output, model, judged, verdict)
    except Unavailable:
        return Decision(status=503, refusal="The EHR could not be read, so nothing was changed. Send the same again.")
    except PlanInvalid as failure:
        return Decision(status=422, refusal="cannot be said in valid FHIR R4", element=failure.element)


async def _judge(gateway: "Gateway", output: Output, model: Model) -> tuple[Admitted | Refused, Verdict]:
    """As for a new output: everything is read again. Raises Unavailable."""
    reader = counted(gateway.run, gateway.senders, output.ehr, gateway.senders.sender(output.ehr, "backend"))
    read = await read_patient(reader, output.patient, model.manifest.features)
    chart, verdict = read.verdict(
        model.manifest, as_of=min(output.as_of, gateway.clock()), salt=gateway.keyring.session, terminology=gateway.editions
    )  # fmt: skip
    evidence = await read_evidence(
        reader, output, patient=read.patient, verdict=verdict, launch_patient=None, launch_encounter=None
    )
    found = await grounding.ground(gateway, reader, output, model, chart=chart, read=read, evidence=evidence)
    evidence = grounding.weighed(evidence, found)
    return admit(output, model.manifest, evidence, gateway.clock()), verdict


async def _replace(
    gateway: "Gateway", stored: Stored, output: Output, model: Model, judged: Admitted, verdict: Verdict
) -> Decision:
    there = await standing_of(gateway, stored)
    if not there:
        return Decision(status=409, refusal=NOT_THERE)
    capabilities = await gateway.senders.capabilities(output.ehr)
    rules = gateway.senders.rules(output.ehr)
    problem = unfit(there[0]["resource_type"], "corrected", capabilities, rules)
    if problem is not None:
        return Decision(status=409, refusal=UNFIT[problem])
    writes = _edits(gateway, stored, output, model, judged, there, capabilities)
    if writes is None:
        return Decision(status=409, refusal="The corrected output takes another form at this EHR: submit a new one.")
    taken = await gateway.run(
        lambda c, at: correcting.record_correction(
            c, at, id=stored.id, former=stored.output, output=output, judged=judged, verdict=verdict, writes=writes,
            principal=stored.principal,
        )
    )  # fmt: skip
    if not taken:
        return Decision(status=409, refusal="The output was changed, or recalled, meanwhile.")
    gateway.worker.wake(output.ehr)
    return Decision(status=202, output=await _shown(gateway, stored.id))


def _edits(
    gateway: "Gateway", stored: Stored, output: Output, model: Model, judged: Admitted,
    there: Sequence[Mapping[str, Any]], capabilities: Capabilities,
) -> list[tuple[str, Write]] | None:  # fmt: skip
    """For each resource that stands there, its place and the edit; None when the new plan does not have them all."""
    names, rules = gateway.names(output.ehr), gateway.senders.rules(output.ehr)
    now, cause, by, at = gateway.clock(), gateway.new_id(), stored.decided_by, stored.decided_at

    def planned(said: Output, admitted: Admitted) -> Mapping[str, Mapping[str, Any]]:
        write = plan(
            said, model.manifest, admitted=admitted, names=names, capabilities=capabilities, rules=rules, now=now,
            site=gateway.deployments.writing(output.ehr),
            confirmed_by=Confirmation(by=by, at=at) if by is not None and at is not None else None,
        )  # fmt: skip
        return {part.key: part.body for part in write.own} if isinstance(write, Write) else {}

    new, old = planned(output, judged), planned(stored.output, stored.admitted or Admitted())
    if any(row["delivery"] not in new for row in there):
        return None
    writes = []
    for row in there:
        body, former = new[row["delivery"]], old.get(row["delivery"], {})
        unsaid, newly = correcting.exchanged(body, former)
        wanted = Edit(
            to="corrected", key=row["delivery"], patient=output.patient, note=NOTE, at=now,
            replace=correcting.replacement(body, former), unsaid=unsaid, newly=newly,
        )  # fmt: skip
        location = f"{row['resource_type']}/{row['id']}"
        target = Target(location=location, cause=f"correction:{cause}", why=NOTE, version=row["version"])
        writes.append((location, change(target, wanted, names=names, capabilities=capabilities, now=now, rules=rules)))
    return writes


async def _shown(gateway: "Gateway", id: str) -> dict[str, Any] | None:
    return await gateway.run(lambda c, now: outputs.show_output(c, now, id))
