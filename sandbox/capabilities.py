"""What a sandbox EHR says of itself: generated from the same tables that serve, so that it cannot promise more."""

from collections.abc import Mapping
from typing import Any

from r4.definitions import parameters
from r4.served import SERVED

INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
APP_STATE = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/smart-app-state-basic"
CONTROLS = ("_count", "_sort", "_include", "_revinclude", "_summary", "_total")


def statement(*, base: str, date: str) -> dict[str, Any]:
    """The CapabilityStatement of the server at ``base`` (``…/ehr/{name}/fhir``); ``date`` is an instant."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Chartgate sandbox EHR"},
        "implementation": {"description": "A sandbox EHR with synthetic patients", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": security(base),
                "resource": [_resource(type) for type in sorted(SERVED)],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def security(base: str) -> dict[str, Any]:
    """SMART App Launch 2.2 §conformance: the OAuth endpoints and the service code."""
    issuer = base.removesuffix("/fhir")
    uris = [
        ("token", "token"),
        ("authorize", "authorize"),
        ("introspect", "introspect"),
        ("revoke", "revoke"),
        ("register", "register"),
    ]
    return {
        "extension": [
            {
                "url": OAUTH_URIS,
                "extension": [{"url": name, "valueUri": f"{issuer}/auth/{path}"} for name, path in uris],
            }
        ],
        "cors": True,
        "service": [{"coding": [{"system": SERVICES, "code": "SMART-on-FHIR"}], "text": "SMART App Launch"}],
    }


def _resource(type: str) -> Mapping[str, Any]:
    rows = parameters(type)
    includes = [f"{type}:{name}" for name, row in rows.items() if row.kind == "reference"]
    return {
        "type": type,
        **({"supportedProfile": [APP_STATE]} if type == "Basic" else {}),
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "local", "enforced"],
        **({"searchInclude": includes} if includes else {}),
        "searchParam": [{"name": name, "type": row.kind} for name, row in rows.items()],
    }
