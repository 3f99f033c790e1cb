"""Edge: ``/api/monitors``: every signal as it stands, what watches it, and whose it is."""

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.bodies import query
from gateway.routes import describing
from gateway.routes.deliveries import STAFF
from gateway.routes.json_api import allowed, as_json, caller_of, refused, told
from monitoring import evaluations
from monitoring.catalogue import MONITORS, Monitor
from vocabulary.instant import format_instant
from vocabulary.signal import LEVELS, Signal

FILTERS = ("model", "version", "ehr", "monitor", "level")


def router(gateway: Gateway) -> APIRouter:
    """The JSON address."""
    api = APIRouter(prefix="/api", tags=["monitors"])

    @api.get("/monitors", **describing.LIST_MONITORS)
    async def monitors(request: Request) -> Response:
        return await told(_monitors(gateway, request))

    return api


async def _monitors(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, "monitors.read", roles=STAFF)
    wanted = _wanted(request)
    packed = await gateway.run(evaluations.find_packed)

    def shown() -> list[dict[str, Any]]:
        found = [signal for body in packed for signal in evaluations.unpack_signals(body)]
        return [
            _signal(each)
            for each in found
            if all(getattr(each, name) == value for name, value in wanted.items())
            and allowed(caller, "monitors.read", ehr=each.ehr, model=each.model, roles=STAFF)
        ]

    thresholds = gateway.thresholds
    return as_json(
        {
            "monitors": [_monitor(each) for each in MONITORS.values()],
            "signals": await asyncio.to_thread(shown),
            "thresholds": {"version": thresholds.version, "key": thresholds.key or None},
        }
    )


def _wanted(request: Request) -> dict[str, str]:
    """The filters of the query. Raises Refusal."""
    given = request.query_params.multi_items()
    if len({name for name, _ in given}) < len(given) or any(name not in FILTERS for name, _ in given):
        raise refused(422, f"may be only {', '.join(FILTERS)}, once each", "query")
    wanted = dict(given)
    for name, value in given:
        if not query.word(value):
            raise refused(422, "must be one printable word", name)
    if wanted.get("level", "quiet") not in LEVELS:
        raise refused(422, f"must be one of {', '.join(LEVELS)}", "level")
    return wanted


def _monitor(monitor: Monitor) -> dict[str, Any]:
    return {
        "id": monitor.id, "title": monitor.title, "algorithm": monitor.algorithm, "owners": list(monitor.owners),
        "review": dict(monitor.review), "action": monitor.action, "source": monitor.source, "counts": monitor.counts,
    }  # fmt: skip


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "monitor": signal.monitor, "model": signal.model, "version": signal.version, "ehr": signal.ehr,
        "source": signal.source, "stratum": signal.stratum, "level": signal.level, "value": signal.value,
        "low": signal.low, "high": signal.high, "warn": signal.warn, "critical": signal.critical, "n": signal.n,
        "at": format_instant(signal.at), "since": format_instant(signal.since), "thresholds": signal.thresholds,
    }  # fmt: skip
