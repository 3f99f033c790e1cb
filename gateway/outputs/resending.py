"""Edge: a person sends a dead letter again: what would be sent of its output now is planned first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import Unavailable
from gateway.launches.granted import narrowed
from gateway.outputs.changes import events_of
from monitoring import journal
from vocabulary.write import NotWritable, Write
from writeback.afterwards import resending
from writeback.changes import Change
from writeback.errors import PlanInvalid
from writeback.labels import Confirmation
from writeback.ledger import listing, outputs
from writeback.outbox import BACKEND
from writeback.planning import plan

if TYPE_CHECKING:
    from gateway.app import Gateway

UNPLANNED = ("device", "card", "edit", "trail")
"""Roles that follow from no single output: they are sent again as they were."""
WHY: Mapping[str, str] = {
    "unknown": "There is no such delivery.",
    "not_dead": "This is no dead letter: only what the EHR rejected, or what was given up, is sent again.",
    "recalled": "The model version was recalled: nothing of it is written any more.",
    "too_old": "The output is past the time that it is valid for.",
    "overtaken": "A newer output of the same model and patient was accepted since.",
    "not_taken": "This EHR does not take it now either.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Resent:
    """``shown`` is the delivery, or the output, afterwards; or ``refusal`` says why nothing was done."""

    status: int
    refusal: str | None = None
    shown: dict[str, Any] | None = None


Allowed = Callable[[Mapping[str, Any]], bool]
Work = Callable[[Connection, float], "tuple[Change, ...] | resending.Refusal"]


async def resend_delivery(gateway: "Gateway", key: str, *, allowed: Allowed) -> Resent:
    """Sends one delivery again, for whom ``allowed`` says may have it sent."""
    found = await gateway.run(lambda c, now: listing.find_delivery(c, now, key))
    if found is None or not allowed(found):
        return Resent(status=404, refusal=WHY["unknown"])
    write: Write | None = None
    if found["output"] is not None and found["role"] not in UNPLANNED:
        planned = await _plan(gateway, found["output"])
        if isinstance(planned, Resent):
            return planned
        write = planned
    return await _done(
        gateway,
        lambda c, now: resending.resend(c, now, key=key, write=write),
        lambda c, now: listing.find_delivery(c, now, key),
    )


async def resend_output(gateway: "Gateway", id: str, *, allowed: Allowed) -> Resent:
    """Everything dead of an output, or the whole of one for which nothing had fitted its EHR."""
    shown = await gateway.run(lambda c, now: outputs.show_output(c, now, id))
    if shown is None or not allowed(shown):
        return Resent(status=404, refusal="There is no such output.")
    planned = await _plan(gateway, id)
    if isinstance(planned, Resent):
        return planned
    dead = [part["delivery"] for part in shown["deliveries"] if part["state"] in ("rejected", "dead")]
    if shown["state"] == "not_writable" and planned is not None:
        write = planned
        work: Work = lambda c, now: resending.send_unwritable(c, now, id=id, write=write)  # noqa: E731
    elif dead:
        work = lambda c, now: _all(c, now, dead, planned)  # noqa: E731
    else:
        return Resent(status=409, refusal="Nothing of this output is a dead letter.")
    return await _done(gateway, work, lambda c, now: outputs.show_output(c, now, id))


def _all(
    connection: Connection, now: float, keys: Sequence[str], write: Write | None
) -> "tuple[Change, ...] | resending.Refusal":
    """All that may be; the first refusal when nothing may. What went along with another is not sent twice."""
    changes: list[Change] = []
    refusals: list[resending.Refusal] = []
    for key in keys:
        done = resending.resend(connection, now, key=key, write=write)
        if isinstance(done, str):
            refusals.append(done)
        else:
            changes += done
    return refusals[0] if len(refusals) == len(keys) else tuple(changes)


async def _plan(gateway: "Gateway", id: str) -> "Write | Resent | None":
    """What would be sent of the output now; None when its model is not installed here any more."""
    stored = await gateway.run(lambda c, now: outputs.find_output(c, now, id))
    model = gateway.model(stored.output) if stored else None
    if stored is None or model is None or stored.admitted is None:
        return None
    by, at = stored.decided_by, stored.decided_at
    ehr = stored.output.ehr
    try:
        offered = await gateway.senders.capabilities(ehr)
        write = plan(
            stored.output, model.manifest, admitted=stored.admitted, names=gateway.names(ehr), now=gateway.clock(),
            capabilities=narrowed(offered, gateway.senders.backend_scopes(ehr)),
            granted=None if stored.principal == BACKEND else offered,
            rules=gateway.senders.rules(ehr), site=gateway.deployments.writing(ehr),
            confirmed_by=Confirmation(by=by, at=at) if by is not None and at is not None else None,
        )  # fmt: skip
    except Unavailable:
        return Resent(status=503, refusal="The EHR does not answer. Try again in a moment.")
    except EhrUnknown:
        return Resent(status=409, refusal="The gateway is not registered with this EHR any more.")
    except PlanInvalid as failure:
        return Resent(status=409, refusal=f"It cannot be said in valid FHIR R4: {failure.element}.")
    return Resent(status=409, refusal=write.reason) if isinstance(write, NotWritable) else write


async def _done(gateway: "Gateway", work: Work, show: Callable[[Connection, float], dict[str, Any] | None]) -> Resent:
    def act(connection: Connection, now: float) -> tuple[Any, dict[str, Any] | None]:
        changes = work(connection, now)
        if not isinstance(changes, str):
            journal.record(connection, now, events_of(changes), new_id=gateway.new_id)
        return changes, show(connection, now)

    changes, shown = await gateway.run(act)
    if isinstance(changes, str):
        return Resent(status=409, refusal=WHY[changes])
    gateway.tell(changes)
    gateway.worker.wake()
    return Resent(status=200, shown=shown)
