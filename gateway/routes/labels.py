"""Edge: ``/api/labels``: what came true, told later, joined to the output inside the database."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import bodies
from gateway.bodies.bodies import LabelBody
from gateway.monitors import outcomes
from gateway.monitors.observing import inference_hash
from gateway.people import apikeys
from gateway.routes import describing
from gateway.routes.json_api import as_json, bearer, key_of, read_body, refused, told
from monitoring import labels as kept
from monitoring.labels import Kept, Label
from monitoring.tables import entries
from vocabulary.instant import format_instant, parse_instant
from vocabulary.output import Output
from writeback.ledger.outputs import Stored, find_output

SKEW = 60.0
"""Seconds that another clock may be ahead."""
STATUS: dict[Kept, int] = {"new": 201, "same": 200, "changed": 200}


def router(gateway: Gateway) -> APIRouter:
    """The JSON address."""
    api = APIRouter(prefix="/api", tags=["labels"])

    @api.post("/labels", status_code=201, **describing.TELL_LABEL)
    async def label(request: Request) -> Response:
        return await told(_label(gateway, request))

    return api


async def _label(gateway: Gateway, request: Request) -> Response:
    presented = bearer(request)
    if presented is None:
        raise refused(401, "needs an API key as bearer", "Authorization")
    key = await key_of(gateway, presented, "labels.write")
    body = await read_body(request, LabelBody)
    if (body.output is None) == (body.inference_id is None):
        raise refused(422, "name the output by its id or by its inference_id, one of the two", "output")
    stored = await gateway.run(lambda c, now: _find(c, now, key, body))
    if stored is None:
        raise refused(404, "no output of this name is this key's", "output" if body.output else "inference_id")
    label = _read(gateway, stored, body)
    came = await gateway.run(lambda c, now: (kept.save_label(c, now, label=label), now))
    if came[0] == "settled":
        raise refused(409, "another label of this output has been counted already", "label")
    return as_json(_shown(label, body, now=came[1]), status=STATUS[came[0]])


def _find(connection: Connection, now: float, key: apikeys.ApiKey, body: LabelBody) -> Stored | None:
    """The output that the body names, where the key may label it. Raises Refusal 409 where it names several."""
    if body.output is not None:
        ids = [body.output]
    else:
        named = [entries.c.inference == inference_hash(body.inference_id or "")]
        named += (
            [entries.c.ehr.in_(key.ehrs)] if key.ehrs else []
        )  # what others called so must not crowd out the key's own
        ids = list(connection.scalars(select(entries.c.output).where(*named).limit(20)))
    found = [each for id in dict.fromkeys(ids) if (each := find_output(connection, now, id)) is not None]
    mine = [each for each in found if _fits(each.output, body) and _may(key, each.output)]
    if len(mine) > 1:
        raise refused(
            409, "names more than one output: say model, version and ehr too, or name it by output", "inference_id"
        )
    return mine[0] if mine else None


def _fits(output: Output, body: LabelBody) -> bool:
    said = ((body.model, output.model), (body.version, output.version), (body.ehr, output.ehr),
            (body.inference_id, output.inference_id))  # fmt: skip
    return all(given is None or given == known for given, known in said)


def _may(key: apikeys.ApiKey, output: Output) -> bool:
    return apikeys.allows(key, "labels.write", ehr=output.ehr, model=output.model)


def _read(gateway: Gateway, stored: Stored, body: LabelBody) -> Label:
    """The label as an event that was or was not. Raises Refusal."""
    observed = parse_instant(body.observed_at)
    if observed > gateway.clock() + SKEW:
        raise refused(422, "must not lie in the future", "observed_at")
    if observed < stored.output.as_of - SKEW:
        raise refused(
            422, "must not lie before the output's as_of: that is no outcome of what came later", "observed_at"
        )
    if isinstance(body.label, str) and stored.output.kind != "classification":
        raise refused(422, "must be true or false: a word is the label of a classification", "label")
    event = body.label if isinstance(body.label, bool) else body.label == stored.output.label
    model = gateway.models.get((stored.output.model, stored.output.version))
    outcome = None if model is None else outcomes.outcome_of(model)
    return outcomes.label_of(stored, outcome, event=event, observed=observed, source="api")


def _shown(label: Label, body: bodies.LabelBody, *, now: float) -> dict[str, Any]:
    return {
        "output": label.output, "label": body.label, "observed_at": format_instant(label.observed),
        "mature_at": format_instant(label.mature), "mature": label.mature <= now,
    }  # fmt: skip
