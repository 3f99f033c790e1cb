"""Edge: an output that came with an API key: who may say it, whether it was said before, and of whom it speaks."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from auth.client.errors import ClientError
from gateway.app import Gateway
from gateway.ehrs.counted import counted
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import Unavailable
from gateway.model_folders.models import Model
from gateway.outputs.evidence import read_patient
from gateway.outputs.submission import Occasion, Taken, submit
from gateway.people import apikeys
from gateway.people.apikeys import ApiKey
from gateway.storage.failures import DatabaseFull
from gateway.storage.works import Short
from r4.outcome import Issue
from vocabulary.output import Output
from writeback.errors import PlanInvalid
from writeback.ledger import outputs
from writeback.ledger.formats import format_output
from writeback.ledger.outputs import Accepted, Conflict, Idempotency

BACKEND = "backend"
AWAY = Issue("transient", "The EHR could not be read, so nothing was stored. Send the same again.", "patient")
FULL = Issue("no-store", "There is no room on the gateway's disk, so nothing was stored. Send the same again later.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """``new`` is False for a repeat of what was taken before."""

    shown: dict[str, Any]
    new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """Turned away, nothing stored. ``wait`` is the EHR's own wish, in seconds, where it could not be read."""

    status: int
    issue: Issue
    wait: float | None = None


def turned(status: int, code: str, text: str, element: str) -> Turned:
    """A Turned in one line."""
    return Turned(status=status, issue=Issue(code, text, element))


async def take(
    gateway: Gateway, output: Output, *, presented: str, idempotency_key: str | None
) -> Shown | Turned:  # fmt: skip
    """Takes a well-formed output. A refusal by the gate is Shown, state ``refused``: it is recorded.

    Whether an idempotency key came before is decided when the output is recorded; where it does not come to that, it
    is looked up, so that a repeat is answered as it was however the EHR does by now."""
    key = await _key(gateway, presented)
    if key is None:
        return turned(401, "login", "is not a key in force", "Authorization")
    if not apikeys.allows(key, "outputs.write", ehr=output.ehr, model=output.model):
        return turned(403, "forbidden", "the key may not submit this model's outputs at this EHR", "Authorization")
    body = format_output(output)
    claim = None
    if idempotency_key is not None:
        claim = Idempotency(caller=key.id, key=idempotency_key, fingerprint=outputs.digest_of(body))
    taken = await _admit(gateway, output, key=key, claim=claim, body=body)
    earlier = await _earlier(gateway, claim) if isinstance(taken, Turned) and claim is not None else None
    return taken if earlier is None else _told(earlier)


async def _key(gateway: Gateway, presented: str) -> ApiKey | None:
    async def look() -> ApiKey | None:
        return await gateway.run(Short(lambda connection, now: apikeys.find_key(connection, now, presented)))

    return await gateway.recent_keys.find(presented, look, monotonic)


async def _earlier(gateway: Gateway, claim: Idempotency) -> Taken | None:
    """What the idempotency key stands for already."""

    def look(connection: Connection, now: float) -> Taken | None:
        earlier = outputs.find_repeat(connection, now, claim=claim)
        if isinstance(earlier, Accepted):
            return earlier, outputs.show_output(connection, now, earlier.id) or {}
        return earlier

    return await gateway.run(look)


async def _admit(
    gateway: Gateway, output: Output, *, key: ApiKey, claim: Idempotency | None, body: bytes
) -> Shown | Turned:  # fmt: skip
    """Reads what there is to read, and submits."""
    model = gateway.model(output)
    if model is None:
        known = any(id == output.model for id, _ in gateway.deployments.at(output.ehr))
        return turned(422, "not-found", "is not installed here", "version" if known else "model")
    try:
        return await _read(gateway, output, model=model, submitter=f"key:{key.id}", claim=claim, body=body)
    except EhrUnknown:
        return turned(422, "not-found", "is not an EHR of this gateway", "ehr")
    except (Unavailable, ClientError) as failure:
        return Turned(status=503, issue=AWAY, wait=getattr(failure, "retry_after", None))
    except DatabaseFull:
        return Turned(status=507, issue=FULL)
    except PlanInvalid as failure:
        return turned(422, "invariant", "cannot be said in valid FHIR R4", failure.element)


async def _read(
    gateway: Gateway, output: Output, *, model: Model, submitter: str, claim: Idempotency | None, body: bytes
) -> Shown | Turned:  # fmt: skip
    reader = counted(gateway.run, gateway.senders, output.ehr, gateway.senders.sender(output.ehr, BACKEND))
    with gateway.telemetry.span("chart", ehr=output.ehr, features=len(model.manifest.features)) as tell:
        read = await read_patient(reader, output.patient, model.manifest.features)
        tell(resources=len(read.known), searches=len(read.reads))
    if read.patient is None:
        return turned(422, "not-found", "the EHR has no such patient", "patient")
    as_of = min(output.as_of, gateway.clock())
    key = gateway.keyring.session
    chart, verdict = read.verdict(model.manifest, as_of=as_of, salt=key, terminology=gateway.editions)
    occasion = Occasion(principal=BACKEND, submitter=submitter, reader=reader)
    taken = await submit(
        gateway, occasion, output=output, model=model, read=read, verdict=verdict, chart=chart, claim=claim,
        body=body, key=key,
    )  # fmt: skip
    return _told(taken)


def _told(taken: Taken) -> Shown | Turned:
    if isinstance(taken, Conflict):
        element = "Idempotency-Key" if taken.what == "idempotency_key" else "inference_id"
        return turned(409, "conflict", "came before with another body", element)
    accepted, shown = taken
    return Shown(shown=shown, new=accepted.new)
