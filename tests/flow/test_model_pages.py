"""``/models`` and ``models compare``: two versions side by side on the same charts, in a page without scripts and by command."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import gateway.cli  # noqa: F401 -- registers every command
from gateway.cli.application import application
from gateway.model_folders import installed_models, model_versions
from gateway.outputs import pairing
from gateway.people import sessions
from gateway.sites.declaration import Site
from monitoring.labels import Label, save_label
from tests.flow.delivery_world import MODEL, opened
from tests.flow.test_deliveries_api import minute_ago

OWNERS = {"model": "Team", "engineering": "On call", "clinical_informatics": "Officer"}


def site(*models: tuple[str, str]) -> Site:
    """A site with the test EHR ``spec`` and versions of one model with their policies."""
    return Site.model_validate({
        "site": {"id": "north", "title": "North"}, "ehr": [{"name": "spec"}],
        "model": [{"id": "echo", "version": v, "policy": policy, "owners": OWNERS} for v, policy in models],
    })  # fmt: skip


BESIDE = site(("1.0.0", "automatic"), ("2.0.0", "shadow"))


def test_a_version_in_shadow_beside_the_live_one_is_compared_with_it_chart_by_chart(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": BESIDE}) as world:
            key, staff = await world.key("outputs.write"), await world.staff()
            at = minute_ago()
            for patient, one, other in (("p1", 0.1, 0.3), ("p2", 0.2, None)):
                for version, value in (("1.0.0", one), ("2.0.0", other)):
                    made = {"value": value} if value is not None else {"value": None, "abstained": "too young"}
                    shown = await world.submit(key, version=version, patient=f"Patient/{patient}", as_of=at, **made)
                    assert shown["state"] == (
                        "abstained" if value is None else "pending" if version == "1.0.0" else "shadow"
                    )
            asked = model_versions.read_asked(
                {"one": "echo@1.0.0", "other": "echo@2.0.0"},
                models=world.gateway.models,
                sites=(),
                now=world.gateway.clock(),
            )
            found = await model_versions.compared(world.gateway.run, asked)
            assert (found["pairs"], found["values"]["n"]) == (2, 1)
            assert round(found["values"]["difference"]["value"], 9) == 0.2
            assert found["outputs"] == {"one": {"pending": 2}, "other": {"abstained": 1, "shadow": 1}}
            answers = {(each["one"], each["other"]): each["n"] for each in found["answers"] if each["n"]}
            assert answers == {("said", "said"): 1, ("said", "abstained"): 1}
            assert json.loads(json.dumps(found, allow_nan=False)) == found
            for at_once in (1, 2, 3):
                again = await pairing.collect(world.gateway.run, asked.wanted, at_once=at_once)
                assert (len(again.pairs), sum(again.states[0].values()), sum(again.states[1].values())) == (2, 2, 2)
            parts = await installed_models.count(world.gateway.run, size=1)
            assert parts == await installed_models.count(world.gateway.run)
            assert parts.since is None
            assert (
                sum((await installed_models.count(world.gateway.run, size=1, most=1)).states.popitem()[1].values()) == 1
            )
            page = await world.client.get("/models/echo/compare?one=1.0.0&other=2.0.0", headers=staff)
            assert page.status_code == 200
            for words in ("<strong>2</strong> charts", "Distribution of the values", "These are few", 'role="img"'):
                assert words in page.text
            assert "<script" not in page.text

    asyncio.run(run())


def test_outcomes_count_for_both_of_a_pair_and_contradicting_ones_for_none(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": BESIDE}) as world:
            key, at = await world.key("outputs.write"), minute_ago()
            ids = {
                (patient, version): (await world.submit(key, version=version, patient=f"Patient/{patient}", as_of=at))["id"]
                for patient in ("p1", "p2") for version in ("1.0.0", "2.0.0")
            }  # fmt: skip
            told = [("p1", "1.0.0", True), ("p2", "1.0.0", True), ("p2", "2.0.0", False)]
            for patient, version, event in told:
                label = Label(output=ids[patient, version], event=event, observed=0.0, source="api", mature=0.0)
                await world.gateway.run(lambda c, now, label=label: save_label(c, now, label=label))
            asked = model_versions.read_asked(
                {"one": "echo@1.0.0", "other": "echo@2.0.0", "since": "2020-01-01"}, models=world.gateway.models, sites=(),
                now=world.gateway.clock(),
            )  # fmt: skip
            found = await model_versions.compared(world.gateway.run, asked)
            assert (found["labels"]["n"], found["labels"]["events"], found["contradicting_labels"]) == (1, 1, 1)
            assert found["labels"]["one"]["observed_over_expected"]["value"] == 4.0

    asyncio.run(run())


def test_the_page_of_models_says_what_is_live_where_with_owner_fit_and_outputs(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": BESIDE}) as world:
            assert (await world.client.get("/models")).status_code == 401
            clinician = await world.clinician(ehr="spec", patient="p1")
            assert (await world.client.get("/models", headers=clinician)).status_code == 403
            key, staff = await world.key("outputs.write"), await world.staff()
            await world.submit(key)
            page = await world.client.get("/models", headers=staff)
            assert page.status_code == 200
            for words in (
                ">live<", ">not live<", "automatic", "Team", "1 pending", '/models/echo/compare?one=1.0.0&amp;other=2.0.0',
                '/app/models/echo/1.0.0', 'href="/sites/north"',
            ):  # fmt: skip
                assert words in page.text, words
            assert "<script" not in page.text
            card = await world.client.get("/app/models/echo/1.0.0", headers=staff)
            assert card.status_code == 200

    asyncio.run(run())


def test_a_version_that_no_site_declares_runs_nowhere(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": site(("1.0.0", "automatic"))}) as world:
            page = await world.client.get("/models", headers=await world.staff())
            assert page.text.count("It runs nowhere") == 1

    asyncio.run(run())


def test_staff_that_is_bound_to_an_ehr_sees_the_versions_of_its_site_and_what_was_said_there(tmp_path: Path) -> None:
    async def run() -> None:
        sites = {"spec": BESIDE, "elsewhere": site(("1.0.0", "shadow"))}
        async with opened(tmp_path, rehearsed=sites) as world:
            key, at = await world.key("outputs.write"), minute_ago()
            for version in ("1.0.0", "2.0.0"):
                await world.submit(key, version=version, patient="Patient/p1", as_of=at, value=0.1)
            compared, card = "/models/echo/compare?one=1.0.0&other=2.0.0", "/app/models/echo/2.0.0"
            for ehrs, statuses, pairs in (
                (("spec",), [200, 200, 200], "<strong>1</strong> charts"), (("elsewhere",), [200, 404, 404], "Not here"),
                (("nowhere",), [200, 200, 200], "<strong>0</strong> charts"),
            ):  # fmt: skip
                bound = sessions.of_link(now=world.gateway.clock(), ehrs=frozenset(ehrs))
                headers = await world.session(bound)
                answers = [await world.client.get(path, headers=headers) for path in ("/models", card, compared)]
                assert [answer.status_code for answer in answers] == statuses
                assert ("2.0.0" in answers[0].text) == (ehrs != ("elsewhere",))
                assert ("/monitors/echo/1.0.0/spec" in answers[0].text) == (ehrs == ("spec",))
                assert pairs in answers[2].text

    asyncio.run(run())


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as world:
            staff = await world.staff()
            for path, status in (
                ("/models/echo/compare", 200), ("/models/echo/compare?one=1.0.0&other=1.0.0", 422),
                ("/models/echo/compare?one=1.0.0&other=9", 422), ("/models/nobody/compare", 404),
                ("/models/echo/compare?one=1.0.0&other=2.0.0&site=none", 422),
                ("/models/echo/compare?one=1.0.0&other=2.0.0&since=yesterday", 422),
                ("/models/echo/compare?one=%3Cscript%3E&other=2.0.0", 422),
            ):  # fmt: skip
                answer = await world.client.get(path, headers=staff)
                assert answer.status_code == status, path
                assert "<script" not in answer.text
            empty = await world.client.get("/models/echo/compare?one=1.0.0&other=2.0.0", headers=staff)
            assert "<strong>0</strong> charts" in empty.text
            assert (await world.client.get("/models/echo/compare?one=1.0.0&other=2.0.0")).status_code == 401

    asyncio.run(run())


def test_the_command_compares_without_a_server_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(application, [*words])

    folders = []
    for version in ("1.0.0", "2.0.0"):
        folder = tmp_path / version / "echo"
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(MODEL.format(id="echo", version=version, policy="shadow"))
        (folder / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
        folders += ["--models", str(folder)]
    asked = ("models", "compare", "--data", str(tmp_path / "data"), *folders, "--json")
    found = run(*asked, "echo@1.0.0", "echo@2.0.0")
    assert found.exit_code == 1, found.output
    assert json.loads(found.stdout)["pairs"] == 0
    assert run(*asked, "echo@1.0.0", "echo@7").exit_code == 3
    assert run(*asked, "echo", "echo@2.0.0").exit_code == 2
