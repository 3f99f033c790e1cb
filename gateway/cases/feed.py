"""Edge: the same patients as curated and as a feed sends them: what the models are given, and what they say of it.

Case: Ötleş et al., MLHC 2021, infrastructure shift; Wright et al., JAMIA 2016, the vanished drug code.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from gateway import demo
from gateway.browser import Browser
from gateway.cases import Case, Told
from gateway.processes import process
from gateway.processes.process import Options
from sandbox.seed.messy import Messiness
from writeback.ledger import outputs

RATE = 0.3


def run() -> Told:
    """One launch for each patient, on the clean seed and on the degraded one."""
    clean, messy = (asyncio.run(_judged(messiness)) for messiness in (None, Messiness(RATE, 1)))
    total = sum(clean["fitness"].values())
    stopped = messy["fitness"]["unfit"] - clean["fitness"]["unfit"]
    worst = ", ".join(f"{name} {number}" for name, number in messy["findings"].most_common(5))
    return Told(
        case="feed-shift",
        without=(
            f"{messy['fitness']['unfit']} of {total} charts lack or spoil what a model needs, against "
            f"{clean['fitness']['unfit']} when curated; {messy['fitness']['caveats']} more hold something that it "
            "was not trained on.",
            "A model that takes what it gets scores them all, and nothing says which.",
        ),
        with_=(
            f"{stopped} charts more are refused before the model runs, each naming the feature and the check",
            f"findings by check: {worst}",
        ),
        signal="STR-05", caught=stopped > 0 and bool(messy["findings"]),
        numbers={"clean": dict(clean["fitness"]), "messy": dict(messy["fitness"]), "findings": dict(messy["findings"])},
    )  # fmt: skip


async def _judged(messiness: Messiness | None) -> dict[str, Counter[str]]:
    """How the charts were judged: ``fitness`` of each output's verdict, ``findings`` by check."""
    with tempfile.TemporaryDirectory(prefix="chartgate-") as temporary:
        options = Options(port=0, persona="spec", messiness=messiness)
        async with process.running(Path(temporary), options, lambda text: None) as running:
            launcher = running.ehr["spec"].removesuffix("/fhir") + "/launch"
            async with Browser(operator=running.ehrs[0].operator_secret) as browser:
                listed = await browser.get_json(launcher)
                for patient in listed["patients"]:
                    await demo.launch(browser, launcher, patient["id"])
                await running.gateway.idle()
            said = await running.gateway.run(lambda c, now: outputs.list_outputs(c, now, limit=1000))
    return {"fitness": Counter(_fitness(each) for each in said), "findings": Counter(_checks(said))}


def _fitness(output: dict[str, Any]) -> str:
    return str(output["verdict"]["fitness"]) if output["verdict"] else "unfit"


def _checks(said: list[dict[str, Any]]) -> list[str]:
    return [
        str(finding["check"])
        for output in said
        if output["verdict"]
        for finding in output["verdict"]["findings"]
        if finding.get("result", "fail") == "fail"
    ]


CASE = Case(
    id="feed-shift", title="The chart is not the training set", page="docs/failure-modes/data-fidelity.md", run=run
)
