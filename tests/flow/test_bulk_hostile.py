"""Bulk exports that others would like to have, that have ended, or that were cut short; and what was deleted since."""

import asyncio
import time
from typing import Any

import httpx2
import pytest

from gateway.exports import export_jobs, export_runs, exporting
from gateway.face.serving import rules_of
from r4.interaction import Interaction
from sandbox import store
from tests.flow.bulk_world import World, drive, observation
from vocabulary.instant import format_instant


def write(world: World, *interactions: Interaction) -> None:
    """Done in the store itself, in one work each."""
    for interaction in interactions:
        answer = world.ehr.database.run_now(lambda c, now, i=interaction: store.perform(c, now, i, rules_of(world.ehr)))
        assert answer.status < 300


def delete(id: str) -> Interaction:
    return Interaction(action="delete", type="Observation", id=id)


def count(world: World, table: str) -> Any:
    return world.ehr.database.run_now(lambda c, now: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar())


async def deleted(world: World, place: str) -> list[str] | None:
    manifest = await world.ended(await world.begin(place))
    if "deleted" not in manifest:
        return None
    found = []
    for part in manifest["deleted"]:
        assert part["type"] == "Bundle"
        answer = await world.send("GET", part["url"])
        assert answer.headers["content-type"] == "application/fhir+ndjson"
        for bundle in await world.lines(part["url"]):
            assert bundle["type"] == "transaction"
            assert {entry["request"]["method"] for entry in bundle["entry"]} == {"DELETE"}
            found += [entry["request"]["url"] for entry in bundle["entry"]]
    return sorted(found)


@pytest.mark.parametrize(("place", "gone"), [
    ("$export?_since=2001-01-01T00:00:00Z", ["Observation/l1", "Observation/l4"]),
    ("Patient/$export?_since=2001-01-01T00:00:00Z", ["Observation/l1", "Observation/l4"]),
    ("Group/g/$export?_since=2001-01-01T00:00:00Z", ["Observation/l1"]),
    ("Group/g/$export?_since=2001-01-01T00:00:00Z&_type=Patient", []), ("$export?_since=2999-01-01T00:00:00Z", []),
    ("$export", None),
])  # fmt: skip
def test_what_was_deleted_since_is_told_as_far_as_it_was_exported(place: str, gone: list[str] | None) -> None:
    async def act(world: World) -> None:
        back = Interaction(action="update", type="Observation", id="v1", body=observation("v1", "p1", "vital-signs"))
        write(world, delete("l1"), delete("l4"), delete("v1"), back)
        assert await deleted(world, place) == gone

    drive(act)


def test_a_narrower_token_of_the_same_client_gets_no_wider_file() -> None:
    async def act(world: World) -> None:
        wide = await world.ended(await world.begin("Group/g/$export?_type=Observation,Patient"))
        urls = {part["type"]: part["url"] for part in wide["output"]}
        assert (await world.send("GET", urls["Observation"], "vitals")).status_code == 403
        assert (await world.send("GET", urls["Patient"], "vitals")).status_code == 200
        assert (await world.send("GET", urls["Observation"], "again")).status_code == 200
        narrow = await world.ended(await world.begin("Group/g/$export?_type=Observation", "vitals"), "vitals")
        assert (await world.send("GET", narrow["output"][0]["url"], "again")).status_code == 200

    drive(act)


def test_a_users_token_of_the_same_client_neither_asks_nor_cancels() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        await world.ended(where)
        for method in ("GET", "DELETE"):
            for who in ("user", "patient"):
                assert (await world.send(method, where, who)).status_code == 403
        assert (await world.send("GET", where)).status_code == 200

    drive(act)


def test_files_need_a_token_that_lives() -> None:
    async def act(world: World) -> None:
        url = (await world.ended(await world.begin("Group/g/$export")))["output"][0]["url"]
        assert (await world.send("GET", url)).status_code == 200
        world.ehr.database.run_now(lambda c, now: c.exec_driver_sql("UPDATE auth_access_tokens SET expires = 1"))
        assert (await world.send("GET", url)).status_code == 401

    drive(act)


def test_an_export_expires_after_an_hour_and_its_files_are_removed() -> None:
    async def act(world: World) -> None:
        where = await world.begin("$export")
        url = (await world.ended(where))["output"][0]["url"]
        for seconds in (export_jobs.LIFE - 60, 120):
            assert (await world.send("GET", where)).status_code == 200
            world.ehr.database.run_now(
                lambda c, now, s=seconds: c.exec_driver_sql(f"UPDATE fhir_export_jobs SET expires = expires - {s}")
            )
        assert [(await world.send("GET", place)).status_code for place in (where, url)] == [404, 404]
        assert count(world, "fhir_export_files") == export_jobs.SWEPT  # so that there is a second look
        await export_runs.clear(world.ehr.database)
        assert (count(world, "fhir_export_jobs"), count(world, "fhir_export_files")) == (0, 0)

    drive(act)


def test_what_is_cancelled_leaves_no_files_and_its_addresses_are_gone() -> None:
    async def act(world: World) -> None:
        kept = await world.begin("$export?_type=Patient")
        await world.ended(kept)
        where = await world.begin("$export")
        url = (await world.ended(where))["output"][0]["url"]
        assert (await world.send("DELETE", where)).status_code == 202
        assert [(await world.send("GET", place)).status_code for place in (where, url)] == [404, 404]
        assert (await world.send("DELETE", where)).status_code == 404
        await export_runs.clear(world.ehr.database)
        assert (count(world, "fhir_export_jobs"), count(world, "fhir_export_files")) == (1, 1)

    drive(act)


def test_an_export_that_nobody_works_at_any_more_has_failed_and_says_so() -> None:
    async def act(world: World) -> None:
        async with export_runs.clearing([world.ehr]):
            where = await world.begin("$export")
            assert (await world.send("GET", where)).status_code == 202
        answer = await world.send("GET", where)
        assert (answer.status_code, answer.json()["resourceType"]) == (500, "OperationOutcome")

    drive(act)


def test_files_stay_small_however_large_the_records_are() -> None:
    async def act(world: World) -> None:
        for n in range(8):
            body = {**observation(f"big{n}", "p1", "laboratory"), "note": [{"text": "x" * 200_000}]}
            write(world, Interaction(action="update", type="Observation", id=f"big{n}", body=body))
        parts = (await world.ended(await world.begin("$export?_type=Observation")))["output"]
        sizes = [len((await world.send("GET", part["url"])).content) for part in parts]
        assert len(parts) > 2
        assert max(sizes) < exporting.SIZE + 250_000
        assert sum(part["count"] for part in parts) == 16

    drive(act)


def test_refusals_and_cancelling_are_recorded() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        await world.ended(where)
        await world.send("GET", where, "other")
        await world.send("GET", "$export", "nobody", headers={"prefer": "respond-async"})
        await world.send("DELETE", where)
        await asyncio.to_thread(world.ehr.audit.close)
        rows = world.ehr.database.run_now(
            lambda c, now: c.exec_driver_sql("SELECT what, status, client FROM audit_events").all()
        )
        for row in (("operation", 404, "two"), ("operation", 401, None), ("operation", 202, "one")):
            assert row in rows

    drive(act)


def test_what_was_deleted_in_hapi_is_told_too(hapi_seeded: str) -> None:
    async def act(world: World) -> None:
        patient = sorted((await world.exported("Group/ward/$export?_type=Patient"))["Patient"])[0]
        since = format_instant(time.time() - 1)
        async with httpx2.AsyncClient(base_url=f"{hapi_seeded}/", timeout=60) as http:
            for id in ("bulk-gone", "bulk-stays"):
                body = {**observation(id, "p1", "laboratory"), "subject": {"reference": f"Patient/{patient}"}}
                body.pop("performer")
                assert (await http.put(f"Observation/{id}", json=body)).status_code in (200, 201)
            assert (await http.delete("Observation/bulk-gone")).status_code == 200
            place = f"Group/ward/$export?_since={since}&_type=Observation"
            assert await deleted(world, place) == ["Observation/bulk-gone"]
            assert (await world.exported(place))["Observation"] == {"bulk-stays"}
            assert (await http.delete("Observation/bulk-stays")).status_code == 200

    drive(act, hapi_seeded)
