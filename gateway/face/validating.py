"""``$validate`` (R4 resource-operation-validate): against R4 itself; what is on the server is neither read nor told."""

from collections.abc import Mapping
from typing import Any

from r4.interaction import Answer, Interaction
from r4.outcome import Issue, outcome
from r4.validate import validate
from sandbox.answering import refusal

MODES = frozenset({"create", "update", "delete"})
DEFINITIONS = "http://hl7.org/fhir/StructureDefinition/"
VALID = Issue("informational", "The resource is valid R4.", severity="information")


def validated(i: Interaction) -> Answer:
    """The issues of a resource. ``mode`` and ``profile`` stand in the address or in Parameters; a profile that is not R4's
    own would have to be fetched, and is refused: what was not checked is not called valid."""
    said = _said(i)
    if isinstance(said, Answer):
        return said
    body, mode, profile = said.get("resource"), said.get("mode"), said.get("profile")
    if mode is not None and mode not in MODES:
        return refusal(400, "value", "must be create, update or delete", element="mode")
    if profile not in (None, f"{DEFINITIONS}{i.type}"):
        return refusal(400, "not-supported", "is not known here: only R4 itself is checked", element="profile")
    if mode == "delete":
        return _deletion(i, body)
    if not isinstance(body, dict):
        return refusal(400, "required", "must be a POST of a resource, or of Parameters with one", element="resource")
    found = [*validate(body, type=i.type), *_of_mode(i, mode, body)]
    return Answer(status=200, resource=outcome(found or [VALID]))


def _deletion(i: Interaction, body: Any) -> Answer:
    if i.id is None or body is not None:
        return refusal(400, "value", "a deletion is of the resource at the address, without a body", element="mode")
    return Answer(
        status=200, resource=outcome([Issue("informational", "It may be asked for.", severity="information")])
    )


def _of_mode(i: Interaction, mode: str | None, body: Mapping[str, Any]) -> list[Issue]:
    """What only a create or an update asks for."""
    if mode == "update" and (not isinstance(body.get("id"), str) or i.id not in (None, body.get("id"))):
        return [Issue("value", "must be the id of what is updated", f"{i.type}.id")]
    return []


def _said(i: Interaction) -> Mapping[str, Any] | Answer:
    """The parameters, each at most once."""
    names = [name for name, _ in i.query]
    if len(set(names)) < len(names) or set(names) - {"mode", "profile"}:
        return refusal(400, "not-supported", "may hold mode and profile, each once", element="query")
    if not isinstance(i.body, dict) or i.body.get("resourceType") != "Parameters":
        return {**dict(i.query), "resource": i.body}
    listed = i.body.get("parameter")
    parts = [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
    given = [part.get("name") for part in parts]
    if not parts or any(name not in ("resource", "mode", "profile") for name in given) or len(set(given)) < len(given):
        return refusal(
            400, "not-supported", "may hold resource, mode and profile, each once", element="Parameters.parameter"
        )
    values = {str(part["name"]): next((v for k, v in part.items() if k != "name"), None) for part in parts}
    return {**dict(i.query), **values}
