"""A lean EHR that is written to as fast as it can, through its guard, until somebody kills it.

    python -m tests.crash.store_writer FILE SEED [--hasty]

Each line on stdout is one write that was answered: kind, id, version, and a mark that stands in the resource. With
``--hasty`` a write is said to be kept before it is: the judge has to notice.
"""

import asyncio
import sys
import time
import uuid
from random import Random

from sqlalchemy import Connection

from auth import scopes
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import tables as auth_tables
from gateway.face.serving import rules_of, serve
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4.interaction import Answer, Interaction
from sandbox import loading, tables

TOKEN, WRITERS, SIZE = "t" * 43, 8, 5
SYSTEM = "urn:kill"
PATIENT = {"resourceType": "Patient", "id": "p1"}


def opened(path: str) -> SandboxEhr:
    """The EHR on its file, which is filled once."""
    database = open_sqlite(path, metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base="http://127.0.0.1/ehr/spec", database=database, keys=SigningKeys.generate("ES384"),
        new_id=lambda: f"n{uuid.uuid4().hex}", new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip

    def fill(connection: Connection, now: float) -> None:
        if grants.find_by_id(connection, now, "g") is None:
            loading.load(connection, now, [PATIENT], rules_of(ehr))
            words = scopes.parse("system/*.cruds")
            grants.save_grant(connection, now, id="g", client_id="c", scopes=words, context=grants.Context())
            grants.save_access(connection, now, token=TOKEN, grant="g", scopes="system/*.cruds", life=86400)

    database.run_now(fill)
    return ehr


def observation(mark: str, **more: object) -> dict[str, object]:
    return {
        "resourceType": "Observation", "status": "final", "code": {"text": "t"}, "subject": {"reference": "Patient/p1"},
        "identifier": [{"system": SYSTEM, "value": mark}], **more,
    }  # fmt: skip


class Writer:
    """One of several that write at once: creates, updates and deletes what is its own, and transactions."""

    def __init__(self, ehr: SandboxEhr, name: str, chance: Random, *, hasty: bool) -> None:
        self.ehr, self.name, self.chance, self.hasty = ehr, name, chance, hasty
        self.mine: list[str] = []

    async def run(self) -> None:
        for number in range(10**9):
            mark = f"{self.name}-{number}"
            draw = self.chance.random()
            if draw < 0.5 or not self.mine:
                await self.create(mark)
            elif draw < 0.75:
                await self.update(mark)
            elif draw < 0.85:
                await self.delete()
            else:
                await self.transact(mark)

    async def create(self, mark: str) -> None:
        if self.hasty:
            id = f"h{uuid.uuid4().hex}"
            say("update", id, "1", mark)
            body = observation(mark, id=id)
            await self.send(Interaction(action="update", type="Observation", id=id, body=body))
            return
        answer = await self.send(Interaction(action="create", type="Observation", body=observation(mark)))
        resource = answer.resource or {}
        self.mine.append(resource["id"])
        say("create", resource["id"], "1", mark)

    async def update(self, mark: str) -> None:
        id = self.chance.choice(self.mine)
        body = observation(mark, id=id)
        answer = await self.send(Interaction(action="update", type="Observation", id=id, body=body))
        say("update", id, (answer.resource or {})["meta"]["versionId"], mark)

    async def delete(self) -> None:
        id = self.mine.pop()
        answer = await self.send(Interaction(action="delete", type="Observation", id=id))
        say("delete", id, answer.headers["etag"][3:-1], "")

    async def transact(self, mark: str) -> None:
        entries = tuple(
            Interaction(action="create", type="Observation", body=observation(f"{mark}-{each}"), full_url=f"urn:uuid:{uuid.uuid4()}")
            for each in range(SIZE)
        )  # fmt: skip
        say("begin", "", "", mark)
        await self.send(Interaction(action="transaction", entries=entries))
        say("transaction", "", "", mark)

    async def send(self, interaction: Interaction) -> Answer:
        answer = await serve(self.ehr, interaction, TOKEN)
        assert answer is not None
        assert answer.status < 300
        return answer


def say(*words: str) -> None:
    print(" ".join(word or "-" for word in words), flush=True)


async def main(path: str, seed: str, *, hasty: bool) -> None:
    ehr = opened(path)
    chance = Random(int(seed))
    name = uuid.uuid4().hex[:8]
    writers = [Writer(ehr, f"{name}{n}", Random(chance.random()), hasty=hasty) for n in range(WRITERS)]
    await asyncio.gather(*(writer.run() for writer in writers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], hasty="--hasty" in sys.argv))
