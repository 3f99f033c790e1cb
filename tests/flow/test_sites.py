"""A site in force: its policies decide what becomes of an output, its pages say what is live and red, its commands keep why."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.installation import METADATA
from gateway.sites.declaration import Site
from gateway.sites.folder import SiteRefused
from gateway.sites.signing_keys import sign_file
from gateway.storage.database import open_sqlite
from tests.command import chartgate
from tests.flow.delivery_world import EVERYTHING, ChartEhr, opened
from tests.unit.gateway.test_site_gates import resign

EXAMPLES = Path(__file__).resolve().parents[2] / "gateway" / "sites" / "examples"
OWNERS = {"model": "Team", "engineering": "On call", "clinical_informatics": "Officer"}


def site(policy: str, version: str = "1.0.0") -> Site:
    """A site with the test EHR ``spec`` and one model."""
    return Site.model_validate({
        "site": {"id": "north", "title": "North"}, "ehr": [{"name": "spec"}],
        "model": [{"id": "echo", "version": version, "policy": policy, "owners": OWNERS}],
    })  # fmt: skip


@pytest.mark.parametrize(("declared", "state"), [
    (None, "pending"), (site("shadow"), "shadow"), (site("confirm"), "awaiting_confirmation"), (site("automatic"), "pending"),
])  # fmt: skip
def test_the_sites_policy_decides_what_becomes_of_an_output(tmp_path: Path, declared: Site | None, state: str) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": declared} if declared else None) as world:
            made = await world.submit(await world.key("outputs.write"))
            assert made["state"] == state

    asyncio.run(run())


def test_a_code_that_would_make_a_risk_a_pulse_is_told_to_who_confirms_and_nothing_is_written(tmp_path: Path) -> None:
    """The site maps the model's code to a heart rate (LOINC 8867-4): what a model says in percent is no measurement of one."""
    pulse = {"system": "http://loinc.org", "code": "8867-4"}
    mapped = {
        "code": {"system": "urn:chartgate:assessment", "code": "echo"}, "becomes": pulse, "category": "vital-signs",
        "source": "a mistake",
    }  # fmt: skip
    declared = Site.model_validate({**site("confirm").model_dump(mode="json", by_alias=True), "writing": [mapped]})
    narrow = replace(
        EVERYTHING, types={name: each for name, each in EVERYTHING.types.items() if name != "RiskAssessment"}
    )

    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": declared}, ehr=ChartEhr(capabilities=narrow)) as world:
            id = (await world.submit(await world.key("outputs.write")))["id"]
            answer = await world.client.post(
                f"/api/outputs/{id}/confirm", json={"reason": "Agreed."}, headers=await world.clinician()
            )
            assert answer.status_code == 409
            assert "house-vital-signs" in answer.text
            assert (await world.state(id), world.ehr.writes) == ("awaiting_confirmation", [])

    asyncio.run(run())


def test_a_version_that_the_site_does_not_deploy_is_not_there(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path, rehearsed={"spec": site("automatic", "2.0.0")}) as world:
            key = await world.key("outputs.write")
            body, headers = world.body(version="1.0.0"), {**key, "idempotency-key": "k"}
            answer = await world.client.post("/api/outputs", json=body, headers=headers)
            assert answer.status_code == 422
            assert answer.json()["issue"][0]["expression"] == ["version"]

    asyncio.run(run())


def test_the_pages_say_what_is_live_what_is_red_and_what_changed(tmp_path: Path) -> None:
    for name in ("lakeside", "riverside"):
        shutil.copytree(EXAMPLES / name, tmp_path / "sites" / name)

    async def run() -> None:
        async with opened(tmp_path) as world:
            assert (await world.client.get("/sites")).status_code == 401
            staff, clinician = await world.staff(), await world.clinician(ehr="spec", patient="p1")
            assert (await world.client.get("/sites/lakeside", headers=clinician)).status_code == 403
            listed = (await world.client.get("/sites", headers=staff)).text
            assert "Lakeside Medical Center" in listed
            assert "Riverside Hospital" in listed
            shown = await world.client.get("/sites/lakeside?with=riverside", headers=staff)
            for words in (
                "live, confirm",
                "in shadow",
                "Shadow period",
                "What differs from riverside",
                "found changed when",
            ):
                assert words in shown.text
            assert "script" not in shown.text
            assert (await world.client.get("/sites/nowhere", headers=staff)).status_code == 404

    asyncio.run(run())


def told(*arguments: str) -> Any:
    return json.loads(chartgate(*arguments, "--json").stdout)


def test_a_site_is_made_checked_compared_and_its_history_kept(tmp_path: Path) -> None:
    data, folder = str(tmp_path / "data"), tmp_path / "data" / "sites" / "north"
    assert chartgate("site", "new", str(folder), "--title", "North", "--vendor", "epic").returncode == 0
    assert chartgate("site", "new", str(folder), "--title", "North").returncode == 3
    assert told("site", "check", str(folder), "--offline", "--data", data) == {"ok": True, "problems": [], "ehrs": []}
    record = ("site", "record", str(folder), "--data", data, "--by", "Ana", "--why")
    assert told(*record, "first declared") == {"site": "north", "new": True}
    assert told(*record, "nothing new") == {"site": "north", "new": False}
    file = folder / "site.toml"
    file.write_text(file.read_text().replace('timezone = "UTC"', 'timezone = "Europe/Oslo"'))
    assert told(*record, "it is in Oslo")["new"] is True
    assert [each["why"] for each in told("site", "history", "north", "--data", data)] == [
        "it is in Oslo",
        "first declared",
    ]
    assert chartgate("site", "diff", str(folder), "@2999-01-01", "--data", data).returncode == 0
    assert chartgate("site", "diff", str(folder), "@1999-01-01", "--data", data).returncode == 3
    compared = chartgate("site", "diff", str(folder), str(EXAMPLES / "riverside"), "--json")
    assert compared.returncode == 1
    assert {"path": "ehr[1].vendor", "left": "epic", "right": "oracle"} in json.loads(compared.stdout)["differences"]
    file.write_text(file.read_text().replace('policy = "shadow"', 'policy = "never"'))
    refused = chartgate("site", "check", str(folder), "--offline", "--data", data)
    assert refused.returncode == 1
    assert "model[0].policy must be one of" in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("content", "check", "others"),
    [(None, 3, 3), (b"x[", 1, 3), (b"\xff\xfe", 1, 3), (b"", 1, 3), (b"nonsense = 1", 1, 3)],
)
def test_a_file_that_cannot_be_used_has_the_same_code_with_and_without_json(
    content: bytes | None, check: int, others: int, tmp_path: Path
) -> None:
    data, folder = str(tmp_path / "data"), tmp_path / "north"
    folder.mkdir()
    if content is not None:
        (folder / "site.toml").write_bytes(content)
    for verb, code in (("check", check), ("readiness", others), ("rehearse", others)):
        for words in ((), ("--json",)):
            done = chartgate("site", verb, str(folder), *words, *(("--data", data) if verb != "rehearse" else ()))
            assert (verb, words, done.returncode) == (verb, words, code), done.stderr
            said = verb == "check" and code == 1 and words
            assert bool(done.stdout) == bool(said)
            assert not said or json.loads(done.stdout)["ok"] is False


def test_evidence_and_overrides_turn_gates_and_both_are_kept(tmp_path: Path) -> None:
    data, folder = str(tmp_path), str(EXAMPLES / "riverside")

    def gates() -> dict[str, Any]:
        found = told("site", "readiness", folder, "--data", data)
        return {gate["id"]: gate for gate in found["models"][0]["gates"]}

    assert gates()["recall"]["colour"] == "red"
    kept = ("--by", "Ana", "--note", "recalled 12 outputs of the rehearsal", "--data", data)
    assert chartgate("site", "evidence", "riverside", "recall", *kept).returncode == 0
    assert gates()["recall"]["colour"] == "green"
    assert chartgate("site", "evidence", "riverside", "conformance", *kept).returncode == 2
    override = ("site", "override", "riverside", "news2", "shadow", "--why", "one ward first", "--data", data)
    assert chartgate(*override, "--by", "Ana").returncode == 2
    assert chartgate(*override, "--by", "Ana", "--by", "ana").returncode == 3
    assert chartgate(*override, "--by", "Ana", "--by", "Ben").returncode == 0
    assert gates()["shadow"]["overridden"]["by"] == ["Ana", "Ben"]
    report = tmp_path / "readiness.html"
    assert chartgate("site", "readiness", folder, "--data", data, "--report", str(report)).returncode == 1
    assert "Overridden by Ana and Ben" in report.read_text()


@pytest.mark.parametrize("name", ["lakeside", "riverside"])
def test_a_rehearsal_runs_the_whole_road_with_the_sites_own_policies(name: str) -> None:
    ran = chartgate("site", "rehearse", str(EXAMPLES / name), "--json")
    assert ran.returncode == 0, ran.stderr
    outputs = [output for patient in json.loads(ran.stdout)["patients"] for output in patient["outputs"]]
    states = {
        output["model"]: {each["state"] for each in outputs if each["model"] == output["model"]} for output in outputs
    }
    assert "shadow" in states["prevent-cvd"]
    assert not {"pending", "delivered"} & states["prevent-cvd"]


def test_a_start_with_older_signed_metrics_than_were_in_force_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / "lakeside", tmp_path / "sites" / "lakeside"))
    resign(folder, "Quality board")
    first = (folder / "metrics.json").read_text()
    sign_file(folder / "metrics.json", folder.parent / "key.pem", by="Quality board", role="quality")
    database = open_sqlite(":memory:", metadata=METADATA)

    async def start() -> None:
        async with opened(tmp_path, database=database):
            pass

    asyncio.run(start())
    (folder / "metrics.json").write_text(first)
    with pytest.raises(SiteRefused, match="is version 2, and version 3 was in force here"):
        asyncio.run(start())
    database.close()
