"""Edge: the user-access brand of a sandbox EHR (SMART App Launch 2.2 brands): one organization, its portal, its FHIR endpoint."""

from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.discovery import brand_identifier
from gateway.routes.forms import Endpoint
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4 import codec

CHANGED = "2026-11-25T00:00:00Z"
"""When what is said here was last changed: ``Bundle.timestamp``. Move it with any change below."""
EXTENSION = "http://hl7.org/fhir/StructureDefinition"
TERMS = "http://terminology.hl7.org/CodeSystem"


def bundle(ehr: SandboxEhr) -> dict[str, Any]:
    """The Bundle that ``user_access_brand_bundle`` names; its one Organization has ``user_access_brand_identifier``."""
    entries = [("Organization", _organization(ehr)), ("Endpoint", _endpoint(ehr))]
    return {
        "resourceType": "Bundle",
        "id": "brands",
        "meta": {"lastUpdated": CHANGED, "profile": [f"{PROFILES}/user-access-brands-bundle"]},
        "type": "collection",
        "timestamp": CHANGED,
        "entry": [{"fullUrl": f"{ehr.base}/brands/{type}/{body['id']}", "resource": body} for type, body in entries],
    }


PROFILES = "http://hl7.org/fhir/smart-app-launch/StructureDefinition"


def _organization(ehr: SandboxEhr) -> dict[str, Any]:
    endpoint = {"reference": f"Endpoint/{ehr.name}"}
    portal = [
        {"url": "portalName", "valueString": f"Chartgate sandbox {ehr.name}: apps with access"},
        {"url": "portalDescription", "valueMarkdown": "Synthetic patients and those who treat them."},
        {"url": "portalUrl", "valueUrl": f"{ehr.base}/auth/manage"},
        {"url": "portalEndpoint", "valueReference": endpoint},
    ]
    return {
        "resourceType": "Organization",
        "id": ehr.name,
        "meta": {"lastUpdated": CHANGED, "profile": [f"{PROFILES}/user-access-brand"]},
        "extension": [{"url": f"{EXTENSION}/organization-portal", "extension": portal}],
        "identifier": [brand_identifier(ehr.base)],
        "active": True,
        "type": [{"coding": [{"system": f"{TERMS}/organization-type", "code": "prov"}]}],
        "name": f"Chartgate sandbox EHR {ehr.name}",
        "telecom": [{"system": "url", "value": f"{ehr.base}/launch"}],
        "endpoint": [endpoint],
    }


def _endpoint(ehr: SandboxEhr) -> dict[str, Any]:
    return {
        "resourceType": "Endpoint",
        "id": ehr.name,
        "meta": {"lastUpdated": CHANGED, "profile": [f"{PROFILES}/user-access-endpoint"]},
        "extension": [{"url": f"{EXTENSION}/endpoint-fhir-version", "valueCode": "4.0.1"}],
        "status": "active",
        "connectionType": {"system": f"{TERMS}/endpoint-connection-type", "code": "hl7-fhir-rest"},
        "name": f"FHIR R4 endpoint of the Chartgate sandbox EHR {ehr.name}",
        "contact": [{"system": "url", "value": f"{ehr.base}/launch"}],
        "payloadType": [{"coding": [{"system": f"{TERMS}/endpoint-payload-type", "code": "none"}]}],
        "address": ehr.fhir,
    }


def endpoint(ehr: SandboxEhr) -> Endpoint:
    """``GET /brands``; 304 while nothing has changed."""
    body = codec.format(bundle(ehr))
    etag = f'W/"{sha256(body).hexdigest()[:16]}"'

    async def handle(request: Request) -> Response:
        headers = {"etag": etag, "cache-control": "max-age=60"}
        known = {tag.strip() for line in request.headers.getlist("if-none-match") for tag in line.split(",")}
        if known & {etag, etag.removeprefix("W/"), "*"}:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/fhir+json")

    return handle
