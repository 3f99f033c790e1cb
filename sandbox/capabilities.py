"""What a sandbox EHR says of itself: generated from the same tables that serve, so that it cannot promise more."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from r4.criteria import searchable
from r4.definitions import Parameter
from r4.interaction import JSON_PATCH, SERVES
from r4.served import SERVED
from sandbox.wording import unanswered

CODES: Mapping[tuple[str, str], str] = {
    ("GET", "type/id"): "read", ("GET", "type/id/_history/id"): "vread", ("PUT", "type/id"): "update",
    ("PATCH", "type/id"): "patch", ("DELETE", "type/id"): "delete", ("GET", "type/id/_history"): "history-instance",
    ("GET", "type/_history"): "history-type", ("POST", "type"): "create", ("GET", "type"): "search-type",
}  # fmt: skip
"""What a row of the table of interactions is called in a CapabilityStatement (value set type-restful-interaction)."""
CORE, BULK = "http://hl7.org/fhir/OperationDefinition", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
DEFINITIONS: Mapping[tuple[str, str], str] = {
    ("$everything", "Patient"): f"{CORE}/Patient-everything", ("$validate", ""): f"{CORE}/Resource-validate",
    ("$export", "Patient"): f"{BULK}/patient-export", ("$export", "Group"): f"{BULK}/group-export",
}  # fmt: skip
"""The operations that this server has, by name and the type they are called on (every type where empty): R4, and Bulk
Data Access 2.0.0."""
EXPORT = {"name": "export", "definition": f"{BULK}/export"}
BULK_DATA = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
SEARCHES = (
    "Searches by GET and POST _search. A parameter that is not listed is refused, unless Prefer: handling=lenient allows to "
    "leave it out. Modifiers: :missing for all; :not for tokens; :exact and :contains for strings; :Type and :identifier for "
    "references. Neither :text nor :in, :not-in, :above, :below. Chains and _has of one step, with the modifiers of what they "
    "end at, for tokens with system scopes. "
    "Besides: _count, _sort by any parameter but composites, _total, _summary, _elements, _include and _revinclude of one step "
    "(no :iterate, no wildcard). Without _total the total is told where it costs nothing. Pages are stable under writes."
)
BEHIND = (
    " The data are on another server: refused there are :missing of _tag, _security and _profile, |code and system| of _tag and "
    "_security, dates with prefixes in a list, composites of "
    "references, what US Core alone defines, chains of a named type or with a modifier to _tag, _security, _profile, _source or "
    "_lastUpdated, at the end of a chain :identifier, and :not through a reference to several types (but patient), and every "
    "modifier in _has."
)
"""What HAPI ignores or answers wrongly (``sandbox.wording``)."""
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
APP_STATE = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic"


def statement(*, base: str, date: str, operations: Iterable[str] = (), behind: bool = False) -> dict[str, Any]:
    """The CapabilityStatement of the server at ``base`` (``…/ehr/{name}/fhir``); ``date`` is an instant, ``operations``
    are the names of those that are served, ``behind`` says that another server keeps the data."""
    named = frozenset(operations)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Chartgate sandbox EHR"},
        **({"instantiates": [BULK_DATA]} if "$export" in named else {}),
        "implementation": {"description": "A sandbox EHR with synthetic patients", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": [JSON_PATCH, "application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": SEARCHES + (BEHIND if behind else ""),
                "security": security(base),
                "resource": [_resource(type, named, behind) for type in sorted(SERVED)],
                "interaction": [{"code": "transaction"}, {"code": "batch"}, {"code": "history-system"}],
                **({"operation": [EXPORT]} if "$export" in named else {}),
            }
        ],
    }


def security(base: str) -> dict[str, Any]:
    """The OAuth endpoints and the service code. R4 4.0.1 defines the extension with these four; to its validators any other
    is an error. All of them stand in ``smart-configuration``."""
    issuer = base.removesuffix("/fhir")
    names = ("token", "authorize", "register", "manage")
    return {
        "extension": [
            {
                "url": OAUTH_URIS,
                "extension": [{"url": name, "valueUri": f"{issuer}/auth/{name}"} for name in names],
            }
        ],
        "cors": True,
        "service": [{"coding": [{"system": SERVICES, "code": "SMART-on-FHIR"}], "text": "SMART App Launch"}],
    }


@cache
def _resource(type: str, operations: frozenset[str], behind: bool) -> Mapping[str, Any]:
    rows = {name: row for name, row in searchable(type).items() if not (behind and unanswered(type, row))}
    includes = [f"{type}:{name}" for name, row in rows.items() if row.kind == "reference" and SERVED & {*row.targets}]
    backwards = [
        f"{other}:{name}"
        for other in sorted(SERVED)
        for name, row in searchable(other).items()
        if row.kind == "reference" and type in row.targets
    ]
    named = {
        name: DEFINITIONS[name, on] for name in sorted(operations) for on in (type, "") if (name, on) in DEFINITIONS
    }
    return {
        "type": type,
        **({"supportedProfile": [APP_STATE]} if type == "Basic" else {}),
        "interaction": [{"code": code} for key, code in CODES.items() if key in SERVES],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": ("PUT", "type") in SERVES,
        "conditionalDelete": "single" if ("DELETE", "type") in SERVES else "not-supported",
        "referencePolicy": ["literal", "logical"],
        **({"searchInclude": includes} if includes else {}),
        **({"searchRevInclude": backwards} if backwards else {}),
        "searchParam": [_parameter(name, row) for name, row in rows.items()],
        **({"operation": [{"name": name[1:], "definition": url} for name, url in named.items()]} if named else {}),
    }


def _parameter(name: str, row: Parameter) -> dict[str, str]:
    """A search parameter, with its definition where that is not R4's own."""
    return {"name": name, **({"definition": row.definition} if row.definition else {}), "type": row.kind}
