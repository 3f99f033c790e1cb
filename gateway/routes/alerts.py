"""Edge: ``/api/alerts``: what the monitors say."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway import apikeys
from gateway.app import Gateway
from gateway.routes import describing
from gateway.routes.json_api import as_json, caller_of, told
from monitoring import journal
from vocabulary.alert import Alert
from vocabulary.instant import format_instant


def router(gateway: Gateway) -> APIRouter:
    """The JSON address."""
    api = APIRouter(prefix="/api", tags=["alerts"])

    @api.get("/alerts", **describing.LIST_ALERTS)
    async def alerts(request: Request) -> Response:
        return await told(_alerts(gateway, request))

    return api


async def _alerts(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, "monitors.read", roles=("engineer", "informatics"))
    found = await gateway.run(journal.find_alerts)
    shown = [
        _alert(each)
        for each in found
        if not isinstance(caller, apikeys.ApiKey)
        or apikeys.allows(caller, "monitors.read", ehr=each.ehr, model=each.model)
    ]
    return as_json({"alerts": shown})


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id, "monitor": alert.monitor, "model": alert.model, "version": alert.version, "ehr": alert.ehr,
        "severity": alert.severity, "owners": list(alert.owners), "state": alert.state,
        "since": format_instant(alert.since),
    }  # fmt: skip
