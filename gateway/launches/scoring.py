"""Edge: what follows a launch: its patient's chart is read with its tokens, judged, and shown to every model."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from auth.client.errors import ClientError, GrantEnded
from auth.client.identity import explain
from auth.client.store import Launch, find_launch
from gateway.bodies import bodies
from gateway.ehrs.counted import counted
from gateway.ehrs.senders import EhrUnknown
from gateway.launches import banner, jobs
from gateway.launches.charts import LedAway, Reading, Unavailable, patience
from gateway.launches.extents import extents
from gateway.launches.granted import GrantedReader
from gateway.model_folders import models
from gateway.model_folders.models import Model, ModelError
from gateway.outputs.evidence import PatientRead, read_patient
from gateway.outputs.submission import Occasion, numbered, submit
from gateway.storage.failures import DatabaseFull
from r4 import codec
from vocabulary.chart import Chart
from vocabulary.instant import format_instant
from vocabulary.output import Output
from writeback.errors import PlanInvalid
from writeback.ledger import outputs
from writeback.ledger.outputs import Conflict

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.scoring")

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to read a chart; after the last the launch is told."""
PATIENCE = 75.0
"""Seconds that a launch waits for a busy EHR in all: longer than the minute in which eClinicalWorks counts requests."""
LED_AWAY = "The EHR's list goes on at another address than its own, which is never followed. Nothing was written."
FULL = "There is no room on the gateway's disk. Nothing was written. Launch again when engineering has made room."
SAYINGS = 100
"""How often one inference may be said again after it has run out: a bound, not a wish."""
Naming = Callable[[Model, Occasion, Chart, list[str]], str]
"""Model, occasion, chart and the sources of its values → the inference's name."""


async def score_launch(gateway: "Gateway", launch_id: str) -> None:
    """Runs every model for a launch and ends its job with what the person who launched should know."""
    problems = [*await _identity(gateway, launch_id), *await _problems(gateway, launch_id)]
    await gateway.run(lambda connection, now: jobs.finish_job(connection, now, launch_id, problems))


async def _identity(gateway: "Gateway", launch_id: str) -> list[str]:
    """Why nobody is known to have signed in, where that is so and was asked."""
    launch = await gateway.run(partial(find_launch, id=launch_id, cipher=gateway.keyring.cipher))
    return [explain(launch.context.nobody)] if launch is not None and launch.context.nobody is not None else []


async def _problems(gateway: "Gateway", launch_id: str) -> list[str]:
    cipher = gateway.keyring.cipher
    launch = await gateway.run(lambda connection, now: find_launch(connection, now, id=launch_id, cipher=cipher))
    if launch is None or launch.patient is None:
        return ["This launch has no patient in context, so there is no chart to read."]
    how = Reading(wait=patience(gateway.patience), granted=extents(launch.scopes))
    for pause in (*gateway.pauses, None):
        try:
            with gateway.telemetry.span("launch", ehr=launch.ehr):
                return await _score(gateway, launch, how)
        except GrantEnded:
            return ["The EHR gives no more tokens for this launch. Launch again from the EHR."]
        except DatabaseFull:
            return [FULL]
        except LedAway:
            logger.warning("a launch's chart leads to another address than the EHR's")
            return [LED_AWAY]
        except (Unavailable, ClientError, EhrUnknown) as failure:
            logger.info("a launch's chart could not be read: %s", type(failure).__name__)
            if pause is not None:
                await asyncio.sleep(pause)
        except Exception as failure:  # whatever it is, the person who launched is told that something is missing
            logger.error("a launch's models failed: %s", type(failure).__name__)
            return ["Something failed here. Nothing was written; engineering can find it in the log."]
    return ["The EHR could not be read. Launch again when it answers."]


async def _score(gateway: "Gateway", launch: Launch, how: Reading) -> list[str]:
    """One read of the chart for all models. Raises Unavailable, ClientError, EhrUnknown."""
    principal = f"launch:{launch.id}"
    patient = f"Patient/{launch.patient}"
    reader = counted(gateway.run, gateway.senders, launch.ehr, await gateway.senders.reader(launch.ehr, principal))
    occasion = Occasion(
        principal=principal, submitter=principal, granted=launch.scopes, reader=GrantedReader(reader, launch.scopes),
        launch_patient=patient, launch_encounter=f"Encounter/{launch.encounter}" if launch.encounter else None,
    )  # fmt: skip
    deployed = gateway.deployments.at(launch.ehr).values()
    features = [feature for model in deployed for feature in model.manifest.features]
    with gateway.telemetry.span("chart", ehr=launch.ehr, features=len(features)) as tell:
        read = await read_patient(occasion.reader, patient, features, how)
        tell(resources=len(read.known), searches=len(read.reads))
    if read.patient is None:
        return ["The EHR does not let this launch read its own patient."]
    shown, cipher = banner.describe(read.patient, now=gateway.clock()), gateway.keyring.cipher
    await gateway.run(
        lambda c, now: banner.save_banner(c, now, launch=launch.id, ehr=launch.ehr, banner=shown, cipher=cipher)
    )
    as_of = gateway.clock()  # one for all: versions side by side are compared on the same chart at the same time
    problems = [await score(gateway, occasion, read, model, ehr=launch.ehr, as_of=as_of) for model in deployed]
    return [problem for problem in problems if problem]


async def score(
    gateway: "Gateway", occasion: Occasion, read: PatientRead, model: Model, *, ehr: str, as_of: float,
    name: Naming | None = None, sayings: int = SAYINGS,
) -> str:  # fmt: skip
    """One model on one chart: empty, or what went wrong, in words for a person. ``name`` names the inference; one that stands
    and has run out is said again under a further name, ``sayings`` in all. Raises Unavailable, and what a fence raises."""
    chart, verdict = await asyncio.to_thread(  # a long chart takes seconds, and others are waiting
        read.verdict, model.manifest, as_of=as_of, salt=gateway.keyring.session, terminology=gateway.editions
    )
    said: dict[str, Any] = {}
    if verdict.fitness != "unfit":
        try:
            with gateway.telemetry.span("model", model=model.key[0], version=model.key[1], ehr=ehr):
                said = await models.ask(model, chart)
        except ModelError as failure:
            return f"{failure}. Nothing was written."
    output = read_answer(model, ehr, occasion, chart, said, name or inference)
    if isinstance(output, str):
        return output
    given: dict[str, Any] = {"model": model, "read": read, "verdict": verdict, "chart": chart}
    try:
        for revision in range(sayings):
            taken = await submit(gateway, occasion, output=numbered(output, revision), **given)
            if not isinstance(taken, Conflict) or not await _ran_out(gateway, numbered(output, revision)):
                break
    except PlanInvalid as failure:
        return f"{model.manifest.title}: {failure}. Nothing was written."
    return ""


async def _ran_out(gateway: "Gateway", output: Output) -> bool:
    """Whether what stands under this inference is past its time, so that saying it again says something."""
    return await gateway.run(lambda connection, now: outputs.state_of(connection, now, output) == "expired")


def read_answer(
    model: Model, ehr: str, occasion: Occasion, chart: Chart, said: Mapping[str, Any], name: Naming
) -> Output | str:  # fmt: skip
    """A model's answer as an Output, read as strictly as one from outside; or what is wrong with it. For an unfit
    chart ``said`` is empty, and the output is one without a value: the gate refuses it."""
    manifest = model.manifest
    sources = sorted({source for value in chart.features.values() for source in value.sources})
    document = {
        "model": manifest.id, "version": manifest.version, "ehr": ehr, "patient": chart.patient,
        "encounter": occasion.launch_encounter, "kind": manifest.kind, "as_of": format_instant(chart.as_of),
        "inference_id": name(model, occasion, chart, sources), "inputs": sources, **said,
    }  # fmt: skip
    if not said:
        document["abstained"] = "the chart is unfit"
    try:
        output = bodies.read_output(codec.parse(codec.format(bodies.plain(document))))
    except codec.CodecError:
        return f"{manifest.title} answered something that is no number or text. Nothing was written."
    if isinstance(output, list):
        names = ", ".join(dict.fromkeys(issue.element for issue in output))
        return f"{manifest.title} answered something that is no output ({names}). Nothing was written."
    return output if said else replace(output, abstained=None)


def inference(model: Model, occasion: Occasion, chart: Chart, sources: list[str]) -> str:
    """The same model on the same records says the same: the name of an inference leaves out the clock, so that a
    launch repeated, or a job run again after a crash, collides with itself on purpose."""
    known = [
        *model.key, chart.patient, occasion.launch_encounter, sources,
        sorted((name, str(value.value)) for name, value in chart.features.items()),
        sorted(chart.absent),
    ]  # fmt: skip
    return sha256(codec.format(known)).hexdigest()[:40]
