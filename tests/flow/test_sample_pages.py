"""The sentences that people judge: who sees which text, that nobody is told what the checkers think, and what comes of a verdict."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from gateway.monitors import sampling
from gateway.people import sessions
from gateway.people.sessions import Session
from monitoring import observations, samples
from monitoring.entries import SentenceRead
from monitoring.grounding import checker
from monitoring.grounding.merging import Sample
from tests.flow.delivery_world import World
from tests.flow.grounding_world import TRUE, drive, post
from writeback.ledger import outputs

OWN = (checker.NAME, checker.VERSION)
DOCTOR = {"launch_id": "l1", "ehr": "spec", "fhir_user": "Practitioner/d1"}
SAID = "Potassium 4.1 mmol/L on 2026-01-02"


async def queued(world: World, checker: tuple[str, str] = OWN, *, id: str = "a" * 32) -> str:
    """An accepted text with its potassium sentence in the queue; the output's id."""
    output = str((await post(world, TRUE)).json()["id"])
    start = TRUE.index("Potassium")
    name, version = checker
    found = [
        Sample(
            span=(start, len(TRUE)),
            rules="contradicted",
            checker=name,
            version=version,
            verdict="contradicted",
            weight=50,
        )
    ]
    await world.gateway.run(lambda c, now: c.execute(samples.samples.delete()))
    await world.gateway.run(partial(samples.save_samples, output=output, found=found, new_id=lambda: id))
    return output


async def signed_in(world: World, session: Session) -> dict[str, str]:
    secret = f"secret-{session}"
    await world.gateway.run(partial(sessions.save_session, session=session, secret=secret))
    return {"cookie": f"{sessions.COOKIE}={secret}", "origin": world.gateway.base_url}


def launch(patient: str, **changes: Any) -> Session:
    return sessions.of_launch(now=time.time(), patient=patient, **{**DOCTOR, **changes})


def staff(*roles: Any, ehrs: tuple[str, ...] = ()) -> Session:
    return sessions.of_staff(now=time.time(), person="sub", roles=frozenset(roles), ehrs=frozenset(ehrs))


async def told(world: World) -> list[SentenceRead]:
    found = await world.gateway.run(partial(observations.find_entries, after=(0.0, 0), before=time.time() + 99))
    return [each.told for each in found if isinstance(each.told, SentenceRead)]


def test_only_clinical_informatics_and_the_patients_own_clinician_see_a_text(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        output = await queued(world)
        shown = await world.gateway.run(partial(outputs.show_output, id=output))
        patient = shown["patient"].removeprefix("Patient/")
        seen = {}
        for name, session in {
            "informatics": staff("informatics"), "link": sessions.of_link(now=time.time()), "engineer": staff("engineer"),
            "own": launch(patient), "other patient": launch("somebody"), "other EHR": launch(patient, ehr="athena"),
            "patient": launch(patient, fhir_user=f"Patient/{patient}"), "nobody": launch(patient, fhir_user=None),
        }.items():  # fmt: skip
            headers = await signed_in(world, session)
            page = await world.client.get("/samples", headers=headers)
            answer = await world.client.post(f"/samples/{'a' * 32}", data={"verdict": "none"}, headers=headers)
            seen[name] = (page.status_code, SAID in page.text, answer.status_code)
        assert seen == {
            "informatics": (200, True, 422), "link": (200, True, 422), "engineer": (403, False, 403), "own": (200, True, 422),
            "other patient": (200, False, 422), "other EHR": (200, False, 422), "patient": (403, False, 403), "nobody": (403, False, 403),
        }  # fmt: skip
        assert (await world.client.get("/samples")).status_code == 401
        for session in (launch("somebody"), launch(patient, ehr="athena")):
            headers = await signed_in(world, session)
            assert (
                await world.client.post(f"/samples/{'a' * 32}", data={"verdict": "supported"}, headers=headers)
            ).status_code == 404
        assert await told(world) == []

    drive(act, tmp_path)


def test_clinical_informatics_that_is_bound_to_an_ehr_reads_judges_and_counts_what_is_said_there(
    tmp_path: Path,
) -> None:
    async def act(world: World) -> None:
        await queued(world)
        for ehr, seen in (("athena", False), ("spec", True)):
            headers = await signed_in(world, staff("informatics", ehrs=(ehr,)))
            page = (await world.client.get("/samples", headers=headers)).text
            answer = await world.client.post(f"/samples/{'a' * 32}", data={"verdict": "supported"}, headers=headers)
            assert (SAID in page, answer.status_code) == (seen, 303 if seen else 404)
            after = await world.gateway.run(partial(sampling.find_worths, session=staff("informatics", ehrs=(ehr,))))
            assert [name for name, _, _ in after] == ([checker.NAME] if seen else [])
        waiting = [
            await world.gateway.run(partial(sampling.count_waiting, session=staff("informatics", ehrs=ehrs)))
            for ehrs in (("athena",), ("spec",), ())
        ]
        assert waiting == [0, 0, 0]

    drive(act, tmp_path)


def test_a_verdict_is_kept_once_and_told_to_the_monitors_and_the_page_says_no_checkers_opinion(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        output = await queued(world)
        headers = await signed_in(world, staff("informatics"))
        page = await world.client.get("/samples", headers=headers)
        assert f"<mark>{SAID}" in page.text
        assert "<script" not in page.text
        assert "contradicted by" not in page.text.lower()
        address = f"/samples/{'a' * 32}"
        foreign = {**headers, "origin": "https://elsewhere.example"}
        assert (await world.client.post(address, data={"verdict": "supported"}, headers=foreign)).status_code == 403
        assert (await world.client.post(address, data={"verdict": "fine"}, headers=headers)).status_code == 422
        assert (
            await world.client.post("/samples/none", data={"verdict": "supported"}, headers=headers)
        ).status_code == 404
        answer = await world.client.post(address, data={"verdict": "unsupported"}, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/samples?done")
        assert (await world.client.post(address, data={"verdict": "supported"}, headers=headers)).status_code == 409
        (said,) = await told(world)
        assert (said.output, said.model, said.version, said.ehr, said.verdict) == (
            output,
            "echo",
            "3.0.0",
            "spec",
            "unsupported",
        )
        page = await world.client.get("/samples?done", headers=headers)
        assert "Kept. Thank you." in page.text
        assert SAID not in page.text
        assert f"rules {checker.VERSION}" in page.text

    drive(act, tmp_path)


def test_what_people_say_where_checkers_disagree_is_no_rate(tmp_path: Path) -> None:
    """The failing twin: those sentences were not drawn at random."""

    async def act(world: World) -> None:
        await queued(world, ("judge", "2"))
        headers = await signed_in(world, staff("informatics"))
        answer = await world.client.post(f"/samples/{'a' * 32}", data={"verdict": "unsupported"}, headers=headers)
        assert answer.status_code == 303
        assert await told(world) == []
        assert (await world.gateway.run(partial(samples.find_worth, checker="judge", version="2"))).judged == 1

    drive(act, tmp_path)
