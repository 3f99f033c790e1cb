"""One suite, both databases: accepted is durable, delivered is once in effect, whatever the EHR answers or does not."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, select

from gateway.storage.database import Database
from r4 import codec
from tests.unit.writeback.examples import NAMES, manifest, output
from vocabulary.output import Output
from writeback import tables
from writeback.capabilities import Capabilities, TypeCapability
from writeback.changes import Change
from writeback.gate import Admitted
from writeback.ledger import outputs
from writeback.ledger.outputs import Accepted, Conflict, Idempotency, Submission
from writeback.planning import plan
from writeback.speaking.answers import Answer
from writeback.terms import SINGLY, Terms
from writeback.worker import Worker

TYPES = ("Observation", "RiskAssessment", "DocumentReference", "DetectedIssue", "Device", "Provenance")


OFFERED = TypeCapability(
    interactions=frozenset({"create", "update", "read", "search-type"}), update_create=True, conditional_create=True,
    searches=frozenset({"identifier", "_tag"}),
)  # fmt: skip


BY_ID = Capabilities(types=dict.fromkeys(TYPES, OFFERED))


BY_POST = Capabilities(types=dict.fromkeys(TYPES, replace(OFFERED, update_create=False, conditional_create=False)))


@dataclass
class Ehr:
    """An EHR behind the seam: keeps what it is sent; ``fault`` is asked first and may answer, or raise, instead.
    ``after`` faults come after the write was processed."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    firsts: list[str] = field(default_factory=list)
    sought: list[str] = field(default_factory=list)
    fault: Callable[[str, str, int], Answer | None] = lambda method, path, number: None
    after: Callable[[str, str, int], None] = lambda method, path, number: None
    bundles: list[int] = field(default_factory=list)
    whole: Callable[[Any], Answer | None] = lambda bundle: None
    say: Callable[[list[Any]], list[Any]] = lambda entries: entries

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        number = len(self.writes)
        if method == "GET":
            return self._read(path)
        if path == "":
            bundle = codec.parse(body or b"")
            self.firsts += [each["request"]["url"] for each in bundle["entry"]] if "x-first" in (headers or {}) else []
            return await self._batch(bundle)
        self.writes.append(f"{method} {path.split('/')[0]}")
        self.firsts += [path] if "x-first" in (headers or {}) else []
        if (answer := self.fault(method, path, number)) is not None:
            return answer
        resource = codec.parse(body or b"")
        id = path.partition("/")[2] or f"made-{len(self.kept)}"
        name = f"{resource['resourceType']}/{id}"
        status = 200 if name in self.kept else 201
        self.kept[name] = {**resource, "id": id, "meta": {**resource.get("meta", {}), "versionId": "1"}}
        self.after(method, path, number)
        return Answer(status=status, headers={"location": f"{name}/_history/1", "etag": 'W/"1"'})

    async def _batch(self, bundle: Any) -> Answer:
        """Each entry as a request of its own; ``whole`` may answer instead, and ``say`` changes what is said of them."""
        self.bundles.append(len(bundle["entry"]))
        if (answer := self.whole(bundle)) is not None:
            return answer
        entries = []
        for entry in bundle["entry"]:
            asked = entry["request"]
            body = codec.format(entry["resource"]) if "resource" in entry else None
            one = await self.send(asked["method"], asked["url"], body=body)
            said = {"status": f"{one.status} Said", **one.headers}
            kept = {"resource": one.resource()} if one.body and one.status < 400 else {}
            entries.append({**kept, "response": said})
        told = {"resourceType": "Bundle", "type": "batch-response", "entry": self.say(entries)}
        return Answer(status=200, body=codec.format(told))

    def _read(self, path: str) -> Answer:
        if "?" in path:
            path = unquote(path)
            self.sought.append(path)
            value = path.rpartition("|")[2]
            type, _, ids = path.partition("&")[0].partition("?_id=")
            found = [
                each
                for each in self.kept.values()
                if (each["id"] in ids.split(",") if ids else value in codec.format(each).decode())
                and each["resourceType"] == type.partition("?")[0]
            ]
            entries = [{"resource": each, "fullUrl": f"http://x/{each['resourceType']}/{each['id']}"} for each in found]
            return Answer(
                status=200, body=codec.format({"resourceType": "Bundle", "type": "searchset", "entry": entries})
            )
        resource = self.kept.get(path)
        return Answer(status=404) if resource is None else Answer(status=200, body=codec.format(resource))


def submission(said: Output, *, capabilities: Capabilities = BY_ID, **changes: Any) -> Submission:
    made = manifest(said.kind)
    write = plan(
        said, made, admitted=Admitted(inputs=said.inputs), names=NAMES, capabilities=capabilities, now=time.time()
    )
    given = {
        "id": said.inference_id.rjust(32, "0"), "output": said, "manifest": made, "judged": Admitted(), "verdict": None,
        "principal": "backend", "submitter": "test", "write": write,
    }  # fmt: skip
    return Submission(**{**given, **changes})


def said(**changes: Any) -> Output:
    return output("risk", as_of=time.time() - 1, **changes)


async def accept(database: Database, made: Submission, claim: Idempotency | None = None) -> Accepted | Conflict:
    return await database.run(lambda connection, now: outputs.accept(connection, now, submission=made, claim=claim))


async def settle(
    database: Database, ehr: Ehr, *, rounds: int = 60, boot: str = "one", terms: Terms = SINGLY,
    observe: Callable[[Sequence[Change]], None] = lambda changes: None,
) -> None:  # fmt: skip
    async def known(name: str) -> Terms:
        return terms

    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        boot=boot, jitter=lambda: 0.0, terms=known, observe=observe,
    )  # fmt: skip
    await worker.start()
    for _ in range(rounds):
        if not await worker.turn("spec"):
            await hurry(database)
        if not await database.run(outputs.count_moving):
            return


async def hurry(database: Database) -> None:
    """Time passes: what waits for its next try, or for an EHR that was left in peace, is due."""

    def work(connection: Connection, now: float) -> None:
        connection.execute(tables.deliveries.update().where(tables.deliveries.c.next_at > 0).values(next_at=now - 1))
        connection.execute(tables.targets.update().values(paused_until=0.0))

    await database.run(work)


def states(database: Database) -> dict[str, str]:
    query = select(tables.deliveries.c.resource_type, tables.deliveries.c.role, tables.deliveries.c.state)
    return database.run_now(lambda connection, now: {f"{row[0]} {row[1]}": row[2] for row in connection.execute(query)})


def state(database: Database, id: str) -> str:
    shown = database.run_now(lambda connection, now: outputs.show_output(connection, now, id))
    assert shown is not None
    return str(shown["state"])
