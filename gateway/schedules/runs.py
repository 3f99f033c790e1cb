"""Edge: one tick run: whom it is about, then each patient's chart read with the backend client's tokens, judged and scored as
after a launch (``gateway.launches.scoring``). What is said is named after schedule, tick, patient and model: it is said once."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from auth.client.errors import ClientError, EhrUnavailable
from gateway.ehrs.counted import counted
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import LedAway, Reading, Unavailable, patience, together
from gateway.launches.extents import extents
from gateway.launches.granted import GrantedReader
from gateway.launches.scoring import Naming, score
from gateway.model_folders.models import Model
from gateway.outputs.evidence import read_patient
from gateway.outputs.submission import Occasion
from gateway.schedules import people, ticks
from gateway.schedules.people import Turn
from gateway.schedules.planning import Planned
from gateway.schedules.population import PopulationUnread, read_population
from gateway.schedules.ticks import Claim, Ended
from r4 import codec

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.schedules")
BACKEND = "backend"
SIDE_BY_SIDE = 4
"""Patients of one tick that are scored at once: each is a whole chart."""
PORTION = 200
"""Patients that are written down in one work."""
PAUSE = 0.5
"""Seconds between two looks for patients that are to be tried again."""
PATIENCE = 60.0
"""Seconds that one reading waits for a busy EHR in all."""
Fence = Callable[[Claim], tuple[Naming | None, Callable[[Connection, float], object] | None]]
"""A claim → how its inferences are named (None: after the tick), and what must hold when an output is recorded."""


class Settling(Protocol):
    """Does what may end ticks."""

    async def settle(self, work: Callable[[Connection, float], Sequence[Ended]]) -> Sequence[Ended]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Means:
    """What the patients of one tick are scored with."""

    gateway: "Gateway"
    planned: Planned
    held: Claim
    reader: GrantedReader
    how: Reading
    fence: Fence | None


async def run_tick(
    gateway: "Gateway", settling: Settling, planned: Planned, held: Claim, *, stopping: asyncio.Event, fence: Fence | None
) -> None:  # fmt: skip
    """Runs a tick as far as it goes: to its end, until it has to wait, or until ``stopping``. Raises Fenced."""
    try:
        means = await _means(gateway, planned, held, fence)
        if held.population is None:
            await _populate(means)
    except (PopulationUnread, Unavailable, ClientError, EhrUnknown, OSError) as failure:
        reason = reason_of(failure)
        logger.warning("a tick of %s waits: %s", planned.name, reason)
        await settling.settle(partial(people.put_off, held=held, reason=reason))
        return
    while not stopping.is_set():
        take = partial(people.take_turns, held=held, as_of=gateway.clock(), most=SIDE_BY_SIDE)
        turns = await gateway.run(take)
        await together(*(_turn(means, turn) for turn in turns))
        if not turns and await settling.settle(partial(people.conclude, held=held)):
            return
        if not turns:
            await asyncio.sleep(PAUSE)


def reason_of(failure: Exception) -> str:
    """A stable word for why something has to wait."""
    if isinstance(failure, PopulationUnread):
        return failure.reason
    if isinstance(failure, EhrUnknown):
        return "not_registered"
    if isinstance(failure, LedAway):
        return "led_away"
    refused = isinstance(failure, ClientError) and not isinstance(failure, EhrUnavailable)
    return "not_permitted" if refused else "ehr_away"


async def _means(gateway: "Gateway", planned: Planned, held: Claim, fence: Fence | None) -> _Means:
    """Raises ClientError without a token, EhrUnknown."""
    ehr = planned.declared.ehr
    granted = await gateway.senders.backend_grant(ehr)
    how = Reading(wait=patience(PATIENCE), granted=extents(granted, ("system",)))
    backend = counted(gateway.run, gateway.senders, ehr, gateway.senders.sender(ehr, BACKEND))
    reader = GrantedReader(backend, granted)
    return _Means(gateway=gateway, planned=planned, held=held, reader=reader, how=how, fence=fence)


async def _populate(means: _Means) -> None:
    """Reads whom the tick is about, and writes it down. Raises PopulationUnread, Unavailable."""
    if not _models(means):
        raise PopulationUnread("no_model")
    found = await read_population(means.reader, means.planned.declared.patients, means.how)
    run, held = means.gateway.run, means.held
    await run(partial(people.forget_people, held=held))
    for start in range(0, len(found), PORTION):
        await run(partial(people.save_people, held=held, people=found[start : start + PORTION]))
    await run(partial(people.note_population, held=held, number=len(found)))


def _models(means: _Means) -> list[Model]:
    """The schedule's models as they are deployed at the EHR now, in every version."""
    declared = means.planned.declared
    return [
        model for model in means.gateway.deployments.at(declared.ehr).values() if model.manifest.id in declared.models
    ]


async def _turn(means: _Means, turn: Turn) -> None:
    """One patient, and what came of it. Raises Fenced."""
    try:
        problem = await _score(means, turn)
    except (Unavailable, ClientError, EhrUnknown, OSError) as failure:
        problem = reason_of(failure)
    finish = partial(people.finish_patient, held=means.held, turn=turn, problem=problem)
    await means.gateway.run(finish)


async def _score(means: _Means, turn: Turn) -> str:
    """Every model of the schedule for one patient: empty, or a stable word. Raises Unavailable, ClientError, Fenced."""
    name, fence = means.fence(means.held) if means.fence else (None, partial(ticks.check, held=means.held))
    models = _models(means)
    features = [feature for model in models for feature in model.manifest.features]
    read = await read_patient(means.reader, turn.patient, features, means.how)
    if read.patient is None:
        return "unreadable_patient"
    occasion = Occasion(
        principal=BACKEND, submitter=f"schedule:{means.planned.name}"[:80], reader=means.reader,
        launch_patient=turn.patient, launch_encounter=turn.encounter, fence=fence,
    )  # fmt: skip
    named = name or partial(inference_of, means.held)
    problems = [
        await score(
            means.gateway, occasion, read, model, ehr=means.planned.declared.ehr, as_of=turn.as_of, name=named, sayings=1
        )
        for model in models
    ]  # fmt: skip
    return "model" if any(problems) else "" if models else "no_model"


def inference_of(held: Claim, model: Model, occasion: Occasion, chart: object, sources: object) -> str:
    """The name of what a model says of a patient in a tick: the same whoever runs it, and however often."""
    known = [held.schedule, int(held.at), occasion.launch_patient, *model.key]
    return sha256(codec.format(known)).hexdigest()[:40]
