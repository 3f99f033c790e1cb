"""What each JSON address takes and answers, as the OpenAPI document says it: arguments of the route decorators."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gateway.alerting import shapes as alert_shapes
from gateway.bodies import bodies, shapes
from gateway.bodies.query import LIMIT, MOST
from vocabulary.signal import LEVELS
from writeback.recall import STATES as RECALL_STATES
from writeback.states import OUTPUT_STATES, STATES

JSON, FHIR = "application/json", "application/fhir+json"
Described = dict[str, Any]

ERRORS: Mapping[int, str] = {
    401: "No key in force and no session came with the request.",
    403: "The key's scopes or bindings, or the session's role or launch, do not permit this; or another site asked.",
    404: "There is no such thing, or it is not for this caller.",
    405: "The address does not take this method.",
    409: "It came before with another body, or is not in a state in which this can be done.",
    413: "The body is too long.",
    415: "The body is not application/json, or is compressed.",
    422: "Malformed, or refused by the gate (then Location names the recorded output); the element is named.",
    507: "There is no room to store anything: nothing of this was kept.",
    503: "The EHR could not be read: nothing was stored. Send the same again after Retry-After.",
}


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema without references: an OpenAPI document has no ``$defs`` of its own."""
    definitions = schema.get("$defs", {})

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return walk(definitions[value["$ref"].rpartition("/")[2]])
        return {name: walk(item) for name, item in value.items() if name != "$defs"}

    found: dict[str, Any] = walk(dict(schema))
    return found


def _path(name: str, text: str) -> Described:
    return {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}


def _query(name: str, schema: Mapping[str, Any], text: str) -> Described:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": dict(schema)}


WORD: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]{1,128}$"}
INSTANT: Mapping[str, Any] = {"type": "string", "pattern": bodies.POINT}
CURSOR = _query(
    "cursor", {"type": "string", "maxLength": 200}, "Where the page begins, from the link of the one before."
)


def _filters(states: tuple[str, ...]) -> list[Described]:
    return [
        _query("ehr", WORD, "Only at this EHR."),
        _query("model", WORD, "Only of this model."),
        _query("version", WORD, "Only of this version of a model."),
        _query("state", {"type": "array", "items": {"enum": list(states)}}, "Only in these states; repeatable."),
        _query("since", INSTANT, "Accepted at or after this instant."),
        _query("until", INSTANT, "Accepted before this instant."),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, "How many."),
        CURSOR,
    ]


def _body(model: type[BaseModel]) -> Described:
    return {"required": True, "content": {JSON: {"schema": inlined(model.model_json_schema())}}}


def _described(
    summary: str, answers: Mapping[int, type[BaseModel]], errors: tuple[int, ...], *,
    parameters: list[Described] | None = None, body: type[BaseModel] | None = None, security: str = "keyOrSession",
) -> Described:  # fmt: skip
    ways: Mapping[str, Described] = {"key": {"key": []}, "session": {"session": []}}
    extra: Described = {"security": [ways[security]] if security in ways else list(ways.values())}
    if parameters:
        extra["parameters"] = parameters
    if body is not None:
        extra["requestBody"] = _body(body)
    responses: dict[int | str, Described] = {status: {"model": shape} for status, shape in answers.items()}
    schema = {"$ref": "#/components/schemas/OperationOutcome"}
    for status in errors:
        responses[status] = {"description": ERRORS[status], "content": {FHIR: {"schema": schema}}}
    return {"summary": summary, "responses": responses, "openapi_extra": extra}


_ID = [_path("id", "The output's id.")]
_BODY_ERRORS = (401, 403, 413, 415, 422)
_IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Remembered with the key for 24 hours: the same body again is answered alike, another one with 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}  # fmt: skip

SUBMIT = _described(
    "Submit an output", {202: shapes.OutputShown, 200: shapes.OutputShown}, (*_BODY_ERRORS, 409, 503, 507),
    body=bodies.OutputBody, parameters=[_IDEMPOTENCY], security="key",
)  # fmt: skip
LIST_OUTPUTS = _described(
    "List outputs, the newest first", {200: shapes.OutputsShown}, (401, 403, 422), parameters=_filters(OUTPUT_STATES)
)
SEARCH_OUTPUTS = _described(
    "List outputs by a body, where a patient may be named", {200: shapes.OutputsShown}, _BODY_ERRORS,
    body=bodies.SearchBody,
)  # fmt: skip
SHOW_OUTPUT = _described("One output", {200: shapes.OutputShown}, (401, 403, 404), parameters=_ID)
_DECISION = (*_BODY_ERRORS, 404, 409, 503)
CONFIRM = _described(
    "A clinician confirms an output that waits", {200: shapes.OutputShown}, _DECISION, parameters=_ID,
    body=bodies.ReasonBody, security="session",
)  # fmt: skip
REJECT = _described(
    "A clinician rejects an output that waits", {200: shapes.OutputShown}, _DECISION, parameters=_ID,
    body=bodies.ReasonBody, security="session",
)  # fmt: skip
AMEND = _described(
    "A clinician changes the standing of what was written", {202: shapes.OutputShown}, _DECISION, parameters=_ID,
    body=bodies.AmendBody, security="session",
)  # fmt: skip
CORRECT = _described(
    "The key that submitted an output puts right what it said", {202: shapes.OutputShown, 200: shapes.OutputShown},
    (*_BODY_ERRORS, 404, 409, 503), parameters=_ID, body=bodies.OutputBody, security="key",
)  # fmt: skip
RESEND_OUTPUT = _described(
    "Send what is dead of an output again", {200: shapes.OutputShown}, (401, 403, 404, 409, 503), parameters=_ID
)
_DELIVERY = [_path("id", "The delivery's key.")]
LIST_DELIVERIES = _described(
    "List deliveries, the newest first", {200: shapes.DeliveriesShown}, (401, 403, 422),
    parameters=[
        *_filters(STATES), _query("output", WORD, "Only of this output."), _query("type", WORD, "Only of this type."),
    ],
)  # fmt: skip
SHOW_DELIVERY = _described(
    "One delivery and its history", {200: shapes.DeliveryStory}, (401, 403, 404), parameters=_DELIVERY
)
RESEND_DELIVERY = _described(
    "Send a dead letter again", {200: shapes.DeliveryStory}, (401, 403, 404, 409, 503), parameters=_DELIVERY
)
START_RECALL = _described(
    "Recall a model version", {202: shapes.RecallShown, 200: shapes.RecallShown}, (*_BODY_ERRORS, 404),
    body=bodies.RecallBody, security="key",
)  # fmt: skip
LIST_RECALLS = _described(
    "List recalls, the newest first",
    {200: shapes.RecallsShown},
    (401, 403, 422),
    parameters=_filters(RECALL_STATES)[1:],
)
SHOW_RECALL = _described(
    "One recall and what still stands", {200: shapes.RecallStory}, (401, 403, 404, 422),
    parameters=[_path("id", "The recall's id."), CURSOR],
)  # fmt: skip
DAY: Mapping[str, Any] = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
SHOW_FIDELITY = _described(
    "What the charts' verdicts add up to: counts by day, feed, model and feature", {200: shapes.FidelityShown}, (401, 403, 422),
    parameters=[
        _query("ehr", WORD, "Only at this EHR."), _query("model", WORD, "Only of this model."),
        _query("version", WORD, "Only of this version."), _query("feature", WORD, "Only this feature, with its days."),
        _query("since", DAY, "From this day on; else the last 30 days."), _query("until", DAY, "To this day."),
    ],
)  # fmt: skip
LIST_MONITORS = _described(
    "Every signal as it stands", {200: shapes.MonitorsShown}, (401, 403, 422),
    parameters=[
        _query("model", WORD, "Only of this model."), _query("version", WORD, "Only of this version of a model."),
        _query("ehr", WORD, "Only at this EHR."), _query("monitor", WORD, "Only of this monitor."),
        _query("level", {"enum": list(LEVELS)}, "Only at this level."),
    ],
)  # fmt: skip
TELL_LABEL = _described(
    "Tell what came true of an output", {201: shapes.LabelShown, 200: shapes.LabelShown}, (*_BODY_ERRORS, 404, 409, 507),
    body=bodies.LabelBody, security="key",
)  # fmt: skip
LIST_ALERTS = _described("Every alert", {200: alert_shapes.AlertsShown}, (401, 403))
_ALERT = [_path("id", "The alert's id.")]
SHOW_ALERT = _described("One alert and its story", {200: alert_shapes.AlertStory}, (401, 403, 404), parameters=_ALERT)
ACKNOWLEDGE = _described(
    "Somebody has an alert in hand",
    {200: alert_shapes.AlertStory},
    (*_BODY_ERRORS, 404),
    parameters=_ALERT,
    body=bodies.NoteBody,
)
RESOLVE = _described(
    "An alert is over", {200: alert_shapes.AlertStory}, (*_BODY_ERRORS, 404), parameters=_ALERT, body=bodies.NoteBody
)
LIST_SILENCES = _described("Every silence that has not ended", {200: alert_shapes.SilencesShown}, (401, 403))
SILENCE = _described(
    "Keep alerts quiet until a time", {201: alert_shapes.SilenceShown}, _BODY_ERRORS, body=bodies.SilenceBody
)
LIST_ACTIONS = _described("What was decided about models and is in force", {200: alert_shapes.ActionsShown}, (401, 403))
ACT = _described(
    "Decide something about a model", {201: alert_shapes.ActionShown}, _BODY_ERRORS, body=bodies.ActionBody
)
LIFT = _described(
    "A decision is over",
    {200: alert_shapes.ActionsShown},
    (401, 403, 404),
    parameters=[_path("id", "The decision's id.")],
)


def complete(document: Described) -> Described:
    """The whole document with what no single route says: the ways to sign in, and the shape of every error."""
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["OperationOutcome"] = inlined(shapes.OperationOutcome.model_json_schema())
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: `chartgate keys add`."},
        "session": {
            "type": "apiKey", "in": "cookie", "name": "chartgate_session",
            "description": "A person's session: from the one-time link under this name, from a launch under one of its own that "
            "begins with __Host-chartgate-session-. Changes need this site's Origin.",
        },
    }  # fmt: skip
    return document
