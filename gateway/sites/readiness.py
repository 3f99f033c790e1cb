"""Edge: whether a site is ready: every gate of each model at each of its EHRs. What the gateway's database knows is read by
``known``; what the folder says is judged with it by ``examine``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from auth.client.tables import launches
from gateway.model_folders.models import Model
from gateway.model_folders.source_attributes import NAMES
from gateway.sites import evidence, metrics
from gateway.sites.folder import Declared
from gateway.sites.gates import GATES, Evidence, Facts, Gate, judged
from vocabulary.instant import format_instant
from writeback.tables import outputs

Models = Mapping[tuple[str, str], Model]
Known = Mapping[str, Any]
WORST = ("green", "amber", "red")


def placed(declared: Declared) -> list[dict[str, str]]:
    """Every model of the site at each of its EHRs: ``{"model", "version", "policy", "ehr", "issuer"}``."""
    site = declared.site
    return [
        {"model": each.id, "version": each.version, "policy": each.policy, "ehr": ehr.name, "issuer": ehr.issuer}
        for each in site.model
        for ehr in declared.ehrs
        if ehr.name in (each.ehrs or site.ehrs)
    ]


def rehearsed(declared: Declared) -> list[dict[str, str]]:
    """The same places as a rehearsal has them: the sandbox EHR is called after its persona, which is the vendor's name."""
    personas = {ehr.name: ehr.vendor for ehr in declared.ehrs}
    return [{**place, "ehr": personas[place["ehr"]]} for place in placed(declared)]


def known(
    connection: Connection, now: float, *, site: str, places: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """What the database knows of each place, in their order: ``{"now", "outputs", "shadow_since", "people", "evidence",
    "overrides"}``."""
    return [_known(connection, now, site, place) for place in places]


def _known(connection: Connection, now: float, site: str, place: Mapping[str, str]) -> dict[str, Any]:
    model, ehr = place["model"], place["ehr"]
    here = (outputs.c.ehr == ehr, outputs.c.model == model, outputs.c.version == place["version"])
    counted = connection.execute(select(outputs.c.state, func.count()).where(*here).group_by(outputs.c.state))
    first = select(func.min(outputs.c.since)).where(*here, outputs.c.state == "shadow")
    named = select(launches.c.id).where(launches.c.ehr == ehr, launches.c.fhir_user.like("Practitioner%")).limit(1)
    which = {"site": site, "model": model, "version": place["version"]}
    seen = evidence.find_evidence(connection, now, **which)
    return {
        "now": now, "outputs": {row[0]: row[1] for row in counted}, "people": connection.execute(named).first() is not None,
        "shadow_since": connection.execute(first).scalar(), "evidence": [asdict(each) for each in seen.values()],
        "overrides": evidence.find_overrides(connection, now, **which), **_decided(connection, here),
    }  # fmt: skip


def _decided(connection: Connection, here: Sequence[ColumnElement[bool]]) -> dict[str, Any]:
    """What people decided about the outputs of a place."""
    o = outputs.c
    declined = func.count(case((o.state == "declined", 1)))
    row = connection.execute(
        select(func.count(), declined, func.min(o.decided_at)).where(*here, o.decided_at.is_not(None))
    ).one()
    return {"confirmed": row[0] - row[1], "declined": row[1], "decided_since": row[2]}


def examine(
    declared: Declared, models: Models, found: Sequence[Known], now: float, *, gates: Sequence[Gate] = GATES
) -> dict[str, Any]:
    """``{"site", "title", "regulation", "at", "ready", "models": [{"model", "version", "ehr", "policy", "live", "colour",
    "owners", "gates": [{"id", "title", "colour", "text", "next", "age_days", "overridden"}]}]}``; ``found`` is what ``known``
    gave for ``placed``. Ready when no gate is red that two people have not overridden."""
    rows = [
        _examined(declared, models, place, each, gates) for place, each in zip(placed(declared), found, strict=True)
    ]
    customer = declared.site.site
    return {
        "site": customer.id, "title": customer.title, "regulation": customer.regulation, "at": format_instant(now),
        "ready": all(row["colour"] != "red" for row in rows), "models": rows,
    }  # fmt: skip


def _examined(
    declared: Declared, models: Models, place: Mapping[str, str], found: Known, wanted: Sequence[Gate]
) -> dict[str, Any]:
    facts = gather(declared, models, place, found)
    gates = []
    for gate in wanted:
        seen = judged(gate, facts)
        override = found["overrides"].get(gate.id) if seen.colour == "red" else None
        gates.append({
            "id": gate.id, "title": gate.title, "colour": seen.colour, "text": seen.text, "next": seen.next,
            "age_days": None if seen.age is None else round(seen.age / 86400, 1),
            "overridden": override and {**override, "at": format_instant(override["at"])},
        })  # fmt: skip
    standing = [gate["colour"] for gate in gates if not gate["overridden"]]
    key = (place["model"], place["version"])
    owners = next(each.owners for each in declared.site.model if (each.id, each.version) == key)
    return {
        "model": place["model"], "version": place["version"], "ehr": place["ehr"], "policy": place["policy"],
        "live": place["policy"] != "shadow", "colour": max(standing, key=WORST.index, default="amber"),
        "owners": owners.model_dump(), "gates": gates,
    }  # fmt: skip


def gather(declared: Declared, models: Models, place: Mapping[str, str], found: Known) -> Facts:
    """Folder, model and database together."""
    model = models.get((place["model"], place["version"]))
    card = model.manifest.card if model else {}
    seen = {each["gate"]: Evidence(**each) for each in found["evidence"]}
    return Facts(
        now=found["now"], issuer=place["issuer"], kind=model.manifest.kind if model else "", policy=place["policy"],
        card_missing=tuple(name for name in NAMES if not card.get(name)), outputs=found["outputs"],
        shadow_since=found["shadow_since"], confirmed=found.get("confirmed", 0), declined=found.get("declined", 0),
        decided_since=found.get("decided_since"), routes=_routes(declared, place["model"], seen),
        thresholds=metrics.signer(declared), people=found["people"], evidence=seen,
    )  # fmt: skip


def _routes(declared: Declared, model: str, seen: Mapping[str, Evidence]) -> dict[str, bool]:
    """The owners that some route of the model reaches, and whether they acknowledged a test alert."""
    owners = {route.owner for route in declared.site.route if route.model in (None, model)}
    tested = seen.get("routes")
    acknowledged = set(tested.facts.get("acknowledged", ())) if tested else set()
    return {owner: owner in acknowledged for owner in owners}
