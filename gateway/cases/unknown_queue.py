"""Edge: an EHR that takes nothing, and says so with an empty 403: what a caller who does not look loses, and what is seen here.

Case: VA OIG, 14 July 2022, the unknown queue at Mann-Grandstaff.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from gateway import demo
from gateway.browser import Browser
from gateway.cases import Case, Told
from gateway.processes import process
from gateway.processes.process import Options, Running
from monitoring.alerting import handling
from writeback.ledger import outputs

FAULT = "empty-403@write"
PATIENTS = 4


def run() -> Told:
    """Launches at an EHR whose writes are refused, over real HTTP on loopback."""
    with tempfile.TemporaryDirectory(prefix="chartgate-") as temporary:
        return asyncio.run(_run(Path(temporary)))


async def _run(directory: Path) -> Told:
    async with process.running(directory, Options(port=0, persona="spec"), lambda text: None) as running:
        base = running.ehr["spec"]
        launcher = base.removesuffix("/fhir") + "/launch"
        async with httpx2.AsyncClient(trust_env=False) as client:
            switched = {"active": [FAULT]}
            (await client.put(base.removesuffix("/fhir") + "/faults", json=switched)).raise_for_status()
            listed = (await client.get(launcher, headers={"accept": "application/json"})).json()
        async with Browser(operator=running.ehrs[0].operator_secret) as browser:
            for patient in listed["patients"][:PATIENTS]:
                await demo.launch(browser, launcher, patient["id"])
                await running.gateway.idle()
        return await _told(running)


async def _told(running: Running) -> Told:
    for _ in range(100):
        alerts, said = await running.gateway.run(
            lambda c, now: (handling.find_alerts(c, now), outputs.list_outputs(c, now, limit=1000))
        )
        dead = [each for each in alerts if each.monitor == "M-WB-DEAD"]
        if dead and not any(each["state"] == "pending" for each in said):
            break
        await asyncio.sleep(0.1)
    failed = [each for each in said if each["state"] == "failed"]
    parts = [part for each in failed for part in each["deliveries"]]
    return Told(
        case="unknown-queue",
        without=(
            f"{len(failed)} outputs left their model, {len(parts)} resources were sent, none is in the chart.",
            "The EHR answered each with an empty 403; whoever does not read the answer believes that they were written.",
        ),
        with_=(
            f"each of the {len(failed)} outputs says failed, each of its resources why: dead letters, to be sent again",
            *(f"{each.monitor} raised for {', '.join(each.owners)}: {each.count} times" for each in dead),
        ),
        signal="M-WB-DEAD", caught=bool(dead and failed), numbers=_numbers(failed, dead),
    )  # fmt: skip


def _numbers(failed: list[Any], dead: list[Any]) -> dict[str, Any]:
    return {"failed": len(failed), "alerts": len(dead), "seen": sum(each.count for each in dead)}


CASE = Case(
    id="unknown-queue", title="The write that nobody received", page="docs/failure-modes/integration.md", run=run
)
