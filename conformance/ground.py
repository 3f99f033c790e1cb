"""Edge: the ground that writing suites stand on: what this server takes of an Observation, and one that was taken."""

import secrets
from dataclasses import dataclass
from typing import Any

from conformance import capability
from conformance.evidence import Evidence, Exchange, Missing
from conformance.reading import id_of, resources
from conformance.samples import Resource, by_mark, shapes, vital
from conformance.session import Session

TAKEN = (200, 201, 202)


def new_mark() -> str:
    """A word that nothing else holds."""
    return secrets.token_hex(12)


async def shape_of(session: Session, evidence: Evidence, token: str | None, patient: str) -> Resource:
    """What an Observation of the patient needs here beside a plain vital sign. Raises Missing."""
    name = f"shape of {patient}"
    if name not in evidence:
        capability.require(evidence, "Observation", "create")
        await _try(session, evidence, token, patient, name)
    found: Resource = evidence[name]
    return found


async def _try(session: Session, evidence: Evidence, token: str | None, patient: str, name: str) -> None:
    visits = await session.probe.send(
        "GET", f"Encounter?patient={patient}&status=in-progress&_count=1", token=token
    )  # fmt: skip
    visit = next((str(each["id"]) for each in resources(visits) if "id" in each), None)
    for shape in shapes(visit, evidence["user"]):
        body = vital(patient, new_mark(), shape)
        answer = evidence[f"first write of {patient}"] = await session.probe.send(
            "POST", "Observation", token=token, json=body
        )
        if answer.status in TAKEN:
            evidence[name] = shape
            return
    raise Missing("an Observation that this server takes")


async def place(session: Session, token: str | None, body: Any) -> tuple[str, Exchange]:
    """Creates it: ``Type/id`` and the answer. Raises Missing when it cannot be told where it is."""
    type = str(body["resourceType"])
    answer = await session.probe.send("POST", type, token=token, json=body)
    id = id_of(answer)
    if answer.status not in TAKEN or id is None:
        raise Missing(f"there is no {type} that was written for this")
    return f"{type}/{id}", answer


@dataclass(kw_only=True)
class Pen:
    """Whoever writes for one patient: ``token`` is None on an open server, ``shape`` what is wanted of an Observation."""

    session: Session
    token: str | None
    patient: str
    shape: Resource

    async def send(self, method: str, path: str, **options: Any) -> Exchange:
        """One request."""
        return await self.session.probe.send(method, path, token=self.token, **options)

    def body(self, mark: str, **changes: Any) -> Resource:
        """A vital sign of the patient."""
        return vital(self.patient, mark, self.shape, **changes)

    async def place(self, mark: str, **changes: Any) -> tuple[str, Exchange]:
        """Creates one: ``Observation/id`` and the answer. Raises Missing."""
        return await place(self.session, self.token, self.body(mark, **changes))

    async def find(self, mark: str) -> Exchange:
        """The Observations that hold the mark."""
        return await self.send("GET", f"Observation?{by_mark(mark)}")


async def pen(session: Session, evidence: Evidence) -> Pen:
    """A pen for the first patient. Raises Missing."""
    patient = evidence["patients"][0]
    capability.require(evidence, "Observation", "create")
    token = await session.access("patient/*.cruds", patient=patient)
    return Pen(
        session=session, token=token, patient=patient, shape=await shape_of(session, evidence, token, patient)
    )  # fmt: skip
