"""The fault switches of the launcher page: a form without a script, from no other site."""

from tests.flow.smart_server import BASE, SITE, World, drive

OWN = {"origin": SITE}


def test_what_is_ticked_is_on_and_nothing_else_and_the_page_shows_it() -> None:
    async def act(world: World) -> None:
        world.ehr.faults.switch(["throttled", "reset-at-byte:7*2"])
        form = {"on-error-503": "error-503", "on-reset-at-byte:7*2": "reset-at-byte:7*2"}
        done = await world.http.post(f"{BASE}/launch/faults", data=form, headers=OWN)
        assert (done.status_code, done.headers["location"]) == (303, f"{BASE}/launch#faults")
        assert set(world.ehr.faults.active) == {"error-503", "reset-at-byte:7*2"}
        page = (await world.http.get(f"{BASE}/launch", headers={"accept": "text/html"})).text
        assert page.count('name="on-') > 20
        assert 'value="reset-at-byte:7*2" checked' in page
        assert 'value="throttled">' in page
        await world.http.post(f"{BASE}/launch/faults", data={"x": ""}, headers=OWN)
        assert world.ehr.faults.active == ()

    drive(act)


def test_an_unknown_fault_and_a_foreign_site_switch_nothing() -> None:
    async def act(world: World) -> None:
        world.ehr.faults.switch(["throttled"])
        for form, headers, status in (
            ({"on-nonsense": "nonsense"}, OWN, 400),
            ({"on-error-500": "error-500"}, {"origin": "https://evil.example"}, 403),
        ):
            assert (await world.http.post(f"{BASE}/launch/faults", data=form, headers=headers)).status_code == status
            assert world.ehr.faults.active == ("throttled",)

    drive(act)


def test_before_somebody_elses_server_the_switches_want_the_operators_secret() -> None:
    async def act(world: World) -> None:
        refused = await world.http.post(f"{BASE}/launch/faults", data={"on-throttled": "throttled"}, headers=OWN)
        assert refused.status_code == 401
        assert world.ehr.faults.active == ()

    drive(act, operator_secret="s" * 32)
