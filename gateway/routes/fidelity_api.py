"""Edge: ``/api/fidelity``: what the charts' verdicts add up to. Counts; no patient datum stands here."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import Gateway
from gateway.feeds import kept_profiles
from gateway.monitors.fidelity_counts import Wanted, count_outputs, summary
from gateway.routes import describing
from gateway.routes.deliveries import STAFF
from gateway.routes.json_api import Refusal, as_json, bounds_of, caller_of, told
from r4.outcome import Issue

DAYS = 30
ROUNDS = 200
"""Works of counting for one request, at most: what is left then is said to be so."""
_WORD = re.compile(r"[\x20-\x7e]{1,128}")


def router(gateway: Gateway) -> APIRouter:
    """The JSON address."""
    api = APIRouter(prefix="/api", tags=["fidelity"])

    @api.get("/fidelity", **describing.SHOW_FIDELITY)
    async def fidelity(request: Request) -> Response:
        return await told(_fidelity(gateway, request))

    return api


async def _fidelity(gateway: Gateway, request: Request) -> Response:
    caller = await caller_of(gateway, request, "monitors.read", roles=STAFF)
    wanted = read_wanted(request.query_params.multi_items(), gateway.clock())
    if isinstance(wanted, Issue):
        raise Refusal(422, wanted)
    ehrs, models = bounds_of(caller, STAFF)
    return as_json(await counts(gateway, wanted._replace(ehrs=ehrs, models=models)))


def read_wanted(pairs: Iterable[tuple[str, str]], now: float) -> Wanted | Issue:
    """The filters of the address, each at most once; without ``since`` the last 30 days."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in ("ehr", "model", "version", "feature", "since", "until") or name in given:
            return Issue("value", "must be among ehr, model, version, feature, since, until, each once", "query")
        if name in ("since", "until") and not _is_day(value):
            return Issue("value", "must be a day such as 2026-01-31", name)
        if _WORD.fullmatch(value) is None:
            return Issue("value", "must be one printable word", name)
        given[name] = value
    today = datetime.fromtimestamp(now, UTC).date()
    return Wanted(
        ehr=given.get("ehr"), model=given.get("model"), version=given.get("version"), feature=given.get("feature"),
        since=given.get("since", (today - timedelta(days=DAYS)).isoformat()), until=given.get("until", today.isoformat()),
    )  # fmt: skip


def _is_day(value: str) -> bool:
    try:
        return len(value) == 10 and date.fromisoformat(value) is not None
    except ValueError:
        return False


async def counts(gateway: Gateway, wanted: Wanted) -> dict[str, Any]:
    """Counts what is not counted yet, and tells all of it."""
    left = True
    for _ in range(ROUNDS):
        left = await gateway.run(count_outputs)
        if not left:
            break
    found = await gateway.run(lambda connection, now: summary(connection, now, wanted))
    kept = await gateway.run(kept_profiles.listed)
    features = [{**each, "codes": codes_of(gateway, each)} for each in found["features"]]
    profiles = {feed: days for feed, days in kept.items() if not wanted.ehrs or feed in wanted.ehrs}
    return {
        "since": wanted.since, "until": wanted.until, "counting": left, **found, "features": features, "profiles": profiles,
    }  # fmt: skip


def codes_of(gateway: Gateway, row: dict[str, Any]) -> list[str]:
    """What the model's manifest reads the feature from."""
    model = gateway.models.get((row["model"], row["version"]))
    features = model.manifest.features if model is not None else ()
    return [f"{code.system}|{code.code}" for each in features if each.name == row["feature"] for code in each.codes]
