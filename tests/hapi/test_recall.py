"""Amendments and a recall on a real HAPI server: its versions, its 409 for a stale one, its searches and its pages."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from gateway.ehrs.senders import EhrUnknown
from gateway.vendors import vendor_of
from r4 import codec
from tests.flow import delivery_world
from tests.flow.delivery_world import World
from writeback import recall
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.rules import WriteRules
from writeback.terms import Terms
from writeback.wire.transport import HttpSender, open_session


@dataclass
class OneServer:
    """In the place of the gateway's senders: the server itself, without tokens."""

    http: HttpSender
    statement: Capabilities

    def know(self, ehrs: Any) -> None: ...

    def forget_launches(self, launches: Any) -> None: ...

    def names(self) -> tuple[str, ...]:
        return ("spec",)

    def base(self, ehr: str) -> str:
        return self.http.base

    def rules(self, ehr: str) -> WriteRules:
        return vendor_of("hapi").write

    def backend_scopes(self, ehr: str) -> str:
        return "system/*.cruds"

    def sender(self, ehr: str, principal: str) -> HttpSender:
        if ehr != "spec":
            raise EhrUnknown("no such EHR")
        return self.http

    async def capabilities(self, ehr: str) -> Capabilities:
        return self.statement

    async def terms(self, ehr: str) -> Terms:
        return Terms()

    async def aclose(self) -> None: ...


async def read(http: HttpSender, path: str) -> dict[str, Any]:
    answer = await http.send("GET", path, headers={"accept": "application/fhir+json", "cache-control": "no-cache"})
    assert answer.status == 200
    found: dict[str, Any] = codec.parse(answer.body)
    return found


async def story(http: HttpSender, world: World) -> None:
    patients = [f"cg-{uuid4().hex[:12]}" for _ in range(3)]
    doctor = f"Practitioner/{patients[0]}"
    for place in (doctor, *(f"Patient/{id}" for id in patients)):
        type, _, id = place.partition("/")
        body = codec.format({"resourceType": type, "id": id})
        await http.send("PUT", place, headers={"content-type": "application/fhir+json"}, body=body)
    key = await world.key("outputs.write", "outputs.read")
    ids = [(await world.submit(key, patient=f"Patient/{id}"))["id"] for id in patients]
    await world.settle()
    first = (await world.client.get(f"/api/outputs/{ids[0]}", headers=key)).json()
    assert first["state"] == "delivered"
    place = f"RiskAssessment/{next(p['id'] for p in first['deliveries'] if p['resource_type'] == 'RiskAssessment')}"
    kept = await read(http, place)
    colleague = codec.format({**kept, "note": [*kept["note"], {"text": "A colleague's remark."}]})
    person = await world.clinician(patient=patients[0], fhir_user=doctor)
    final = {"status": "final", "reason": "Agreed."}
    assert (await world.client.post(f"/api/outputs/{ids[0]}/amend", json=final, headers=person)).status_code == 202
    await http.send("PUT", place, headers={"content-type": "application/fhir+json"}, body=colleague)
    await world.settle()
    accepted = await read(http, place)
    assert (accepted["status"], [note["text"][:10] for note in accepted["note"]][1:]) == (
        "final",
        ["A colleagu", "Accepted b"],
    )
    begun = world.gateway.new_id()
    await world.gateway.run(
        lambda c, now: recall.start(c, now, id=begun, model="echo", version="1.0.0", reason="Wrong weights.", by="test")
    )
    await world.settle()
    done = await world.gateway.run(lambda c, now: recall.find_recall(c, now, begun))
    assert done is not None
    assert (done.state, done.counts, done.ehrs) == ("done", {"retracted": 4}, {"spec": "searched"})
    for id in ids:
        shown = (await world.client.get(f"/api/outputs/{id}", headers=key)).json()
        assert shown["state"] == "retracted"
        for part in shown["deliveries"]:
            if part["resource_type"] == "RiskAssessment":
                assert (await read(http, f"RiskAssessment/{part['id']}"))["status"] == "entered-in-error"
        assert {part["state"] for part in shown["edits"]} == {"delivered"}


def test_what_was_written_is_accepted_and_the_version_recalled(hapi: str, tmp_path: Path) -> None:
    async def run() -> None:
        session = open_session(base=hapi)
        try:
            http = HttpSender(base=hapi, session=session)
            statement = parse_capabilities(await read(http, "metadata"))
            async with delivery_world.opened(tmp_path, senders=OneServer(http=http, statement=statement)) as world:
                await story(http, world)
        finally:
            await session.close()

    asyncio.run(run())
