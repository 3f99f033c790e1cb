"""Edge: evidence of the life of one resource, from its create to its delete, and of bodies that must be refused."""

from conformance import capability, ground
from conformance.evidence import Evidence
from conformance.ground import Pen, new_mark
from conformance.reading import etag, id_in, id_of, version_of
from conformance.samples import exact
from conformance.session import Session
from conformance.suites.writeback.bodies import BODIES, MARKER, broken


async def life(session: Session, evidence: Evidence) -> None:
    """Created, read, changed, changed with an old version, looked back at, deleted. Raises Missing."""
    pen = await ground.pen(session, evidence)
    body = exact("72.50", pen.body(new_mark()))
    made = evidence["create"] = await pen.send("POST", "Observation", content=body)
    id = id_of(made)
    if id is None:
        return
    here = f"Observation/{id}"
    read = evidence["read back"] = await pen.send("GET", here)
    version = version_of(read) or etag(read)
    if capability.offers(evidence, "Observation", "vread"):
        evidence["vread"] = await pen.send("GET", f"{here}/_history/{version}")
    if capability.offers(evidence, "Observation", "update"):
        await _change(pen, here, version, evidence)
    if capability.offers(evidence, "Observation", "history-instance"):
        evidence["history"] = await pen.send("GET", f"{here}/_history")
    if capability.offers(evidence, "Observation", "delete"):
        evidence["delete"] = await pen.send("DELETE", here)
        evidence["read deleted"] = await pen.send("GET", here)
        evidence["search deleted"] = await pen.send("GET", f"Observation?_id={id}")
        evidence["delete again"] = await pen.send("DELETE", here)
        evidence["delete of nothing"] = await pen.send("DELETE", f"Observation/{new_mark()}")


async def _change(pen: Pen, here: str, version: str | None, evidence: Evidence) -> None:
    id, mark = str(id_in(f"/{here}")), new_mark()
    current = {"if-match": f'W/"{version}"'} if version else {}
    evidence["update"] = await pen.send("PUT", here, json=pen.body(mark, id=id, status="amended"), headers=current)
    evidence["after update"] = await pen.send("GET", here)
    stale = pen.body(mark, id=id, status="corrected")
    evidence["stale update"] = await pen.send("PUT", here, json=stale, headers=current)
    evidence["after stale update"] = await pen.send("GET", here)
    evidence["update with another id"] = await pen.send("PUT", here, json=pen.body(mark, id="another"))
    evidence["update without id"] = await pen.send("PUT", here, json=pen.body(mark))


async def stages(session: Session, evidence: Evidence) -> None:
    """Preliminary, final, amended: each a version of its own. Raises Missing."""
    pen = await ground.pen(session, evidence)
    capability.require(evidence, "Observation", "update")
    mark = new_mark()
    here, made = await pen.place(mark, status="preliminary")
    answers = [made]
    for status in ("final", "amended"):
        answers.append(await pen.send("PUT", here, json=pen.body(mark, id=id_in(f"/{here}"), status=status)))
    evidence["stages"] = answers
    evidence["stages read"] = await pen.send("GET", here)
    if capability.offers(evidence, "Observation", "history-instance"):
        evidence["stages history"] = await pen.send("GET", f"{here}/_history")


async def hostile(session: Session, evidence: Evidence) -> None:
    """Bodies that must be refused with a 4xx, naming the element and repeating nothing. Raises Missing."""
    pen = await ground.pen(session, evidence)
    for name, row in BODIES.items():
        mark = new_mark()
        content = broken(row, pen.body(mark))
        evidence[name] = await pen.send("POST", "Observation", content=content)
        evidence[f"{name}, read back"] = await pen.find(mark)
    evidence["marker"] = MARKER
    evidence["unknown type"] = await pen.send("POST", "Nonsense", json={"resourceType": "Nonsense"})
    evidence["other type"] = await pen.send(
        "POST", "Observation", json={"resourceType": "Basic", "code": {"text": "x"}}
    )
    evidence["form body"] = await pen.send("POST", "Observation", form={"status": "final"})
    evidence["read absent"] = await pen.send("GET", f"Observation/{new_mark()}")
