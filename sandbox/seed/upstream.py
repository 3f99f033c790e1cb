"""Edge: loads the seed into any FHIR R4 server over HTTP. Running it again changes nothing and doubles nobody.

Everything is a PUT to the id that the resource has here, in transactions of at most 50, two at a time, in waves: a wave
refers only to itself and to waves before it, so servers that insist on existing references take it. The last thing
written is a marker, ``Basic/chartgate-seed``; who finds it has nothing to load but, after some hours, a newer ward day.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2

from r4 import codec
from sandbox.seed import load
from sandbox.seed.load import Packed
from sandbox.seed.messy import CLEAN, Messiness, degrade
from sandbox.seed.ward import HOUR, ward, ward_day

BUNDLE = 50
AT_ONCE = 2
ATTEMPTS = 5
TIMEOUT = 120.0
FRESH = 4 * HOUR
"""A ward day this old is still good: scores look back further than that."""

WAVES = (
    frozenset({"Organization", "Practitioner"}),
    frozenset({"Location", "Patient"}),
    frozenset({"PractitionerRole", "Encounter"}),
    frozenset(
        {"Condition", "AllergyIntolerance", "Observation", "Immunization", "DocumentReference", "ImagingStudy", "Group"}
    ),
    frozenset({"Procedure", "MedicationRequest", "CareTeam", "DiagnosticReport"}),
    frozenset({"CarePlan"}),
)

MARKER = "Basic/chartgate-seed"
PACK_SYSTEM, WARD_SYSTEM, MESSY_SYSTEM = "urn:chartgate:seed", "urn:chartgate:ward", "urn:chartgate:messy"
FHIR = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}

Progress = Callable[[str], None]


class SeedError(RuntimeError):
    """The server did not take the seed; the text says what it answered to what, by status, type and count alone."""


async def seed(
    base: str, *, anchor: float, progress: Progress, client: httpx2.AsyncClient | None = None,
    messiness: Messiness = CLEAN,
) -> int:  # fmt: skip
    """Loads what is missing into the FHIR server at ``base``; the number of resources sent.

    ``anchor`` is the end of the ward day, Unix seconds; ``messiness`` what a live feed makes of it all.
    Raises SeedError, and httpx2.HTTPError when there is no answer.
    """
    if client is not None:
        return await _seed(client, base.rstrip("/"), anchor, progress, messiness)
    async with httpx2.AsyncClient(timeout=TIMEOUT, trust_env=False) as own:
        return await _seed(own, base.rstrip("/"), anchor, progress, messiness)


async def _seed(
    client: httpx2.AsyncClient, base: str, anchor: float, progress: Progress, messiness: Messiness
) -> int:  # fmt: skip
    digest = hashlib.sha256(load.PACK.read_bytes()).hexdigest()
    found = await _marker(client, base)
    _require_same(found, messiness)
    missing: list[list[Packed]] = []
    if found.get(PACK_SYSTEM) != digest:
        missing += _waves(_charts(messiness, anchor))
    if found.get(PACK_SYSTEM) != digest or not _fresh(found.get(WARD_SYSTEM, ""), anchor):
        missing += _waves(_pack([*degrade(ward_day(anchor), messiness, arrived=anchor), ward()]))
        found[WARD_SYSTEM] = str(int(anchor))
    if not missing:
        return 0
    total, done = sum(map(len, missing)), 0

    def taken(count: int) -> None:
        nonlocal done
        done += count
        progress(f"Loading synthetic charts: {done} of {total}")

    for wave in missing:
        await _send_wave(client, base, wave, taken=taken)
    said = {MESSY_SYSTEM: _said(messiness)} if messiness.rate else {}
    await _send_marker(client, base, {PACK_SYSTEM: digest, WARD_SYSTEM: found[WARD_SYSTEM], **said})
    return total


def _require_same(found: dict[str, str], messiness: Messiness) -> None:
    """What a feed doubled would stay beside a clean seed. Raises SeedError."""
    if PACK_SYSTEM in found and found.get(MESSY_SYSTEM, _said(CLEAN)) != _said(messiness):
        raise SeedError("it holds these charts already, with another --messy: take an empty server, or the same rate")


def _said(messiness: Messiness) -> str:
    return f"{messiness.rate} {messiness.draw}" if messiness.rate else "0"


def _charts(messiness: Messiness, anchor: float) -> Iterable[Packed]:
    if not messiness.rate:
        return load.packed()
    return _pack(degrade(load.resources(), messiness, arrived=anchor))


def _fresh(ward: str, anchor: float) -> bool:
    return ward.isdecimal() and 0 <= anchor - int(ward) < FRESH


def _pack(resources: Iterable[dict[str, Any]]) -> Iterator[Packed]:
    for resource in resources:
        yield Packed(resource["resourceType"], resource["id"], codec.format(resource))


def _waves(packed: Iterable[Packed]) -> list[list[Packed]]:
    waves: list[list[Packed]] = [[] for _ in WAVES]
    for item in packed:
        waves[next(number for number, types in enumerate(WAVES) if item.type in types)].append(item)
    return [wave for wave in waves if wave]


async def _send_wave(
    client: httpx2.AsyncClient, base: str, wave: list[Packed], *, taken: Callable[[int], None]
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(bundle: list[Packed]) -> None:
        async with gate:
            await _post(client, base, bundle)
        taken(len(bundle))

    bundles = [wave[start : start + BUNDLE] for start in range(0, len(wave), BUNDLE)]
    try:
        async with asyncio.TaskGroup() as group:
            for bundle in bundles:
                group.create_task(send(bundle))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # one refused transaction is enough to know


async def _post(client: httpx2.AsyncClient, base: str, bundle: list[Packed]) -> None:
    """One transaction. Two that touch the same index row may conflict (409), and a busy server may ask to wait: the
    same transaction is then sent again, which is safe because it is all PUT."""
    content = b'{"resourceType":"Bundle","type":"transaction","entry":[' + b",".join(_entries(base, bundle)) + b"]}"
    for attempt in range(ATTEMPTS):
        answer = await client.post(base, content=content, headers={**FHIR, "Prefer": "return=minimal"})
        if answer.is_success:
            return
        if answer.status_code not in (409, 429, 502, 503):
            break
        await asyncio.sleep(0.2 * 2**attempt)
    types = ", ".join(sorted({item.type for item in bundle}))
    raise SeedError(f"the server answered {answer.status_code} to a transaction of {len(bundle)} resources ({types})")


def _entries(base: str, bundle: list[Packed]) -> Iterator[bytes]:
    for item in bundle:
        name = f"{item.type}/{item.id}"
        yield b'{"fullUrl":"%b","resource":%b,"request":{"method":"PUT","url":"%b"}}' % (
            f"{base}/{name}".encode(),
            item.body,
            name.encode(),
        )


async def _marker(client: httpx2.AsyncClient, base: str) -> dict[str, str]:
    answer = await client.get(f"{base}/{MARKER}", headers=FHIR)
    if answer.status_code in (404, 410):
        return {}
    if not answer.is_success:
        raise SeedError(f"the server answered {answer.status_code} when asked for {MARKER}")
    return {item["system"]: item["value"] for item in codec.parse(answer.content).get("identifier", ())}


async def _send_marker(client: httpx2.AsyncClient, base: str, values: dict[str, str]) -> None:
    kind, id = MARKER.split("/")
    marker = {
        "resourceType": kind,
        "id": id,
        "identifier": [{"system": system, "value": value} for system, value in values.items()],
        "code": {"text": "Synthetic charts of the Chartgate sandbox"},
    }
    answer = await client.put(f"{base}/{MARKER}", content=codec.format(marker), headers=FHIR)
    if not answer.is_success:
        raise SeedError(f"the server answered {answer.status_code} to {MARKER}")
