"""What makes a run fail, and what a server that asks for patience is told: levels, --strict, 429."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx2
import pytest

from conformance import patience, report
from conformance.probe import CannotRun, Probe, open_client
from conformance.probe import Wire as Reach
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from tests.mutants import tables
from tests.mutants.world import BASE, judged, open_ehr


@pytest.fixture(scope="module")
def ehr() -> Iterator[SandboxEhr]:
    with open_ehr() as made:
        yield made


@pytest.mark.parametrize(
    ("mutant", "level", "failed"),
    [("reads are never 304", "SHOULD", False), ("ignores If-Match", "SHALL", True)],
)
def test_a_missed_should_fails_no_run_unless_asked(mutant: str, level: str, failed: bool, ehr: SandboxEhr) -> None:
    shown = report.shown(judged(ehr, tables()[mutant]()))
    assert {item.level for item in shown.checks if item.result == "fail"} >= {level}
    assert (shown.failed, bool(shown.advised)) == (failed, not failed)
    strict = replace(shown, strict=True)
    assert (strict.failed, strict.advised) == (True, ())
    assert report.as_json(shown)["summary"]["fail"] > 0


class Busy(httpx2.AsyncBaseTransport):
    """Answers 429, in turn with these headers, and then as our EHR does."""

    def __init__(self, ehr: SandboxEhr, wishes: Sequence[str | None]) -> None:
        self.inner = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        self.wishes = list(wishes)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.wishes:
            wish = self.wishes.pop(0)
            return httpx2.Response(429, headers={} if wish is None else {"retry-after": wish})
        return await self.inner.handle_async_request(request)


def asked(transport: Busy) -> Probe:
    async def act() -> Probe:
        async with open_client(Reach(), transport) as client:
            probe = Probe(BASE, client=client)
            await asyncio.gather(*(probe.send("GET", "metadata") for _ in range(2)))
        return probe

    return asyncio.run(act())


def test_a_server_that_asks_for_patience_is_asked_again_when_it_said(ehr: SandboxEhr) -> None:
    probe = asked(Busy(ehr, ["1", "0", None]))
    seen = probe.exchanges
    assert sorted(each.status for each in seen) == [200, 200, 429, 429, 429]
    assert seen[-1].at - seen[0].at >= 1


def test_a_server_that_asks_for_too_much_patience_is_not_judged(ehr: SandboxEhr) -> None:
    with pytest.raises(CannotRun, match="--rate"):
        asked(Busy(ehr, ["3600"] * 9))


@pytest.mark.parametrize(
    ("status", "wish", "tries", "waits"),
    [
        (429, "7", 1, 7.0), (429, " 0 ", 1, 0.0), (429, "Thu, 01 Jan 1970 00:01:40 GMT", 1, 10.0),
        (429, "Thu, 01 Jan 1970 00:00:40 GMT", 1, 0.0), (429, None, 1, 1.0), (429, None, 4, 8.0), (429, "soon", 2, 2.0),
        (429, "-5", 1, 1.0), (429, "121", 1, None), (429, "1", patience.TRIES, None), (429, "9" * 400, 1, None),
        (503, "7", 1, None), (200, "7", 1, None), (404, None, 1, None),
    ],
)  # fmt: skip
def test_how_long_is_waited(status: int, wish: str | None, tries: int, waits: float | None) -> None:
    headers = {} if wish is None else {"retry-after": wish}
    assert patience.wait(status, headers, tries=tries, now=90.0) == waits
