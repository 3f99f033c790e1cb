"""An interaction as the request that says it and nothing else: built from typed parts, whatever once arrived."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

from r4 import codec
from r4.requests import Action, Interaction, Request

METHODS: Mapping[Action, str] = {
    "read": "GET", "vread": "GET", "search": "GET", "history": "GET", "capabilities": "GET", "create": "POST",
    "update": "PUT", "patch": "PATCH", "delete": "DELETE", "batch": "POST", "transaction": "POST", "operation": "POST",
}  # fmt: skip
_JSON = {"content-type": "application/fhir+json"}
_JSON_PATCH = {"content-type": "application/json-patch+json"}


def format(interaction: Interaction) -> Request:
    """The request of an interaction; the inverse of ``parse`` for what parse gives."""
    if interaction.action in ("batch", "transaction"):
        return Request(method="POST", path="", headers=_JSON, body=codec.format(_bundle(interaction)))
    headers = _headers(interaction)
    content = interaction.patch if interaction.action == "patch" else interaction.body
    body = None
    if content is not None and interaction.action in ("create", "update", "patch", "operation"):
        body = codec.format(content)
        headers = {**headers, **(_JSON_PATCH if isinstance(content, list) else _JSON)}
    get = interaction.action == "operation" and interaction.body is None
    asked = interaction.condition or interaction.query
    return Request(
        method="GET" if get else METHODS[interaction.action], path=_path(interaction),
        query=urlencode(asked) if asked else "", headers=headers, body=body,
    )  # fmt: skip


def _headers(interaction: Interaction) -> dict[str, str]:
    headers: dict[str, str] = {}
    if interaction.if_match is not None:
        headers["if-match"] = "*" if interaction.if_match == "*" else f'W/"{interaction.if_match}"'
    if interaction.if_none_match is not None:
        headers["if-none-match"] = "*" if interaction.if_none_match == "*" else f'W/"{interaction.if_none_match}"'
    if interaction.if_none_exist is not None:
        headers["if-none-exist"] = urlencode(interaction.if_none_exist)
    if interaction.if_modified_since is not None:
        headers["if-modified-since"] = formatdate(interaction.if_modified_since, usegmt=True)
    if interaction.prefer is not None:
        headers["prefer"] = f"return={interaction.prefer}"
    return headers


def _path(interaction: Interaction) -> str:
    if interaction.action == "capabilities":
        return "metadata"
    parts = [interaction.type, interaction.id]
    if interaction.compartment is not None:
        parts = ["Patient", interaction.compartment, interaction.type]
    if interaction.action in ("history", "vread"):
        parts += ["_history", interaction.version]
    if interaction.action == "operation":
        parts += [interaction.operation]
    return "/".join(part for part in parts if part is not None)


def _bundle(interaction: Interaction) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": interaction.action,
        "entry": [_entry(entry) for entry in interaction.entries],
    }


def _entry(entry: Interaction) -> dict[str, Any]:
    request: dict[str, Any] = {"method": METHODS[entry.action], "url": _path(entry)}
    if entry.condition or entry.query:
        request["url"] += f"?{urlencode(entry.condition or entry.query)}"
    if entry.if_match is not None:
        request["ifMatch"] = f'W/"{entry.if_match}"'
    if entry.if_none_exist is not None:
        request["ifNoneExist"] = urlencode(entry.if_none_exist)
    formatted: dict[str, Any] = {"request": request}
    content = entry.patch if isinstance(entry.patch, dict) else entry.body
    if content is not None:
        formatted["resource"] = content
    return {"fullUrl": entry.full_url, **formatted} if entry.full_url is not None else formatted
