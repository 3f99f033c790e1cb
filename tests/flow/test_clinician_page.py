"""The page of a launch: whom it shows, to whom it gives a button, who may frame it, and how it ends."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import save_launch
from auth.client.tables import launches
from auth.client.tokens import LaunchContext, Tokens
from gateway.launches import banner
from gateway.people import sessions
from tests.flow.delivery_world import KEYS, ChartEhr, World, drive
from writeback.rules import WriteRules

ISSUER = "https://ehr.example/r4"
PATIENT = {
    "resourceType": "Patient", "id": "p1", "meta": {"versionId": "7"}, "birthDate": "1950-02-03", "gender": "female",
    "name": [{"use": "nickname", "text": "Nan"}, {"use": "official", "given": ["Ada"], "family": "<b>Lovelace</b>"}],
    "identifier": [{"value": "no"}, {"type": {"coding": [{"code": "MR"}]}, "value": "M-17"}],
}  # fmt: skip


async def launched(world: World, *, fhir_user: str | None = "Practitioner/d1", **context: Any) -> dict[str, str]:
    """A launch with its patient read, and a browser in its session."""
    made, cipher = LaunchContext(patient="p1", **context), KEYS.cipher
    ehr = RegisteredEhr(name="spec", issuer=ISSUER, client_id="c", frames=("https://portal.example",))
    tokens = Tokens(access="a", expires=time.time() + 300, scopes="patient/*.cruds")
    shown = banner.describe(PATIENT, now=time.time())

    def work(connection: Any, now: float) -> None:
        save_ehr(connection, now, ehr=ehr, cipher=cipher)
        save_launch(
            connection, now, id="l1", ehr="spec", tokens=tokens, context=made, fhir_user=fhir_user, cipher=cipher
        )
        banner.save_banner(connection, now, launch="l1", ehr="spec", banner=shown, cipher=cipher)

    await world.gateway.run(work)
    return await world.clinician(fhir_user=fhir_user)


async def page(world: World, headers: dict[str, str], path: str = "/app?launch=l1") -> str:
    answer = await world.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("needed", [True, False])
def test_the_patient_is_named_when_the_ehr_does_not_do_it_and_only_then(needed: bool, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        text = await page(world, await launched(world, need_patient_banner=needed))
        for part in ("Ada &lt;b&gt;Lovelace&lt;/b&gt;", "1950-02-03", "female", "M-17"):
            assert (part in text) is needed
        assert "Patient/p1" in text

    drive(act, tmp_path)


def test_who_the_patient_is_lies_sealed_in_the_database(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await launched(world)
        found = await world.gateway.run(lambda c, now: c.exec_driver_sql("SELECT body FROM gateway_banners").all())
        assert len(found) == 1
        assert b"Lovelace" not in found[0][0]

    drive(act, tmp_path)


@pytest.mark.parametrize(
    ("fhir_user", "buttons"), [("Practitioner/d1", 1), ("PractitionerRole/r1", 1), ("Patient/p1", 0), (None, 0)]
)
def test_no_identity_no_button(fhir_user: str | None, buttons: int, tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        text = await page(world, await launched(world, fhir_user=fhir_user))
        assert text.count("Confirm and write to the chart") == buttons
        assert ("without a validated identity" in text) is (fhir_user is None)

    drive(act, tmp_path, policy="confirm")


def test_the_ehrs_own_pages_and_declared_ones_may_frame_it_and_nobody_else(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person = await launched(world)
        allowed = "frame-ancestors https://ehr.example:443 https://portal.example:443"
        for path in ("/app?launch=l1", "/app/pause?launch=l1", "/app/ended", "/app/models/echo/1.0.0?launch=l1"):
            answer = await world.client.get(path, headers=person)
            assert answer.headers["content-security-policy"].endswith(allowed), path
        unsigned = await world.client.get("/app")
        assert (unsigned.status_code, "patient" in unsigned.text.lower()) == (401, False)
        assert unsigned.headers["content-security-policy"].endswith(allowed)
        staff = await world.client.get("/", headers=await world.staff())
        assert staff.headers["content-security-policy"].endswith("frame-ancestors 'none'")

    drive(act, tmp_path)


def test_a_screen_that_is_left_alone_hides_the_patient_then_signs_out(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person = await launched(world)
        text = await page(world, person)
        found = re.search(r'http-equiv="refresh" content="(\d+);url=/app/pause\?launch=l1"', text)
        assert found is not None
        assert 0 < int(found[1]) <= sessions.IDLE - 120
        paused = await page(world, person, "/app/pause?launch=l1")
        assert "Lovelace" not in paused
        assert 'href="/app?launch=l1"' in paused
        await world.gateway.run(lambda c, now: c.execute(sessions.sessions.update().values(expires=now - 1)))
        assert (await world.client.get("/app?launch=l1", headers=person)).status_code == 401
        gone = await world.client.get("/app/pause?launch=l1", headers=person)
        assert (gone.status_code, gone.headers["location"]) == (303, "/app/ended")

    drive(act, tmp_path)


def test_a_look_keeps_the_session_alive_but_not_beyond_a_shift(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person = await launched(world)

        async def ends() -> float:
            return float(await world.gateway.run(lambda c, now: c.scalar(sessions.sessions.select().with_only_columns(
                sessions.sessions.c.expires).where(sessions.sessions.c.launch == "l1"))))  # fmt: skip

        await world.gateway.run(lambda c, now: c.execute(sessions.sessions.update().values(expires=now + 10)))
        await page(world, person)
        assert await ends() - time.time() > sessions.IDLE - 5
        await world.gateway.run(lambda c, now: c.execute(launches.update().values(since=now - sessions.LIFETIME + 60)))
        await world.gateway.run(lambda c, now: c.execute(sessions.sessions.update().values(expires=now + 10)))
        await page(world, person)
        assert 50 < await ends() - time.time() < 61

    drive(act, tmp_path)


def test_a_page_looks_again_while_something_moves_but_never_under_a_form(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        person, key = await launched(world), await world.key("outputs.write")
        id = (await world.submit(key))["id"]
        assert "/app/pause" in await page(world, person)
        answer = await world.client.post(f"/app/outputs/{id}/confirm", data={"reason": "Read."}, headers=person)
        assert answer.headers["location"] == f"/app?launch=l1&done=confirmed#o{id}"
        text = await page(world, person, answer.headers["location"].partition("#")[0])
        assert 'content="3;url=/app?launch=l1&amp;done=confirmed"' in text
        assert "It is being written to the chart" in text
        await world.settle()
        text = await page(world, person)
        assert "It stands in the chart." in text
        assert "RiskAssessment/" in text
        assert "/app/pause" in text
        assert "nothing" in await page(world, person, "/app?launch=l1&done=nothing")

    drive(act, tmp_path, policy="confirm")


def test_an_encounter_that_an_ehr_wants_and_the_launch_lacks_is_said(tmp_path: Path) -> None:
    rules = WriteRules(creates=frozenset({"Observation"}), encounters={"Observation": "open"})

    async def act(world: World) -> None:
        text = await page(world, await launched(world))
        assert "takes Observation only with an encounter" in text

    drive(act, tmp_path, ehr=ChartEhr(rules=rules))
    drive(lambda world: _with(world), tmp_path, ehr=ChartEhr(rules=rules))


async def _with(world: World) -> None:
    text = await page(world, await launched(world, encounter="e1"))
    assert "Encounter/e1" in text
    assert "only with an encounter" not in text
