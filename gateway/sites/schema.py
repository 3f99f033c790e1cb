"""The JSON Schema of ``site.toml`` (2020-12), made of the declaration itself; ``docs/reference/site.schema.json`` is this."""

import json
from typing import Any

from gateway.ehrs.registrations import FIXES, LISTS, MEMBERS, REQUIRED
from gateway.sites.declaration import Site


def schema() -> dict[str, Any]:
    """The whole document; an ``[[ehr]]`` has the members of ``chartgate.toml``."""
    made = Site.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "site.toml"
    made["properties"]["ehr"]["items"] = {
        "type": "object", "additionalProperties": False, "required": list(REQUIRED),
        "properties": {name: _member(name) for name in MEMBERS},
    }  # fmt: skip
    return made


def _member(name: str) -> dict[str, Any]:
    about = {"description": FIXES[name]} if name in FIXES else {}
    if name in LISTS:
        return {"type": "array", "items": {"type": "string"}, **about}
    return {"type": "string", **about}


def text() -> str:
    """As the file in the documentation holds it."""
    return json.dumps(schema(), indent=1) + "\n"
