"""(n) Delivery to a real HAPI server on PostgreSQL against a bare load generator, in one run and in turns: the generator POSTs
the like of what the gateway has delivered, on as many connections, singly and in as large batches.

The like, and not the same: HAPI keeps tags as rows of their own, and what carries tags that it has already costs it a sixth less
than what carries new ones, as everything does that the gateway delivers. All three share the machine's processors, so that a
figure says how they were used besides: what the generator reaches when it reads by id what it has POSTed is the most that
anybody can.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sqlite3
import tempfile
import time
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import delivery
from benchmarks.intake import MODEL
from benchmarks.measuring import figure, middle
from benchmarks.servers import hapi_on_postgres
from benchmarks.wire import Sent, Wire
from gateway.vendors.hapi import HAPI
from vocabulary import manifest as manifests
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.labels import Names
from writeback.settings import PACE
from writeback.terms import Terms

OUTPUTS, ROUNDS = int(os.environ.get("CHARTGATE_BENCH_HAPI_OUTPUTS", "1000")), 3
"""Outputs of a round, each a RiskAssessment and its Provenance; a generator sends as many resources. The last of them trickle."""
BUNDLE, CONNECTIONS = 50, PACE.in_flight
KNOWN = {"first_put": HAPI.write.first_put, "search_reads": HAPI.write.search_reads, "at_once": HAPI.write.at_once}
NAMED = (
    ("single", Terms(read_back=0.0, **KNOWN), "POST", 0.95),
    ("single with read-back", Terms(**KNOWN), "POST", 0.75),
    ("in batches", Terms(batch=True, read_back=0.0, **KNOWN), "batches", 0.95),
    ("in batches with read-back", Terms(batch=True, **KNOWN), "batches", 0.75),
)
CEILINGS = (("POST and read", "POST"), ("batches and reads", "batches"))
"""What the generator reaches when it reads as well what it wrote, against what it reaches when it does not."""
BUSY = 0.10
"""Of one core."""
KEPT = frozenset({200, 201})
MANIFEST = manifests.parse(tomllib.loads(MODEL, parse_float=Decimal))
Bodies = list[tuple[str, bytes]]
Rates = dict[str, list[float]]


def figures() -> list[dict[str, Any]]:
    """Resources a second against those of the generator, and how busy either was."""
    with (
        tempfile.TemporaryDirectory(prefix="chartgate-bench-") as place,
        hapi_on_postgres(Path(place) / "hapi") as base,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # as every process that serves has
    ):
        rates, busy = runner.run(_all(Path(place), base))
    found = []
    for name, _, raw, least in NAMED:
        ratio = _against(rates, name, raw)
        to, bar = f"raw {raw} at {middle(rates[raw]):.1f}/s", f"≥ {least:.2f} times"
        found.append(
            figure(
                f"n delivered to HAPI {name}", middle(rates[name]), "/s", ratio_to=to, ratio=ratio, bar=bar, holds=ratio >= least
            )
        )  # fmt: skip
        share = middle(busy[name])
        found.append(
            figure(f"n the gateway meanwhile, {name}", share * 100, "% of a core", bar="≤ 10 %", holds=share <= BUSY)
        )
    for name, raw in CEILINGS:
        value, ratio = middle(rates[name]), _against(rates, name, raw)
        found.append(figure(f"n raw {name} to HAPI", value, "/s", ratio_to=f"raw {raw}", ratio=ratio))
    for name in RAW:
        found.append(figure(f"n the generator meanwhile, raw {name}", middle(busy[name]) * 100, "% of a core"))
    return found


def _against(rates: Rates, name: str, other: str) -> float:
    return middle([one / raw for one, raw in zip(rates[name], rates[other], strict=True)])


async def _all(place: Path, base: str) -> tuple[Rates, Rates]:
    """Rates, and the sender's shares of a core, by name, a value a round; the first round warms HAPI and counts for nothing."""
    async with Wire(base) as wire:
        said = await wire.send(Sent("GET", "metadata"), frozenset({200}))
        await wire.send(Sent("POST", "", _patients()), KEPT)
    offered = parse_capabilities(json.loads(said))
    rates: Rates = {}
    busy: Rates = {}
    for number in range(ROUNDS + 1):
        taken = {}
        for name, terms, _, _ in NAMED:
            work = _work(place, base, name, offered, number)
            cpu, clock = await delivery.deliver(work, MANIFEST, terms)
            taken[name] = 2 * OUTPUTS / clock, cpu / clock
        async with Wire(base) as wire:
            bodies = await _delivered(wire, work.place)
        for name, way in RAW.items():
            renewed, cpu = _renewed(bodies), time.process_time()
            clock = await way(base, renewed)
            taken[name] = len(bodies) / clock, (time.process_time() - cpu) / clock
        for name, (rate, share) in taken.items() if number else ():
            rates.setdefault(name, []).append(rate)
            busy.setdefault(name, []).append(share)
    return rates, busy


def _work(place: Path, base: str, name: str, offered: Capabilities, number: int) -> delivery.Work:
    return delivery.Work(
        place=place / f"{name}.db", base=base, names=Names(ehr="bench", namespace=f"urn:bench:{name.replace(' ', '-')}"),
        pace=PACE, capabilities=offered, outputs=OUTPUTS, first=number * OUTPUTS, patients=OUTPUTS, rules=HAPI.write,
    )  # fmt: skip


async def _delivered(wire: Wire, place: Path) -> Bodies:
    """What HAPI kept of a round: by type, the resource without what the server adds."""
    with contextlib.closing(sqlite3.connect(place)) as connection:
        kept = connection.execute(
            "SELECT location FROM deliveries WHERE output IS NOT NULL AND location IS NOT NULL ORDER BY id DESC LIMIT ?",
            (2 * OUTPUTS,),
        )
        paths = ["/".join(location.split("/_history")[0].split("/")[-2:]) for (location,) in kept]
    if len(paths) != 2 * OUTPUTS:
        raise AssertionError(f"{len(paths)} of {2 * OUTPUTS} resources were delivered")
    found = []
    for path in paths:
        resource = json.loads(await wire.send(Sent("GET", path), KEPT))
        resource.pop("id")
        for name in ("versionId", "lastUpdated", "source"):
            resource["meta"].pop(name, None)
        found.append((path.partition("/")[0], json.dumps(resource).encode()))
    return found


def _renewed(bodies: Bodies) -> Bodies:
    """The like of them, under names of their own."""
    return [(type, json.dumps(_named(json.loads(body))).encode()) for type, body in bodies]


def _named(resource: dict[str, Any]) -> dict[str, Any]:
    for tag in resource["meta"].get("tag", ()):
        tag["code"] = secrets.token_hex(len(tag["code"]) // 2 + 1)
    for identifier in resource.get("identifier", ()):
        identifier["value"] = secrets.token_hex(len(identifier["value"]) // 2 + 1)
    return resource


async def _post(base: str, bodies: Bodies) -> float:
    """Bare POSTs."""
    return await _send(base, [Sent("POST", type, body) for type, body in bodies], CONNECTIONS)


async def _post_and_read(base: str, bodies: Bodies) -> float:
    """Each POST, and then what it made."""

    def reading(posted: Sent, answer: bytes) -> Sent:
        return Sent("GET", f"{posted.path}/{json.loads(answer)['id']}")

    return await _send(base, [Sent("POST", type, body) for type, body in bodies], CONNECTIONS, reading)


async def _batches(base: str, bodies: Bodies) -> float:
    """The same in batches of ``BUNDLE`` bare POSTs."""
    return await _send(base, _bundles(bodies), PACE.bundles)


async def _batches_and_reads(base: str, bodies: Bodies) -> float:
    """Each batch of POSTs, and then a batch of reads of what it made."""

    def reading(posted: Sent, answer: bytes) -> Sent:
        places = [entry["response"]["location"].split("/_history")[0] for entry in json.loads(answer)["entry"]]
        return _bundle([{"request": {"method": "GET", "url": place}} for place in places])

    return await _send(base, _bundles(bodies), PACE.bundles, reading)


RAW = {
    "POST": _post,
    "batches": _batches,
    "POST and read": _post_and_read,
    "batches and reads": _batches_and_reads,
}
"""What the generator does, and in how many seconds."""


def _bundles(bodies: Bodies) -> list[Sent]:
    entries = [
        {"resource": json.loads(body), "request": {"method": "POST", "url": type}} for type, body in bodies
    ]  # fmt: skip
    return [_bundle(entries[at : at + BUNDLE]) for at in range(0, len(entries), BUNDLE)]


def _bundle(entries: list[dict[str, Any]]) -> Sent:
    return Sent("POST", "", json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode())


async def _send(
    base: str, requests: list[Sent], clients: int, then: Callable[[Sent, bytes], Sent] | None = None
) -> float:  # fmt: skip
    """Seconds until all is sent and answered, and after each what its answer asks for."""
    waiting = iter(requests)

    async def client() -> None:
        async with Wire(base) as wire:
            for sent in waiting:
                answer = await wire.send(sent, KEPT)
                if then is not None:
                    await wire.send(then(sent, answer), KEPT)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - began


def _patients() -> bytes:
    entries = [
        {"resource": {"resourceType": "Patient", "id": f"p{number}"}, "request": {"method": "PUT", "url": f"Patient/p{number}"}}
        for number in range(OUTPUTS)
    ]  # fmt: skip
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
