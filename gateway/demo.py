"""Edge: the main job, headless, over real HTTP on loopback: what a browser and a clinician would do, patient by patient."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gateway.browser import Browser, BrowserError
from gateway.processes import process
from gateway.processes.process import Options, Running
from gateway.sandbox_ehrs.ehr import SandboxEhr
from writeback.ledger import outputs

SIDE_BY_SIDE = 4
"""Launches under way at once."""
LAUNCH_REQUESTS = 80
"""What a launch asks of an EHR until its outputs are written, at most."""
PATIENCE = 90.0
"""Seconds after the last launch until everything must have settled."""
MOVING = frozenset({"pending"})
FAULTY = frozenset({"failed", "not_writable", "pending", "expired"})
"""States that a demonstration on a sandbox must not end in; refusals, abstentions and waiting for a person are expected."""
REFUSED = frozenset({"failed", "not_writable"})
"""What else is expected of an EHR whose persona takes only some writes."""
WORST = ("unfit", "caveats", "fit")


async def run(data: Path | None, options: Options, *, only: str | None, as_json: bool) -> bool:
    """Runs the job on ``data``, or on a temporary installation. True when everything ended as it should."""
    from gateway.cli.printing import print_json, stderr

    began = time.monotonic()
    with _directory(data) as directory:
        async with process.running(directory, options, lambda text: stderr.print(text, markup=False)) as running:
            patients = await _job(running, only)
            narrow = running.ehrs[0].persona.narrow
    seen = [output for patient in patients for output in patient["outputs"]]
    result = {
        "ok": bool(seen) and not any(_faulty(output, narrow=narrow) for output in seen),
        "ehr": options.ehr,
        "persona": options.persona or "spec",
        "patients": patients,
        "seconds": round(time.monotonic() - began, 2),
    }
    if as_json:
        print_json(result)
    else:
        _print(result)
    return bool(result["ok"])


def _faulty(output: dict[str, Any], *, narrow: bool) -> bool:
    """An output that was lost on the way, or a part of it that the EHR refused. A narrow EHR may refuse: then what was to
    point at the refused part is dead with it."""
    states = {part["state"] for part in output["deliveries"]}
    if narrow and output["state"] in REFUSED:
        return "in_doubt" in states or ("dead" in states and "rejected" not in states)
    return output["state"] in FAULTY or bool(states & {"dead", *(() if narrow else ("rejected",))})


@contextlib.contextmanager
def _directory(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="chartgate-") as temporary:
        yield Path(temporary)


async def patients_of(directory: Path, options: Options) -> list[dict[str, Any]]:
    """The whole job on an installation: every patient with its outputs."""
    async with process.running(directory, options, lambda text: None) as running:
        return await _job(running, None)


async def _job(running: Running, only: str | None) -> list[dict[str, Any]]:
    """Every patient's launch, one confirmation, and what became of it all."""
    from gateway.cli.printing import stderr

    name, fhir = next(iter(running.ehr.items()))
    launcher = fhir.removesuffix("/fhir") + "/launch"
    async with Browser(operator=running.ehrs[0].operator_secret) as browser:
        listed = await browser.get_json(launcher)
        turns = asyncio.Semaphore(SIDE_BY_SIDE if running.ehrs[0].window.limit is None else 1)
        with stderr.status("launching"):
            await asyncio.gather(*(_visit(running, browser, launcher, listed, p, turns) for p in listed["patients"]))
            await _settle(running)
            await _confirm_one(running, browser, launcher, listed)
            await _settle(running)
    shown = await running.gateway.run(lambda connection, now: outputs.list_outputs(connection, now, limit=10_000))
    wanted = [output for output in shown if output["ehr"] == name and only in (None, output["model"])]
    return [_patient(f"Patient/{patient['id']}", wanted) for patient in listed["patients"]]


async def _visit(
    running: Running, browser: Browser, launcher: str, listed: dict[str, Any], patient: dict[str, Any],
    turns: asyncio.Semaphore,
) -> None:  # fmt: skip
    """One launch from the EHR with automatic sign-in, in a browser profile of its own; waits for its models."""
    async with turns, Browser(operator=running.ehrs[0].operator_secret) as tab:
        await _room(running.ehrs[0])
        await launch(tab, launcher, patient["id"], encounter=_encounter(listed, patient["id"]))
        await running.gateway.idle()


async def _room(ehr: SandboxEhr) -> None:
    """Waits until an EHR that counts requests admits those of a launch."""
    while ehr.window.left(ehr.clock()) < LAUNCH_REQUESTS:
        await asyncio.sleep(0.5)


async def launch(
    browser: Browser, launcher: str, patient: str, *, encounter: str | None = None, user: str | None = None
) -> str:
    """A launch of the gateway; the address it ends at. Raises BrowserError when that is not the launch's page."""
    body = {"client_id": "chartgate", "patient": patient, "encounter": encounter, "user": user, "automatic": True}
    made = await browser.post_json(launcher, {name: value for name, value in body.items() if value is not None})
    return await browser.open(made["url"])


def _encounter(listed: dict[str, Any], patient: str) -> str | None:
    return next((each["id"] for each in listed["encounters"] if each["patient"].endswith(patient)), None)


async def _settle(running: Running) -> None:
    """Waits until no output is on its way any more, or patience ends."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        await running.gateway.idle()
        moving = await running.gateway.run(lambda connection, now: outputs.count_moving(connection, now))
        if not moving:
            return
        await asyncio.sleep(0.05)


async def _confirm_one(running: Running, browser: Browser, launcher: str, listed: dict[str, Any]) -> None:
    """A practitioner launches for the first patient whose output waits for a person, and confirms it."""
    found = await running.gateway.run(lambda connection, now: outputs.list_outputs(connection, now, limit=10_000))
    waiting = [output for output in found if output["state"] == "awaiting_confirmation"]
    practitioners = [user["reference"] for user in listed["users"] if user["reference"].startswith("Practitioner/")]
    if not waiting or not practitioners:
        return
    output = min(waiting, key=lambda each: str(each["patient"]))
    patient = output["patient"].removeprefix("Patient/")
    await _room(running.ehrs[0])
    await launch(browser, launcher, patient, encounter=_encounter(listed, patient), user=practitioners[0])
    await running.gateway.idle()
    reply = await browser.post_json(
        f"{running.app}/api/outputs/{output['id']}/confirm", {"reason": "Read against the chart and agreed."}
    )
    taken = ("pending", "delivered", *(REFUSED if running.ehrs[0].persona.narrow else ()))
    if reply.get("state") not in taken:
        raise BrowserError("the confirmation was not taken")


def _patient(reference: str, shown: Sequence[dict[str, Any]]) -> dict[str, Any]:
    own = [output for output in shown if output["patient"] == reference]
    verdicts = [output["verdict"] for output in own if output["verdict"]]
    worst = min(verdicts, key=lambda verdict: WORST.index(verdict["fitness"]), default=None)
    return {"patient": reference, "verdict": worst, "outputs": sorted(own, key=lambda output: str(output["model"]))}


def _print(result: dict[str, Any]) -> None:
    from gateway.cli.printing import console, print_table

    rows = [
        (patient["patient"].removeprefix("Patient/")[:8], output["model"], output["state"], *_told(output))
        for patient in result["patients"]
        for output in patient["outputs"]
    ]
    heads = ("patient", "model", "state", "written", "lost, or why not")
    print_table(f"What was written to {result['ehr']} ({result['persona']})", heads, rows)
    states: dict[str, int] = {}
    for row in rows:
        states[row[2]] = states.get(row[2], 0) + 1
    summary = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(states.items()))
    console.print(f"{len(rows)} outputs: {summary}; {result['seconds']} s")
    console.print("Everything ended as it should." if result["ok"] else "Something did not end as it should.")


def _told(output: dict[str, Any]) -> tuple[str, str]:
    """Where an output went, and what was lost, or why it went nowhere."""
    written = ", ".join(
        f"{each['resource_type']}/{(each['id'] or '?')[:8]} v{each['version'] or '?'}" for each in output["deliveries"]
    )
    refusal = output["refusal"] or {}
    lost = sorted({loss for each in output["deliveries"] for loss in each["losses"]})
    reason = refusal.get("text") or output.get("abstained") or output.get("reason") or ", ".join(lost)
    read = all(each["read_back"] for each in output["deliveries"])
    return written or "–", reason or ("–" if not written else "nothing" if read else "not read back")
