"""Edge: evidence of what a token of one patient does to another's records: the rows of ``foreign``, each read back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance import ground
from conformance.evidence import Evidence, Exchange, Missing
from conformance.ground import new_mark
from conformance.reading import id_in, resources, version_of
from conformance.samples import Resource, by_mark, vital
from conformance.session import Session
from conformance.suites.access.foreign import READS, SHARED, WRITES, Row, World
from conformance.suites.access.matrix import strongest

EVERYTHING = "patient/*.cruds"


def two_patients(session: Session, evidence: Evidence) -> tuple[str, str]:
    """The one whose token it is, and another. Raises Missing where no token is wanted at all."""
    if session.open:
        raise Missing("a token: this server wants none, and everybody reads everything")
    own, other = evidence["patients"][:2]
    return own, other


async def reads(session: Session, evidence: Evidence) -> None:
    """The rows that read, at records that are there. Raises Missing."""
    own, other = two_patients(session, evidence)
    token = await session.access("patient/*.rs", patient=own)
    theirs = await session.access("patient/*.rs", patient=other)
    mine_read, their_read = await _first(session, token, own), await _first(session, theirs, other)
    world = World(
        own=own, other=other, mine=str(mine_read["id"]), theirs=str(their_read["id"]), shape={}, their_shape={},
        version=str((their_read.get("meta") or {}).get("versionId", "1")),
    )  # fmt: skip
    evidence["read"] = {"theirs": world.theirs, "other": other, "own": own}
    await ask(session, evidence, token, READS, world)


async def _first(session: Session, token: str | None, patient: str) -> Any:
    answer = await session.probe.send("GET", f"Observation?patient={patient}&_count=1", token=token)
    found = [each for each in resources(answer) if "id" in each]
    if not found:
        raise Missing("an Observation of each of two patients")
    return found[0]


async def ask(session: Session, evidence: Evidence, token: str | None, rows: Sequence[Row], world: World) -> None:
    """The rows of what the server says that it has."""
    for row in rows:
        if row.offered(evidence):
            evidence[row.id] = await send(session, token, row, world)


async def send(session: Session, token: str | None, row: Row, world: World) -> Exchange:
    """One row's request."""
    headers = row.headers(world) if callable(row.headers) else row.headers
    body = row.body(world) if row.body else None
    form = row.form(world) if row.form else None
    path = row.path(world).rstrip("?")
    return await session.probe.send(row.method, path, token=token, json=body, form=form, headers=headers)


async def writes(session: Session, evidence: Evidence) -> None:
    """The rows that write, at records made for them, each read back. Raises Missing."""
    own, other = two_patients(session, evidence)
    strong = await strongest(session, other)
    shapes = [await ground.shape_of(session, evidence, strong, patient) for patient in (own, other)]
    marks = [new_mark(), new_mark()]
    placed = [
        await ground.place(session, strong, vital(patient, mark, shape))
        for patient, mark, shape in zip((own, other), marks, shapes, strict=True)
    ]
    mine, theirs = (str(id_in(f"/{where}")) for where, _ in placed)
    world = World(
        own=own, other=other, mine=mine, theirs=theirs, their_mark=marks[1], shape=shapes[0], their_shape=shapes[1],
        bridge=await _bridge(session, strong, own, shapes[0], theirs) or mine,
    )  # fmt: skip
    evidence["written"] = {"theirs": theirs, "other": other, "own": own}
    tokens = {"patient": await session.access(EVERYTHING, patient=own), "user": await _user(session, evidence, own)}
    for row in (*WRITES, *SHARED):
        if row.offered(evidence) and tokens[row.by] is not None:
            await _write(session, evidence, (tokens[row.by], strong), row, replace(world, mark=new_mark()))


async def _bridge(session: Session, strong: str | None, own: str, shape: Resource, theirs: str) -> str | None:
    """An own record that refers to the other patient's, where a stronger token can make one."""
    body = vital(own, new_mark(), shape, derivedFrom=[{"reference": f"Observation/{theirs}"}])
    try:
        return id_in("/" + (await ground.place(session, strong, body))[0])
    except Missing:
        return None


async def _user(session: Session, evidence: Evidence, own: str) -> str | None:
    """A practitioner's token, where one is given."""
    try:
        return await session.access("openid fhirUser user/*.cruds", patient=own, user=evidence["user"])
    except Missing:
        return None


async def _write(
    session: Session, evidence: Evidence, tokens: tuple[str | None, str | None], row: Row, world: World
) -> None:
    """One row, and what is there before and after it."""
    token, strong = tokens
    type = row.path(world).partition("/")[0] or "Observation"
    back = {"mine": f"Observation/{world.mine}", "theirs": f"Observation/{world.theirs}",
            "mark": f"{type}?{by_mark(world.mark)}"}.get(row.back)  # fmt: skip
    if row.back in ("mine", "theirs"):
        before = await session.probe.send("GET", str(back), token=strong)
        evidence[f"{row.id}, before"] = [before.status, version_of(before)]
    evidence[row.id] = await send(session, token, row, world)
    if back is not None:
        evidence[f"{row.id}, read back"] = await session.probe.send("GET", back, token=strong)
