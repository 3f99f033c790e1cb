"""Edge: every model and version of this installation, and where each runs: what ``/models`` shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, func, select

from gateway.model_folders.models import Model
from gateway.monitors import fidelity_counts
from gateway.monitors.fidelity_counts import Wanted
from gateway.outputs.pairing import Run
from gateway.sites.declaration import Deployed
from gateway.sites.deployment import Key
from vocabulary.instant import format_instant
from writeback import recall
from writeback.tables import outputs

if TYPE_CHECKING:
    from gateway.app import Gateway

SLICE, SLICES = 2000, 25
"""Outputs counted in one work, some milliseconds; and how many works at most: the newest 50,000."""
FIT_DAYS = 30
Place = tuple[str, str, str]
"""Model, version, EHR."""


class Counted(NamedTuple):
    """Outputs by state at each place; ``since`` when not all were counted."""

    states: Mapping[Place, Mapping[str, int]]
    since: str | None


async def count(run: Run, *, size: int = SLICE, most: int = SLICES, ehrs: frozenset[str] = frozenset()) -> Counted:
    """The newest outputs, counted backwards in parts of ``size``, ``most`` of them; told of ``ehrs`` where some are named."""
    found: dict[Place, Counter[str]] = {}
    end: float | None = None
    for _ in range(most):
        rows, end = await run(partial(_slice, end=end, size=size))
        for place, state, number in (row for row in rows if not ehrs or row[0][2] in ehrs):
            found.setdefault(place, Counter())[state] += number
        if end is None:
            return Counted(found, None)
    return Counted(found, None if end is None else format_instant(end))


def _slice(
    connection: Connection, now: float, *, end: float | None, size: int
) -> tuple[list[tuple[Place, str, int]], float | None]:
    """The outputs before ``end``, and where to go on; None when that was all."""
    o = outputs.c
    before = () if end is None else (o.since < end,)
    begin = connection.scalar(select(o.since).where(*before).order_by(o.since.desc()).offset(size).limit(1))
    if begin is not None:
        before = (*before, o.since >= begin)
    rows = connection.execute(
        select(o.model, o.version, o.ehr, o.state, func.count())
        .where(*before)
        .group_by(o.model, o.version, o.ehr, o.state)
    )
    return [((row[0], row[1], row[2]), row[3], row[4]) for row in rows], begin


def visible(gateway: "Gateway", ehrs: frozenset[str]) -> Mapping[Key, Model]:
    """The models that are installed, as far as they are declared or run at one of ``ehrs``; all where none is named."""
    return {
        key: model for key, model in gateway.models.items()
        if not ehrs or any(key in gateway.deployments.at(ehr) or _of_site(gateway, model, ehr) for ehr in ehrs)
    }  # fmt: skip


async def describe(gateway: "Gateway", ehrs: frozenset[str] = frozenset()) -> dict[str, Any]:
    """``{"models": [{"id", "title", "versions": [{"version", "kind", "policy", "remote", "live", "recalled", "places": [{"ehr",
    "site", "declared", "policy", "owners", "states", "fit"}]}], "compare"}], "since"}``, by id and version; what is at
    ``ehrs``, where some are named."""
    counted = await count(gateway.run, ehrs=ehrs)
    since = datetime.fromtimestamp(gateway.clock() - FIT_DAYS * 86400, UTC).date().isoformat()
    summed = await gateway.run(lambda c, now: fidelity_counts.summary(c, now, Wanted(since=since, ehrs=ehrs)))
    fit = {(each["model"], each["version"], each["ehr"]): each for each in summed["models"]}
    made: dict[str, dict[str, Any]] = {}
    shown = visible(gateway, ehrs)
    recalled = await gateway.run(lambda c, now: recall.withdrawn(c, now, shown.keys()))
    for (id, version), model in sorted(shown.items()):
        names = sorted(name for name in gateway.senders.names() if not ehrs or name in ehrs)
        places = [_place(gateway, model, ehr, counted, fit) for ehr in names]
        here = [each for each in places if each is not None]
        row = made.setdefault(id, {"id": id, "title": model.manifest.title, "versions": []})
        row["versions"].append({
            "version": version, "kind": model.manifest.kind, "policy": model.manifest.policy,
            "remote": model.manifest.url is not None, "live": any(each["live"] for each in here), "places": here,
            "recalled": recalled.get((id, version)),
        })  # fmt: skip
    return {"models": [{**row, "compare": _pairs(row["versions"])} for row in made.values()], "since": counted.since}


def _place(
    gateway: "Gateway", model: Model, ehr: str, counted: Counted, fit: Mapping[Place, Mapping[str, int]]
) -> dict[str, Any] | None:
    """The model at one EHR; None where it is neither deployed nor has said anything."""
    site = gateway.deployments.sites.get(ehr)
    declared = _of_site(gateway, model, ehr)
    running = gateway.deployments.at(ehr).get(model.key)
    place = (*model.key, ehr)
    if running is None and declared is None and place not in counted.states:
        return None
    policy = running.manifest.policy if running is not None else None
    owners = declared.owners.model_dump() if declared is not None else model.manifest.monitoring.get("owners") or {}
    return {
        "ehr": ehr, "site": site.site.id if site is not None else None, "policy": policy,
        "declared": declared.policy if declared is not None else (None if site is not None else model.manifest.policy),
        "live": policy in ("confirm", "automatic"), "owners": owners,
        "states": dict(sorted(counted.states.get(place, {}).items())), "fit": fit.get(place),
    }  # fmt: skip


def _of_site(gateway: "Gateway", model: Model, ehr: str) -> Deployed | None:
    site = gateway.deployments.sites.get(ehr)
    return _declared(site.model, model, ehr, site.ehrs) if site is not None else None


def _declared(deployed: Sequence[Deployed], model: Model, ehr: str, ehrs: Sequence[str]) -> Deployed | None:
    found = (each for each in deployed if (each.id, each.version) == model.key and ehr in (each.ehrs or ehrs))
    return next(found, None)


def _pairs(versions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Which versions are worth a look side by side: the live ones against the others, else each against the next."""
    live = [each["version"] for each in versions if each["live"] and each["recalled"] is None]
    rest = [each["version"] for each in versions if each["version"] not in live]
    if live and rest:
        return [(one, other) for one in live for other in rest]
    names = [each["version"] for each in versions]
    return list(pairwise(names))
