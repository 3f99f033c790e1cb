"""Edge: two versions of a model on the same live feed: what both said of the same charts (docs/how-to/promote-a-version.md)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.installation import Installation
from gateway.model_folders.models import Model, ModelError, load_all
from gateway.monitors import observing
from gateway.outputs import pairing
from gateway.outputs.pairing import Found, Run, Wanted
from gateway.settings import FILE, read_settings
from gateway.sites.declaration import Site
from gateway.sites.folder import SiteRefused, read_sites
from vocabulary.instant import format_instant, parse_instant
from vocabulary.manifest import Manifest
from vocabulary.output import Output
from writeback.ledger.formats import parse_output

if TYPE_CHECKING:
    from gateway.app import Gateway
    from monitoring.comparing import Pair, Said, Scale

Arguments = Mapping[str, Any]
Models = Mapping[tuple[str, str], Model]
DAYS = 90
"""How far back is looked where nobody says."""
PATIENCE = 600.0
"""Seconds that a comparison may take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is to be compared, with the two models as they are installed."""

    one: Model
    other: Model
    site: str | None
    wanted: Wanted


def read_asked(
    arguments: Arguments, *, models: Models, sites: Iterable[Site], now: float, ehrs: Iterable[str] = ()
) -> Asked:  # fmt: skip
    """``one`` and ``other`` (``MODEL@VERSION``), ``site`` and ``since`` (an instant or a date) where they are given; of no site,
    it is about these ``ehrs``, or all. Raises ValueError."""
    one, other = (_installed(str(arguments[name]), models) for name in ("one", "other"))
    if one.manifest.id != other.manifest.id or one.key == other.key:
        raise ValueError("two versions of one model are compared: MODEL@A MODEL@B")
    site = arguments.get("site") or None
    known = {each.site.id: each for each in sites}
    if site is not None and site not in known:
        raise ValueError("no site of that name is declared here")
    wanted = Wanted(
        model=one.manifest.id, one=one.manifest.version, other=other.manifest.version,
        since=_since(arguments.get("since") or None, now), until=now, ehrs=known[site].ehrs if site else tuple(sorted(ehrs)),
    )  # fmt: skip
    return Asked(one=one, other=other, site=site, wanted=wanted)


def _installed(name: str, models: Models) -> Model:
    id, _, version = name.partition("@")
    model = models.get((id, version))
    if model is None:
        there = ", ".join(f"{id}@{each}" for known, each in sorted(models) if known == id)
        raise ValueError(f"a version is not installed here: {f'there is {there}' if there else 'name MODEL@VERSION'}")
    return model


def _since(said: str | None, now: float) -> float:
    if said is None:
        return now - DAYS * 86400
    try:
        return parse_instant(said if "T" in said else f"{said}T00:00:00Z")
    except ValueError:
        raise ValueError("since must be a date or a FHIR instant, such as 2026-01-31") from None


async def compared(run: Run, asked: Asked) -> dict[str, Any]:
    """The document of docs/reference/model-versions.md."""
    found = await pairing.collect(run, asked.wanted)
    wanted = asked.wanted
    document = await asyncio.to_thread(_judge, list(found.pairs.values()), asked)
    counts = [dict(sorted(each.items())) for each in found.states]
    return {
        "model": wanted.model, "one": wanted.one, "other": wanted.other, "kind": asked.one.manifest.kind, "site": asked.site,
        "ehrs": sorted(wanted.ehrs), "since": format_instant(wanted.since), "until": format_instant(wanted.until),
        "outputs": {"one": counts[0], "other": counts[1]},
        "unpaired": {name: sum(each.values()) - len(found.pairs) for name, each in
                     zip(("one", "other"), found.states, strict=True)},
        "cut": found.cut, **document,
    }  # fmt: skip


def _judge(found: Sequence[Found], asked: Asked) -> dict[str, Any]:
    from monitoring.comparing import compare  # numpy comes with it

    pairs = [_pair(each, asked) for each in found]
    against = sum(None not in each.events and each.events[0] != each.events[1] for each in found)
    return {**compare(pairs, _scale(asked)), "contradicting_labels": against}


def _pair(found: Found, asked: Asked) -> "Pair":
    """Where two labels contradict each other there is none."""
    from monitoring.comparing import Pair

    events = {each for each in found.events if each is not None}
    return Pair(
        one=_said(found.states[0], found.bodies[0], asked.one.manifest),
        other=_said(found.states[1], found.bodies[1], asked.other.manifest),
        event=events.pop() if len(events) == 1 else None,
    )  # fmt: skip


def _said(state: str, body: bytes, manifest: Manifest) -> "Said":
    from monitoring.comparing import Said

    if state == "refused":
        return Said(answer="refused")
    output = parse_output(body)
    if output.abstained is not None:
        return Said(answer="abstained")
    number = manifest.kind in ("risk", "score") and output.value is not None
    value = float(output.value or 0) / _per(manifest) if number else None
    return Said(answer="said", value=value, word=_word(output, manifest))


def _word(output: Output, manifest: Manifest) -> str | None:
    """The tier, as the output or its value says it; of a classification the class."""
    if manifest.kind == "classification":
        return output.label
    if output.tier is not None or output.value is None:
        return output.tier
    reached = [tier.name for tier in sorted(manifest.tiers, key=lambda tier: tier.low) if output.value >= tier.low]
    return reached[-1] if reached else None


def _per(manifest: Manifest) -> float:
    """A risk in percent becomes a fraction, so that versions in different units compare."""
    return 100.0 if manifest.kind == "risk" and manifest.output.unit == "percent" else 1.0


def _scale(asked: Asked) -> "Scale":
    """The limits of either version: where its tiers begin, but for the lowest, and from where its output is an alert."""
    from monitoring.comparing import Scale

    limits: dict[float, str] = {}
    for model in (asked.one, asked.other):
        for name, at in _limits(model):
            limits.setdefault(at, name)
    range, per = asked.one.manifest.output.range, _per(asked.one.manifest)
    return Scale(
        limits=tuple((name, at) for at, name in sorted(limits.items())), chance=asked.one.manifest.kind == "risk",
        range=None if range is None else (float(range[0]) / per, float(range[1]) / per),
    )  # fmt: skip


def _limits(model: Model) -> list[tuple[str, float]]:
    tiers = sorted(model.manifest.tiers, key=lambda tier: tier.low)[1:]
    alert = observing.reference(model).alert_at
    found = [(tier.name, float(tier.low) / _per(model.manifest)) for tier in tiers]
    return [*found, *([("alert", alert / _per(model.manifest))] if alert is not None else [])]


def acts(gateway: "Gateway") -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:
    """What a running gateway does for the command line."""

    async def compare(arguments: Arguments) -> dict[str, Any]:
        sites = [each.site for each in gateway.declared]
        asked = read_asked(arguments, models=gateway.models, sites=sites, now=gateway.clock())
        return await compared(gateway.run, asked)

    return {"models.compare": compare}


async def compare_here(installation: Installation, arguments: Arguments) -> dict[str, Any]:
    """The same without a server; ``models`` are further folders of model folders. Raises ValueError."""
    folders = (*read_settings(installation.directory / FILE, {}).models, *map(Path, arguments.get("models") or ()))
    try:
        models = {model.key: model for model in load_all(folders)}
        sites = read_sites(installation.directory, {key: model.manifest for key, model in models.items()})
    except (ModelError, SiteRefused) as refused:
        raise ValueError(str(refused)) from refused
    asked = read_asked(arguments, models=models, sites=[each.site for each in sites], now=time.time())
    return await compared(installation.database.run, asked)


VERBS: Mapping[str, Callable[[Installation, Arguments], Any]] = {"models.compare": compare_here}
"""A verb of a whole installation: it reads the models' folders."""
