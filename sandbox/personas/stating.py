"""The CapabilityStatement of a persona: what it offers is said, what it does not offer is not, what is hidden neither."""

from collections.abc import Mapping
from typing import Any

from sandbox.personas import rules
from sandbox.personas.persona import Persona
from sandbox.personas.refusing import offers, unconditional


def statement(persona: Persona, capability: Mapping[str, Any]) -> dict[str, Any]:
    """The statement of the server without persona → that of the persona."""
    if not persona.rules:
        return dict(capability)
    rest = [_rest(persona, each) for each in capability["rest"]]
    said = {**capability, "rest": rest}
    patched = any(each["code"] == "patch" for part in rest for type in part["resource"] for each in type["interaction"])
    return said if patched else {name: value for name, value in said.items() if name != "patchFormat"}


def _rest(persona: Persona, rest: Mapping[str, Any]) -> dict[str, Any]:
    types = [_resource(persona, each) for each in rest["resource"]]
    whole = persona.one(rules.Whole)
    kept = [each for each in rest["interaction"] if whole is None or each["code"] in whole.interactions]
    said = {**rest, "resource": [each for each in types if each["interaction"]], "interaction": kept}
    return said if kept else {name: value for name, value in said.items() if name != "interaction"}


def _resource(persona: Persona, said: Mapping[str, Any]) -> dict[str, Any]:
    type = said["type"]
    line = offers(persona, type)
    interactions = [each for each in said["interaction"] if line is None or each["code"] in line.interactions]
    codes = {each["code"] for each in interactions}
    changed: dict[str, Any] = {"interaction": interactions, "readHistory": said["readHistory"] and "vread" in codes}
    if persona.one(rules.Versionless) and "update" in persona.one(rules.Versionless).on:  # type: ignore[union-attr]
        changed["versioning"] = "no-version"
    if persona.one(rules.OwnIds) or "update" not in codes:
        changed["updateCreate"] = False
    if unconditional(persona):
        changed |= {"conditionalCreate": False, "conditionalUpdate": False, "conditionalDelete": "not-supported"}
    if "create" not in codes:
        changed["conditionalCreate"] = False
    if "update" not in codes:
        changed["conditionalUpdate"] = False
    if "delete" not in codes:
        changed["conditionalDelete"] = "not-supported"
    return {**said, **changed}
