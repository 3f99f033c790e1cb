"""A full disk and a failing one: writes are answered 507 or 500 with an outcome and nothing of them is kept, reads go on,
and writes are taken again once the disk takes them."""

import asyncio
import resource
from pathlib import Path
from typing import Any

import httpx2

from gateway import ehr_face
from tests.crash.store_writer import SYSTEM, TOKEN, observation, opened

LARGE = "x" * 200_000


async def story(place: Path) -> dict[str, Any]:
    """Writes until the disk is full, then reads and tries again, makes room, and writes again."""
    ballast = place / "ballast"
    ballast.write_bytes(b"x" * 2_000_000)
    ehr = opened(str(place / "ehr.db"))
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = httpx2.ASGITransport(ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport, headers=headers, base_url=f"{ehr.fhir}/") as http:

        async def create(mark: str) -> httpx2.Response:
            body = observation(mark, note=[{"text": LARGE}])
            return await http.post("Observation", json=body)

        async def count(mark: str) -> int:
            bundle = (await http.get(f"Observation?identifier={SYSTEM}%7C{mark}")).json()
            return len(bundle.get("entry", ()))

        kept = []
        for number in range(200):
            answer = await create(f"a{number}")
            if answer.status_code != 201:
                break
            kept.append(f"a{number}")
        first = answer
        reads = [(await http.get("Patient/p1")).status_code, *[await count(mark) for mark in kept]]
        half = await count(f"a{len(kept)}")
        ballast.unlink()
        again = await create("after")
        found = {
            "first": first, "kept": len(kept), "reads": reads, "half": half, "again": again.status_code,
            "after": await count("after"),
        }  # fmt: skip
    ehr.audit.close()
    ehr.database.close()
    return found


def test_a_full_disk_is_507_reads_go_on_and_it_recovers(small_disk: Path) -> None:
    found = asyncio.run(story(small_disk))
    outcome = found["first"].json()
    assert (found["first"].status_code, outcome["issue"][0]["code"]) == (507, "no-store")
    assert "INSERT" not in found["first"].text
    assert found["kept"] > 3
    assert found["reads"] == [200, *[1] * found["kept"]]
    assert (found["half"], found["again"], found["after"]) == (0, 201, 1)


async def failing(place: Path) -> dict[str, Any]:
    """Writes while the system lets no file grow beyond a few pages: SQLite is told EFBIG, which is an I/O error to it."""
    ehr = opened(str(place / "ehr.db"))
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = httpx2.ASGITransport(ehr_face.application([ehr]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with httpx2.AsyncClient(transport=transport, headers=headers, base_url=f"{ehr.fhir}/") as http:
        large, small = observation("large", note=[{"text": LARGE}]), observation("small")
        entries = [{"resource": each, "request": {"method": "POST", "url": "Observation"}} for each in (small, large)]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        resource.setrlimit(resource.RLIMIT_FSIZE, ((place / "ehr.db-wal").stat().st_size + 100_000, hard))
        try:
            refused = [await http.post("Observation", json=large), await http.post("", json=bundle)]
            reads = [(await http.get("Patient/p1")).status_code]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        found = (await http.get("Observation?_total=accurate")).json()["total"]
        again = (await http.post("", json=bundle)).status_code
        after = (await http.get("Observation?_total=accurate")).json()["total"]
    ehr.audit.close()
    ehr.database.close()
    return {"refused": refused, "reads": reads, "half": found, "again": again, "after": after}


def test_a_failing_disk_is_500_with_an_outcome_reads_go_on_and_it_recovers(tmp_path: Path) -> None:
    found = asyncio.run(failing(tmp_path))
    told = [(answer.status_code, answer.json()["issue"][0]["code"]) for answer in found["refused"]]
    assert told == [(500, "no-store"), (500, "no-store")]
    assert (found["reads"], found["half"], found["again"], found["after"]) == ([200], 0, 200, 2)
