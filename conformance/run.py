"""Edge: one run: evidence collected within the deadline, every check judged over it."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from conformance import opening
from conformance.check import Outcome, judge
from conformance.evidence import Evidence
from conformance.probe import CannotRun, Probe, open_client
from conformance.session import Part
from conformance.suites import NOT_YET, SUITES

SUITE_VERSION = "0.1.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """``checks`` in the order of the suites; ``stopped`` says why evidence is missing, part by part."""

    target: str
    started: str
    seconds: float
    checks: tuple[Outcome, ...]
    stopped: tuple[str, ...] = ()

    @property
    def summary(self) -> Mapping[str, int]:
        """How many checks came to what."""
        return {word: sum(item.result == word for item in self.checks) for word in ("pass", "fail", "skip", "error")}

    @property
    def failed(self) -> bool:
        """Whether a check failed, or could not be judged for a fault of its own."""
        return bool(self.summary["fail"] or self.summary["error"])


async def run(
    url: str, *, suites: Sequence[str] | None = None, writes: bool = False, slow: bool = False,
    client: Path | Mapping[str, Any] | None = None, deadline: float = 300.0,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Report:  # fmt: skip
    """Judges the FHIR server at ``url``. Without ``writes`` nothing is written and those checks are skipped; ``slow``
    is for what has to wait; no check needs it yet. Raises CannotRun."""
    wanted = tuple(suites or SUITES)
    if later := [name for name in wanted if name in NOT_YET]:
        raise CannotRun(f"the suite {later[0]} is not part of this version: leave it out")
    if "://" not in url:
        raise CannotRun("URL must be the absolute FHIR base, such as http://127.0.0.1:8700/ehr/spec/fhir")
    parts = [
        part for name in wanted for part in SUITES[name].parts
        if (writes or not part.writes) and (slow or not part.slow)
    ]  # fmt: skip
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    evidence, stopped = Evidence(), []
    async with open_client(transport) as http:
        probe = Probe(url, client=http)
        try:
            async with asyncio.timeout(deadline):
                stopped = await _collect(probe, evidence, parts, _client(client))
        except TimeoutError:
            stopped.append("the deadline passed")
    outcomes = tuple(judge(item, name, evidence) for name in wanted for item in SUITES[name].checks)
    return Report(
        target=probe.base, started=started, seconds=round(time.monotonic() - began, 2), checks=outcomes,
        stopped=tuple(stopped),
    )  # fmt: skip


def _client(given: Path | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not isinstance(given, Path):
        return given
    try:
        document = json.loads(given.read_text())
    except (OSError, ValueError) as failure:
        raise CannotRun("--client must name a JSON file with client_id, client_secret and redirect_uri") from failure
    if not isinstance(document, dict) or not isinstance(document.get("client_id"), str):
        raise CannotRun("--client must hold an object with client_id")
    return document


async def _collect(
    probe: Probe, evidence: Evidence, parts: Sequence[Part], given: Mapping[str, Any] | None
) -> list[str]:
    """What stopped, part by part."""
    session, stopped = await opening.open_session(probe, evidence, given)
    for part in parts:
        try:
            await part.collect(session, evidence)
        except (*opening.Stopped, KeyError) as failure:
            stopped.append(f"{part.name}: {type(failure).__name__}")
    return stopped
