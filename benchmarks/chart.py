"""(c) A chart: from the launch to the first one at the embedded EHR; its reading beside the bare transfer of the same pages; and
how the time grows with its length."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.face_server import PATIENT, RESOURCES, TOKEN, observation
from benchmarks.measuring import ROOT, figure, middle
from fidelity.chart import assemble
from fidelity.verdict import judge
from gateway import demo
from gateway.browser import Browser
from gateway.launches.charts import Reader, Reply, read_chart
from gateway.model_folders import models
from gateway.processes import process
from gateway.processes.process import Options
from r4 import codec
from vocabulary.chart import Search
from writeback.speaking.answers import Answer
from writeback.wire.transport import HttpSender, open_session

TURNS, REPEATS, LAUNCHES = 15, 30, 5
SHORT, LONG, PAGE = 5_000, 20_000, 200
BASE = "http://127.0.0.1/ehr/spec/fhir"
ALL = Search(type="Observation")
CODES = ("8867-4", "8480-6", "2093-3", "718-7")


def figures() -> list[dict[str, Any]]:
    """Milliseconds and requests of a launch, and the two ratios."""
    launch, asked = asyncio.run(_launches())
    read, raw, spent, bare = _reading()
    _chart(PAGE)  # the table of units is read once
    short, long = (middle([_chart(count) for _ in range(3)]) for count in (SHORT, LONG))
    return [
        figure("c launch to first chart, embedded EHR", launch * 1e3, "ms"),
        figure("c requests of the gateway until then", asked, "requests"),
        figure("c chart read of 500 resources", read * 1e3, "ms", ratio_to="the transfer of its pages", ratio=read / raw,
               bar="≤ 2 times", holds=read <= 2 * raw),
        figure("c the same: processor time of gateway and EHR", spent * 1e3, "ms", ratio_to="that of the transfer", ratio=spent / bare),
        figure("c a chart of 20,000 resources: read, assembled, judged: processor time", long * 1e3, "ms",
               ratio_to="one of 5,000", ratio=long / short, bar="≤ 5 times", holds=long <= 5 * short),
    ]  # fmt: skip


async def _launches() -> tuple[float, float]:
    """Seconds from the address of a launch until its models have run, and what the EHR was asked meanwhile: the middle of
    several launches, each of another patient, after a first that warms up."""
    with tempfile.TemporaryDirectory(prefix="chartgate-") as place:
        async with process.running(Path(place), Options(port=0, persona="spec"), lambda text: None) as running:
            ehr, fhir = running.ehrs[0], next(iter(running.ehr.values()))
            launcher = fhir.removesuffix("/fhir") + "/launch"
            seconds, asked = [], []
            async with Browser() as browser:
                listed = await browser.get_json(launcher)
                for patient in listed["patients"][: LAUNCHES + 1]:
                    before = {row.number for row in ehr.audit.recent.after(0)}
                    began = time.perf_counter()
                    await demo.launch(browser, launcher, patient["id"])
                    while (job := await running.gateway.run(_latest)) == "waiting":
                        await asyncio.sleep(0.002)
                    seconds.append(time.perf_counter() - began)
                    assert job == "done"
                    asked.append(len({row.number for row in ehr.audit.recent.after(0)} - before))
    return middle(seconds[1:]), middle([float(count) for count in asked[1:]])


def _latest(connection: Any, now: float) -> str:
    return str(connection.exec_driver_sql("SELECT state FROM gateway_jobs ORDER BY since DESC LIMIT 1").scalar())


def _reading() -> tuple[float, float, float, float]:
    """Seconds of reading a chart of 500 resources from the EHR face in another process, and of asking for the same pages
    without looking into them; they alternate, and the turn with the middle ratio is told. Then the processor time of both
    processes for each, which does not hang on what else the machine does."""
    with tempfile.TemporaryDirectory() as place:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.face_server", place], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert server.stdout is not None
            return asyncio.run(_turns(server.pid, int(server.stdout.readline())))
        finally:
            server.terminate()
            server.wait()


async def _read(reader: Reader) -> float:
    began = time.perf_counter()
    read = (await read_chart(reader, f"Patient/{PATIENT}", [ALL]))[ALL]
    assert (len(read.resources), read.complete) == (RESOURCES, True)
    return time.perf_counter() - began


async def _raw(reader: Reader, paths: tuple[str, ...]) -> float:
    began = time.perf_counter()
    for path in paths:
        assert (await reader.send("GET", path, headers={"accept": "application/fhir+json"})).status == 200
    return time.perf_counter() - began


class Noted:
    """A reader that remembers what it was asked for. ``base`` is what the EHR calls itself."""

    base = BASE

    def __init__(self, inner: Reader) -> None:
        self._inner, self.paths = inner, []  # type: ignore[var-annotated]

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """See ``charts.Reader``."""
        self.paths.append(path)
        return await self._inner.send(method, path, headers=headers, body=body)


async def _turns(server: int, port: int) -> tuple[float, float, float, float]:
    async def bearer(*, refused: str | None = None) -> str:
        return TOKEN

    base = f"http://127.0.0.1:{port}/ehr/spec/fhir"
    session = open_session(base=base)
    found = []
    noted = Noted(HttpSender(base=base, session=session, bearer=bearer))
    await _read(noted)
    paths = tuple(noted.paths)
    for turn in range(TURNS):  # whoever comes second finds the server's caches warm, so they change places
        first = await _raw(noted, paths) if turn % 2 else 0.0
        whole = await _read(noted)
        found.append((whole, first or await _raw(noted, paths)))
    spent = [_spent(server)]
    for _ in range(REPEATS):
        await _read(noted)
    spent.append(_spent(server))
    for _ in range(REPEATS):
        await _raw(noted, paths)
    spent.append(_spent(server))
    await session.close()
    whole, raw = sorted(found, key=lambda pair: pair[0] / pair[1])[TURNS // 2]
    return whole, raw, (spent[1] - spent[0]) / REPEATS, (spent[2] - spent[1]) / REPEATS


def _spent(server: int) -> float:
    """Seconds of processor time that this process and the server's have taken."""
    fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pages:
    """An EHR in memory, with one patient's observations in pages."""

    base = BASE

    def __init__(self, count: int) -> None:
        self._pages = [_page(start, min(start + PAGE, count), count) for start in range(0, count, PAGE)]

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """See ``charts.Reader``."""
        at = int(path.rpartition("at=")[2]) if "at=" in path else 0
        return Answer(status=200, body=self._pages[at])


def _page(start: int, end: int, count: int) -> bytes:
    entries = [{"resource": _coded(number)} for number in range(start, end)]
    link = [{"relation": "next", "url": f"{BASE}/Observation?at={end // PAGE}"}] if end < count else []
    return codec.format(
        {"resourceType": "Bundle", "type": "searchset", "total": count, "entry": entries, "link": link}
    )  # fmt: skip


def _coded(number: int) -> dict[str, Any]:
    coding = {"system": "http://loinc.org", "code": CODES[number % len(CODES)]}
    return {**observation(number), "code": {"coding": [coding]}, "meta": {"versionId": "1"}}


def _chart(count: int) -> float:
    """Seconds of processor time: read, assembled for a model, judged."""
    manifest, pages = models.read_manifest(models.SHIPPED / "prevent"), Pages(count)
    patient = {"resourceType": "Patient", "id": PATIENT, "birthDate": "1970-01-01", "gender": "female"}
    began = time.process_time()
    reads = asyncio.run(read_chart(pages, f"Patient/{PATIENT}", [ALL]))
    chart = assemble(patient=patient, reads=reads, features=manifest.features, as_of=time.time())
    judge(chart, manifest, patient_resource=patient)
    spent = time.process_time() - began
    assert len(reads[ALL].resources) == count
    return spent
