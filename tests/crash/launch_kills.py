"""Kills the gateway between any two steps of a launch, and of a renewal of its tokens, and judges what is left behind.

A step is a transaction or an exchange with the EHR. Each kill is SIGKILL of a process forked for it. Another then looks: launch,
session and job are all there or none is, the next launch works, and the refresh token still renews; only an EHR that rotates
them may have ended the grant: then the gateway says so. ``--at random``: at random instants. Prints a JSON line.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx2
from sqlalchemy import Connection, select
from starlette.applications import Starlette

from auth.client import tables as client_tables
from auth.client.ehr import RegisteredEhr
from auth.client.errors import GrantEnded
from auth.client.flow import LaunchTokens
from auth.client.registry import save_ehr
from auth.client.store import LEASE
from gateway import tables
from gateway.ehrs.fetch import Reach
from gateway.ehrs.reachable import transport_to, trust
from gateway.keyring import Keyring, open_keyring
from gateway.people import sessions
from gateway.routes import launches
from gateway.storage.database import Sqlite, open_sqlite
from gateway.storage.works import Work
from tests.crash import launch_ehr

T = TypeVar("T")
APP = "http://localhost:8700"
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "launch_kills.jsonl"
KINDS = {"keeping": False, "rotating": True}
"""EHRs by name: whether they rotate refresh tokens."""


@dataclass
class Steps:
    """Ends the process at step ``fatal``; 0 never does."""

    fatal: int = 0
    taken: int = 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.fatal:
            os.kill(os.getpid(), SIGKILL)


class Stepping(httpx2.AsyncBaseTransport):
    """An exchange with the EHR is a step."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, steps: Steps) -> None:
        self._inner, self._steps = inner, steps

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        self._steps.step()
        return response


@dataclass
class Gateway:
    """What the launch routes need, on the installation's own file. ``ahead`` puts its clock forward."""

    database: Sqlite
    keyring: Keyring
    steps: Steps
    ahead: float = 0.0
    base_url: str = APP
    reach: Reach = field(init=False)

    def __post_init__(self) -> None:
        self.reach = Reach(clock=self.clock, transport=lambda ehr: Stepping(transport_to(ehr), self.steps))

    def clock(self) -> float:
        return time.time() + self.ahead

    async def run(self, work: Work[T], /) -> T:
        value = await self.database.run(work)
        self.steps.step()
        return value

    async def on_launch(self, launch_id: str) -> None:
        self.steps.step()


@dataclass
class Place:
    """An installation, and the EHRs that it is registered with."""

    directory: Path
    keyring: Keyring
    origin: str

    def ehr(self, name: str) -> RegisteredEhr:
        fhir = f"{self.origin}/{name}/r4"
        return RegisteredEhr(name=name, issuer=fhir, client_id="gateway", networks=("127.0.0.0/8",))


async def launch(gateway: Gateway, ehr: RegisteredEhr) -> str:
    """From the EHR's button to the session; the launch's id."""
    site = httpx2.ASGITransport(Starlette(routes=launches.routes(gateway)))
    async with (
        httpx2.AsyncClient(transport=site, base_url=APP) as browser,
        httpx2.AsyncClient(verify=trust(None, None, None)) as there,
    ):
        begun = await browser.get(f"/app/launch?{urlencode({'iss': ehr.issuer, 'launch': 'x'})}")
        back = await there.get(begun.headers["location"])
        cookie = {"cookie": begun.headers["set-cookie"].partition(";")[0]}
        done = await browser.get(back.headers["location"], headers=cookie)
    assert done.status_code == 303, done.text
    return urlsplit(done.headers["location"]).query.partition("=")[2]


async def renew(gateway: Gateway, ehr: RegisteredEhr, id: str) -> str:
    """The launch's token after the one it has: that one has run out."""
    return await LaunchTokens(launch_id=id, ehr=ehr, means=launches.means_of(gateway)).bearer()


async def judge(gateway: Gateway, ehr: RegisteredEhr, id: str | None) -> dict[str, Any]:
    """What a new process finds: ``problems``, and ``ended`` when the EHR gives the launch ``id`` no more tokens."""
    problems = await gateway.run(find_halves)
    ended = False
    if id is not None:
        try:
            token = await renew(gateway, ehr, id)
            async with httpx2.AsyncClient(verify=trust(None, None, None)) as there:
                honours = (await there.get(f"{ehr.issuer.removesuffix('/r4')}/honours?token={token}")).json()
            problems += [] if honours else ["a renewed token is not honoured"]
        except GrantEnded:
            ended = True
    try:
        if id is None or ended:
            await launch(gateway, ehr)
    except Exception as failure:
        problems.append(f"the next launch failed: {failure!r}")
    return {"problems": problems, "ended": ended}


def find_halves(connection: Connection, now: float) -> list[str]:
    """Launches, sessions and jobs that stand alone; a session older than a minute may have ended."""
    began = client_tables.launches.c
    made = frozenset(connection.scalars(select(began.id)))
    recent = frozenset(connection.scalars(select(began.id).where(began.since > now - 60.0)))
    signed_in = frozenset(connection.scalars(select(sessions.sessions.c.launch)))
    whole = made == frozenset(connection.scalars(select(tables.jobs.c.launch))) and recent <= signed_in <= made
    return [] if whole else [f"halves: {len(made)} launches, {len(recent - signed_in)} without session"]


Act = Callable[[Gateway], Awaitable[Any]]


def in_child(place: Place, act: Act, *, fatal: int = 0, ahead: float = 0.0, after: float | None = None) -> Any:
    """What ``act`` returns in a forked process, with the steps it took; None when it was killed: at step ``fatal``, or
    ``after`` so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        asyncio.run(_child(place, act, writing, fatal, ahead))
        os._exit(0)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        os.kill(child, SIGKILL)
    with os.fdopen(reading) as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == SIGKILL
    assert killed or status == 0, f"the child ended with {status}"
    return None if killed else json.loads(said)


def _open(place: Place, clock: Callable[[], float]) -> Sqlite:
    metadata = (tables.metadata, client_tables.metadata)
    return open_sqlite(place.directory / "gateway.db", metadata=metadata, clock=clock)


async def _child(place: Place, act: Act, writing: int, fatal: int, ahead: float) -> None:
    def clock() -> float:
        return time.time() + ahead

    database = _open(place, clock)
    gateway = Gateway(database=database, keyring=place.keyring, steps=Steps(fatal), ahead=ahead)
    try:
        value = await act(gateway)
        with os.fdopen(writing, "w") as answer:
            json.dump([value, gateway.steps.taken], answer)
    except BaseException as failure:
        print(repr(failure), file=sys.stderr)
        os._exit(1)
    finally:
        database.close()


@dataclass
class Tally:
    kills: int = 0
    ended: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, name: str, what: str, said: dict[str, Any]) -> None:
        self.kills += 1
        self.ended += said["ended"]
        self.problems += [f"{name}, {what}: {problem}" for problem in said["problems"]]
        if said["ended"] and not KINDS[name]:
            self.problems.append(f"{name}, {what}: an EHR that keeps its refresh tokens gave no more")


def kill_each(place: Place, name: str, act: Act, tally: Tally, *, ahead: float, id: str | None, moments: Any) -> None:
    """Kills ``act`` at each of the moments, and judges after each."""
    ehr = place.ehr(name)
    for moment in moments:
        when = {"fatal": moment} if isinstance(moment, int) else {"after": moment}
        done = in_child(place, act, ahead=ahead, **when)
        if done is not None and isinstance(moment, int):
            tally.problems.append(f"{name}: step {moment} was never reached")
        later = ahead + LEASE + 1
        said, _ = in_child(place, lambda gateway: judge(gateway, ehr, id), ahead=later)
        tally.note(name, f"{'launch' if id is None else 'renewal'} killed at {moment}", said)


def story(place: Place, name: str, tally: Tally, moments: Callable[[int], Any], *, renewals_only: bool) -> None:
    """Every moment of a launch, then every moment of a renewal of its tokens, each against a launch of its own."""
    ehr = place.ehr(name)
    _, steps = in_child(place, lambda gateway: launch(gateway, ehr))
    if not renewals_only:
        kill_each(place, name, lambda gateway: launch(gateway, ehr), tally, ahead=0.0, id=None, moments=moments(steps))
    late = float(launch_ehr.LIVES)
    first, _ = in_child(place, lambda gateway: launch(gateway, ehr))
    _, steps = in_child(place, lambda gateway: renew(gateway, ehr, first), ahead=late)
    for moment in moments(steps):
        id, _ = in_child(place, lambda gateway: launch(gateway, ehr))
        act: Act = lambda gateway, id=id: renew(gateway, ehr, id)  # type: ignore[misc]  # noqa: E731
        kill_each(place, name, act, tally, ahead=late, id=id, moments=[moment])


def warm(place: Place) -> None:
    """Registers the EHRs and launches once in this process, so that no child loads again what they all need."""
    gateway = Gateway(database=_open(place, time.time), keyring=place.keyring, steps=Steps())

    async def once() -> None:
        for name in KINDS:
            ehr = place.ehr(name)
            await gateway.run(lambda c, now, ehr=ehr: save_ehr(c, now, ehr=ehr, cipher=place.keyring.cipher))  # type: ignore[misc]
        await launch(gateway, place.ehr("keeping"))
        await gateway.reach.aclose()

    asyncio.run(once())
    gateway.database.close()
    assert threading.active_count() == 1
    gc.freeze()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--at", choices=("steps", "random"), default="steps")
    parser.add_argument("--kills", type=int, default=20, help="of each story, at random instants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help=f"append the line to {RESULTS.relative_to(ROOT)}")
    given = parser.parse_args()
    chance, tally, began = random.Random(given.seed), Tally(), time.monotonic()
    instants = [chance.uniform(0.0, 0.15) for _ in range(given.kills)]
    moments: Callable[[int], Any] = (lambda n: range(1, n + 1)) if given.at == "steps" else (lambda n: instants)
    with tempfile.TemporaryDirectory(prefix="cg-") as folder, launch_ehr.running(**KINDS) as origin:
        place = Place(directory=Path(folder), keyring=open_keyring(Path(folder)), origin=origin)
        warm(place)
        for name, rotating in KINDS.items():
            story(place, name, tally, moments, renewals_only=rotating and given.at == "steps")
    line = {
        "campaign": "SIGKILL of a launch", "at": given.at, "kills": tally.kills, "launches_to_repeat": tally.ended,
        "problems": tally.problems, "seed": given.seed, "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
    print(json.dumps(line))
    if given.keep:
        with RESULTS.open("a") as file:
            file.write(json.dumps(line) + "\n")
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
