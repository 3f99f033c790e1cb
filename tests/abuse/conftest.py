"""The targets of the attacks: a whole EHR face before the embedded store and before HAPI, filled once for the session.

A twin is the same face on an embedded store of its own, with a hole: one function or one table row of the product is
exchanged for what a careless author would have written. Nothing is exchanged in the targets.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import event

from auth.keys import SigningKeys
from auth.server import tables as auth_tables
from gateway import ehr_face
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4.interaction import Interaction
from sandbox import tables
from sandbox.upstream import opened
from tests.abuse.chart import Chart
from tests.abuse.network import Loop
from tests.abuse.target import Clock, Overheard, Target

HOST = "http://127.0.0.1:8700"
Hole = Callable[[pytest.MonkeyPatch, Target], None]


@pytest.fixture(scope="session")
def signing_keys() -> SigningKeys:
    return SigningKeys.generate()


def make_ehr(name: str, keys: SigningKeys, clock: Clock, **more: Any) -> SandboxEhr:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata], clock=clock)
    return SandboxEhr(
        name=name, base=f"{HOST}/ehr/{name}", database=database, keys=keys, new_id=lambda: str(uuid.uuid4()),
        new_secret=lambda: uuid.uuid4().hex, clock=clock, **more,
    )  # fmt: skip


def make_target(stack: ExitStack, keys: SigningKeys, hapi: str | None) -> Target:
    """Two EHRs in one face (``spec`` is attacked, ``other`` is the neighbour), with the chart in the first."""
    clock = Clock()
    runner = stack.enter_context(asyncio.Runner(loop_factory=Loop))
    ehrs = [make_ehr(name, keys, clock) for name in ("spec", "other")]
    for ehr in ehrs:
        stack.callback(ehr.database.close)
        if hapi is not None:
            behind = opened(upstream=hapi, base=ehr.fhir, new_id=ehr.new_id)
            ehr.upstream = runner.run(behind.__aenter__())
            stack.callback(lambda behind=behind: runner.run(behind.__aexit__(None, None, None)))
    target = Target(
        app=ehr_face.application(ehrs), ehr=ehrs[0], neighbour=ehrs[1], chart=Chart(uuid.uuid4().hex[:8]), runner=runner,
        upstream=hapi, clock=clock,
    )  # fmt: skip
    runner.run(fill(target))
    if hapi is not None:
        target.ehr.upstream = Overheard(target.ehr.upstream, target.heard)
    else:
        event.listen(target.ehr.database.engine, "before_cursor_execute", lambda *said: target.hear(said[2]))
    return target


async def fill(target: Target) -> None:
    """The chart, written below the guard."""
    for body in target.chart.resources:
        answer = await below.perform(
            target.ehr, Interaction(action="update", type=body["resourceType"], id=body["id"], body=body)
        )
        assert answer.status in (200, 201), (body["resourceType"], body["id"], answer)
    for type, id in (reference.split("/") for reference in target.chart.deleted):
        await below.perform(target.ehr, Interaction(action="delete", type=type, id=id))


@pytest.fixture(scope="session")
def opened_targets(request: pytest.FixtureRequest, signing_keys: SigningKeys) -> Iterator[Callable[[str], Target]]:
    made: dict[str, Target] = {}
    with ExitStack() as stack:

        def find(store: str) -> Target:
            if store not in made:
                hapi = request.getfixturevalue("hapi") if store == "hapi" else None
                made[store] = make_target(stack, signing_keys, hapi)
            return made[store]

        yield find


@pytest.fixture(params=["embedded", pytest.param("hapi", marks=pytest.mark.hapi)])
def target(request: pytest.FixtureRequest, opened_targets: Callable[[str], Target]) -> Target:
    """What is attacked."""
    return opened_targets(request.param).again()


@pytest.fixture
def holed(signing_keys: SigningKeys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Target]]:
    """A twin with these holes."""
    with ExitStack() as stack:

        def make(*holes: Hole) -> Target:
            made = make_target(stack, signing_keys, None)
            for hole in holes:
                hole(monkeypatch, made)
            return made

        yield make
