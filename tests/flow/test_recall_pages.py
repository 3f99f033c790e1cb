"""``/recalls``: staff sees which versions are withdrawn and works off what only a person at an EHR can take back; and the
home page leads on to what is older."""

import html
import re
from pathlib import Path

from gateway.pages import wording
from gateway.routes import pages
from tests.contract.recall_world import begin, outputs_of
from tests.flow.delivery_world import CREATE_ONLY, ChartEhr, World, drive
from tests.flow.test_clinician_page import page
from writeback.speaking.answers import Answer


def test_what_still_stands_is_shown_with_its_reason_in_words_page_by_page(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        staff = await world.staff()
        assert "No model version was recalled" in await page(world, staff, "/recalls")
        await outputs_of(world, 103)
        await world.settle(rounds=400)
        begun = await begin(world)
        assert "it goes on by itself" in await page(world, staff, f"/recalls/{begun.id}")
        await world.settle(rounds=400)
        listed = await page(world, staff, "/recalls")
        assert "echo 1.0.0" in listed
        assert "Wrong weights." in listed
        text = await page(world, staff, f"/recalls/{begun.id}")
        assert wording.CAUSES["no_update"] in text
        assert "for a person at the EHR" in text
        following = re.search(r'href="(/recalls/[^"]+cursor=[^"]+)"', text)
        assert following is not None
        places = [*_places(text), *_places(await page(world, staff, following[1]))]
        assert len(places) == len(set(places)) == 103 + 1  # and the Device

    drive(act, tmp_path, ehr=ChartEhr(capabilities=CREATE_ONLY))


def _places(text: str) -> list[str]:
    return re.findall(r'data-head="Where">([^<]+)<', text)


def test_who_may_not_see_them_and_what_is_not_there(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        begun = await begin(world)
        for headers, path, status in (
            ({}, "/recalls", 401), (await world.clinician(), "/recalls", 403),
            (await world.clinician(), f"/recalls/{begun.id}", 403), (await world.staff(), "/recalls/none", 404),
            (await world.staff(), "/recalls?cursor=x", 422), (await world.staff(), f"/recalls/{begun.id}?cursor=x", 422),
            (await world.staff(), "/recalls?cursor=MS4wIGE&cursor=MS4wIGE", 422),
        ):  # fmt: skip
            answer = await world.client.get(path, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), path

    drive(act, tmp_path)


def test_the_home_page_leads_on_to_every_older_output(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        made, staff = set(await outputs_of(world, pages.PAGE + 3)), await world.staff()
        path, seen = "/", list[str]()
        while True:
            text = await page(world, staff, path)
            seen += re.findall(r'href="/outputs/([^"]+)"', text)
            following = re.search(r'href="(/\?before=[^"]+)"', text)
            if following is None:
                break
            path = following[1]
        assert (len(seen), set(seen)) == (len(made), made)
        assert (await world.client.get("/?before=x", headers=staff)).status_code == 422

    drive(act, tmp_path, policy="shadow")


def test_the_next_page_of_dead_letters_is_still_of_dead_letters(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        world.ehr.fault = lambda method, path: Answer(status=422) if path.startswith("RiskAssessment") else None
        await outputs_of(world, 30)
        await world.settle(rounds=400)
        staff, path, rows = await world.staff(), "/deliveries?state=dead-letter", 0
        while True:
            text = await page(world, staff, path)
            assert '<option value="dead-letter" selected>' in text
            rows += text.count('data-head="Resource"')
            following = re.search(r'href="(/deliveries\?[^"]+cursor=[^"]+)"', text)
            if following is None:
                break
            path = html.unescape(following[1])
        assert rows == 60  # each with its Provenance

    drive(act, tmp_path)
