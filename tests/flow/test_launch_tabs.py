"""Launches side by side in one browser, people one after another, and a gateway that is restarted in mid-launch."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx2
from starlette.applications import Starlette

from auth.client import tables as client_tables
from auth.client.registry import save_ehr
from gateway import tables
from gateway.ehrs.fetch import Reach
from gateway.people import sessions
from gateway.routes import launches
from gateway.storage.database import open_sqlite
from tests.flow.adversarial_ehr import told
from tests.flow.adversary import Visit
from tests.flow.conftest import APP, EHR, KEYS, NOW, AdversarialEhr, Browser, Gateway

Run = Callable[..., None]


async def two_tabs(visit: Visit, *users: str) -> tuple[str, str]:
    """Two launches of one browser: p1 in the first tab, p2 in the second. Their ids."""
    ids = []
    for patient, user in zip(("p1", "p2"), users, strict=True):
        visit.ehr.tokens, visit.ehr.claims = {"patient": patient}, {"fhirUser": user}
        visit.ehr.answers["/r4/Patient/p2"] = lambda ehr: told({"resourceType": "Patient", "id": "p2"})
        done = await visit.launch()
        assert done.status_code == 303
        ids.append(done.headers["location"].partition("launch=")[2])
    return ids[0], ids[1]


def test_each_tab_shows_its_own_patient_and_the_address_without_a_launch_the_newest(run: Run) -> None:
    async def act(visit: Visit) -> None:
        first, second = await two_tabs(visit, "Practitioner/d1", "Practitioner/d1")
        for address, own, other in (
            (f"?launch={first}", "Patient/p1", "Patient/p2"), (f"?launch={second}", "Patient/p2", "Patient/p1"),
            ("", "Patient/p2", "Patient/p1"),
        ):  # fmt: skip
            page = await visit.get(f"/app{address}")
            assert (page.status_code, own in page.text, other in page.text) == (200, True, False)
        assert (await visit.get("/app?launch=another")).status_code == 401

    run(act)


def test_the_second_tab_cannot_be_taken_for_the_first_when_that_has_logged_out(run: Run) -> None:
    async def act(visit: Visit) -> None:
        first, second = await two_tabs(visit, "Practitioner/d1", "Practitioner/d1")
        kept = visit.cookies.pop(sessions.session_cookie(first))
        assert (await visit.get(f"/app?launch={first}")).status_code == 401
        assert (await visit.get(f"/app?launch={second}")).status_code == 200
        visit.cookies[sessions.session_cookie(first)] = kept
        cookie = "; ".join(f"{name}={value}" for name, value in visit.cookies.items())
        done = await visit.world.browser.post("/app/logout", headers={"cookie": cookie, "origin": APP})
        gone = {line.partition("=")[0] for line in done.headers.get_list("set-cookie") if "Max-Age=0" in line}
        assert {sessions.session_cookie(first), sessions.session_cookie(second)} <= gone
        for id in (first, second):
            assert (await visit.get(f"/app?launch={id}")).status_code == 401

    run(act)


def test_another_person_in_the_same_browser_ends_the_sessions_of_the_one_before(run: Run) -> None:
    async def act(visit: Visit) -> None:
        first, second = await two_tabs(visit, "Practitioner/d1", "Practitioner/d2")
        assert sessions.session_cookie(first) not in visit.cookies
        assert (await visit.get(f"/app?launch={first}")).status_code == 401
        assert (await visit.get(f"/app?launch={second}")).status_code == 200

    run(act)


def test_the_cookies_of_a_launch_live_in_the_ehr_s_frame_and_nowhere_else(run: Run) -> None:
    async def act(visit: Visit) -> None:
        begun = await visit.begin()
        done = await visit.finish()
        made = [
            line for each in (begun, done) for line in each.headers.get_list("set-cookie") if "Max-Age=0" not in line
        ]
        assert len(made) == 2
        for line in made:
            name, *attributes = line.split("; ")
            assert name.startswith("__Host-chartgate-")
            assert {"Path=/", "Secure", "HttpOnly", "SameSite=None", "Partitioned"} < set(attributes)
            assert not [each for each in attributes if each.startswith("Domain")]

    run(act)


def test_a_gateway_that_was_restarted_knows_what_had_begun_and_who_is_signed_in(tmp_path: Path) -> None:
    ehr = AdversarialEhr()

    async def with_gateway(cookies: dict[str, str], act: Callable[[Browser], object]) -> object:
        """A new process's gateway on the same file."""
        metadata = (tables.metadata, client_tables.metadata)
        database = open_sqlite(tmp_path / "gateway.db", metadata=metadata, clock=lambda: NOW)
        reach = Reach(clock=lambda: NOW, transport=lambda _: httpx2.MockTransport(ehr.handle))
        gateway = Gateway(reach=reach, database=database)
        await gateway.run(lambda c, now: save_ehr(c, now, ehr=EHR, cipher=KEYS.cipher))
        site = httpx2.ASGITransport(Starlette(routes=launches.routes(gateway)))
        async with httpx2.AsyncClient(transport=site, base_url=APP) as client:
            value = await act(Browser(ehr=ehr, gateway=gateway, client=client, cookies=cookies))  # type: ignore[misc]
        await reach.aclose()
        database.close()
        return value

    async def story() -> None:
        cookies: dict[str, str] = {}
        asked = await with_gateway(cookies, lambda browser: browser.begin())
        done = await with_gateway(cookies, lambda browser: browser.finish(asked))  # type: ignore[arg-type]
        assert isinstance(done, httpx2.Response)
        assert done.status_code == 303
        session = await with_gateway(cookies, lambda browser: browser.session())
        assert isinstance(session, sessions.Session)
        assert (session.patient, session.fhir_user) == ("p1", "Practitioner/d1")

    asyncio.run(story())


def test_a_used_answer_opens_nothing_after_the_back_button(run: Run) -> None:
    async def act(visit: Visit) -> None:
        await visit.begin()
        assert (await visit.finish()).status_code == 303
        again = await visit.finish()
        assert (again.status_code, "was used already" in again.text) == (400, True)
        assert visit.ehr.paths("POST").count("/token") == 1

    run(act)
