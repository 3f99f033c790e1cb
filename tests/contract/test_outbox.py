"""One suite, both databases: accepted is durable, delivered is once in effect, whatever the EHR answers or does not."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import Connection, select

from gateway.database import Database, open_postgres, open_sqlite
from r4 import codec
from tests.unit.writeback.examples import NAMES, manifest, output
from vocabulary.output import Output
from writeback import outputs, tables
from writeback.answers import Answer
from writeback.capabilities import Capabilities, TypeCapability
from writeback.errors import AnswerLost, Unsent
from writeback.gate import Admitted, Refused
from writeback.outputs import Accepted, Conflict, Idempotency, Submission
from writeback.planning import plan
from writeback.worker import Worker

TYPES = ("Observation", "RiskAssessment", "DocumentReference", "DetectedIssue", "Device", "Provenance")
OFFERED = TypeCapability(
    interactions=frozenset({"create", "update", "read", "search-type"}), update_create=True, conditional_create=True,
    searches=frozenset({"identifier", "_tag"}),
)  # fmt: skip
BY_ID = Capabilities(types=dict.fromkeys(TYPES, OFFERED))
BY_POST = Capabilities(types=dict.fromkeys(TYPES, replace(OFFERED, update_create=False, conditional_create=False)))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        made: Database = open_sqlite(":memory:", metadata=[tables.metadata])
    else:
        made = open_postgres(request.getfixturevalue("database_url"), metadata=[tables.metadata])
    yield made
    made.close()


@dataclass
class Ehr:
    """An EHR behind the seam: keeps what it is sent; ``fault`` is asked first and may answer, or raise, instead.
    ``after`` faults come after the write was processed."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    fault: Callable[[str, str, int], Answer | None] = lambda method, path, number: None
    after: Callable[[str, str, int], None] = lambda method, path, number: None

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        number = len(self.writes)
        if method == "GET":
            return self._read(path)
        self.writes.append(f"{method} {path.split('/')[0]}")
        if (answer := self.fault(method, path, number)) is not None:
            return answer
        resource = codec.parse(body or b"")
        id = path.partition("/")[2] or f"made-{len(self.kept)}"
        name = f"{resource['resourceType']}/{id}"
        status = 200 if name in self.kept else 201
        self.kept[name] = {**resource, "id": id, "meta": {**resource.get("meta", {}), "versionId": "1"}}
        self.after(method, path, number)
        return Answer(status=status, headers={"location": f"{name}/_history/1", "etag": 'W/"1"'})

    def _read(self, path: str) -> Answer:
        if "?" in path:
            path = unquote(path)
            value = path.rpartition("|")[2]
            found = [
                each
                for each in self.kept.values()
                if value in codec.format(each).decode() and each["resourceType"] == path.partition("?")[0]
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


async def settle(database: Database, ehr: Ehr, *, rounds: int = 60, boot: str = "one") -> None:
    worker = Worker(
        run=database.run, senders=lambda name, principal: ehr, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
        boot=boot, jitter=lambda: 0.0,
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


def test_an_accepted_output_is_shown_as_it_is_read_back(database: Database) -> None:
    def work(connection: Connection, now: float) -> None:
        shadow = submission(said(inference_id="later"))
        shadow = replace(shadow, manifest=replace(shadow.manifest, policy="shadow"))
        for made in (submission(said()), shadow):
            accepted = outputs.accept(connection, now, submission=made)
            assert isinstance(accepted, Accepted)
            shown = outputs.show_output(connection, now, made.id)
            assert shown == outputs.show_accepted(connection, now, accepted)

    database.run_now(work)


def test_an_output_is_delivered_whole_and_read_back(database: Database) -> None:
    ehr, made = Ehr(), submission(said())
    accepted = asyncio.run(accept(database, made))
    assert isinstance(accepted, Accepted)
    assert accepted.state == "pending"
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "delivered"
    assert sorted(name.split("/")[0] for name in ehr.kept) == [
        "Device",
        "DocumentReference",
        "Provenance",
        "RiskAssessment",
    ]
    assert set(states(database).values()) == {"delivered"}
    provenance = next(each for each in ehr.kept.values() if each["resourceType"] == "Provenance")
    assert provenance["target"][0]["reference"].endswith("/_history/1")


def test_the_same_again_adds_nothing_and_another_body_is_a_conflict(database: Database) -> None:
    made = submission(said())
    claim = Idempotency(caller="k", key="1", fingerprint=outputs.fingerprint(made.output))
    first, again = asyncio.run(accept(database, made, claim)), asyncio.run(accept(database, made, claim))
    assert (first.new, again.new) == (True, False)  # type: ignore[union-attr]
    other = replace(claim, fingerprint="another")
    assert asyncio.run(accept(database, made, other)) == Conflict(what="idempotency_key")
    changed = submission(replace(made.output, explanation="Otherwise."))
    assert asyncio.run(accept(database, changed)) == Conflict(what="inference_id")


def test_a_refused_output_is_recorded_and_never_sent(database: Database) -> None:
    refusal = Refused(reason="out_of_range", element="value", text="The value lies outside.")
    made = submission(said(), judged=refusal, write=None)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr()))
    assert state(database, made.id) == "refused"
    assert ehr.writes == []


def test_an_answer_that_never_came_is_looked_for_before_anything_is_sent_again(database: Database) -> None:
    lost: set[str] = set()

    def lose_once(method: str, path: str, number: int) -> None:
        if path not in lost:
            lost.add(path)
            raise AnswerLost("cut")

    made = submission(said())
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(after=lose_once)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_a_plain_create_whose_answer_was_lost_is_found_by_its_identifier(database: Database) -> None:
    lost: set[str] = set()

    def lose_once(method: str, path: str, number: int) -> None:
        if path not in lost:
            lost.add(path)
            raise AnswerLost("cut")

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(after=lose_once)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_while_the_ehr_loses_answers_the_delivery_is_in_doubt(database: Database) -> None:
    def lose(method: str, path: str, number: int) -> None:
        raise AnswerLost("cut")

    asyncio.run(accept(database, submission(said())))
    asyncio.run(settle(database, Ehr(after=lose), rounds=1))
    assert states(database)["DocumentReference card"] == "in_doubt"


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=503, headers={"retry-after": "1"}), Answer(status=429), Answer(status=502, body=b"<html>sorry</html>"),
        Answer(status=200, headers={"content-type": "text/html"}, body=b"<html>login</html>"),
        Answer(status=409), Answer(status=401), Unsent("down"),
    ],
    ids=["503", "429", "502 html", "200 html", "409", "401", "down"],
)  # fmt: skip
def test_an_ehr_that_is_down_slow_or_answers_html_is_tried_again_and_nothing_is_doubled(
    database: Database, trouble: Answer | Exception
) -> None:
    def fault(method: str, path: str, number: int) -> Answer | None:
        if number >= 3:
            return None
        if isinstance(trouble, Exception):
            raise trouble
        return trouble

    made = submission(said())
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Ehr(fault=fault)))
    assert state(database, made.id) == "delivered"
    assert len(ehr.kept) == 4


def test_what_the_ehr_refuses_is_rejected_and_not_tried_again(database: Database) -> None:
    made = submission(said())
    asyncio.run(accept(database, made))
    refuse = Answer(status=422)
    ehr = Ehr(fault=lambda method, path, number: refuse if path.startswith("RiskAssessment") else None)
    asyncio.run(settle(database, ehr))
    assert state(database, made.id) == "failed"
    assert ehr.writes.count("PUT RiskAssessment") == 1
    assert "Provenance" not in {name.split("/")[0] for name in ehr.kept}


def test_a_lease_that_a_killed_process_left_is_found_and_nothing_is_sent_blindly(database: Database) -> None:
    made, ehr = submission(said()), Ehr()
    asyncio.run(accept(database, made))

    class Killed(BaseException):
        pass

    async def killed() -> None:
        def die(method: str, path: str, number: int) -> None:
            raise Killed

        worker = Worker(
            run=database.run, senders=lambda name, principal: dying, ehrs=lambda: ("spec",), namespace=NAMES.namespace,
            boot="killed",
        )  # fmt: skip
        dying = Ehr(kept=ehr.kept, writes=ehr.writes, after=die)
        with pytest.raises(Killed):
            await worker.turn("spec")

    asyncio.run(killed())
    leases = tables.deliveries.update().where(tables.deliveries.c.state == "leased").values(lease_until=0.0)
    database.run_now(lambda connection, now: connection.execute(leases))
    asyncio.run(settle(database, ehr, boot="next"))
    assert state(database, made.id) == "delivered"
    assert len(ehr.writes) == len(ehr.kept) == 4


def test_an_older_output_is_superseded_and_not_written(database: Database) -> None:
    newer, older = (
        submission(said(inference_id="b")),
        submission(replace(said(inference_id="a"), as_of=time.time() - 900)),
    )
    asyncio.run(accept(database, newer))
    taken = asyncio.run(accept(database, older))
    assert isinstance(taken, Accepted)
    assert taken.state == "superseded"


def test_a_work_that_fails_leaves_nothing_and_its_neighbours_stand(database: Database) -> None:
    async def three() -> list[Any]:
        def fail(connection: Connection, now: float) -> None:
            outputs.accept(connection, now, submission=submission(said(inference_id="x2")))
            raise ValueError("no")

        works = (accept(database, submission(said(inference_id="x1"))), database.run(fail))
        return await asyncio.gather(
            *works, accept(database, submission(said(inference_id="x3"))), return_exceptions=True
        )

    first, failed, last = asyncio.run(three())
    assert isinstance(failed, ValueError)
    assert first.new
    assert last.new
    assert database.run_now(lambda c, now: len(outputs.list_outputs(c, now))) == 2


def test_parallel_repeats_are_accepted_once(database: Database) -> None:
    made = submission(said())
    claim = Idempotency(caller="k", key="1", fingerprint=outputs.fingerprint(made.output))

    async def race() -> list[Any]:
        each = [replace(made, id=f"{number:032x}") for number in range(16)]
        return await asyncio.gather(*(accept(database, one, claim) for one in each))

    taken = asyncio.run(race())
    assert sorted(one.new for one in taken) == [False] * 15 + [True]
    assert len({one.id for one in taken}) == 1
