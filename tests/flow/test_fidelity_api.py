"""``/api/fidelity`` and ``/fidelity``: every verdict counted once, by day, feed, model and feature; for staff and keys that may."""

import json
import time
from pathlib import Path

import pytest

from fidelity.document import document
from fidelity.profile import Profile
from gateway import tables
from gateway.bodies import shapes
from gateway.feeds import kept_profiles
from gateway.monitors.fidelity_counts import count_outputs
from tests.flow.delivery_world import World, drive
from tests.flow.fidelity_rows import DAY, FINDINGS, fortnight, judged

CODE = {"system": "http://loinc.org", "code": "2093-3"}


def profile(number: int, code: str = "2093-3"):
    resources = [
        {"resourceType": "Observation", "id": str(n), "code": {"coding": [{**CODE, "code": code}]}}
        for n in range(number)
    ]
    return json.loads(json.dumps(document(Profile().add(resources, {}))))


def test_every_chart_is_counted_once_by_day_feed_model_and_feature(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.gateway.run(fortnight)
        reader = await world.key("monitors.read")
        first = (await world.client.get("/api/fidelity", headers=reader)).json()
        again = (await world.client.get("/api/fidelity", headers=reader)).json()
        shapes.FidelityShown.model_validate(first)
        assert first == again
        assert first["charts"] == 12 * 4 + sum(10 + day % 4 for day in range(12))
        assert (
            sum(each["charts"] for each in first["trend"])
            == sum(each["charts"] for each in first["feeds"])
            == first["charts"]
        )
        assert [each["ehr"] for each in first["feeds"]] == ["north", "spec"]
        assert all(each["fit"] + each["caveats"] + each["unfit"] == each["charts"] for each in first["feeds"])
        rows = {(each["ehr"], each["feature"]): each["failed"] for each in first["features"]}
        assert rows["north", "mass"] == {"COD-02": 3}
        assert rows["spec", "mass"] == {"COD-02": sum(min(day, 10 + day % 4) for day in range(12))}
        await world.gateway.run(lambda c, now: judged(c, now, failed=("mass",), fitness="caveats"))
        later = (await world.client.get("/api/fidelity", headers=reader)).json()
        assert later["charts"] == first["charts"] + 1

    drive(act, tmp_path)


def test_many_outputs_of_one_moment_and_of_many_are_all_counted(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        at = time.time() - 100

        def many(connection, now):
            for _ in range(400):
                judged(connection, at)
            for number in range(400):
                judged(connection, at + number / 10)

        await world.gateway.run(many)
        rounds = 0
        while await world.gateway.run(count_outputs):
            rounds += 1
        assert rounds >= 2
        number = await world.gateway.run(
            lambda c, now: c.exec_driver_sql("SELECT sum(number) FROM gateway_fidelity").scalar()
        )
        assert number == 800
        assert not await world.gateway.run(count_outputs)

    drive(act, tmp_path)


def test_a_real_output_adds_a_chart(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.submit(await world.key("outputs.write"))
        found = (await world.client.get("/api/fidelity", headers=await world.staff())).json()
        assert (found["charts"], found["feeds"][0]["fit"], found["features"]) == (1, 1, [])

    drive(act, tmp_path)


def test_filters_hold_and_what_is_unknown_is_named(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.gateway.run(fortnight)
        staff = await world.staff()
        today = time.strftime("%Y-%m-%d", time.gmtime())
        one = (await world.client.get("/api/fidelity?ehr=north", headers=staff)).json()
        assert {each["ehr"] for each in (*one["feeds"], *one["features"])} == {"north"}
        feature = (await world.client.get("/api/fidelity?ehr=spec&feature=pressure", headers=staff)).json()["features"]
        assert [each["feature"] for each in feature] == ["pressure"]
        assert sum(day["VAL-01"] for day in feature[0]["days"].values()) == feature[0]["failed"]["VAL-01"]
        short = (await world.client.get(f"/api/fidelity?since={today}&until={today}", headers=staff)).json()
        assert len(short["trend"]) <= 1
        for query, element in (
            ("since=yesterday", "since"),
            ("until=2026-02-30", "until"),
            ("patient=p1", "query"),
            ("ehr=a&ehr=b", "query"),
            ("model=%00", "model"),
        ):
            answer = await world.client.get(f"/api/fidelity?{query}", headers=staff)
            assert answer.status_code == 422
            assert answer.json()["issue"][0]["expression"] == [element]

    drive(act, tmp_path)


def test_who_may_see_it(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.gateway.run(fortnight)
        assert (await world.client.get("/api/fidelity")).status_code == 401
        assert (await world.client.get("/api/fidelity", headers=await world.key("outputs.read"))).status_code == 403
        assert (await world.client.get("/api/fidelity", headers=await world.clinician())).status_code == 403
        bound = (
            await world.client.get("/api/fidelity", headers=await world.key("monitors.read", ehrs=("north",)))
        ).json()
        assert [each["ehr"] for each in bound["feeds"]] == ["north"]
        assert (await world.client.get("/fidelity")).status_code == 401
        for path in ("/fidelity", "/fidelity/codes?feed=spec"):
            assert (await world.client.get(path, headers=await world.clinician())).status_code == 403

    drive(act, tmp_path)


def test_the_pages_show_counts_and_no_patient(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        await world.gateway.run(fortnight)
        staff = await world.staff()
        page = (await world.client.get("/fidelity", headers=staff)).text
        assert all(name in page for name in ("mass", "pressure", "COD-02", "UNI-04", "north"))
        assert "Patient/" not in page
        assert all(detail not in page for _, detail in FINDINGS.values()), "a detail is about a chart"
        drilled = (
            await world.client.get("/fidelity?ehr=spec&model=echo&version=1.0.0&feature=mass", headers=staff)
        ).text
        assert "mass, day by day" in drilled
        assert (await world.client.get("/fidelity?since=never", headers=staff)).status_code == 422
        assert (
            "No chart was judged"
            in (await world.client.get("/fidelity?since=2001-01-01&until=2001-01-02", headers=staff)).text
        )

    drive(act, tmp_path)


def test_a_kept_profile_shows_a_feed_by_code_and_what_came_and_went(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        staff = await world.staff()
        await world.gateway.run(
            lambda c, now: kept_profiles.keep(c, now - DAY, {"feed": "spec", "document": profile(30)})
        )
        await world.gateway.run(lambda c, now: kept_profiles.keep(c, now, {"feed": "spec", "document": profile(20)}))
        await world.gateway.run(
            lambda c, now: kept_profiles.keep(c, now, {"feed": "spec", "document": profile(40, "718-7")})
        )
        found = (await world.client.get("/api/fidelity", headers=staff)).json()["profiles"]
        assert [len(days) for days in found.values()] == [2]
        page = (await world.client.get("/fidelity/codes?feed=spec", headers=staff)).text
        assert ">new<" in page
        assert ">vanished<" in page
        assert (await world.client.get("/fidelity/codes?feed=elsewhere", headers=staff)).status_code == 404

    drive(act, tmp_path)


def test_what_is_no_profile_is_not_kept_and_old_ones_go(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        with pytest.raises(ValueError, match="no profile"):
            await world.gateway.run(lambda c, now: kept_profiles.keep(c, now, {"feed": "spec", "document": {"x": 1}}))
        for day in range(kept_profiles.KEPT + 5):
            await world.gateway.run(
                lambda c, now, day=day: kept_profiles.keep(c, day * DAY, {"feed": "spec", "document": profile(0)})
            )
        rows = await world.gateway.run(lambda c, now: list(c.scalars(tables.profiles.select())))
        assert len(rows) == kept_profiles.KEPT

    drive(act, tmp_path)
