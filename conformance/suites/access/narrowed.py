"""Edge: evidence of what a granular scope reaches, and of links to further pages in other hands."""

from typing import Any

from conformance import ground
from conformance.evidence import Evidence, Exchange, Missing
from conformance.ground import new_mark
from conformance.reading import id_in, link, resources, version_of
from conformance.samples import CATEGORY, Resource, bundle, by_mark, entry, vital
from conformance.session import Session
from conformance.suites.access.confined import two_patients
from conformance.suites.access.granular import ASKS, OTHER_WORD, WORD, Ask, offered
from conformance.suites.access.matrix import PATCH, strongest

LABORATORY = [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}]


async def granular(session: Session, evidence: Evidence) -> None:
    """The asks that read, at records that are there. Raises Missing."""
    own, _ = two_patients(session, evidence)
    strong = await session.access("patient/*.rs", patient=own)
    inside, outside = await _one(session, strong, own, "vital-signs"), await _one(session, strong, own, "laboratory")
    token = await session.access(WORD, patient=own)
    evidence["granular inside"] = await session.probe.send("GET", f"Observation/{inside['id']}", token=token)
    names = {
        "inside": inside["id"], "outside": outside["id"], "patient": own,
        "version": (outside.get("meta") or {}).get("versionId", "1"),
    }  # fmt: skip
    batch = bundle("batch", entry("GET", f"Observation/{outside['id']}"))
    for name, ask in ASKS.items():
        if not ask.writes and offered(evidence, ask):
            body = batch if ask.whole else None
            evidence[name] = await session.probe.send(ask.method, ask.path.format_map(names), token=token, json=body)
    several = await session.access(f"{WORD} {OTHER_WORD}", patient=own)
    ids = {"vital sign": inside["id"], "laboratory result": outside["id"]}
    evidence["several ids"] = ids
    evidence["several read"] = {
        name: await session.probe.send("GET", f"Observation/{id}", token=several) for name, id in ids.items()
    }
    evidence["several searched"] = await session.probe.send(
        "GET", f"Observation?_id={','.join(ids.values())}", token=several
    )


async def _one(session: Session, token: str | None, patient: str, category: str) -> Any:
    path = f"Observation?patient={patient}&category={category}&_count=1"
    found = [each for each in resources(await session.probe.send("GET", path, token=token)) if "id" in each]
    if not found:
        raise Missing(f"an Observation of category {category}")
    return found[0]


async def granular_writes(session: Session, evidence: Evidence) -> None:
    """The asks that write, at records made for them. Raises Missing."""
    own, _ = two_patients(session, evidence)
    strong = await strongest(session, own)
    shape = await ground.shape_of(session, evidence, strong, own)
    token = await session.access(WORD, patient=own)
    evidence["granular own create"] = await session.probe.send(
        "POST", "Observation", token=token, json=vital(own, new_mark(), shape)
    )
    places = {}
    for name, more in (("inside", {}), ("outside", {"category": LABORATORY})):
        where, _ = await ground.place(session, strong, vital(own, new_mark(), shape, **more))
        places[name] = str(id_in(f"/{where}"))
    for name, ask in ASKS.items():
        if ask.writes and offered(evidence, ask):
            mark = new_mark()
            body, back = _written(ask, places, vital(own, mark, shape)), ask.path.format_map(places)
            back = f"Observation?{by_mark(mark)}" if name == "granular_create" else back
            before = await session.probe.send("GET", back, token=strong)
            evidence[f"{name}, before"] = [before.status, version_of(before)]
            headers = PATCH if ask.method == "PATCH" else None
            evidence[name] = await session.probe.send(
                ask.method, ask.path.format_map(places), token=token, json=body, headers=headers
            )
            evidence[f"{name}, read back"] = await session.probe.send("GET", back, token=strong)


def _written(ask: Ask, places: dict[str, str], body: Resource) -> Any:
    """What is sent: outside of what the scope reaches, or (theft) inside at an address that is outside."""
    if ask.method == "DELETE":
        return None
    if ask.method == "PATCH":
        return [{"op": "replace", "path": "/category", "value": LABORATORY}]
    if ask.method == "POST":
        return {**body, "category": LABORATORY}
    if "{outside}" in ask.path:
        return {**body, "id": places["outside"]}
    return {**body, "id": places["inside"], "category": LABORATORY}


async def pages(session: Session, evidence: Evidence) -> None:
    """A link to a further page, followed by whom it is for and by others. Raises Missing."""
    own, other = two_patients(session, evidence)
    mine = await session.access("patient/*.rs", patient=own)
    first = await session.probe.send("GET", f"Observation?patient={own}&_count=2", token=mine)
    address = link(first)
    if address is None:
        raise Missing("a second page")
    others = {
        "page of another": await session.access("patient/*.rs", patient=other),
        "page for another type": await session.access("patient/Condition.rs", patient=own),
        "page without a token": None,
    }

    async def page(token: str | None) -> Exchange:
        return await session.probe.send("GET", address, token=token)

    evidence["first page"], evidence["second page"] = first, await page(mine)
    for name, token in others.items():
        evidence[name] = await page(token)
