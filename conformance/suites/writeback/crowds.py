"""Edge: evidence of parallel writers, of a client that hangs up before its answer, and of bundles."""

import asyncio
from collections.abc import Awaitable, Callable

from conformance import capability, ground
from conformance.evidence import Evidence, Exchange
from conformance.ground import Pen, new_mark
from conformance.reading import resources, version_of
from conformance.samples import Resource, bundle, by_mark, entry
from conformance.session import Session
from conformance.suites.writeback.conditions import once
from conformance.suites.writeback.together import WRITERS


async def parallel(session: Session, evidence: Evidence) -> None:
    """Eight at once: creates of one key, updates of one version. Raises Missing."""
    pen = await ground.pen(session, evidence)
    if capability.offers(evidence, "Observation", "conditional-create"):
        mark = new_mark()
        evidence["parallel creates"] = list(await asyncio.gather(*(once(pen, mark) for _ in range(WRITERS))))
        evidence["parallel creates found"] = await pen.find(mark)
    if capability.offers(evidence, "Observation", "update"):
        mark = new_mark()
        here, _ = await pen.place(mark)
        current = {"if-match": f'W/"{version_of(await pen.send("GET", here))}"'}
        notes = [[{"text": f"writer {number}"}] for number in range(WRITERS)]
        bodies = [pen.body(mark, id=here.partition("/")[2], status="amended", note=note) for note in notes]
        sent = (pen.send("PUT", here, json=body, headers=current) for body in bodies)
        evidence["parallel notes"], evidence["parallel updates"] = notes, list(await asyncio.gather(*sent))
        evidence["parallel updates read"] = await pen.send("GET", here)


async def lost(session: Session, evidence: Evidence) -> None:
    """Writes whose answer nobody waits for, sent again. Raises Missing."""
    pen = await ground.pen(session, evidence)
    probe = session.probe
    if capability.offers(evidence, "Observation", "conditional-create"):
        mark = new_mark()
        headers = {"if-none-exist": by_mark(mark)}
        await probe.drop("POST", "Observation", token=pen.token, json=pen.body(mark), headers=headers)
        evidence["sent again"] = await _settled(lambda: once(pen, mark))
        found = evidence["sent again found"] = await pen.find(mark)
        for each in resources(found):
            probe.written.setdefault(f"{probe.base}/Observation/{each.get('id')}", pen.token)
    if capability.offers(evidence, "Observation", "update"):
        mark = new_mark()
        here, _ = await pen.place(mark)
        body = pen.body(mark, id=here.partition("/")[2], status="amended")
        await probe.drop("PUT", here, token=pen.token, json=body)
        evidence["updated again"] = await _settled(lambda: pen.send("PUT", here, json=body))
        evidence["updated again read"] = await pen.send("GET", here)


async def _settled(send: Callable[[], Awaitable[Exchange]]) -> Exchange:
    """The answer, once the server is done with the request that was hung up on: until then it may say so."""
    for pause in (0.1, 0.3, 1.0):
        answer = await send()
        if answer.status not in (409, 429, 503):
            return answer
        await asyncio.sleep(pause)
    return await send()


async def bundles(session: Session, evidence: Evidence) -> None:
    """Transactions and batches, good, bad and mixed. Raises Missing."""
    pen = await ground.pen(session, evidence)
    if capability.whole(evidence, "batch"):
        mark = new_mark()
        mixed = bundle("batch", _new(pen.body(mark)), _new(_bad(pen.body(mark))))
        evidence["mixed batch"] = await pen.send("POST", "", json=mixed)
        evidence["mixed batch found"] = await pen.find(mark)
    if capability.whole(evidence, "transaction"):
        await _transactions(pen, evidence)


def _new(body: Resource, **more: str) -> Resource:
    return entry("POST", "Observation", body, **more)


def _bad(body: Resource) -> Resource:
    return {**body, "status": "no such status"}


async def _transactions(pen: Pen, evidence: Evidence) -> None:
    mark = new_mark()
    urn = "urn:uuid:6f1b6f3e-7a0c-4c0d-8d10-0d6b2a4f5c11"
    pointing = pen.body(mark, derivedFrom=[{"reference": urn}])
    both = bundle("transaction", _new(pen.body(mark), fullUrl=urn), _new(pointing))
    evidence["transaction"] = await pen.send("POST", "", json=both)
    evidence["transaction found"] = await pen.find(mark)
    absent = {"derivedFrom": [{"reference": f"Observation/{new_mark()}"}]}
    for name, wrong in (("bad end", {"status": "no such status"}), ("bad reference", absent)):
        mark = new_mark()
        content = bundle("transaction", _new(pen.body(mark)), _new({**pen.body(mark), **wrong}))
        evidence[f"transaction with a {name}"] = await pen.send("POST", "", json=content)
        evidence[f"transaction with a {name} found"] = await pen.find(mark)
    mark = new_mark()
    reading = bundle("transaction", entry("GET", f"Observation?{by_mark(mark)}"), _new(pen.body(mark)))
    evidence["transaction that reads first"] = await pen.send("POST", "", json=reading)
    here, _ = await pen.place(new_mark())
    evidence["before refused transaction"] = await pen.send("GET", here)
    update = entry("PUT", here, pen.body(new_mark(), id=here.partition("/")[2], status="amended"))
    content = bundle("transaction", update, _new(_bad(pen.body(new_mark()))))
    evidence["transaction with an update"] = await pen.send("POST", "", json=content)
    evidence["after refused transaction"] = await pen.send("GET", here)
    if capability.offers(evidence, "Observation", "conditional-create"):
        mark = new_mark()
        content = bundle("transaction", _new(pen.body(mark), ifNoneExist=by_mark(mark)))
        evidence["conditional transaction"] = await pen.send("POST", "", json=content)
        evidence["conditional transaction again"] = await pen.send("POST", "", json=content)
        evidence["conditional transaction found"] = await pen.find(mark)
