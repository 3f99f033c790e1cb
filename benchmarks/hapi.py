"""(n) Delivery to a real HAPI server on PostgreSQL against a bare load generator, in one run and in turns: the generator POSTs
again what the gateway has delivered, on as many connections, singly and in as large batches."""

import asyncio
import contextlib
import json
import sqlite3
import tempfile
import time
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks import delivery
from benchmarks.intake import MODEL
from benchmarks.measuring import figure, middle
from benchmarks.servers import hapi_on_postgres
from benchmarks.wire import Sent, Wire
from gateway.vendors.hapi import HAPI
from vocabulary import manifest as manifests
from writeback.capabilities import parse_capabilities
from writeback.labels import Names
from writeback.settings import PACE
from writeback.terms import Terms

OUTPUTS, ROUNDS = 600, 3
"""Outputs of a round, each a RiskAssessment and its Provenance; a generator sends as many resources."""
BUNDLE, CONNECTIONS = 50, PACE.in_flight
NAMED = (
    ("single", Terms(read_back=0.0), 0.95),
    ("single with read-back", Terms(), 0.75),
    ("in batches", Terms(batch=True, read_back=0.0), 0.95),
    ("in batches with read-back", Terms(batch=True), 0.75),
)
BUSY = 0.10
"""Of one core."""
KEPT = frozenset({200, 201})
MANIFEST = manifests.parse(tomllib.loads(MODEL, parse_float=Decimal))


def figures() -> list[dict[str, Any]]:
    """Resources a second against those of the generator, and how busy the gateway was."""
    with (
        tempfile.TemporaryDirectory(prefix="chartgate-bench-") as place,
        hapi_on_postgres(Path(place) / "hapi") as base,
    ):
        rates, busy = asyncio.run(_all(Path(place), base))
    found = []
    for name, terms, least in NAMED:
        raw = rates["batch" if terms.batch else "post"]
        ratio = middle([one / other for one, other in zip(rates[name], raw, strict=True)])
        to = f"raw {'batches' if terms.batch else 'POST'} at {middle(raw):.1f}/s"
        found.append(
            figure(
                f"n delivered to HAPI {name}",
                middle(rates[name]),
                "/s",
                ratio_to=to,
                ratio=ratio,
                bar=f"≥ {least:.2f} times",
                holds=ratio >= least,
            )
        )
    most = max(map(middle, busy.values())) * 100
    return [
        *found,
        figure("n the gateway meanwhile, at most", most, "% of a core", bar="≤ 10 %", holds=most <= 100 * BUSY),
    ]


async def _all(place: Path, base: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Rates by name, a value a round; the first round warms HAPI and counts for nothing."""
    async with Wire(base) as wire:
        said = await wire.send(Sent("GET", "metadata"), frozenset({200}))
        await wire.send(Sent("POST", "", _patients()), KEPT)
    offered = parse_capabilities(json.loads(said))
    rates: dict[str, list[float]] = {name: [] for name in ("post", "batch", *(each[0] for each in NAMED))}
    busy: dict[str, list[float]] = {each[0]: [] for each in NAMED}
    for number in range(ROUNDS + 1):
        taken = {}
        for name, terms, _ in NAMED:
            work = delivery.Work(
                place=place / f"{name}.db",
                base=base,
                names=Names(ehr="bench", namespace=f"urn:bench:{name.replace(' ', '-')}"),
                pace=PACE,
                capabilities=offered,
                outputs=OUTPUTS,
                first=number * OUTPUTS,
                patients=OUTPUTS,
                rules=HAPI.write,
            )
            cpu, clock = await delivery.deliver(work, MANIFEST, terms)
            taken[name] = 2 * OUTPUTS / clock, cpu / clock
        async with Wire(base) as wire:
            bodies = await _delivered(wire, work.place)
        raw = {"post": await _post(base, bodies), "batch": await _batch(base, bodies)}
        for name, rate in raw.items() if number else ():
            rates[name].append(rate)
        for name, (rate, share) in taken.items() if number else ():
            rates[name].append(rate)
            busy[name].append(share)
    return rates, busy


async def _delivered(wire: Wire, place: Path) -> list[tuple[str, bytes]]:
    """What HAPI kept of a round, as it is POSTed again: by type, the resource without what the server adds."""
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


async def _post(base: str, bodies: list[tuple[str, bytes]]) -> float:
    """Bare POSTs, resources a second."""
    waiting = iter([Sent("POST", type, body) for type, body in bodies])
    return len(bodies) / await _send(base, waiting, clients=CONNECTIONS)


async def _batch(base: str, bodies: list[tuple[str, bytes]]) -> float:
    """The same in batches of ``BUNDLE`` bare POSTs, resources a second."""
    waiting = iter([_bundle(bodies[at : at + BUNDLE]) for at in range(0, len(bodies), BUNDLE)])
    return len(bodies) / await _send(base, waiting, clients=PACE.bundles)


def _bundle(bodies: list[tuple[str, bytes]]) -> Sent:
    entries = [{"resource": json.loads(body), "request": {"method": "POST", "url": type}} for type, body in bodies]
    return Sent("POST", "", json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode())


async def _send(base: str, waiting: Iterator[Sent], *, clients: int) -> float:
    """Seconds until all is sent and answered."""

    async def client() -> None:
        async with Wire(base) as wire:
            for sent in waiting:
                await wire.send(sent, KEPT)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - began


def _patients() -> bytes:
    entries = [
        {"resource": {"resourceType": "Patient", "id": f"p{number}"}, "request": {"method": "PUT", "url": f"Patient/p{number}"}}
        for number in range(OUTPUTS)
    ]  # fmt: skip
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
