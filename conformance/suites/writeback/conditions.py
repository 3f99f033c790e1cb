"""Edge: evidence of verbs with a condition or a wish."""

from typing import Any

from conformance import capability, ground
from conformance.evidence import Evidence, Exchange
from conformance.ground import Pen, new_mark
from conformance.reading import version_of
from conformance.samples import by_mark, document
from conformance.session import Session

PATCH = {"content-type": "application/json-patch+json"}


async def wishes(session: Session, evidence: Evidence) -> None:
    """What is answered to a wish, to an id that is sent, and to a read of what is known already. Raises Missing."""
    pen = await ground.pen(session, evidence)
    for word in ("minimal", "representation"):
        headers = {"prefer": f"return={word}"}
        evidence[word] = await pen.send("POST", "Observation", json=pen.body(new_mark()), headers=headers)
    evidence["id sent"] = id = f"c-{new_mark()}"
    evidence["create with an id"] = await pen.send("POST", "Observation", json=pen.body(new_mark(), id=id))
    here, _ = await pen.place(new_mark())
    version = version_of(await pen.send("GET", here))
    evidence["unchanged read"] = await pen.send("GET", here, headers={"if-none-match": f'W/"{version}"'})
    if capability.offers(evidence, "Observation", "update-create"):
        mark = new_mark()
        path, body = f"Observation/c-{mark}", pen.body(mark, id=f"c-{mark}")
        evidence["update that creates"] = await pen.send("PUT", path, json=body)
        evidence["update that creates again"] = await pen.send("PUT", path, json=body)
        evidence["update that creates found"] = await pen.find(mark)


async def conditional(session: Session, evidence: Evidence) -> None:
    """Conditional creates, updates and deletes that match none, one and two. Raises Missing."""
    pen = await ground.pen(session, evidence)
    twins = new_mark()
    for hour in ("05", "06"):
        await pen.place(twins, effectiveDateTime=f"2026-01-03T{hour}:00:00Z")
    if capability.offers(evidence, "Observation", "conditional-create"):
        await _creates(pen, twins, evidence)
    if capability.offers(evidence, "Observation", "conditional-update"):
        await _updates(pen, twins, evidence)
    if capability.offers(evidence, "Observation", "conditional-delete"):
        await _deletes(pen, twins, evidence)
    evidence["ambiguous found"] = await pen.find(twins)


async def once(pen: Pen, mark: str, **changes: Any) -> Exchange:
    """A conditional create by its mark."""
    headers = {"if-none-exist": by_mark(mark)}
    return await pen.send("POST", "Observation", json=pen.body(mark, **changes), headers=headers)


async def _creates(pen: Pen, twins: str, evidence: Evidence) -> None:
    mark = new_mark()
    evidence["conditional create"] = await once(pen, mark)
    evidence["conditional create again"] = await once(pen, mark)
    evidence["conditional create found"] = await pen.find(mark)
    evidence["reused key"] = await once(pen, mark, status="amended")
    evidence["reused key found"] = await pen.find(mark)
    evidence["ambiguous create"] = await once(pen, twins)


async def _updates(pen: Pen, twins: str, evidence: Evidence) -> None:
    mark = new_mark()
    path = f"Observation?{by_mark(mark)}"
    evidence["conditional update of none"] = await pen.send("PUT", path, json=pen.body(mark))
    evidence["conditional update of one"] = await pen.send("PUT", path, json=pen.body(mark, status="amended"))
    evidence["conditional update found"] = await pen.find(mark)
    body = pen.body(twins, status="amended")
    evidence["ambiguous update"] = await pen.send("PUT", f"Observation?{by_mark(twins)}", json=body)


async def _deletes(pen: Pen, twins: str, evidence: Evidence) -> None:
    mark = new_mark()
    await pen.place(mark)
    evidence["conditional delete"] = await pen.send("DELETE", f"Observation?{by_mark(mark)}")
    evidence["conditional delete found"] = await pen.find(mark)
    if capability.row(evidence, "Observation").get("conditionalDelete") == "single":
        evidence["ambiguous delete"] = await pen.send("DELETE", f"Observation?{by_mark(twins)}")


async def notes(session: Session, evidence: Evidence) -> None:
    """A note by a condition, and once more. Raises Missing."""
    capability.require(evidence, "DocumentReference", "create", "conditional-create")
    patient, mark = evidence["patients"][0], new_mark()
    token = await session.access("patient/*.cruds", patient=patient)
    for name in ("note", "note again"):
        evidence[name] = await session.probe.send(
            "POST",
            "DocumentReference",
            token=token,
            json=document(patient, mark),
            headers={"if-none-exist": by_mark(mark)},
        )
    evidence["notes found"] = await session.probe.send("GET", f"DocumentReference?{by_mark(mark)}", token=token)


def replaced(status: str) -> list[dict[str, str]]:
    """A JSON Patch to another status."""
    return [{"op": "replace", "path": "/status", "value": status}]


async def versions(session: Session, evidence: Evidence) -> None:
    """Patches and deletes of the current version and of an old one. Raises Missing."""
    pen = await ground.pen(session, evidence)
    here, _ = await pen.place(new_mark())
    before = evidence["before patch"] = await pen.send("GET", here)
    old = {"if-match": f'W/"{version_of(before)}"'}
    if capability.offers(evidence, "Observation", "patch"):
        evidence["patch"] = await pen.send("PATCH", here, json=replaced("amended"), headers=PATCH)
        evidence["after patch"] = await pen.send("GET", here)
        failing = [*replaced("corrected"), {"op": "test", "path": "/status", "value": "final"}]
        evidence["patch that fails"] = await pen.send("PATCH", here, json=failing, headers=PATCH)
        evidence["after patch that fails"] = await pen.send("GET", here)
        evidence["stale patch"] = await pen.send("PATCH", here, json=replaced("corrected"), headers={**PATCH, **old})
        evidence["after stale patch"] = await pen.send("GET", here)
    elif capability.offers(evidence, "Observation", "update"):
        await pen.send("PUT", here, json=pen.body(new_mark(), id=here.partition("/")[2], status="amended"))
    if capability.offers(evidence, "Observation", "delete"):
        evidence["stale delete"] = await pen.send("DELETE", here, headers=old)
        evidence["after stale delete"] = await pen.send("GET", here)
